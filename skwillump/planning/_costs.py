"""Costs in seconds, measured."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter


def median_seconds(function: Callable[[], object], *, n_repeats: int = 5) -> float:
    """Median wall-clock seconds of calling `function`."""
    seconds = []
    for _ in range(n_repeats):
        start = perf_counter()
        function()
        seconds.append(perf_counter() - start)
    return median(seconds)


def median_by_key(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Median of each key over repeated measurements."""
    return {key: median(run[key] for run in runs) for key in runs[0]}
