"""`CascadeDisplay`: what accuracy costs, drawn with Matplotlib."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..stages._tradeoff_display import TradeoffDisplay


class CascadeDisplay(TradeoffDisplay):
    """Accuracy that is kept against cost, for each threshold of each candidate.

    Use :meth:`from_estimator` to make one from a fitted `CascadeClassifier`. All parameters are
    stored as attributes.

    Curves, target and choice are of the rows that certify. Points above the target line are not
    promises: the choice is the cheapest point that could be certified, which takes a margin.

    Parameters
    ----------
    tradeoffs : list of Tradeoff
        ``tradeoff_`` of the cascade: one curve each.

    guarantee : Guarantee
        ``guarantee_`` of the cascade: target, and whether it is certified.

    full_seconds : float
        Seconds a row of the full model.

    stages : list of Stage, default=()
        ``stages_`` of the cascade, for the panel of shares.

    scoring : str, default="accuracy"
        What score is kept.

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
        A curve for each candidate.

    target_line_, full_point_, chosen_point_ : matplotlib Line2D
        The target, the full model and the choice.

    See Also
    --------
    CascadeClassifier : Makes what is shown.
    TopKDisplay : The same for rankers.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline, make_union
    >>> from skwillump import CascadeClassifier, CascadeDisplay
    >>> from skwillump.datasets import load_stdlib_lines
    >>> X, y = load_stdlib_lines(return_X_y=True)
    >>> X, y = X[::50], y[::50]
    >>> pipeline = make_pipeline(
    ...     make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 5))),
    ...     LogisticRegression(),
    ... )
    >>> cascade = CascadeClassifier(pipeline, accuracy_target=0.9, cv=2, random_state=0)
    >>> display = CascadeDisplay.from_estimator(cascade.fit(X, y))
    >>> display.ax_.get_ylabel()
    'Accuracy kept'
    """

    _target_parameter = "accuracy_target"
    _shows = "a fitted CascadeClassifier (TopKDisplay shows rankers)"

    def __init__(
        self,
        *,
        tradeoffs: Sequence[Any],
        guarantee: Any,
        full_seconds: Any,
        stages: Sequence[Any] = (),
        scoring: Any = "accuracy",
        estimator_name: str | None = None,
    ) -> None:
        super().__init__(
            tradeoffs=tradeoffs,
            guarantee=guarantee,
            full_seconds=full_seconds,
            stages=stages,
            estimator_name=estimator_name,
        )
        self.scoring = scoring

    @classmethod
    def _of_estimator(cls, estimator: Any) -> dict[str, Any]:
        return {"scoring": estimator.scoring}

    def _score(self, tradeoff: Any) -> np.ndarray:
        return tradeoff.score_kept

    def _target(self) -> float:
        return self.guarantee.accuracy_target

    def _label(self) -> str:
        if not isinstance(self.scoring, str):
            return "Score kept"
        return f"{self.scoring[:1].upper()}{self.scoring[1:].replace('_', ' ')} kept"

    def _rows(self) -> Sequence[float]:
        return [stage.share for stage in self.stages]

    def _reaches(self) -> np.ndarray:
        answered = np.array([stage.share for stage in self.stages])
        return 1 - np.concatenate([[0.0], np.cumsum(answered)[:-1]])

    def _stage_names(self) -> tuple[str, str]:
        return "stage 0", "stage 1"
