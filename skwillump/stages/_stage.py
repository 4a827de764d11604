"""What every stage of a cascade or a ranker has."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StageBase:
    """What all stages have. `Stage` and `RankStage` tell what the fields are."""

    blocks: tuple[str, ...]
    model: Any = field(repr=False)
    cost_seconds: float
    share: float
    n_trees: int | None = None
    is_surrogate: bool = False
