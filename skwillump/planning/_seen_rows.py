"""What full scores of some rows of a query show of those that were not looked at.

A search has visited some rows of a query; M rows are left, of which X are among the K best. Of
these M, m are drawn at random and get the full model's score too: x of them are among the best K of
all rows seen. Each of the X that is drawn is among these x, so that the number of them that are
drawn is at most x, and it is hypergeometric. X is thus at most U(x), the largest number with

    P(Hypergeometric(M, X, m) <= x) > error,

but for a chance of `error`, which is that of the draw alone: nothing is assumed of the query. Those
that were drawn are not missed, and so at most U(x) - x of the K best are.

Importance sampling (SUPG) draws those rows more often that are likely to be among the best.
A bound that holds for any query must hold for the one that has its missing rows where they are
drawn least; with nothing found it is (1 - f) to the power of the number missing, for the least
share f. Drawing evenly is thus the best for the bound, once those rows that calibration expects to
be among the best are not drawn but visited, all of them: that is what the search before it does.
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from ._topk_precision import log_choose

ALARM_ERROR = 0.01
"""Chance of an alarm, at most, where as much is missed as the target allows."""

MOST_SAMPLED = 0.25
"""Share of the rows that are left that may be drawn to meet the target; where it would take more, a
sample can only give an alarm."""

ALARM_SHARE = 0.05
"""Share of the rows that are left that are drawn for that."""

PASSES = 0.9
"""Chance with which a sample is to be enough, where as much is missed as is expected."""

MOST_FOUND = 30
"""Found rows up to which sample sizes are looked at."""

ERROR_OF_FIRST = 0.8
"""Share of the error that the first look has; each later one has half of what is left."""


@dataclass(frozen=True, kw_only=True)
class RankEvidence:
    """What was shown of one query while it was ranked.

    Attributes
    ----------
    n_rows : int
        Of the query.
    n_visited : int
        Rows that got the full model's score because of the filter's.
    n_sampled : int
        Rows that got it at random, out of the others.
    n_found : int
        Rows of that sample that are among those returned.
    most_missing : int
        With the confidence given, no more of the full model's own K best are missing.
    precision : float
        The share of the K best that is thus shown to be returned.
    confidence : float
        Probability, over the draw of the sample, whatever the query.
    is_met : bool
        Whether that share is at least the target.
    alarm : bool
        Whether more rows were found in the sample than a search that keeps the target leaves
        there, but for a chance of 1 %. All rows were then scored.
    """

    n_rows: int
    n_visited: int
    n_sampled: int
    n_found: int
    most_missing: int
    precision: float
    confidence: float
    is_met: bool
    alarm: bool = False

    @classmethod
    def of_all_rows(cls, n_rows: int, confidence: float) -> "RankEvidence":
        """What is known where every row got the full model's score."""
        return cls(
            n_rows=n_rows,
            n_visited=n_rows,
            n_sampled=0,
            n_found=0,
            most_missing=0,
            precision=1.0,
            confidence=confidence,
            is_met=True,
        )


def chance_of_at_most(n_found: int, n_rest: int, n_missed: int, n_sampled: int) -> float:
    """Chance that a sample holds at most `n_found` of `n_missed` rows out of `n_rest`."""
    least = max(0, n_sampled - (n_rest - n_missed))
    counts = np.arange(least, min(n_found, n_missed, n_sampled) + 1)
    if not len(counts):
        return 0.0
    logs = (
        log_choose(n_missed, counts)
        + log_choose(n_rest - n_missed, n_sampled - counts)
        - log_choose(n_rest, n_sampled)
    )
    return float(min(np.exp(logs).sum(), 1.0))


def most_missing(n_rest: int, n_sampled: int, n_found: int, error: float) -> int:
    """Upper bound of the rows that are among the K best and were neither visited nor drawn."""
    numbers = range(n_found + 1, n_rest - n_sampled + n_found + 1)

    def is_impossible(n_missed: int) -> bool:
        return chance_of_at_most(n_found, n_rest, n_missed, n_sampled) <= error

    return bisect_left(numbers, True, key=is_impossible)


def sample_size(n_rest: int, allowed: int, expected: float, error: float) -> int:
    """Rows to draw, so that the bound will probably be at most `allowed`.

    The more found rows a sample may have, the larger it is. Where it would be larger than
    `MOST_SAMPLED` of the rows, it is as small as one that may have none: the search then goes
    deeper where there is one.

    Parameters
    ----------
    n_rest : int
        Rows to draw from.
    allowed : int
        Rows that may be missing.
    expected : float
        Rows that are among the K best, as far as is known.
    """
    smallest = n_rest
    for n_found in range(MOST_FOUND):
        size = _size_for(n_rest, allowed, n_found, error)
        if n_found == 0:
            smallest = size
        if size > MOST_SAMPLED * n_rest:
            break
        if chance_of_at_most(n_found, n_rest, min(round(expected), n_rest), size) >= PASSES:
            return size
    return smallest


def _size_for(n_rest: int, allowed: int, n_found: int, error: float) -> int:
    """Least size of a sample that shows what is allowed in spite of some found rows."""
    n_missed = allowed + n_found + 1
    if n_missed > n_rest:
        return n_rest

    def is_enough(size: int) -> bool:
        return chance_of_at_most(n_found, n_rest, n_missed, size) <= error

    return 1 + bisect_left(range(1, n_rest), True, key=is_enough)


def is_alarm(n_rest: int, n_sampled: int, n_found: int, allowed: int) -> bool:
    """Whether so many found rows say that more than `allowed` were not visited."""
    if n_found == 0:
        return False
    fewer = chance_of_at_most(n_found - 1, n_rest, min(allowed, n_rest), n_sampled)
    return 1 - fewer < ALARM_ERROR
