"""Models that make something else of another model's scores, or let another answer theirs."""

from dataclasses import dataclass, replace
from typing import Any, Self

from .._forwarding import forwarded, forwarded_call
from .._models import Model
from .._steps import Step


@dataclass(frozen=True, eq=False, kw_only=True)
class OuterModel(Model):
    """A model whose scores are those of another, of the same original."""

    inner: Any  # Model

    original = forwarded("inner.original")
    intercept = forwarded("inner.intercept")
    reads_batches = forwarded("inner.reads_batches")
    bind = forwarded_call("inner.bind")
    on_codes = forwarded_call("inner.on_codes")
    raw = forwarded_call("inner.raw")
    raw_one = forwarded_call("inner.raw_one")

    @property
    def n_features(self) -> int:
        """Number of features that it reads."""
        return int(self.original.n_features_in_)

    def reading(self, features: Step) -> Self:
        return replace(self, inner=self.inner.reading(features))


@dataclass(frozen=True, eq=False, kw_only=True)
class AnsweredModel(Model):
    """A model that makes scores in a way of its own, of which another one makes the answers."""

    original: Any
    answers: Any  # Model

    classes = forwarded("answers.classes")
    predict = forwarded_call("answers.predict")
    predict_proba = forwarded_call("answers.predict_proba")
    predict_log_proba = forwarded_call("answers.predict_log_proba")
    doubtful = forwarded_call("answers.doubtful")
    predict_one = forwarded_call("answers.predict_one")
    predict_proba_one = forwarded_call("answers.predict_proba_one")
