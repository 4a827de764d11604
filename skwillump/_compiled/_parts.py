"""The compiled parts of a fitted estimator: features, model, or what is inside a wrapper.

Read it from below: `compiled_parts` opens what only passes on answers, compiles the steps before
the last one, then the last one. A last step that is not compiled is seen through where it is a
wrapper of others, and else runs as it is on compiled features.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy import sparse

from .._composites import chain, parameter_path
from .._wrappers import (
    Wrapped,
    inside_transparent,
    is_wrapper,
    members_of,
    reads_x_itself,
    see_through,
)
from ..blocks import SideBySideScorer, combined, joined_model, lifted_chain, passing_member
from ..compilers import (
    GivenRows,
    InputStep,
    LinearModel,
    Model,
    Scorer,
    Step,
    StepReport,
    Unsupported,
    compile_model,
    compile_step,
    compile_steps,
)

CompileInside = Callable[[Any], Any]
"""Makes the compiled twin of what is inside a wrapper."""

_OF_ONE_KIND = frozenset({"OneVsRestClassifier", "MultiOutputClassifier", "MultiOutputRegressor"})
"""Wrappers of copies of one estimator, fitted on other targets."""


class CompilesItself:
    """Mixin of estimators whose own methods run as compiled code: a twin of them only passes on."""

    @property
    def why_not_compiled_here(self) -> str:
        """What `CompiledPipeline.explain` says of the estimator."""
        kind = type(self).__name__
        return (
            f"a {kind} compiles itself in fit: use its own methods, which are the compiled ones; "
            f"compile_pipeline(fitted.estimator_) is the twin of its full model alone"
        )


_MANY_PRODUCTS = 4000
"""Sparse rows of which SciPy's product takes longer than what is around it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CompiledParts:
    """What a compiled twin answers with."""

    reports: tuple[StepReport, ...]  # a row for each step: compiled, or why not
    # All steps before the last one; None if they run inside the estimator.
    features: Step | None = None
    last_step: Any = None  # estimator: the last step as it is, behind `features`
    # The last step, or the estimator, if it is a wrapper that is seen through.
    wrapped: Wrapped | None = None
    model: Model | None = None  # the compiled last step
    scorer: Scorer | None = None  # `features` and `model` in one
    answers_one_row: bool = False  # whether the estimator has methods of its own for one row
    given: "CompiledParts | None" = None  # what answers for sparse matrices, where that is another

    def of(self, X: Any) -> "CompiledParts":
        """Return what answers for an input."""
        return self.given if self.given is not None and sparse.issparse(X) else self

    def of_row(self, x: Any) -> "CompiledParts":
        """Return what answers for one row; a matrix of several is refused as a row of a table."""
        return self.of(x) if getattr(x, "shape", None) and x.shape[0] == 1 else self

    def leaves_labels(self, X: Any) -> bool:
        """Whether the original gives labels of these rows as fast.

        So it is with many sparse rows of which a linear model of several classes is given the
        product alone: to find each row's largest score takes as long.
        """
        if not (isinstance(self.model, LinearModel) and self.model.n_outputs > 1):
            return False
        alone = type(getattr(self.scorer, "step", None)) is GivenRows
        return alone and X.shape[0] >= _MANY_PRODUCTS

    @property
    def answers_batches(self) -> bool:
        """Whether the compiled model computes scores of many rows, and not of one alone."""
        return self.model is not None and self.model.reads_batches

    def warm_up(self) -> None:
        """Compile all kernels, or load them from the disk."""
        if self.scorer is not None:
            self.scorer.warm_up()
        elif self.features is not None:
            self.features.warm_up()
        if self.given is not None:
            self.given.warm_up()


def compiled_parts(estimator: Any, compile_inside: CompileInside) -> CompiledParts:
    """Compile what can be compiled of a fitted estimator."""
    if isinstance(estimator, CompilesItself):
        why = estimator.why_not_compiled_here
        report = StepReport("", type(estimator).__name__, False, why)
        return CompiledParts(reports=(report,), answers_one_row=True)
    if not hasattr(estimator, "predict"):
        step = compile_step(estimator)
        features = step if step.is_compiled else None
        return CompiledParts(reports=tuple(step.report("")), features=features)
    *before, (name, last_step) = _links(estimator)
    if not before and type(last_step).__name__ in _OF_ONE_KIND and is_wrapper(last_step):
        # Copies of one pipeline: where their features are the same, they are computed once.
        *before, (name, last_step) = lifted_chain(estimator)
    try:
        features = compile_steps(None, before) if before else InputStep.of(last_step)
    except Unsupported as reason:
        if not before and is_wrapper(last_step):
            return _seen_through(name, last_step, compile_inside, reads_input=True)
        return CompiledParts(reports=tuple(_as_they_are(before, name, last_step, str(reason))))
    last = _compiled_last(name, last_step, features, compile_inside, reads_input=not before)
    given = _given_rows(before, name, last_step, last, compile_inside)
    if given is not None and last.model is None and last.wrapped is None:
        last = replace(last, reports=given.reports, model=given.model)
    last = replace(last, reports=(*features.report(""), *last.reports), given=given)
    if before or (last.model is not None and last.wrapped is None):
        return replace(last, features=features, last_step=last_step)
    return last


