"""Costs in seconds, measured."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter


def seconds_of(
    function: Callable[[], object],
    *,
    n_repeats: int = 5,
    typical: Callable[[Sequence[float]], float] = median,
) -> float:
    """Typical wall-clock seconds of calling `function`."""
    seconds = []
    for _ in range(n_repeats):
        start = perf_counter()
        function()
        seconds.append(perf_counter() - start)
    return typical(seconds)


def median_by_key(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Median of each key over repeated measurements."""
    return {key: median(run[key] for run in runs) for key in runs[0]}
