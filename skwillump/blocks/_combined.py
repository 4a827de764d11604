"""What wrappers make of their members' scores, as arithmetic on arrays.

scikit-learn's own code does the same through checks of X in each member, which for one row take a
thousand times longer than the sums. Each class here says what one kind of wrapper computes; a
wrapper that is none of them, or has an option that is not read here, runs its own code
(`JoinedModel`).
"""

from collections.abc import Callable
from dataclasses import fields
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from .._compat import positive_label, vote_weights
from .._near_ties import DOUBT, NO_ROWS, any_of, near_ties, not_above
from .._wrappers import reads_x_itself, wrapper_name
from ..compilers import Model, Unsupported
from ..compilers._features import places_of
from ._joined import JoinedModel


def combined(joined: JoinedModel) -> JoinedModel:
    """Return a joined model as arithmetic, where its wrapper is one of those known.

    Raises
    ------
    Unsupported
        If it is not, and its own code cannot read scores in the place of features.
    """
    for kind in _KINDS.get(wrapper_name(joined.original), ()):
        if kind.reads(joined):
            return kind(**{field.name: getattr(joined, field.name) for field in fields(joined)})
    if reads_x_itself(joined.original):
        raise Unsupported(f"{type(joined.original).__name__} of such members looks at X itself")
    return joined


_KINDS: "dict[str, list[type[Combined]]]" = {}


def combines(*wrappers: str) -> "Callable[[type[Combined]], type[Combined]]":
    """Register the decorated class for wrappers of these names."""

    def decorate(kind: "type[Combined]") -> "type[Combined]":
        for wrapper in wrappers:
            _KINDS.setdefault(wrapper, []).append(kind)
        return kind

    return decorate


class Combined(JoinedModel):
    """A wrapper whose answers are computed here."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Whether all options of a wrapper are known."""
        raise NotImplementedError

    @cached_property
    def places(self) -> tuple[slice, ...]:
        """Columns of the scores that are each member's."""
        return places_of(member.n_outputs for member in self.members)

    def parts(self, scores: np.ndarray) -> list[np.ndarray]:
        """Scores of each member."""
        return [scores[:, own] for own in self.places]

    def each(self, method: str, scores: np.ndarray) -> list[Any]:
        """What each member's method makes of its scores."""
        parts = zip(self.members, self.parts(scores), strict=True)
        return [getattr(member, method)(own) for member, own in parts]

    @cached_property
    def are_sigmoid(self) -> bool:
        """Whether the score of each member is the log-odds of its second class."""
        return all(member.is_sigmoid for member in self.members)

    @cached_property
    def decides(self) -> bool:
        """Whether members have decision values."""
        return hasattr(self.members[0].original, "decision_function")

    def second(self, scores: np.ndarray) -> np.ndarray:
        """Return each member's probability of its second class, (n_rows, n_members)."""
        if self.are_sigmoid:
            return expit(scores)
        return np.column_stack([found[:, 1] for found in self.each("predict_proba", scores)])

    def responses(self, scores: np.ndarray) -> Any:
        """Return what labels follow from, and whether they are in doubt: here probabilities."""
        return self.predict_proba(scores)

    def labels(self, responses: Any) -> Any:
        """Return labels, or a regressor's values: here of the largest probabilities."""
        return self.classes[responses.argmax(axis=1)]

    def close(self, responses: Any) -> np.ndarray:
        """Return the positions of rows whose label rounding could change: of values, none."""
        return NO_ROWS if self.classes is None else near_ties(responses)

    def predict(self, scores: np.ndarray) -> Any:
        return self.labels(self.responses(scores))

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        return self.close(self.responses(scores))

    def decided(self, scores: np.ndarray) -> tuple[Any, np.ndarray]:
        responses = self.responses(scores)
        return self.labels(responses), self.close(responses)


def all_know(joined: JoinedModel, classes: Any) -> bool:
    """Whether all members know the same classes."""
    return len(classes) > 1 and all(
        member.classes is not None and np.array_equal(member.classes, classes)
        for member in joined.members
    )


class EachDecides(Combined):
    """A wrapper of which each member's label counts."""

    def responses(self, scores: np.ndarray) -> list[tuple[Any, np.ndarray]]:
        """Return what each member decides, and where that is in doubt."""
        return self.each("decided", scores)

    def close(self, responses: list[tuple[Any, np.ndarray]]) -> np.ndarray:
        return any_of([doubtful for _, doubtful in responses])


