"""Steps one after the other, of which some run as they are.

A transformer that is not compiled costs no more than itself: what comes before and after it is
compiled. For one row it is given X of one row, in the form that it was fitted on, and what it
returns goes on as one row.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from ..._containers import take_rows
from ..._one_row import SelectedRow, is_value
from .._features import ChosenRows, Entries, Work
from .._forwarding import any_of_steps, forwarded
from .._row_map_step import RowMapStep
from .._scorers import Scorer
from .._steps import CategoryReader, Step
from .._steps_in_a_row import StepsInARow
from .._unsupported import InputUnsupported


@dataclass(frozen=True, eq=False)
class SequenceStep(StepsInARow):
    """Steps one after the other."""

    original: Any  # transformer: what runs them all
    names: tuple[str, ...]  # empty where a step tells names of its own
    steps: tuple[Step, ...]

    n_features = forwarded("last.n_features")
    reads_text = forwarded("first.reads_text")
    runs_python = any_of_steps("runs_python")
    needs_rows = forwarded("first.needs_rows")
    exact_scores = forwarded("last.exact_scores")
    is_open = forwarded("last.is_open")
    may_give_integers = forwarded("last.may_give_integers")
    fixed_dtype = forwarded("last.fixed_dtype")
    gives_array = forwarded("last.gives_array")
    gives_matrix = forwarded("last.gives_matrix")

    @property
    def why_not_compiled(self) -> str:
        reasons = [step.why_not_compiled for step in self.steps]
        return reasons[0] if all(reasons) else ""

    @property
    def wants_rows(self) -> bool:
        """Whether the first step does."""
        return self.steps[0].wants_rows and not self.maps_to_last

    reads_mapping = forwarded("first.reads_mapping")
    opens_frames = forwarded("first.opens_frames")

    @cached_property
    def rest(self) -> Step | None:
        """What follows a first step of which one row needs no data frame; None if it is another."""
        if not isinstance(self.first, RowMapStep) or len(self.steps) < 2:
            return None
        rest = self.last
        if len(self.steps) > 2:
            rest = SequenceStep(self.original, self.names[1:], self.steps[1:])
        return None if rest.opens_frames else rest

    def _in_rest(self, x: Any, in_one: Callable[[Any], Any], in_row: Callable[[Any], Any]) -> Any:
        """Return what follows makes of one row: of its values, or of X of one row.

        Raises
        ------
        InputUnsupported
            If only the original steps can tell.
        """
        made = self.first.of_row(x)
        if isinstance(made, dict):
            return in_one(SelectedRow(made, _no_frame))
        return in_one(made) if isinstance(made, str) else in_row(made)

    @property
    def maps_to_last(self) -> bool:
        """Whether one value of a row becomes that of which the last step makes features."""
        return self.last.reads_text and all(step.maps_values for step in self.steps[:-1])

    def value_before(self, x: Any) -> Any:
        """Return what the last step reads of one value.

        Raises
        ------
        InputUnsupported
            If only the original steps can tell.
        """
        for step in self.steps[:-1]:
            x = step.of_value(x)
        return x

    def reading_categories(self, reader: CategoryReader) -> "SequenceStep":
        if not self.last.is_open:
            return super().reading_categories(reader)
        # What runs as it is gives data frames, as in fit.
        return replace(self, names=(*self.names, ""), steps=(*self.steps, reader.of_frames()))

    def in_doubles(self) -> "SequenceStep":
        """Return a twin that refuses features in which arithmetic may be another."""
        return self.ending_in(self.last.in_doubles())

    def in_known_containers(self) -> "SequenceStep":
        """Return a twin of whose last step the container is known."""
        return self.ending_in(self.last.in_known_containers())

    def guarded(self) -> "SequenceStep":
        """Return a twin whose last step leaves integers to its original."""
        return self.ending_in(self.last.guarded())

    def sized(self, n_features: int) -> "SequenceStep":
        return self.ending_in(self.last.sized(n_features))

    def before(self, X: Any, n_threads: int = 1) -> Any:
        """Return what the last step is given."""
        for step in self.steps[:-1]:
            X = step.transform(X, n_threads=n_threads)
        return X

    def before_one(self, x: Any) -> Any:
        """Return what the last of several steps is given for one row: X of one row."""
        first, *others = self.steps[:-1]
        X = first.transform_one(x)
        for step in others:
            X = step.transform(X)
        return X

    def transform_one(self, x: Any) -> Any:
        if len(self.steps) == 1:
            return self.last.transform_one(x)
        if self.rest is not None:
            with suppress(InputUnsupported):
                return self._in_rest(x, self.rest.transform_one, self.rest.transform_row)
        if self.maps_to_last and is_value(x):
            return self.last.transform_one(self.value_before(x))
        return self.last.transform(self.before_one(x))

    def entries(self, x: Any) -> Entries:
        return self.last.entries(x) if len(self.steps) == 1 else super().entries(x)

    def in_columns(self, X: Any, what: Callable[[Step, Any], Any]) -> Any:
        """Return what follows makes of the columns that become of many rows.

        Raises
        ------
        InputUnsupported
            If only the original steps can tell.
        """
        if self.rest is None:
            raise InputUnsupported("no step of the user's own that is told by columns")
        return what(self.rest, self.first.columns(X))

    def float_columns(self, X: Any, names: Any = None) -> np.ndarray:
        if len(self.steps) == 1:
            return self.last.float_columns(X, names)
        return self.in_columns(X, lambda rest, made: rest.float_columns(made, names))

    def dense(self, X: Any, rows: ChosenRows = None, *, n_threads: int = 1) -> np.ndarray:
        X = take_rows(X, rows)
        with suppress(InputUnsupported):
            return self.in_columns(X, lambda rest, made: rest.dense(made, n_threads=n_threads))
        X = self.before(X, n_threads)
        try:
            return self.last.dense(self._no_surprise(X), n_threads=n_threads)
        except InputUnsupported as reason:
            raise InputUnsupported(str(reason), scorer=self, features=X) from reason

    def told_further(self, reason: InputUnsupported, scorer: Any) -> InputUnsupported:
        """Return the error with the features: the steps before the last need not run again."""
        if reason.scorer is not self:
            return reason
        features = self.last.transform(reason.features)
        return InputUnsupported(str(reason), scorer=scorer, features=features)

    def map_coded(
        self, work: Work, X: Any, rows: ChosenRows = None, *, n_outputs: int, n_threads: int = 1
    ) -> np.ndarray:
        X = take_rows(X, rows)
        given: Any = {"n_outputs": n_outputs, "n_threads": n_threads}
        with suppress(InputUnsupported):
            return self.in_columns(X, lambda rest, made: rest.map_coded(work, made, **given))
        return self.last.map_coded(work, self._no_surprise(self.before(X, n_threads)), **given)

    def dense_one(self, x: Any) -> np.ndarray:
        if len(self.steps) == 1:
            return self.last.dense_one(x)
        if self.rest is not None:
            with suppress(InputUnsupported):
                return self._in_rest(x, self.rest.dense_one, self.rest.dense_row)
        if self.maps_to_last and is_value(x):
            return self.last.dense_one(self.value_before(x))
        if self.joins_entries:
            return self.last.of_entries(self.steps[0].entries(x))
        return self.last.dense_row(self._no_surprise(self.before_one(x)))

    @property
    def joins_entries(self) -> bool:
        """Whether the last of two steps reads the entries of what the first makes of one row."""
        return len(self.steps) == 2 and self.last.reads_matrix and self.first.gives_matrix

    def dense_row(self, X: Any) -> np.ndarray:
        return self.last.dense_row(self._no_surprise(self.before_row(X)))

    def before_row(self, X: Any) -> Any:
        """Return what the last step is given for X of one row."""
        for step in self.steps[:-1]:
            X = step.transform_row(X)
        return X

    def _no_surprise(self, X: Any) -> Any:
        """Return what the last step is given, if it gives then the container that it promises."""
        takes_arrays = self.last.gives_array and not self.last.reads_matrix
        if len(self.steps) > 1 and takes_arrays and sparse.issparse(X):
            raise InputUnsupported("what is before a step that gives arrays is sparse")
        return X

    def bind(self, coef: np.ndarray) -> Scorer:
        return SequenceScorer(self, self.last.bind(coef))


@dataclass(frozen=True, eq=False)
class SequenceScorer(Scorer):
    """The last of some steps bound to coefficients, behind the others."""

    sequence: SequenceStep
    scorer: Scorer

    n_outputs = forwarded("scorer.n_outputs")
    wants_rows = forwarded("sequence.wants_rows")
    reads_mapping = forwarded("sequence.reads_mapping")
    template = forwarded("sequence.template")

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        X = take_rows(X, rows)
        if self.rest is not None:
            rest = self.rest
            with suppress(InputUnsupported):
                return self.sequence.in_columns(
                    X, lambda _, made: rest.scores(made, n_threads=n_threads)
                )
        X = self.sequence.before(X, n_threads)
        try:
            return self.scorer.scores(X, n_threads=n_threads)
        except InputUnsupported as reason:
            # The steps before need not run again.
            features = reason.features
            if reason.scorer is not self.scorer:
                features = self.sequence.last.transform(X, n_threads=n_threads)
            raise InputUnsupported(str(reason), scorer=self, features=features) from reason

    def score_one(self, x: Any) -> np.ndarray:
        if len(self.sequence.steps) == 1:
            return self.scorer.score_one(x)
        if self.rest is not None:
            with suppress(InputUnsupported):
                return self.sequence._in_rest(x, self.rest.score_one, self.rest.score_row)
        if self.sequence.maps_to_last and is_value(x):
            return self.scorer.score_one(self.sequence.value_before(x))
        if self.sequence.joins_entries:
            return self.scorer.score_entries(self.sequence.first.entries(x))
        return self._score_last(self.sequence.before_one(x))

    @cached_property
    def rest(self) -> Scorer | None:
        """What follows a first step of which one row needs no data frame; None if it is another."""
        rest = self.sequence.rest
        if rest is None or len(self.sequence.steps) == 2:
            return None if rest is None else self.scorer
        return SequenceScorer(rest, self.scorer)  # type: ignore[arg-type]

    def score_row(self, X: Any) -> np.ndarray:
        return self._score_last(self.sequence.before_row(X))

    def _score_last(self, X: Any) -> np.ndarray:
        """Return the scores of what the last step is given for one row."""
        try:
            return self.scorer.score_row(X)
        except InputUnsupported as reason:
            # The steps before need not run again.
            features = self.sequence.last.transform(X)
            raise InputUnsupported(str(reason), scorer=self, features=features) from reason

    def warm_up(self) -> None:
        for step in self.sequence.steps[:-1]:
            step.warm_up()
        self.scorer.warm_up()


def _no_frame() -> Any:
    raise InputUnsupported("dtypes of a data frame in between are not known")
