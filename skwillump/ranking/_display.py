"""`TopKDisplay`: what precision of the K best costs, drawn with Matplotlib."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..stages._tradeoff_display import TradeoffDisplay


class TopKDisplay(TradeoffDisplay):
    """Precision of the K best against cost or candidates, for each depth of each filter.

    Use :meth:`from_estimator` to make one from a fitted `ApproxTopKRanker`. All parameters are
    stored as attributes.

    Curves, target and choice are of the rows that certify, as point estimates. Points above the
    target line are not promises: the choice is the cheapest point that could be certified, which
    takes a margin.

    Parameters
    ----------
    tradeoffs : list of TopKTradeoff
        ``tradeoff_`` of the ranker: one curve each.

    guarantee : TopKGuarantee
        ``guarantee_`` of the ranker: K, target, and whether it is certified.

    full_seconds : float
        Seconds a row of the full model.

    stages : list of RankStage, default=()
        ``stages_`` of the ranker, for the panel of shares.

    estimator_name : str, default=None
        Title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    ax_stages_ : matplotlib Axes or None
        Panel with the shares of the stages.

    figure_ : matplotlib Figure
        Figure that holds both.

    lines_ : list of matplotlib Line2D
        A curve for each filter.

    target_line_, full_point_, chosen_point_ : matplotlib Line2D
        The target, the full model and the choice.

    See Also
    --------
    CascadeDisplay : The same for classifiers.
    """

    _target_parameter = "precision_target"
    _shows = "a fitted ApproxTopKRanker (CascadeDisplay shows cascades)"
    _x_values = ("cost", "speedup", "share")

    def _at(self, x: str, seconds: Any, tradeoff: Any) -> Any:
        if x == "share":
            return np.ones(len(seconds)) if tradeoff is None else tradeoff.share
        return super()._at(x, seconds, tradeoff)

    def _x_text(self, x: str) -> str:
        return "Share of rows that the full model scores" if x == "share" else super()._x_text(x)

    def _score(self, tradeoff: Any) -> np.ndarray:
        return tradeoff.precision

    def _target(self) -> float:
        return self.guarantee.precision_target

    def _label(self) -> str:
        return f"Precision of the {self.guarantee.k} best"

    def _rows(self) -> Sequence[float]:
        share = self.stages[-1].share
        return [1 - share, share]

    def _reaches(self) -> np.ndarray:
        return np.array([stage.share for stage in self.stages])

    def _stage_names(self) -> tuple[str, str]:
        return "filter", "full model"