@combines("CalibratedClassifierCV")
class CalibratedMembers(Combined):
    """`CalibratedClassifierCV`: the mean of members whose responses run through curves."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        curves = [c for held in joined.original.calibrated_classifiers_ for c in held.calibrators]
        return all_know(joined, joined.classes) and all(_curve(c) is not None for c in curves)

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        n_classes = len(self.classes)
        total = np.zeros((len(scores), n_classes))
        held = self.original.calibrated_classifiers_
        for calibrated, member, own in zip(held, self.members, self.parts(scores), strict=True):
            response = _response(member, own)
            curves = [_curve(calibrator) for calibrator in calibrated.calibrators]
            values = np.column_stack(
                [curve(x) for curve, x in zip(curves, response.T, strict=True) if curve is not None]
            )
            if n_classes == 2:
                total += np.hstack((1.0 - values, values))
                continue
            sums = values.sum(axis=1, keepdims=True)
            even = np.full_like(values, 1 / n_classes)
            total += np.divide(values, sums, out=even, where=sums != 0)
        return total / len(held)


def _response(member: Model, scores: np.ndarray) -> np.ndarray:
    """What is calibrated, one column for each curve."""
    if hasattr(member.original, "decision_function"):
        response = member.decision_function(scores)
        return response[:, None] if response.ndim == 1 else response
    response = member.predict_proba(scores)
    return response[:, 1:] if response.shape[1] == 2 else response


def _curve(calibrator: Any) -> Callable[[np.ndarray], np.ndarray] | None:
    """What a calibrator computes; None where it is not known."""
    if type(calibrator).__name__ == "_SigmoidCalibration":
        return lambda x: expit(-(calibrator.a_ * x + calibrator.b_))
    if type(calibrator) is IsotonicRegression and calibrator.out_of_bounds == "clip":
        return lambda x: np.interp(x, calibrator.X_thresholds_, calibrator.y_thresholds_)
    return None


@combines("VotingClassifier")
class SoftVote(Combined):
    """`VotingClassifier` that votes with probabilities."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Say yes to soft votes of members that know all classes, as positions."""
        known = np.arange(len(joined.classes))
        if joined.original.voting != "soft" or not all_know(joined, known):
            return False
        return all(hasattr(member.original, "predict_proba") for member in joined.members)

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        found = self.each("predict_proba", scores)
        return np.average(found, axis=0, weights=vote_weights(self.original))


@combines("FixedThresholdClassifier", "TunedThresholdClassifierCV")
class Thresholded(Combined):
    """Classifiers of two classes with a threshold of their own."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        method = joined.original.response_method
        return (
            len(joined.members) == 1
            and len(joined.classes) == 2
            and all_know(joined, joined.classes)
            and (method == "auto" or hasattr(joined.members[0].original, method))
            and cls._label_of(joined.original) in (None, *joined.classes)
        )

    @staticmethod
    def _label_of(original: Any) -> Any:
        """Return the label that is the positive class; None for the second of the classes."""
        is_tuned = hasattr(original, "_curve_scorer")
        return positive_label(original) if is_tuned else original.pos_label

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        return self.members[0].predict_proba(scores)

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        return self.members[0].decision_function(scores)

    def labels(self, responses: np.ndarray) -> np.ndarray:
        positive = self._positive
        return self.classes[np.where(responses >= 0, positive, 1 - positive)]

    def close(self, responses: np.ndarray) -> np.ndarray:
        return not_above(np.abs(responses))

    @property
    def _positive(self) -> int:
        label = self._label_of(self.original)
        return 1 if label is None else int(np.flatnonzero(self.classes == label)[0])

    def responses(self, scores: np.ndarray) -> np.ndarray:
        member, positive = self.members[0], self._positive
        method = self.original.response_method
        has_probabilities = hasattr(member.original, "predict_proba")
        by_probability = method == "predict_proba" or (method == "auto" and has_probabilities)
        threshold = getattr(self.original, "best_threshold_", None)
        if threshold is None:
            threshold = self.original.threshold
        if threshold == "auto":
            threshold = 0.5 if by_probability else 0.0
        if by_probability:
            return member.predict_proba(scores)[:, positive] - threshold
        values = member.decision_function(scores)
        return (values if positive else -values) - threshold


@combines("OneVsRestClassifier", "MultiOutputClassifier")
class LabelSets(Combined):
    """Classifiers of two classes beside each other, one for each label of a row."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        original = joined.original
        binarizer = getattr(original, "label_binarizer_", None)
        if binarizer is not None and (
            not binarizer.y_type_.startswith("multilabel") or binarizer.sparse_input_
        ):
            return False
        if len(joined.members) != len(original.estimators_):
            return False
        return all_know(joined, np.array([0, 1])) and len(joined.members) > 1

    @property
    def _is_one_vs_rest(self) -> bool:
        return hasattr(self.original, "label_binarizer_")

    def responses(self, scores: np.ndarray) -> np.ndarray:
        """Return the scores: most labels follow from their signs."""
        return scores

    def labels(self, scores: np.ndarray) -> np.ndarray:
        if self.are_sigmoid:
            return (scores > 0).astype(np.int64)
        if not self._is_one_vs_rest:
            return np.column_stack(self.each("predict", scores))
        if self.decides:
            return (self.decision_function(scores) > 0).astype(np.int64)
        return (self.second(scores) > 0.5).astype(np.int64)

    def close(self, scores: np.ndarray) -> np.ndarray:
        if self.are_sigmoid:
            return np.flatnonzero((np.abs(scores) <= DOUBT * (1.0 + np.abs(scores))).any(axis=1))
        found = self.each("doubtful", scores)
        if self._is_one_vs_rest and hasattr(self.original, "predict_proba"):
            near = np.abs(self.second(scores) - 0.5) <= DOUBT
            found.append(np.flatnonzero(near.any(axis=1)))
        return any_of(found)

    def predict_proba(self, scores: np.ndarray) -> Any:
        """Return probabilities in the wrapper's own shape."""
        if self._is_one_vs_rest:
            return self.second(scores)
        return self.each("predict_proba", scores)

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        return np.column_stack(self.each("decision_function", scores))
