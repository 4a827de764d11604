"""How deep to search for the K best, from all calibration rows and an assumption that is checked.

A row's *rank share* u is the share of rows with a higher full score, and v is the share of a query
that a search visits, in the order of the filter's scores, before it finds the row. A search that
visits a share d of each query misses the rows with v > d. Rows of a query's K best have rank shares
of about K / N and less; with few calibration rows hardly any has. The estimate therefore looks at
more rows than these, and assumes (*the odds rule*) that near the K best

    odds(missed at d | u) = exp(a) * u ** b,

a straight line in log u, for each depth d with an a and b of its own. It is a logistic regression
of the misses on log u, with a weak prior that b is near 0, over a window of the best rows:
`LEAST_ROWS` of them, or `WINDOW` times the share K / N if that is more, so that a line is enough.
The mean loss of a query is the mean of the
line's probabilities over the rank shares that a query's K best have, of which the distribution is
known. Its upper bound is that of Clopper and Pearson (1934) for as many rows and misses as have the
variance of the fit (Korn and Graubard 1998, "Confidence intervals for proportions with small
expected number of positive counts estimated from survey data").

The rule is checked where it matters: the 1, 2, 4, ... best calibration rows must not be missed more
often than the line says, by binomial tests. Where one fails, as for a few extreme rows of which the
filter knows nothing, the best rows alone decide, with no rule for others: an exact binomial bound
on the misses of those that would be among the K best. If they are too few, all rows are candidates.

Where the rule is wrong in a way that so few rows do not show, the bound can be too low. It is
called an estimate wherever it is used.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr, bdtrc, betaincinv, expit
from scipy.stats import binom

from ._topk_search import ShareSearch

LEAST_ROWS = 400
"""Rows of the window that a line is fitted to, at least."""

WINDOW = 3
"""Rows of the window for each one that would be among the K best, at least."""

LARGEST_WINDOW = 0.5
"""Share of the calibration rows in the window at most, unless K is nearly as large a share."""

FEWEST_ROWS = 50
"""With fewer calibration rows nothing is estimated."""

N_BINS = 32
"""Rows of the window are counted in bins of about the same width in log u."""

N_POINTS = 32
"""Rank shares at which a query's K best are summed over."""

N_DEPTHS = 80
"""Depths that are looked at, evenly spaced in their logarithms."""

MOST_STEPS = 40
"""Of Newton's method."""

LARGEST_STEP, SMALL_STEP = 2.0, 1e-3
"""Most that a log odds changes by in a step, and how little ends it."""

TINY = 1e-9
"""Added to what is divided by."""

SLOPE_DEVIATION = 0.5
"""Standard deviation of the prior of b. Its mean is 0: the best rows are missed as often as those
after them, unless the rows say otherwise."""

CHECK_ERROR = 0.05
"""Level of each test of the rule."""

CHECKED_LOSS = 0.33
"""The rule is not said to fail by misses that this share of the allowed loss would explain."""

CHECK_FROM = 8
"""The tests look at this share of the rows that would be among the K best (1 in so many), and up to
all of them."""

CHECKED_ROWS = 8
"""Where those are fewer, at so many rows."""

POINT_ROWS = 20
"""With so many rows that would be among the K best, their misses must not exceed the allowed loss
themselves."""


class EstimatedDepth(NamedTuple):
    """How much of a query a search must visit."""

    share: float  # of a query's rows
    # Whether the best calibration rows are missed as the odds rule has it. Where not, they alone
    # decide.
    follows_rule: bool


class MissLines(NamedTuple):
    """Log odds of a miss as lines in the log of the rank share, one for each depth."""

    # `level`, `slope`: float64 (n_depths, 1): log odds at 0, and what they change by.
    level: np.ndarray
    slope: np.ndarray
    covariance: np.ndarray  # float64 (n_depths, 2, 2)

    def chances(self, x, depths: slice | int = slice(None)) -> np.ndarray:
        """Chances of a miss at log rank shares, for each depth or one of them."""
        return expit(self.level[depths] + self.slope[depths] * x)