def _given_rows(
    before: list[tuple[str, Any]],
    name: str,
    last_step: Any,
    last: CompiledParts,
    compile_inside: CompileInside,
) -> CompiledParts | None:
    """Compile what answers for sparse matrices that are given; None where it is the same."""
    try:
        given = GivenRows.of(before[0][1] if before else last_step)
        _refuse_readers_of_arrays(before, last_step)
        features = compile_steps(None, before, given=given) if before else given
    except Unsupported:
        return None
    if last.model is None and last.wrapped is None:
        last = _compiled_last(name, last_step, features, compile_inside, reads_input=not before)
    elif last.wrapped is not None and not before:
        parts = [twin._parts.given for _, twin in last.wrapped.inside]
        model, scorer = _side_by_side(last_step, parts)
        last = replace(last, model=model, scorer=scorer)
    elif last.model is not None:
        try:
            last = replace(last, scorer=last.model.bind(features))
        except Unsupported:
            last = replace(last, model=None, scorer=None)
    if before:
        return replace(last, features=features, last_step=last_step)
    return None if last.model is None else last


def _refuse_readers_of_arrays(before: list[tuple[str, Any]], last_step: Any) -> None:
    """Raise `Unsupported` where a step refuses the sparse rows that those before it pass on."""
    for _, step in before:
        GivenRows.of(step)
        if compile_step(step).projects:
            return  # to an array
    GivenRows.of(last_step)


def _as_they_are(
    before: list[tuple[str, Any]], name: str, last_step: Any, reason: str
) -> Iterator[StepReport]:
    """Why no step of a chain is compiled."""
    for step_name, step in before:
        why = compile_step(step).why_not_compiled or reason
        yield StepReport(step_name, type(step).__name__, False, why)
    why = "its features are not compiled" if before else reason
    yield StepReport(name, type(last_step).__name__, False, why)


def _compiled_last(
    name: str, last_step: Any, features: Step, compile_inside: CompileInside, *, reads_input: bool
) -> CompiledParts:
    """Compile the last step behind compiled features."""
    try:
        model = compile_model(last_step)
        scorer = model.bind(features)
    except Unsupported as why:
        if is_wrapper(last_step):
            joined = _joined(name, last_step, features)
            if joined is not None and joined.answers_batches:
                return joined
            seen = _seen_through(name, last_step, compile_inside, reads_input=reads_input)
            if joined is None or seen.wrapped is None:
                return seen
            # Many rows are answered member by member, one row by all together.
            return replace(seen, model=joined.model, scorer=joined.scorer)
        return CompiledParts(reports=(StepReport(name, type(last_step).__name__, False, str(why)),))
    reports = (StepReport(name, type(last_step).__name__, True),)
    return CompiledParts(reports=reports, model=model, scorer=scorer)


def _joined(name: str, wrapper: Any, features: Step) -> CompiledParts | None:
    """Bind the members of an ensemble together; None if they do not all compile."""
    try:
        model = combined(joined_model(wrapper, features))
        scorer = model.bind(features)
    except Unsupported:
        return None
    reports = tuple(
        StepReport(parameter_path(name, child), type(member).__name__, True)
        for child, member in members_of(wrapper)
    )
    return CompiledParts(reports=reports, model=model, scorer=scorer)


def _seen_through(
    name: str, wrapper: Any, compile_inside: CompileInside, *, reads_input: bool
) -> CompiledParts:
    """Compile what is inside a wrapper, which may read the input or compiled features."""
    wrapped = see_through(wrapper, compile_inside)
    reports = tuple(
        replace(report, name=parameter_path(name, child, report.name))
        for child, twin in wrapped.inside
        for report in twin.explain()
    )
    if reads_x_itself(wrapper) and not any(report.compiled for report in reports):
        # Twins of members that run as they are would only be on the way.
        why = next((report.reason for report in reports), "it has no members")
        return CompiledParts(reports=(StepReport(name, type(wrapper).__name__, False, why),))
    parts = [twin._parts for _, twin in wrapped.inside]
    model, scorer = _side_by_side(wrapper, parts) if reads_input else (None, None)
    return CompiledParts(reports=reports, wrapped=wrapped, model=model, scorer=scorer)


def _side_by_side(
    wrapper: Any, parts: Sequence[CompiledParts | None]
) -> tuple[Model | None, Scorer | None]:
    """One model of members that are compiled each with its own features, where all are."""
    parts = parts[: len(members_of(wrapper))]
    models = [one.model for one in parts if one is not None and one.model is not None]
    scorers = [one.scorer for one in parts if one is not None and one.scorer is not None]
    if len(models) < len(parts) or not parts:
        return None, None
    try:
        if getattr(wrapper, "passthrough", False):
            models.append(passing_member(wrapper))
            scorers.append(models[-1].bind(InputStep.of(wrapper)))
        model = combined(joined_model(wrapper, models=models))
    except Unsupported:
        return None, None
    reads_batches = all(member.reads_batches for member in models)
    return model, SideBySideScorer(tuple(scorers), reads_batches)


def _links(estimator: Any, path: str = "") -> list[tuple[str, Any]]:
    """Steps of a pipeline, with what passes on the answers of one estimator opened."""
    below, estimator = inside_transparent(estimator)
    path = parameter_path(path, below)
    *before, (name, last) = chain(estimator, path)
    if inside_transparent(last)[1] is last:
        return [*before, (name, last)]
    return [*before, *_links(last, name)]
