"""What a stage of a ranker is."""

from dataclasses import dataclass

from ..planning import Search
from ..stages._full_model import StageBase


@dataclass(frozen=True, kw_only=True)
class RankStage(StageBase):
    """A stage of a ranker.

    Attributes
    ----------
    blocks : tuple of str
        The blocks that its model uses.
    model : estimator
        The fitted steps after the blocks.
    search : Search or None
        How the rows that get the next stage are chosen. None for the last stage.
    cost_seconds : float
        Seconds that the stage adds to a row that reaches it.
    share : float
        Share of a query's rows that reach it, on the calibration rows.
    n_trees : int or None
        Where the model is a truncation of the full one's ensemble: its number of trees.
    is_surrogate : bool
        Whether the model is a linear one in the place of the full one.
    """

    search: Search | None = None
