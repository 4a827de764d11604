"""A transformer that runs as it is, between steps that are compiled."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from .._containers import is_none_or_nan, take_rows
from ._features import ChosenRows, for_originals, in_double, multiplied_in_double, only, to_dense
from ._forwarding import forwarded
from ._linear_maps import LinearMap
from ._reports import StepReport
from ._scorers import Scorer
from ._steps import Step
from ._unsupported import InputUnsupported, Unsupported
from .own_code._stems import remembering_stems


@dataclass(frozen=True, eq=False)
class OriginalStep(Step):
    """A transformer that is not compiled: it runs as it is."""

    original: Any
    reason: str
    n_features: int | None = None
    doubles: bool = False  # whether features in which arithmetic may be another are refused
    arrays: bool = False  # whether features that are no array or data frame are refused

    is_open = True
    wants_rows = True
    runs_python = True
    exact_scores = False  # its features may be of any dtype

    @property
    def gives_array(self) -> bool:
        """Whether anything else is refused."""
        return self.arrays

    def in_doubles(self) -> "OriginalStep":
        """Return a twin that refuses features of other dtypes, once they are there."""
        return replace(self, doubles=True)

    def in_known_containers(self) -> "OriginalStep":
        """Return a twin that refuses sparse features, once they are there."""
        return replace(self, arrays=True)

    @property
    def why_not_compiled(self) -> str:
        return self.reason

    def sized(self, n_features: int) -> "OriginalStep":
        return replace(self, n_features=n_features)

    @cached_property
    def _transform(self) -> Callable[[Any], Any]:
        return remembering_stems(self.original.transform)

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        return self._transform(for_originals(X))

    def dense(self, X: Any, rows: ChosenRows = None, *, n_threads: int = 1) -> np.ndarray:
        features = self.transform(take_rows(X, rows))
        if self.arrays and sparse.issparse(features):
            raise InputUnsupported("sparse features of a step that is not compiled")
        dense = to_dense(in_double(features) if self.doubles else features)
        if self.n_features not in (None, dense.shape[1]):
            raise InputUnsupported(f"{dense.shape[1]} features where {self.n_features} were")
        return dense

    def dense_one(self, x: Any) -> np.ndarray:
        return self.dense_row(self.template.make(x))

    def dense_row(self, X: Any) -> np.ndarray:
        return only(self.dense(X))

    def bind(self, coef: np.ndarray) -> Scorer:
        """Return a scorer that transforms first and multiplies then."""
        return OriginalScorer(self, coef)

    def linear_map(self) -> LinearMap:
        """Refuse, with the reason why it is not compiled."""
        raise Unsupported(self.reason)

    def report(self, name: str) -> list[StepReport]:
        kind = type(self.original).__name__
        return [StepReport(name, kind, self.is_compiled, self.why_not_compiled)]


@dataclass(frozen=True, eq=False)
class FillStep(OriginalStep):
    """A step of the user's own that fills missing texts: of one row it is asked for a value."""

    text: str | None = None  # None if it is pandas that tells what becomes of what is missing

    maps_values = True

    def of_value(self, value: Any) -> Any:
        if type(value) is str:
            return value
        if self.text is None or not is_none_or_nan(value):
            raise InputUnsupported(f"{type(value).__name__} is no text")
        return self.text


@dataclass(frozen=True, eq=False)
class OriginalScorer(Scorer):
    """Features from the original transformer, times the coefficients."""

    step: OriginalStep
    coef: np.ndarray

    wants_rows = True
    template = forwarded("step.template")

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        features = self.step.transform(take_rows(X, rows))
        try:
            return self._multiplied(features)
        except InputUnsupported as reason:
            raise InputUnsupported(str(reason), scorer=self, features=features) from reason

    def _multiplied(self, features: Any) -> np.ndarray:
        if self.step.doubles:
            features = multiplied_in_double(features)
        if np.ndim(features) != 2 or np.shape(features)[1] != len(self.coef):
            raise InputUnsupported(f"features of shape {np.shape(features)}")
        if sparse.issparse(features):
            return np.asarray(features @ self.coef, dtype=np.float64)
        try:
            return np.asarray(features, dtype=np.float64) @ self.coef
        except (TypeError, ValueError) as error:
            raise InputUnsupported(str(error)) from error

    def score_one(self, x: Any) -> np.ndarray:
        return self.score_row(self.step.template.make(x))

    def score_row(self, X: Any) -> np.ndarray:
        return only(self.scores(X))
