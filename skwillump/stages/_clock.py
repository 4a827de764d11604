"""Costs in seconds, measured."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter


def seconds_of(function: Callable[[], object]) -> float:
    """Wall-clock seconds of calling `function` once."""
    start = perf_counter()
    function()
    return perf_counter() - start


def seconds_in_turns(
    functions: Sequence[Callable[[], object]],
    n_rounds: int,
    *,
    typical: Callable[[Sequence[float]], float] = median,
) -> list[float]:
    """Typical wall-clock seconds of calling each of some functions.

    They take turns, so that a slow moment of the machine falls on all of them alike, or on few of
    the calls of each.

    Parameters
    ----------
    functions : sequence of callable
    n_rounds : int
        How often each is called.
    typical : callable
        What is taken of the seconds of one function.

    Returns
    -------
    list of float
    """
    rounds = [[seconds_of(function) for function in functions] for _ in range(n_rounds)]
    return [typical(seconds) for seconds in zip(*rounds, strict=True)]


def median_by_key(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Median of each key over repeated measurements."""
    return {key: median(run[key] for run in runs) for key in runs[0]}
