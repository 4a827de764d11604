"""The score that a cascade must keep, computed from recorded answers."""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from inspect import signature
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    check_scoring,
    get_scorer_names,
)

from .._compat import ScorerParts, available_if, refused, scorer_parts
from .._composites import last_step
from .._containers import take_rows
from ..stages._fold_tasks import FoldRecord

NOT_A_SHARE = frozenset(
    {
        "matthews_corrcoef",
        "cohen_kappa_score",
        "adjusted_mutual_info_score",
        "adjusted_rand_score",
        "d2_absolute_error_score",
        "d2_brier_score",
        "d2_log_loss_score",
        "explained_variance_score",
        "mutual_info_score",
        "positive_likelihood_ratio",
        "r2_score",
    }
)
"""Scores that can be negative or above one, so that a share of one makes no sense."""

BETWEEN_0_AND_1 = (
    "a score between 0 and 1, such as 'accuracy', 'balanced_accuracy', 'f1' or 'roc_auc', so that "
    "accuracy_target can be a share of it"
)
"""What `scoring` must be."""


OWNER = "CascadeClassifier"
"""The class whose parameter `scoring` is."""


def check_name(scoring: Any) -> None:
    """Raise ValueError for the name of no scorer; it tells the nearest name."""
    names = get_scorer_names()
    if not isinstance(scoring, str) or scoring in names:
        return
    near = [name for name in names if scoring and name.startswith(scoring)]
    near += get_close_matches(scoring, names, n=1)
    hint = f" (the nearest is {near[0]!r})" if near else ""
    must_be = f"a name in sklearn.metrics.get_scorer_names(){hint}, a callable or None"
    raise refused(OWNER, "scoring", must_be, scoring)


def check_target_scorer(estimator, scoring):
    """Scorer of which a cascade can keep a share.

    Parameters
    ----------
    estimator : classifier
    scoring : str, callable or None
        None for the estimator's own score, which must be the accuracy of every classifier that
        does not define another.

    Returns
    -------
    callable
        ``scorer(estimator, X, y)``.

    Raises
    ------
    ValueError
        If the score is a loss, is known not to lie between 0 and 1, or is one that the estimator
        defines, which cannot be computed from recorded answers.
    """
    if scoring is None:
        _, last = last_step(estimator)
        if getattr(type(last), "score", None) is not ClassifierMixin.score:
            must_be = (
                f"named, since {type(last).__name__} defines a score of its own and a cascade "
                "cannot compute that from recorded answers"
            )
            raise refused(OWNER, "scoring", must_be, scoring)
        scoring = "accuracy"
    check_name(scoring)
    scorer = check_scoring(estimator, scoring=scoring)
    parts = scorer_parts(scorer)
    if parts is None:
        return scorer
    if parts.sign < 0:
        raise refused(OWNER, "scoring", f"{BETWEEN_0_AND_1}, and no loss", scoring)
    name = getattr(parts.function, "__name__", "")
    if name in NOT_A_SHARE or parts.kwargs.get("adjusted", False):
        raise refused(OWNER, "scoring", BETWEEN_0_AND_1, scoring)
    return scorer


def is_accuracy(scorer, score_params) -> bool:
    """Whether a scorer is plain unweighted accuracy, the score with an exact guarantee."""
    return _is_plain(scorer, accuracy_score) and not score_params


def is_balanced_accuracy(scorer, score_params) -> bool:
    """Whether a scorer is plain balanced accuracy, the mean of the recalls of all classes."""
    return _is_plain(scorer, balanced_accuracy_score) and not score_params


def _is_plain(scorer, function) -> bool:
    """Whether a scorer is a function of labels as it is."""
    parts = scorer_parts(scorer)
    return parts is not None and parts.function is function and not parts.kwargs


class _Recorded(ClassifierMixin, BaseEstimator):
    """A classifier whose answers were recorded: its X holds positions of rows."""

    def __init__(self, classes, labels, response, is_probability):
        self.classes_ = classes
        self._labels = labels
        self._response = response
        self._is_probability = is_probability

    def fit(self, X, y):
        raise NotImplementedError("Recorded answers cannot be fitted.")

    def predict(self, X):
        return self._labels[X]

    @available_if(lambda self: self._is_probability)
    def predict_proba(self, X):
        return self._response[X]

    @available_if(lambda self: not self._is_probability)
    def decision_function(self, X):
        return self._response[X]


def score_answers(scorer, classes, y, labels, response, *, is_probability, score_params) -> float:
    """Score of recorded answers.

    Parameters
    ----------
    scorer : callable
    classes : ndarray of shape (n_classes,)
    y, labels : ndarray of shape (n_rows,)
        True and predicted labels.
    response : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Probabilities or decision values.
    is_probability : bool
    score_params : dict of str to array-like
        Metadata of the rows, such as ``sample_weight``.
    """
    recorded = _Recorded(classes, labels, response, is_probability)
    return float(scorer(recorded, np.arange(len(y)), y, **score_params))


