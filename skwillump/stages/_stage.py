"""What every stage of a cascade or a ranker has."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StageBase:
    """What all stages have.

    Attributes
    ----------
    blocks : tuple of str
        The blocks that its model uses; none where it reads rows as they come.
    model : estimator
        The fitted steps after the blocks.
    cost_seconds : float
        Seconds that the stage adds to a row that reaches it.
    share : float
    n_trees : int or None
        Where the model is a truncation of the full one's ensemble: its number of trees.
    is_surrogate : bool
        Whether the model is a linear one in the place of the full one.
    """

    blocks: tuple[str, ...]
    model: Any = field(repr=False)
    cost_seconds: float
    share: float
    n_trees: int | None = None
    is_surrogate: bool = False
