"""What all steps share that are some steps one after the other."""

from dataclasses import replace
from typing import Any

import numpy as np

from ._forwarding import forwarded, forwarded_call
from ._reports import StepReport, report_each
from ._steps import CategoryReader, Step


class StepsInARow(Step):
    """Steps one after the other: some questions are for the first, others for the last."""

    names: tuple[str, ...]  # empty where a step tells names of its own
    steps: tuple[Any, ...]  # tuple of Step

    template = forwarded("first.template")
    gives_sparse = forwarded("last.gives_sparse")
    has_columns_of_doubles = forwarded("last.has_columns_of_doubles")
    feature_codes = forwarded_call("last.feature_codes")

    @property
    def first(self) -> Any:
        """The step that reads the input."""
        return self.steps[0]

    @property
    def last(self) -> Any:
        """The step that gives the features."""
        return self.steps[-1]

    def ending_in(self, last: Step) -> Any:
        """Return a twin with another last step."""
        return replace(self, steps=(*self.steps[:-1], last))  # type: ignore[type-var]

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        for step in self.steps:
            X = step.transform(X, n_threads=n_threads)
        return X

    @property
    def is_rounded(self) -> bool:
        return any(step.is_rounded for step in self.steps)

    def unrounded(self, X: Any) -> np.ndarray:
        # Of several, sums may depend on how the one before lays its array out.
        found: np.ndarray
        found = self.last.unrounded(X) if len(self.steps) == 1 else super().unrounded(X)
        return found

    def rounded_features(self) -> np.ndarray:
        found: np.ndarray = self.first.rounded_features()
        for step in self.steps[1:]:
            found = step.rounded_behind(found)
        return found

    def reading_categories(self, reader: CategoryReader) -> Any:
        return self.ending_in(self.last.reading_categories(reader))

    def in_binary(self) -> Any:
        return self.ending_in(self.last.in_binary())

    def undensed(self) -> Any:
        last = self.last.undensed()
        return self if last is self.last else self.ending_in(last)

    def report(self, name: str) -> list[StepReport]:
        return report_each(self.names, self.steps, name)