def metric_of_labels(scorer, score_params) -> ScorerParts | None:
    """The classification metric of a scorer that the weights of pairs of labels suffice for."""
    parts = scorer_parts(scorer)
    if parts is None or not parts.of_labels or set(score_params) - {"sample_weight"}:
        return None
    takes_weights = "sample_weight" in signature(parts.function).parameters
    return parts if takes_weights and "sample_weight" not in parts.kwargs else None


class PairCounts:
    """A score of labels, from the weight of each pair of a true and an answered label.

    A metric of scikit-learn is then done with as many rows as there are pairs.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        True labels.
    answers : sequence of ndarray of shape (n_rows,)
        Labels that the full model and each candidate answered.
    weights : array-like of shape (n_rows,) or None
    """

    def __init__(self, parts: ScorerParts, y: np.ndarray, answers, weights):
        self._parts = parts
        # Positions tell rows, whatever the index of a series says.
        self._weights = None if weights is None else np.asarray(weights)
        self._labels, codes = np.unique(np.concatenate([y, *answers]), return_inverse=True)
        self._truth, self._full, *self._stages = codes.reshape(-1, len(y))

    def score(self, candidate: int, early, rows, answers) -> float:
        """Score on `rows`, as in `RecordedScores`."""
        n_labels = len(self._labels)
        answered = np.where(early, self._stages[candidate][answers], self._full[rows])
        pairs = self._truth[rows] * n_labels + answered
        seen = np.flatnonzero(np.bincount(pairs))
        weights = np.bincount(pairs, None if self._weights is None else self._weights[rows])[seen]
        truth, given = np.divmod(seen, n_labels)
        value = self._parts.function(
            self._labels[truth], self._labels[given], sample_weight=weights, **self._parts.kwargs
        )
        return float(self._parts.sign * value)


def answered_labels(classes: np.ndarray, codes: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Labels at some positions; an answer that is no class is as wrong as a class can be."""
    wrong = np.where(y == classes[0], classes[-1], classes[0])
    return np.where(codes < 0, wrong, classes[np.maximum(codes, 0)])


@dataclass(frozen=True)
class RecordedScores:
    """Scores of any mixture of two models' recorded answers."""

    scorer: Any  # callable
    classes: np.ndarray  # (n_classes,)
    y: np.ndarray  # (n_rows,)
    full_labels: np.ndarray  # (n_rows,)
    full_response: np.ndarray  # (n_rows,) or (n_rows, n_classes)
    # `stage_labels`, `stage_responses`: one for each candidate.
    stage_labels: tuple[np.ndarray, ...]
    stage_responses: tuple[np.ndarray, ...]
    is_probability: bool
    # dict of str to array-like: metadata of the rows, such as ``sample_weight``.
    score_params: dict[str, Any]

    def __call__(self, candidate: int, early, rows, answers=None) -> float:
        """Score on `rows` with those in `early` answered by the candidate's model.

        It answers what it answered on the rows `answers`, which are `rows` if not given.
        """
        answers = rows if answers is None else answers
        if self._pairs is not None:
            return self._pairs.score(candidate, early, rows, answers)
        labels = np.where(early, self.stage_labels[candidate][answers], self.full_labels[rows])
        responses = self.stage_responses[candidate][answers]
        chosen = early.reshape(-1, *[1] * (responses.ndim - 1))
        response = np.where(chosen, responses, self.full_response[rows])
        return self._score(labels, response, rows)

    @cached_property
    def _pairs(self) -> PairCounts | None:
        """Pairs of labels, if they are enough and there are fewer than rows."""
        parts = metric_of_labels(self.scorer, self.score_params)
        if parts is None or len(self.classes) ** 2 > len(self.y):
            return None
        answers = (self.full_labels, *self.stage_labels)
        return PairCounts(parts, self.y, answers, self.score_params.get("sample_weight"))

    def __getstate__(self) -> dict[str, Any]:
        # What is found again when it is asked for is not stored.
        return {key: value for key, value in vars(self).items() if key != "_pairs"}

    def on_fresh_rows(self, record: FoldRecord, y: np.ndarray) -> "RecordedScores":
        """The same score on rows that came after `fit`, of the one stage of `record`."""
        stage = record.stage(0)
        if self.score_params:
            raise ValueError(
                "certify cannot weigh rows, and the score was asked for with metadata: "
                f"{sorted(self.score_params)}."
            )
        return RecordedScores(
            scorer=self.scorer,
            classes=self.classes,
            y=y,
            full_labels=answered_labels(self.classes, record.full["codes"], y),
            full_response=record.full["response"],
            stage_labels=(self.classes[stage["codes"]],),
            stage_responses=(stage["response"],),
            is_probability=self.is_probability,
            score_params={},
        )

    def check(self) -> None:
        """Raise ValueError if the full model's score is not one to keep a share of."""
        value = self._score(self.full_labels, self.full_response, np.arange(len(self.y)))
        if not 0 < value <= 1:
            raise ValueError(
                f"The full model's score is {value:.6g}. scoring must be {BETWEEN_0_AND_1}."
            )

    def _score(self, labels, response, rows) -> float:
        params = {key: take_rows(value, rows) for key, value in self.score_params.items()}
        return score_answers(
            self.scorer,
            self.classes,
            self.y[rows],
            labels,
            response,
            is_probability=self.is_probability,
            score_params=params,
        )
