"""What a stage of a cascade is."""

from dataclasses import dataclass
from typing import Any

from ..stages._full_model import StageBase


@dataclass(frozen=True, kw_only=True)
class Stage(StageBase):
    """A stage of the cascade.

    Attributes
    ----------
    blocks : tuple of str
        The blocks that its model uses; none where it reads rows as they come.
    model : estimator
        The fitted steps after the blocks.
    threshold : float, ndarray of shape (n_classes,) or None
        Least confidence that answers a row: one for all predicted classes, or one for each; of
        several labels a row, one for rows for which none is predicted, and one for others. None for
        the last stage, which answers all that is left.
    measure : {"probability", "margin", "score"} or None
        What confidence is: the predicted class's probability, the distance of its value to the
        largest other one, or a learned score: the log-odds that not only the full model would be
        right. Of several labels a row: the probability that all are right, were they
        independent, or the distance of the least sure one.
    cost_seconds : float
        Seconds that the stage adds to a row that reaches it.
    share : float
        Share of all rows that it answers, on the rows that certify.
    n_trees : int or None
        Where the model is a truncation of the full one's ensemble: its number of trees.
    is_surrogate : bool
        Whether the model is a linear one in the place of the full one.
    """

    threshold: Any = None
    measure: str | None = None
