"""What is compiled, and why not what is not: one row a step."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .._composites import parameter_path


@dataclass(frozen=True, eq=False)
class StepReport:
    """One row of the answer to "what is compiled?"."""

    name: str
    type: str
    compiled: bool
    reason: str = ""


def report_each(names: Iterable[str], steps: Iterable[Any], *path: str) -> list[StepReport]:
    """Return the rows of steps, below the names that lead to them."""
    return [
        row
        for name, step in zip(names, steps, strict=True)
        for row in step.report(parameter_path(*path, name))
    ]
