"""`CalibratedClassifierCV` of linear models: sigmoids of their scores, and the mean of those."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from ..._near_ties import near_ties
from .._models import Model
from .._registry import REGISTRY, register
from .._unsupported import Unsupported
from ._linear import NONE, LinearModel, shares


@dataclass(frozen=True, eq=False, kw_only=True)
class CalibratedModel(LinearModel):
    """The mean of linear models' calibrated probabilities.

    Scores hold the columns of one member after the other.
    """

    members: tuple[LinearModel, ...]
    slopes: np.ndarray  # float64 (n_members, n_curves): one curve if there are two classes
    offsets: np.ndarray  # the same

    def predict(self, scores: np.ndarray) -> np.ndarray:
        return self.decided(scores)[0]

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        return self.decided(scores)[1]

    def decided(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert self.classes is not None
        found = self.predict_proba(scores)
        return self.classes[found.argmax(axis=1)], near_ties(found)

    def gives(self, method: str) -> bool:
        return method in ("predict", "predict_proba")

    predict_one = Model.predict_one
    predict_proba_one = Model.predict_proba_one

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        assert self.classes is not None
        total = np.zeros((len(scores), len(self.classes)))
        n_curves, start = self.slopes.shape[1], 0
        for member, slopes, offsets in zip(self.members, self.slopes, self.offsets, strict=True):
            own = scores[:, start : start + member.n_outputs]
            start += member.n_outputs
            if not member.gives("decision_function"):
                own = member.predict_proba(own)[:, -n_curves:]
            calibrated = expit(-(slopes * own + offsets))
            if n_curves == 1:
                total += np.hstack((1.0 - calibrated, calibrated))
            else:
                total += shares(calibrated)
        return total / len(self.members)


@register(CalibratedClassifierCV, gives=LinearModel)
def _calibrated(model: Any) -> LinearModel:
    members, slopes, offsets = [], [], []
    for calibrated in model.calibrated_classifiers_:
        inner = calibrated.estimator
        while type(inner) is FrozenEstimator:
            inner = inner.estimator
        if not np.array_equal(getattr(inner, "classes_", ()), model.classes_):
            raise Unsupported("one of its models knows other classes")
        if not all(hasattr(c, "a_") and hasattr(c, "b_") for c in calibrated.calibrators):
            raise Unsupported(
                f"method={model.method!r}: only sigmoid calibration follows from scores to full "
                "precision"
            )
        members.append(REGISTRY.compile(inner, LinearModel))
        slopes.append([float(c.a_) for c in calibrated.calibrators])
        offsets.append([float(c.b_) for c in calibrated.calibrators])
    return CalibratedModel(
        original=model,
        coef=np.ascontiguousarray(np.hstack([member.coef for member in members])),
        intercept=np.concatenate([member.intercept for member in members]),
        classes=np.array(model.classes_),
        link=NONE,
        one_dimensional=False,
        members=tuple(members),
        slopes=np.array(slopes),
        offsets=np.array(offsets),
    )