def fit_lines(x, n_rows, n_missed) -> MissLines:
    """Logistic regressions of misses on `x`, from counts in bins, for all depths together.

    Half a miss and half a row that is found are added at the mean of x, so that there is an answer
    where all rows are found; a normal prior pulls slopes to 0. By Newton's method, in steps that
    change no log odds by more than `LARGEST_STEP`.

    Parameters
    ----------
    x, n_rows : ndarray of float64 of shape (n_bins,)
    n_missed : ndarray of float64 of shape (n_depths, n_bins)
    """
    x, n_rows = np.append(x, np.average(x, weights=n_rows)), np.append(n_rows, 1.0)
    n_missed = np.column_stack([n_missed, np.full(len(n_missed), 0.5)])
    powers = np.stack([np.ones(len(x)), x, x * x], axis=1)
    share = n_missed.sum(axis=1) / n_rows.sum()
    lines = np.stack([np.log(share / (1 - share)), np.zeros(len(share))], axis=1)
    moving = np.arange(len(lines))

    def information(chances):
        zero, one, two = ((n_rows * chances * (1 - chances)) @ powers).T
        return zero + TINY, one, two + 1 / SLOPE_DEVIATION**2

    for _ in range(MOST_STEPS):
        chances = expit(lines[moving] @ powers[:, :2].T)
        level, slope = ((n_missed[moving] - n_rows * chances) @ powers[:, :2]).T
        slope = slope - lines[moving, 1] / SLOPE_DEVIATION**2
        zero, one, two = information(chances)
        step = np.stack([two * level - one * slope, zero * slope - one * level], axis=1)
        step /= (zero * two - one * one)[:, None]
        change = np.abs(step @ powers[:, :2].T).max(axis=1)
        lines[moving] += step * np.minimum(1.0, LARGEST_STEP / np.maximum(change, TINY))[:, None]
        moving = moving[change > SMALL_STEP]
        if not len(moving):
            break
    zero, one, two = information(expit(lines @ powers[:, :2].T))
    inverse = np.array([[two, -one], [-one, zero]]) / (zero * two - one * one)
    return MissLines(lines[:, :1], lines[:, 1:], np.moveaxis(inverse, 2, 0))


def best_rank_shares(k: int, n_query: int) -> tuple[np.ndarray, np.ndarray]:
    """Rank shares that the K best of a query have, and the weight of each.

    A row with rank share u is among the `k` best of `n_query` with the chance that fewer than `k`
    of the others are better.
    """
    most = min(1.0, k / n_query * (1 + 6 / np.sqrt(k)))
    shares = (np.arange(N_POINTS) + 0.5) / N_POINTS * most
    weights = bdtr(k - 1, n_query - 1, shares)
    return shares, weights / weights.sum()


def upper_bounds(shares, variances, error: float) -> np.ndarray:
    """Clopper and Pearson's upper bounds of shares that were estimated with some variance."""
    n_rows = shares * (1 - shares) / np.maximum(variances, 1e-300)
    return betaincinv(n_rows * shares + 1, np.maximum(n_rows * (1 - shares), 1e-9), 1 - error)


def estimated_depth(found_at, k: int, n_query: int, *, loss: float, error: float) -> EstimatedDepth:
    """Least share of a query to visit, of which the mean loss is estimated to be low enough.

    Parameters
    ----------
    found_at : ndarray of float64 of shape (n_rows,)
        Of calibration rows by descending full score: the share that is visited before each is
        found.
    loss : float
        Mean loss to stay below.
    error : float
        Share of samples of which the estimate may be wrong, if its assumption is right.
    """
    if len(found_at) < FEWEST_ROWS or k >= n_query:
        return EstimatedDepth(1.0, follows_rule=True)
    losses = _Losses(found_at, k, n_query, loss)
    # Deeper searches lose less: where a deeper one has fewer misses to tell a line by, and so a
    # wider bound, that of the less deep one holds for it too.
    position = int(np.argmax(losses.are_low_enough(error)))
    share = float(losses.depths[position])
    if losses.follow_rule(position):
        return EstimatedDepth(share, follows_rule=True)
    return EstimatedDepth(max(share, losses.depth_of_the_best_alone(error)), follows_rule=False)


