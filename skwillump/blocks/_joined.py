"""Wrappers whose members are compiled: their scores side by side are those of one model.

What a wrapper makes of the members' answers stays scikit-learn's own code; a copy of it runs on
members that read the scores in the place of features (`ScoredMember`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from .._composites import unsampled
from .._containers import first_answer, take_rows
from .._wrappers import (
    ScoredMember,
    Wrapped,
    constant_member,
    features_of_members,
    is_wrapper,
    previous_of_members,
    replace_members,
)
from ..compilers import (
    InputUnsupported,
    LinearModel,
    Model,
    Scorer,
    Step,
    Unsupported,
    compile_model,
)
from ..compilers._feature_codes import FeatureCodes
from ..compilers._features import MANY_FEATURES, MAX_DENSE_FEATURES
from ..compilers._forwarding import forwarded
from ..compilers._models import CompleteModel, ModelScorer
from ..compilers._scorers import OffsetScorer
from ..compilers._sparse_steps import MadeStep
from ..compilers.models._linear import NONE as NO_LINK
from ..compilers.models._tree_scorer import TreesOnCodes
from ._lifted import is_on_columns


@dataclass(frozen=True, eq=False, kw_only=True)
class JoinedModel(Model):
    """A wrapper as a model whose scores are those of its members, side by side."""

    original: Any
    classes: Any
    wrapped: Wrapped  # the wrapper, whose X is the scores
    members: tuple[Model, ...]
    # tuple of slice or ndarray of intp: the features that each of them reads.
    columns: tuple[Any, ...]
    # float64 (n_outputs,): the members', where these are bound to features one by one; else zeros.
    intercept: np.ndarray
    n_features: int

    hands_on_features: ClassVar[bool] = True
    """Whether `raw` looks at features through its members alone."""

    rises_with_score = False  # a target that is transformed back may fall

    def coefficients(self) -> np.ndarray:
        """Return the coefficients of linear members, (n_features, n_outputs).

        Raises
        ------
        Unsupported
            If a member is not linear.
        """
        coef = np.zeros((self.n_features, self.n_outputs))
        start = 0
        for member, columns in zip(self.members, self.columns, strict=True):
            own = member.coefficients()
            stop = start + member.n_outputs
            np.add.at(coef[:, start:stop], columns, own)  # one may be read twice
            start = stop
        return coef

    @property
    def reads_batches(self) -> bool:
        return all(member.reads_batches for member in self.members)

    @property
    def is_linear(self) -> bool:
        return all(member.is_linear for member in self.members)

    def reads_sparse(self, features: Step) -> bool:
        """Whether members had better read the features of a step as the sparse matrix they are.

        Rows of many features, most of them zero, would be made dense for all of them.
        """
        all_alike = all(isinstance(own, slice) and own == slice(None) for own in self.columns)
        is_sparse = features.gives_matrix and features.exact_scores
        return all_alike and is_sparse and self.n_features >= MANY_FEATURES

    def bind(self, features: Step) -> Scorer:
        """Return a scorer of the features: times coefficients, or read once for all members."""
        features = features.sized(self.n_features)
        if self.is_linear:
            return features.for_scores().bind(self.coefficients())
        scorer = SharedScorer(features.guarded().for_scores(), self)
        if scorer.is_wide and scorer.of_sparse is None:
            raise Unsupported(f"{self.n_features} features are too many for a dense array")
        return scorer

    def raw_coded(
        self,
        columns: np.ndarray,
        features: FeatureCodes,
        members: Sequence[TreesOnCodes | None],
    ) -> np.ndarray:
        """Return the scores of columns of codes; for members that read features these are made."""
        found: list[np.ndarray] = []
        made = features.features(columns) if None in members else columns
        for member, own, coded in zip(self.members, self.columns, members, strict=True):
            found.append(member.raw(made[:, own]) if coded is None else coded.raw(columns))
        return np.hstack(found)

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        pairs = zip(self.members, self.columns, strict=True)
        return np.hstack([m.raw(features[:, own], n_threads=n_threads) for m, own in pairs])

    def raw_one(self, features: np.ndarray) -> np.ndarray:
        pairs = zip(self.members, self.columns, strict=True)
        return np.concatenate([member.raw_one(features[own]) for member, own in pairs])

    def predict(self, scores: np.ndarray) -> Any:
        return self.wrapped.answer("predict", scores)[0]

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        return self.wrapped.answer("predict", scores)[1]

    def decided(self, scores: np.ndarray) -> tuple[Any, np.ndarray]:
        return self.wrapped.answer("predict", scores)

    def predict_proba(self, scores: np.ndarray) -> Any:
        return self.wrapped.answer("predict_proba", scores)[0]

    def predict_proba_one(self, scores: np.ndarray) -> Any:
        """Return the probabilities of one row; a list of those of each output where it has more."""
        return first_answer(self.predict_proba(scores[None]))

    def predict_log_proba(self, scores: np.ndarray) -> Any:
        return self.wrapped.answer("predict_log_proba", scores)[0]

    def decision_function(self, scores: np.ndarray) -> Any:
        return self.wrapped.answer("decision_function", scores)[0]


@dataclass(frozen=True, eq=False)
class SharedScorer(ModelScorer):
    """The features of a step, read once for all members."""

    model: JoinedModel

    reads_opened = forwarded("features.reads_columns")

    @property
    def is_wide(self) -> bool:
        """Whether features are too many for a dense array."""
        return self.model.n_features > MAX_DENSE_FEATURES

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        if not self.model.reads_batches:
            raise InputUnsupported("a member that is compiled for single rows")
        if self.of_sparse is not None:
            features = self.features.transform(take_rows(X, rows), n_threads=n_threads)
            try:
                return self.of_sparse.scores(features, n_threads=n_threads)
            except InputUnsupported as reason:
                # They need not be made again.
                raise InputUnsupported(str(reason), scorer=self, features=features) from reason
        if self._coded is not None:
            features, members = self._coded
            return self.features.map_coded(
                lambda columns: self.model.raw_coded(columns, features, members),
                X,
                rows,
                n_outputs=self.n_outputs,
                n_threads=n_threads,
            )
        return super().scores(X, rows, n_threads=n_threads)

    @cached_property
    def of_sparse(self) -> "SideBySideScorer | None":
        """The members on sparse features; None where all read dense ones."""
        if not self.model.reads_sparse(self.features):
            return None
        made = MadeStep(self.features.original, self.model.n_features)
        try:
            members = [OffsetScorer(m.bind(made), m.intercept) for m in self.model.members]
        except Unsupported:
            return None
        return SideBySideScorer(tuple(members), reads_batches=True)

    @cached_property
    def _coded(self) -> tuple[FeatureCodes, tuple[TreesOnCodes | None, ...]] | None:
        """The features as columns of codes, and the members that read them; None if none does."""
        features = self.features.feature_codes()
        if features is None or not type(self.model).hands_on_features:
            return None
        members = tuple(
            member.on_codes(features) if isinstance(own, slice) and own == slice(None) else None
            for member, own in zip(self.model.members, self.model.columns, strict=True)
        )
        return (features, members) if any(members) else None

    def score_one(self, x: Any) -> np.ndarray:
        if self.is_wide:
            assert self.of_sparse is not None
            return self.of_sparse.score_one(self.features.entries(x))
        return super().score_one(x)

    def warm_up(self) -> None:
        super().warm_up()
        for member in self._coded[1] if self._coded is not None else ():
            if member is not None:
                member.warm_up()
        if self.of_sparse is not None:
            self.of_sparse.warm_up()


@dataclass(frozen=True, eq=False)
class SideBySideScorer(Scorer):
    """The scores of members that each read features for themselves, side by side."""

    scorers: tuple[Scorer, ...]
    reads_batches: bool

    @property
    def n_outputs(self) -> int:
        return sum(scorer.n_outputs for scorer in self.scorers)

    @property
    def reads_opened(self) -> bool:
        return all(scorer.reads_opened for scorer in self.scorers)

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        if not self.reads_batches:
            raise InputUnsupported("a member that is compiled for single rows")
        return np.hstack([scorer.scores(X, rows, n_threads=n_threads) for scorer in self.scorers])

    def score_one(self, x: Any) -> np.ndarray:
        return np.concatenate([scorer.score_one(x) for scorer in self.scorers])


def joined_model(
    wrapper: Any, features: Step | None = None, models: Sequence[Model] | None = None
) -> JoinedModel:
    """Make one model of a fitted wrapper whose members all compile.

    Parameters
    ----------
    wrapper : estimator
    features : Step, optional
        What the members read; None where they are to be linear.
    models : sequence of Model, optional
        The compiled members, where these read features of their own, and `passing_member` behind
        them where there is one; see `SideBySideScorer`.

    Raises
    ------
    Unsupported
        If it is no wrapper that is seen through, or a member does not compile.
    """
    if not is_wrapper(wrapper):
        raise Unsupported(f"{type(wrapper).__name__} is not seen through")
    members: list[Model] = []
    columns: list[Any] = []
    chosen = features_of_members(wrapper)
    if models is not None and (chosen is not None or previous_of_members(wrapper)):
        raise Unsupported("its members do not read all features, and them alone")

    def scored(member: Any) -> Any:
        if type(member).__name__ == "_ConstantPredictor":
            return constant_member(member)
        is_placed = is_on_columns(member)
        if models is None:
            model = compile_model(member.estimator_ if is_placed else unsampled(member))
        else:
            model = models[len(members)]
        if previous_of_members(wrapper):
            model = _on_features(model, wrapper.n_features_in_)
        if features is not None:
            model = model.reading(features)
        for method in ("predict_proba", "decision_function"):
            if hasattr(member, method) and not model.gives(method):
                raise Unsupported(f"{type(member).__name__} has a {method} of its own")
        start = sum(known.n_outputs for known in members)
        members.append(model)
        own = slice(member.start, member.stop) if is_placed else slice(None)
        columns.append(own if chosen is None else chosen[len(columns)])
        return ScoredMember(member, model, slice(start, start + model.n_outputs))

    wrapped = replace_members(wrapper, scored)
    if not members:
        raise Unsupported("its members look at no feature")
    if getattr(wrapper, "passthrough", False):
        passing = passing_member(wrapper) if models is None else models[-1]
        members.append(passing if features is None else passing.reading(features))
        columns.append(slice(None))
    intercept = np.concatenate([member.intercept for member in members])
    if models is None and not all(member.is_linear for member in members):
        intercept = np.zeros_like(intercept)  # `SharedScorer` gives complete scores
    return JoinedModel(
        original=wrapper,
        classes=getattr(wrapper, "classes_", None),
        wrapped=wrapped,
        members=tuple(members),
        columns=tuple(columns),
        intercept=intercept,
        n_features=_n_features(wrapper, members, columns, features) if models is None else -1,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class PassedModel(CompleteModel):
    """The features themselves, in the place of scores."""

    original: Any  # of those that read them beside other members' answers
    n_features: int

    classes = None

    @property
    def n_outputs(self) -> int:
        return self.n_features

    def bind(self, features: Step) -> Scorer:
        self.reading(features)
        return ModelScorer(features.sized(self.n_features).guarded(), self)

    def reading(self, features: Step) -> Self:
        if not features.gives_array:
            raise Unsupported("features that may be sparse are passed beside answers")
        return self

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        return features


def passing_member(stack: Any) -> Model:
    """Return what a stack with ``passthrough`` hands on of the features: a member behind others.

    A linear last model adds up what it makes of them apart from what it makes of answers.
    """
    n_features = int(stack.n_features_in_)
    last = compile_model(stack.final_estimator_)
    if type(last) is not LinearModel:
        return PassedModel(original=stack.final_estimator_, n_features=n_features)
    return replace(
        last,
        coef=last.coef[len(last.coef) - n_features :],
        intercept=np.zeros_like(last.intercept),
        classes=None,
        link=NO_LINK,
        one_dimensional=False,
    )


def _on_features(model: Any, n_features: int) -> Any:
    """Return a member of a chain; a linear one without the answers of those before it."""
    return replace(model, coef=model.coef[:n_features]) if model.is_linear else model


def _n_features(
    wrapper: Any, members: list[Model], columns: list[Any], features: Step | None
) -> int:
    """Number of features that all members read together."""
    if previous_of_members(wrapper) or not all(isinstance(own, slice) for own in columns):
        return int(wrapper.n_features_in_)
    stops = [own.stop for own in columns if own.stop is not None]
    if len(stops) == len(columns):
        return max(stops)
    # Those that do not tell may read sparse features in a way of their own.
    reads_array = features is not None and features.gives_array
    widths = {
        getattr(m, "n_features", m.original.n_features_in_ if reads_array else -1) for m in members
    }
    if len(stops) or len(widths) != 1 or -1 in widths:
        raise Unsupported("its members do not read the same features")
    return widths.pop()
