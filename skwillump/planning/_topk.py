"""What it takes to find the K best of N rows: losses, tests and estimates.

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

Where rows with higher full scores are not missed more often (*assumption* below), the misses of a
query's K best are no more frequent than those of all rows above u0, and

    mean loss <= W(u0) * P(need > e | u < u0) + 1 - W(u0),

for every u0, so that few rows are enough. That bound is called an estimate wherever it is used. It
is asked for at several levels, down to the fewest rows that can show anything: where the very best
rows are harder to find than the assumption has it, that shows first there.

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
from scipy.special import gammaln
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


ASSUMED_RATIO = 8
"""Ratio of the most to the fewest rows that an estimate looks at."""


@dataclass(frozen=True)
class TopTest:
    """How many misses among the first rows of a sample keep the mean loss of queries low.

    Attributes
    ----------
    level : float
        u0, the share of the population that is looked at.
    n_top : tuple of int
        Rows of each part of the sample that are looked at: those with the highest full scores.
    n_misses : int
        Most of them whose need may be above the effort.
    """

    level: float
    n_top: tuple[int, ...]
    n_misses: int

    @property
    def miss_share(self) -> float:
        """About the share of the first rows that may be missed."""
        return (self.n_misses + 0.5) / max(sum(self.n_top), 1)


def top_test(
    n_parts: Sequence[int],
    k: tuple[int, int],
    n_query: tuple[int, int],
    loss: float,
    error: float,
) -> TopTest | None:
    """The test that allows the most misses, chosen from sizes alone.

    Parameters
    ----------
    n_parts : sequence of int
        Rows of each part of the sample. Parts are scored by different models.
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
    tests = _tests_at(levels, n_parts, slack * k_low / n_high, error)
    return max(tests, key=lambda test: test.miss_share, default=None)


def assumed_tests(
    n_parts: Sequence[int], k: int, n_query: int, loss: float, error: float
) -> list[TopTest]:
    """Tests at several levels that all must be passed, if the best rows are no harder to find.

    They hold for smaller `k` and larger queries too, whose best rows are better ones. From the
    fewest rows that allow a test to `ASSUMED_RATIO` times as many; empty if no number does.
    """
    base = k / n_query
    levels = np.unique(np.minimum(base * np.geomspace(1.02, max(1 / base, 1.03), 60), 1.0))
    above = share_above(levels, k, n_query)
    tests = _tests_at(levels, n_parts, (loss - (1 - above)) * levels / above, error)
    if not tests:
        return []
    most = ASSUMED_RATIO * sum(tests[0].n_top)
    return [test for test in tests if sum(test.n_top) <= most]


def _tests_at(levels, n_parts, allowed, error) -> list[TopTest]:
    """Tests of "the chance of a row above the level that is missed is below what is allowed"."""
    count_error = COUNT_SHARE * error
    # Rows of the sample above the level, but for a chance of count_error.
    n_top = np.stack([binom.isf(count_error / len(n_parts), n, levels) for n in n_parts])
    n_top = np.where(levels >= 1, np.asarray(n_parts)[:, None], n_top).astype(int)
    n_misses = _most_misses(sum(n_parts), np.clip(allowed, 0.0, 1.0), error - count_error)
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


def stable_order(score, n: int | None = None) -> np.ndarray:
    """Positions by descending score as a stable full sort gives them; NaN last.

    With `n`, only the first ones, for which not everything is sorted.
    """
    score = -np.asarray(score)
    if n and 4 * n < len(score):
        last = np.partition(score, n - 1)[n - 1]
        if not np.isnan(last):
            rows = np.flatnonzero(score <= last)
            return rows[np.argsort(score[rows], kind="stable")[:n]]
    return np.argsort(score, kind="stable")[:n]


def order_by_draw(score, draw) -> np.ndarray:
    """Positions by descending full score.

    Of rows that tie, those with the smaller random number in `draw` come first: their positions
    may follow from what makes them easy to find.
    """
    return np.lexsort((draw, -score))


def orders_of_parts(score, parts, draw) -> list[np.ndarray]:
    """Positions of the rows of each part as by `order_by_draw`; parts by their numbers."""
    members = [np.flatnonzero(parts == part) for part in np.unique(parts)]
    return [rows[order_by_draw(score[rows], draw[rows])] for rows in members]


def least_effort(need, n_misses: int) -> float:
    """Least effort at which at most `n_misses` of these rows are missed."""
    if n_misses >= len(need):
        return -np.inf
    return float(np.partition(need, len(need) - 1 - n_misses)[len(need) - 1 - n_misses])


def precision_weights(n_rows: int, k: int, n_query: int) -> np.ndarray:
    """Weight of the row of each rank in the mean precision over queries.

    Over all subsets of `n_query` of `n_rows` rows, the chance that a row is in the subset and among
    its `k` best, over `k`: the mean precision is the sum of the weights of the rows that are found,
    without resampling. Queries larger than the sample are of rows drawn with replacement, to a
    close approximation.

    Returns
    -------
    ndarray of float64 of shape (n_rows,)
        By descending full score; the sum is 1.
    """
    k = min(k, n_query)
    rank = np.arange(n_rows)
    if n_query <= n_rows:
        # A row of the next rank is left out if, besides, the k-th best has this rank.
        is_last = _chance_of_the_kth(rank[:-1], n_rows, k, n_query)
        share = np.clip(1 - np.append(0.0, np.cumsum(is_last)), 0.0, 1.0)
    else:
        share = binom.cdf(k - 1, n_query - 1, (rank + 0.5) / n_rows)
        if not share.any():
            share[0] = 1.0  # all K best of so large a query are copies of the best row
    return share / share.sum()


