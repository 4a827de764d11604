"""What chains make of their members, of which each reads the answers of those before it."""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .._near_ties import NO_ROWS, any_of
from ..compilers import (
    InputUnsupported,
    LinearModel,
    Model,
    Step,
    TreeModel,
    check_scores,
    check_width,
    compile_model,
)
from ._combined import Combined, combines
from ._joined import JoinedModel


class Chain(Combined):
    """Members that answer one after the other."""

    def _run(self, scores: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a method's answers, (n_rows, n_targets), and the rows that are in doubt."""
        raise NotImplementedError

    def gives(self, method: str) -> bool:
        """Tell whether a method is there: logarithms of probabilities with those."""
        method = "predict_proba" if method == "predict_log_proba" else method
        return super().gives(method)

    def _of_certain(self, scores: np.ndarray, method: str) -> np.ndarray:
        found, doubtful = self._run(scores, method)
        if len(doubtful):
            raise InputUnsupported("a label that is handed on is in doubt")
        return found

    def responses(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what the members answer one after the other, and which rows are in doubt."""
        return self._run(scores, "predict")

    def labels(self, responses: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return responses[0]

    def close(self, responses: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return responses[1]

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        return self._of_certain(scores, "predict_proba")

    def predict_log_proba(self, scores: np.ndarray) -> np.ndarray:
        return np.asarray(np.log(self.predict_proba(scores)))

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        return self._of_certain(scores, "decision_function")


@combines("ClassifierChain", "RegressorChain")
class Chained(Chain):
    """Linear models of which each reads the answers of those before it."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Say yes to regressors, and to classifiers of two classes that are numbers."""
        has_one_score = all(member.n_outputs == 1 for member in joined.members)
        return joined.is_linear and has_one_score and _of_numbers(joined)

    @cached_property
    def _coefs_of_previous(self) -> list[np.ndarray]:
        """Coefficients of each member on the answers of those before it."""
        members = [compile_model(held, LinearModel) for held in self.original.estimators_]
        return [member.coef[self.original.n_features_in_ :] for member in members]

    def _run(self, scores: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
        given = np.zeros_like(scores)
        found = np.zeros_like(scores)
        handed_on = getattr(self.original, "chain_method_", "predict")
        doubtful = [NO_ROWS]
        for at, (member, coef) in enumerate(
            zip(self.members, self._coefs_of_previous, strict=True)
        ):
            own = scores[:, at : at + 1] + given[:, :at] @ coef
            given[:, at] = _response(member, handed_on, own)
            found[:, at] = given[:, at] if method == handed_on else _response(member, method, own)
            if "predict" in (method, handed_on):
                doubtful.append(member.doubtful(own))
        return found[:, np.argsort(self.original.order_)], np.unique(np.concatenate(doubtful))


@combines("ClassifierChain", "RegressorChain")
class ChainedTrees(Chain):
    """Trees of which each reads the answers of those before it, which are exact."""

    hands_on_features: ClassVar[bool] = False

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Say yes to trees whose sums are scikit-learn's, to the last bit."""
        return _of_numbers(joined) and all(
            isinstance(member, TreeModel) and member.is_certain for member in joined.members
        )

    def reads_sparse(self, features: Step) -> bool:
        """Say no: answers are put beside the features."""
        return False

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        n_rows, n_features = features.shape
        check_width(features, self.n_features)
        check_scores(features)  # it refuses missing values, also where its members take them
        beside = np.empty((n_rows, n_features + len(self.members)))
        beside[:, :n_features] = features
        handed_on = getattr(self.original, "chain_method_", "predict")
        found = []
        for at, member in enumerate(self.members, n_features):
            found.append(member.raw(beside[:, :at], n_threads=n_threads))
            beside[:, at] = _response(member, handed_on, found[-1])
        return np.hstack(found)

    raw_one = Model.raw_one

    def _run(self, scores: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
        pairs = zip(self.members, self.parts(scores), strict=True)
        found = np.column_stack([_response(member, method, own) for member, own in pairs])
        decides = self.members[0].classes is not None
        doubtful = any_of(self.each("doubtful", scores)) if decides else NO_ROWS
        found = found.astype(np.float64, copy=False)
        return found[:, np.argsort(self.original.order_)], doubtful


def _of_numbers(joined: JoinedModel) -> bool:
    """Whether members are regressors, or classifiers of two classes that are numbers."""
    if len(joined.members) != len(joined.original.estimators_):
        return False
    return all(
        member.n_outputs == 1
        if member.classes is None
        else len(member.classes) == 2 and member.classes.dtype.kind in "iufb"
        for member in joined.members
    )


def _response(member: Model, method: str, scores: np.ndarray) -> Any:
    found = getattr(member, method)(scores)
    return found[:, 1] if method in ("predict_proba", "predict_log_proba") else found
