"""What it takes to find the K best of N rows: losses and tests.

The *full score* of a row orders a query; its K best are to be found. A *search* visits some rows
and finds those of the K best that it visits. How far a search goes is its *effort* e: a number such
that a row is found whenever its *need* is at most e, whatever else is in the query. The loss of a
query, one less its precision, is then at most the share of its K best rows with a need above e.

Let u be the share of the population with a higher full score than a row's. A query of N independent
rows has the row among its K best with probability P(Binomial(N - 1, u) < K), so that

    mean loss = (N / K) * E[ P(Binomial(N - 1, u) < K) * 1{need > e} ].

For any level u0 this is bounded by what happens above it and what may lie below it,

    mean loss <= (N / K) * P(u < u0, need > e) + 1 - W(u0),

with W(u0) the mean share of a query's K best that lie above u0, which is known. The probability is
bounded by an exact binomial test (Clopper and Pearson 1934): the rows above u0 are, but for a small
chance, among the first of a sample, so that the sample's misses above u0 are not undercounted. None
of this assumes anything of scores or needs.

Where full scores tie, u is told apart by a random number for each row: the first rows of a sample
are then a random choice among those that tie, in whatever order the sample is stored. A search that
returns the first of the rows that tie is covered if a query's own rows are in random order.

The loss falls with the effort, so the least effort with a bound below the loss that is allowed is
valid without a correction for the number of efforts looked at (Bates, Angelopoulos, Lei, Malik and
Jordan 2021, "Distribution-free, risk-controlling prediction sets", theorem 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

COUNT_SHARE = 0.1
"""Share of a test's level that goes to the number of rows above u0."""


def share_above(u, k, n_query):
    """Mean share of the `k` best of `n_query` rows that are in the best share `u` of all.

    Parameters
    ----------
    u : float or ndarray of float64
        Between 0 and 1.
    k, n_query : int

    Returns
    -------
    float or ndarray of float64
    """
    below = n_query * np.asarray(u) / k * binom.cdf(k - 2, n_query - 1, u)
    return np.minimum(below + binom.sf(k - 1, n_query, u), 1.0)


@dataclass(frozen=True)
class TopTest:
    """How many misses among the first rows of a sample keep the mean loss of queries low."""

    level: float  # u0, the share of the population that is looked at
    # Rows of each fold of the sample that are looked at: those with the highest full scores.
    n_top: tuple[int, ...]
    n_misses: int  # most of them whose need may be above the effort

    @property
    def miss_share(self) -> float:
        """About the share of the first rows that may be missed."""
        return (self.n_misses + 0.5) / max(sum(self.n_top), 1)


def top_test(
    n_by_fold: Sequence[int],
    k: tuple[int, int],
    n_query: tuple[int, int],
    loss: float,
    error: float,
) -> TopTest | None:
    """The test that allows the most misses, chosen from sizes alone.

    Parameters
    ----------
    n_by_fold : sequence of int
        Rows of each fold of the sample. Folds are scored by different models.
    k, n_query : tuple of int
        Least and largest; the test holds for all in between.
    loss : float
        Mean loss to stay below.
    error : float
        Level of the test.

    Returns
    -------
    TopTest or None
        None where the sample is too small even without a miss.
    """
    (k_low, k_high), (n_low, n_high) = k, n_query
    levels = k_high / n_low * (1 + np.linspace(0.0, 6.0, 49) / np.sqrt(k_high))
    levels = np.unique(np.minimum(levels, 1.0))
    slack = loss - (1 - share_above(levels, k_high, n_low))
    tests = _tests_at(levels, n_by_fold, slack * k_low / n_high, error)
    return max(tests, key=lambda test: test.miss_share, default=None)


def _tests_at(levels, n_by_fold, allowed, error) -> list[TopTest]:
    """Tests of "the chance of a row above the level that is missed is below what is allowed"."""
    count_error = COUNT_SHARE * error
    # Rows of the sample above the level, but for a chance of count_error.
    n_top = np.stack([binom.isf(count_error / len(n_by_fold), n, levels) for n in n_by_fold])
    n_top = np.where(levels >= 1, np.asarray(n_by_fold)[:, None], n_top).astype(int)
    n_misses = _most_misses(sum(n_by_fold), np.clip(allowed, 0.0, 1.0), error - count_error)
    return [
        TopTest(float(level), tuple(int(n) for n in counts), int(misses))
        for level, counts, misses in zip(levels, n_top.T, n_misses, strict=True)
        if misses >= 0 and counts.sum() > 0
    ]


def _most_misses(n_rows, probability, error):
    """Most misses that still show, at level `error`, that their probability is lower."""
    most = binom.ppf(error, n_rows, probability) - 1
    # Where the distribution function meets the level exactly, one more is allowed.
    return np.where(binom.cdf(most + 1, n_rows, probability) <= error, most + 1, most)


def rows_for_test(k: int, n_query: int, loss: float, error: float) -> int:
    """Rows that a sample must have for `top_test` to allow a twentieth of the loss in misses."""
    low, high = 1, 1
    while not _allows(high, k, n_query, loss, error):
        low, high = high, 2 * high
        if high > 2**40:
            raise ValueError(f"no number of rows shows a mean loss below {loss} at level {error}")
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if _allows(middle, k, n_query, loss, error) else (middle, high)
    return high


def _allows(n_rows, k, n_query, loss, error) -> bool:
    test = top_test([n_rows], (k, k), (n_query, n_query), loss, error)
    return test is not None and test.miss_share >= loss / 20
