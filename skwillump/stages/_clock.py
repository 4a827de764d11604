"""Clocks for costs, and functions that take turns under them.

Costs are CPU time. On a busy machine a call takes longer by the clock on the wall, and the longest
call is kept waiting most; the CPU time that it takes hardly changes.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from time import perf_counter, process_time, thread_time
from typing import Protocol

import numpy as np

FINE_TICK = 1e-4
"""Seconds between two readings of a clock of CPU time that differ, at most; a coarser one (that of
Windows has 16 ms) is of no use, and the clock on the wall takes its place."""

TICKS = 100
"""Ticks of the clock that a turn takes at least: quick functions are called several times in it."""

MOST_CALLS = 1000
"""Calls in a turn, at most."""

FAR_LONGER = 3.0
"""What takes so many times as long as the first of some functions has one turn: it is no choice."""

WAITS = 4.0
"""Where the system does not tell how long a thread was kept from running: a call that takes so many
times its CPU time waits for something else."""

LEFT_OUT = 8
"""One of so many rounds, or a part of so many, is left out at either end of a mean of rounds."""


class Clock(Protocol):
    """Tells what calling a function takes."""

    @property
    def tick(self) -> float:
        """Seconds by which two readings differ at least."""

    def seconds_of(self, function: Callable[[], object], n_calls: int = 1) -> float:
        """Seconds that some calls take together."""


@dataclass(frozen=True)
class ThreadClock:
    """CPU time of the calling thread: for what runs in it alone and waits for nothing."""

    now: Callable[[], float]
    tick: float

    def seconds_of(self, function: Callable[[], object], n_calls: int = 1) -> float:
        """Seconds that some calls take together."""
        with _no_collection():
            start = self.now()
            for _ in range(n_calls):
                function()
            return self.now() - start


@dataclass(frozen=True)
class WorkClock:
    """Time of what may use threads of its own, or wait for a remote service.

    The CPU time of a thread sees neither. The larger of two counts: the CPU time of the process,
    and the time on the wall less what the thread was kept from running by other work on the
    machine. Where the system does not tell that (Linux does), the time on the wall counts only if
    it is `WAITS` times the CPU time or more.
    """

    tick: float

    def seconds_of(self, function: Callable[[], object], n_calls: int = 1) -> float:
        """Seconds that some calls take together."""
        with _no_collection():
            kept, cpu, wall = _seconds_kept_from_running(), process_time(), perf_counter()
            for _ in range(n_calls):
                function()
            wall, cpu = perf_counter() - wall, process_time() - cpu
            kept_after = _seconds_kept_from_running()
        if kept is None or kept_after is None:
            return wall if wall > WAITS * cpu else cpu
        return max(cpu, wall - (kept_after - kept))


@cache
def thread_clock() -> ThreadClock:
    """The clock of what is compiled."""
    tick = _tick(thread_time)
    return ThreadClock(thread_time, tick) if tick <= FINE_TICK else ThreadClock(perf_counter, 1e-6)


@cache
def work_clock() -> Clock:
    """The clock of what is not compiled."""
    tick = _tick(process_time)
    return WorkClock(tick) if tick <= FINE_TICK else ThreadClock(perf_counter, 1e-6)


def _tick(now: Callable[[], float]) -> float:
    """Seconds from one reading to the next that differs."""
    ticks = []
    for _ in range(5):
        start = now()
        after = now()
        while after == start:
            after = now()
        ticks.append(after - start)
    return min(ticks)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Collect no garbage meanwhile, as `timeit` does.

    A full collection looks at all objects of the process, which takes a tenth of a second in a
    large one, and falls on whatever call makes the next list: functions of a user's own make many.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _seconds_kept_from_running() -> float | None:
    """Seconds that this thread was ready to run and did not; None if that is not known."""
    try:
        with open("/proc/thread-self/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) * 1e-9
    except (OSError, IndexError, ValueError):
        return None


def rounds_in_turns(
    functions: Sequence[Callable[[], object]],
    clock: Clock,
    *,
    n_rounds: tuple[int, int],
    most_seconds: float,
) -> np.ndarray:
    """Seconds of calling each of some functions, in rounds.

    They take turns, so that a slow moment of the machine falls on all of them alike, or on few of
    the calls of each, and every second round is in the opposite order: what comes behind a longer
    function may find the cache emptied, or another's turn of the processor at its end. Each is
    called once before, for what it loads. The calls that tell how many
    rounds there is time for are the first round, unless a function is so quick that it is called
    several times in a turn. What is `FAR_LONGER` than the first function, both times, has no other
    turn: its seconds are the same in all rounds.

    Parameters
    ----------
    n_rounds : tuple of int
        Least and largest number of rounds.
    most_seconds : float
        By the clock, for all rounds; a larger number than the least of them must fit in.

    Returns
    -------
    ndarray of float64 of shape (n_rounds, n_functions)
        Seconds of one call.
    """
    before = [clock.seconds_of(function) for function in functions]
    n_calls, once = [], []
    for function in functions:
        once.append(clock.seconds_of(function))
        seconds = max(once[-1], clock.tick)
        n_calls.append(int(np.clip(np.ceil(TICKS * clock.tick / seconds), 1, MOST_CALLS)))
    rounds = [once] if max(n_calls, default=1) == 1 else []
    turns = [
        (at, n_calls[at])
        for at, seconds in enumerate(once)
        if n_calls[at] > 1 or min(seconds, before[at]) <= FAR_LONGER * max(once[0], clock.tick)
    ]
    total = sum(max(once[at], clock.tick) * n for at, n in turns)
    while len(rounds) < int(np.clip(most_seconds / max(total, clock.tick), *n_rounds)):
        seconds_of = list(once)
        for at, n in turns if len(rounds) % 2 == 0 else reversed(turns):
            seconds_of[at] = clock.seconds_of(functions[at], n) / n
        rounds.append(seconds_of)
    return np.array(rounds)


def typical_seconds(rounds: np.ndarray) -> np.ndarray:
    """Typical seconds of each function.

    Of each but the first, what counts is its ratio to the first in the same round: the typical one,
    times the typical seconds of the first. Typical is the geometric mean without the rounds at
    either end, one of `LEFT_OUT` or a part of that. Where the order matters, ratios of one order
    lie apart from those of the other: a median is of either, and a mean varies half as much.

    Parameters
    ----------
    rounds : ndarray of float64 of shape (n_rounds, n_functions)
        As of `rounds_in_turns`.

    Returns
    -------
    ndarray of float64 of shape (n_functions,)
    """
    first = rounds[:, :1]
    if not np.all(first > 0):
        return np.median(rounds, axis=0)
    return _middle_mean(first) * _middle_mean(rounds / first)


def _middle_mean(numbers: np.ndarray) -> np.ndarray:
    """Geometric mean of each column without its largest and least numbers."""
    n_out = min(-(-len(numbers) // LEFT_OUT), (len(numbers) - 1) // 2)
    logs = np.sort(np.log(np.maximum(numbers, np.finfo(float).tiny)), axis=0)
    return np.exp(logs[n_out : len(numbers) - n_out].mean(axis=0))


@dataclass(frozen=True, kw_only=True)
class Timer:
    """A clock, and about how many seconds timing by it may take."""

    clock: Clock
    most_seconds: float

    def typical_seconds(
        self,
        *functions: Callable[[], object],
        share: float = 1.0,
        n_rounds: tuple[int, int] = (3, 31),
    ) -> list[float]:
        """Typical seconds of functions that take turns, with a share of the seconds there are."""
        most_seconds = share * self.most_seconds
        rounds = rounds_in_turns(
            functions, self.clock, n_rounds=n_rounds, most_seconds=most_seconds
        )
        return typical_seconds(rounds).tolist()