class _Losses:
    """Mean losses of queries at several depths, as a sample of rows has them."""

    def __init__(self, found_at, k: int, n_query: int, loss: float):
        n_rows, base = len(found_at), k / n_query
        self._loss, self._found_at = loss, found_at
        self._n_top = max(round(n_rows * base), 1)
        largest = max(LARGEST_WINDOW, min(2 * base, 1.0))
        window = min(max(WINDOW * base, LEAST_ROWS / n_rows), largest)
        n_window = max(int(np.ceil(window * n_rows)), 1)
        least = max(base, 1 / n_rows)
        self.depths = np.append(np.geomspace(least, 1.0, N_DEPTHS)[:-1], 1.0)

        edges = np.geomspace(1, n_window + 1, N_BINS + 1).astype(np.intp) - 1
        starts = np.unique(edges[:-1])
        n_in_bin = np.diff(np.append(starts, n_window))
        # Rows of each bin by the depth from which on they are found.
        found_from = np.searchsorted(self.depths, found_at[:n_window])
        bins = np.repeat(np.arange(len(starts)), n_in_bin)
        shape = (len(self.depths), len(starts))
        counts = np.bincount(found_from * shape[1] + bins, minlength=shape[0] * shape[1])
        n_missed = n_in_bin - np.cumsum(counts.reshape(shape), axis=0)
        self._lines = fit_lines(
            np.log((starts + n_in_bin / 2) / n_rows / base), n_in_bin.astype(float), n_missed
        )
        shares, self._weights = best_rank_shares(k, n_query)
        self._best_x = np.log(shares / base)
        n_checked = min(n_window, max(self._n_top, CHECKED_ROWS))
        self._checked_x = np.log((np.arange(n_checked) + 0.5) / n_rows / base)

    def are_low_enough(self, error: float) -> np.ndarray:
        """Whether the upper bound of the mean loss is below the allowed one, for each depth."""
        chances = self._lines.chances(self._best_x)
        slopes = self._weights * chances * (1 - chances)
        gradients = np.stack([slopes.sum(axis=1), slopes @ self._best_x], axis=1)
        variances = np.einsum("di,dij,dj->d", gradients, self._lines.covariance, gradients)
        enough = upper_bounds(chances @ self._weights, variances, error) <= self._loss
        if self._n_top >= POINT_ROWS:
            best = np.sort(self._found_at[: self._n_top])
            n_missed = len(best) - np.searchsorted(best, self.depths, side="right")
            enough &= n_missed <= self._loss * len(best)
        enough[-1] = True
        return enough

    def follow_rule(self, position: int) -> bool:
        """Whether the best rows are missed no more often than the line of a depth says."""
        missed = self._found_at > self.depths[position]
        chances = self._lines.chances(self._checked_x, position)
        n_best = max(self._n_top // CHECK_FROM, 1)
        while n_best <= len(chances):
            n_missed = int(missed[:n_best].sum())
            chance = max(float(chances[:n_best].mean()), CHECKED_LOSS * self._loss)
            if n_missed and bdtrc(n_missed - 1, n_best, chance) < CHECK_ERROR:
                return False
            n_best *= 2
        return True

    def depth_of_the_best_alone(self, error: float) -> float:
        """The depth that an exact bound on the misses of the best rows asks for."""
        best = np.sort(self._found_at[: self._n_top])
        most = int(binom.ppf(error, len(best), self._loss)) - 1
        if binom.cdf(most + 1, len(best), self._loss) <= error:
            most += 1
        return 1.0 if most < 0 else float(best[len(best) - 1 - most])


SIZE_RATIO = 1.5
"""Ratio of the sizes of queries for which depths are tabled; others lie on a line in logarithms."""

LARGEST_SIZE, LARGEST_ROWS = 1000, 1_000_000
"""The largest of them is this many times k, and of so many rows at least: of larger queries, depths
are computed when they come, which is little beside scoring them."""


def rank_shares(score, folds, draw) -> np.ndarray:
    """Share of the rows of its fold that are before each row, by descending score.

    Rows are in the middle of the space that they take, so that shares are above 0 and below 1.
    Ties are in the order of `draw`; rows without a score (NaN) come first.
    """
    score = np.where(np.isnan(score), np.inf, score)
    shares = np.empty(len(score))
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        order = rows[np.lexsort((draw[rows], -score[rows]))]
        shares[order] = (np.arange(len(rows)) + 0.5) / len(rows)
    return shares


@dataclass(frozen=True, kw_only=True)
class RankedSample:
    """Calibration rows by descending full score, for one filter."""

    # float64 (n_rows,): the share of a query that is visited before each row is found.
    found_at: np.ndarray = field(repr=False)
    # float64 (n_rows,): the filter's score at which a search of each share ends: descending. The
    # mean over folds.
    filter_scores: np.ndarray = field(repr=False)
    # `loss`, `error`: as of `estimated_depth`.
    loss: float
    error: float
    k: int = 0  # number of rows to return for which depths are tabled
    # `sizes`, `depths`: float64 (n_sizes,): sizes of queries, and the share of each to visit; none
    # where no table was asked for.
    sizes: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0))
    depths: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0))

    def search(self, k: int, n_query: int) -> ShareSearch:
        """Search of a query: a share of its rows, and all that reach the score at its end.

        Where a query has more good rows than the sample had, more of its rows are candidates.
        """
        return self.search_of_share(max(self.depth(k, n_query), k / n_query))

    def search_of_share(self, share: float) -> ShareSearch:
        """Search that visits the first rows, and all that reach the score at their end."""
        n_rows = len(self.filter_scores)
        last = int(np.clip(np.ceil(share * n_rows) - 1, 0, n_rows - 1))
        return ShareSearch(share=share, cut=float(self.filter_scores[last]))

    def depth(self, k: int, n_query: int) -> float:
        """Share of a query to visit."""
        if k == self.k and len(self.sizes) and self.sizes[0] <= n_query <= self.sizes[-1]:
            at = np.interp(np.log(n_query), np.log(self.sizes), np.log(self.depths))
            return float(np.exp(at))
        found_at, loss, error = self.found_at, self.loss, self.error
        return estimated_depth(found_at, k, n_query, loss=loss, error=error).share

    def with_table(self, k: int) -> "RankedSample":
        """The same, with the depths of queries of many sizes, so that none is computed again."""
        least, most = k + 1, max(LARGEST_SIZE * (k + 1), LARGEST_ROWS)
        n_sizes = int(np.ceil(np.log(most / least) / np.log(SIZE_RATIO))) + 1
        sizes = np.unique(np.round(np.geomspace(least, most, n_sizes)))
        depths = np.array([self.depth(k, int(size)) for size in sizes])
        return replace(self, k=k, sizes=sizes, depths=depths)


def filter_scores_of(filter_score, folds) -> np.ndarray:
    """The filter's score at which a search of each share ends: the mean over folds."""
    n_rows = len(filter_score)
    places = (np.arange(n_rows) + 0.5) / n_rows
    ends = np.zeros(n_rows)
    names = np.unique(folds)
    for fold in names:
        scores = np.asarray(filter_score, dtype=np.float64)[folds == fold]
        scores = -np.sort(-np.where(np.isnan(scores), np.inf, scores))
        ends += scores[np.minimum((places * len(scores)).astype(np.intp), len(scores) - 1)]
    return ends / max(len(names), 1)
