"""Precision of a search over queries that are drawn from a sample of rows."""

import numpy as np
from scipy.special import gammaln
from scipy.stats import binom


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
        log_choose(rank[possible], k - 1)
        + log_choose(below[possible], n_query - 1 - k)
        - log_choose(n_rows - 1, n_query - 1)
    )
    chance[possible] = np.exp(log_chance)
    return chance


def log_choose(n, k):
    """Logarithm of the number of ways to choose `k` of `n`."""
    return gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)


def mean_precision(score, need, efforts, k: int, n_query: int) -> np.ndarray:
    """Mean precision over queries drawn from a sample, for each effort.

    Of rows with the same score, each is as likely to be among the best.

    Parameters
    ----------
    score, need : ndarray of float64 of shape (n_rows,)
    efforts : ndarray of float64 of shape (n_efforts,)

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