def _chance_of_the_kth(rank, n_rows: int, k: int, n_query: int) -> np.ndarray:
    """Chance that the k-th best of a query that leaves out a worse row has each rank.

    ``n_query - 1`` of ``n_rows - 1`` other rows are drawn: ``k - 1`` of the `rank` better ones, the
    row itself, and the rest of those below.
    """
    below = n_rows - 2 - rank
    possible = (rank >= k - 1) & (below >= n_query - 1 - k) & (n_query > k)
    chance = np.zeros(len(rank))
    log_chance = (
        _log_choose(rank[possible], k - 1)
        + _log_choose(below[possible], n_query - 1 - k)
        - _log_choose(n_rows - 1, n_query - 1)
    )
    chance[possible] = np.exp(log_chance)
    return chance


def _log_choose(n, k):
    return gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)


def mean_precision(score, need, efforts, k: int, n_query: int) -> np.ndarray:
    """Mean precision over queries drawn from a sample, for each effort.

    Of rows with the same score, each is as likely to be among the best.

    Parameters
    ----------
    score, need : ndarray of float64 of shape (n_rows,)
    efforts : ndarray of float64 of shape (n_efforts,)
    k, n_query : int

    Returns
    -------
    ndarray of float64 of shape (n_efforts,)
    """
    _, place, n_tied = np.unique(-score, return_inverse=True, return_counts=True)
    of_ranks = precision_weights(len(score), k, n_query)
    weights = (np.add.reduceat(of_ranks, np.cumsum(n_tied) - n_tied) / n_tied)[place]
    order = np.argsort(need)
    found = np.concatenate([[0.0], np.cumsum(weights[order])])
    return np.minimum(found[np.searchsorted(need[order], efforts, side="right")], 1.0)


def effort_for_precision(score, need, target: float, k: int, n_query: int) -> float:
    """Least effort with a mean precision of `target` over queries drawn from a sample."""
    efforts = np.unique(need)
    enough = mean_precision(score, need, efforts, k, n_query) >= target - 1e-12
    return float(efforts[np.argmax(enough)])


def draw_queries(n_rows: int, n_query: int, n_draws: int, rng) -> list[np.ndarray]:
    """Queries drawn from a sample: subsets, or with replacement if they are larger than it."""
    return [rng.choice(n_rows, n_query, replace=n_query > n_rows) for _ in range(n_draws)]


def drawn_precisions(missed, k: int, n_query: int, n_draws: int, rng) -> np.ndarray:
    """Precisions of queries drawn from a sample, as by `draw_queries`.

    Parameters
    ----------
    missed : ndarray of bool of shape (n_rows,)
        Whether each row of the sample is missed, by descending full score.
    k, n_query, n_draws : int
        With `k` at most `n_query`.
    rng : Generator

    Returns
    -------
    ndarray of float64 of shape (n_draws,)
    """
    ranks = (_ranks_of_best(len(missed), k, n_query, rng) for _ in range(n_draws))
    return np.array([1 - missed[of_query].mean() for of_query in ranks])


def _ranks_of_best(n_rows: int, k: int, n_query: int, rng) -> np.ndarray:
    """Ranks in a sample of the `k` best rows of a query drawn from it."""
    if n_query <= n_rows:
        return np.partition(rng.choice(n_rows, n_query, replace=False), k - 1)[:k]
    # The k least of n_query uniform numbers, by their spacings: the others need not be drawn.
    steps = np.cumsum(rng.exponential(size=k))
    return (n_rows * steps / (steps[-1] + rng.gamma(n_query + 1 - k))).astype(np.intp)


BETS = np.append(np.linspace(0.05, 0.95, 19), 0.99)
"""Bets to choose from, as shares of the most that can be lost on a query without precision."""


def betting_p_value(values, mean: float, bet: float) -> float:
    """P-value of "the mean is at most `mean`" for independent values between 0 and 1.

    The inverse of the capital of a gambler who bets on larger values: the product of
    ``1 + bet * (value / mean - 1)`` (Waudby-Smith and Ramdas 2020, section 4). It holds for every
    number of values, if the bet was chosen without them.

    Parameters
    ----------
    values : ndarray of float64 of shape (n_values,)
    mean : float in (0, 1]
    bet : float in (0, 1)

    Returns
    -------
    float
    """
    return float(np.exp(-max(_log_growth(values, mean, bet).sum(), 0.0)))


def tolerant_bet(values, mean: float, n_values: int, error: float, least_loss: float) -> float:
    """The bet that allows the most losses among other values, as seen from these.

    A value without a loss lets the capital grow by one factor, those with one let it shrink, by
    others. Chosen is the bet under which the largest share of `n_values` others may have a loss
    while their p-value is `error`. One value is added to those with a loss, for where there are
    none or only small ones.

    Parameters
    ----------
    values : ndarray of float64 of shape (n,)
        Between 0 and 1. Not those that are then tested.
    mean : float in (0, 1)
    n_values : int
        Number of values to be tested.
    error : float
        Level of the test.
    least_loss : float
        The least loss that a value can have, besides none.

    Returns
    -------
    float
        One of `BETS`.
    """
    values = np.asarray(values)
    least = min(values.min(initial=1.0), 1 - least_loss, 2 * mean - 1)
    losing = np.append(values[values < 1], max(least, 0.0))
    growth = _log_growth(1.0, mean, BETS)
    shrinkage = _log_growth(losing, mean, BETS[:, None]).mean(axis=1)
    return float(BETS[np.argmax((growth + np.log(error) / n_values) / (growth - shrinkage))])


def _log_growth(values, mean, bet):
    """Growth of the logarithm of the capital at each value."""
    return np.log1p(bet * (np.asarray(values) / mean - 1))
