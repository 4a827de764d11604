"""
Which rows of a query to draw: evenly, or those that calibration expects to be among the best
=============================================================================================

`ApproxTopKRanker.rank` with ``return_evidence=True`` visits rows by the filter's score, and draws
of the others evenly. Importance sampling (SUPG, Kang et al. 2020, arXiv 2004.00827) would draw rows
with a probability p that grows with what calibration expects of them. Here each row is drawn by
itself, with p as the square root of what is expected, and of a least p0 at least. Rows that are
found count as

    a(p) = -log(1 - (1 - g) / p),    g = 1 - d * p0,

so that a row of the K best that was not visited lowers the chance of a small sum by g, wherever it
is (Chernoff). With the sum s of those that are found, there are thus at most (s - log(error)) /
-log(g) of them, but for a chance of `error`, whatever the query. Both ways choose how deep to
visit, and what to draw, by the least number of rows that calibration expects to show that a
twentieth of the K best is missing at most; both are then used on many queries whose truth is known.
Run it as ::

    python examples/benchmarks/sampling_study.py [--quick] [--out FILE]
"""

import sys

import numpy as np
from _measure import parser_of, setting, show, write

from skwillump.planning import most_missing
from skwillump.planning._seen_rows import PASSES, _size_for, chance_of_at_most

ERROR = 0.05
MISSING = 0.05
CALIBRATING = 50_000
WORLDS = {
    "noise 0.25": (0.25, 0.0),
    "noise 1": (1.0, 0.0),
    "noise 2": (2.0, 0.0),
    "noise 0.25, a tenth of the best unknown to the filter": (0.25, 0.1),
}
"""How far full scores are from the filter's, and the share of the K best that it knows nothing of
in queries, but not in calibration."""


def rows_of(rng, n_rows, k, noise, unknown):
    """Full scores, rows in the order of the filter's scores."""
    by_filter = -np.sort(-rng.standard_normal(n_rows))
    full = by_filter + noise * rng.standard_normal(n_rows)
    extreme = rng.choice(n_rows, round(unknown * k), replace=False)
    full[extreme] += 20
    return full


def places_of_best(full, k):
    """Places of the K best in the order of the filter."""
    return np.sort(np.argpartition(-full, k - 1)[:k])


def expected_counts(rng, n_rows, k, noise):
    """Ends of bins of a query in the order of the filter, and how many of the best are in each."""
    n_best = max(round(k * CALIBRATING / n_rows), 1)
    places = places_of_best(rows_of(rng, CALIBRATING, n_best, noise, 0.0), n_best) / CALIBRATING
    ends = np.unique(np.round(np.geomspace(k, n_rows, 120))).astype(int)
    counts = np.histogram(places * n_rows, np.append(0, ends))[0] * (k / n_best)
    return ends, counts


def even_plan(ends, counts, allowed):
    """Rows to visit and to draw, evenly; None where no sample is expected to show it."""
    best = None
    for visited, left in zip(ends, counts.sum() - np.cumsum(counts), strict=True):
        for n_found in range(60):
            size = _size_for(int(ends[-1] - visited), allowed, n_found, ERROR)
            passes = chance_of_at_most(n_found, int(ends[-1] - visited), round(left), size)
            if passes >= PASSES or visited + size >= ends[-1]:
                break
        if passes >= PASSES and (best is None or visited + size < sum(best)):
            best = int(visited), size
    return best


def graded_plan(ends, counts, allowed):
    """Rows to visit, p of the others by place, p0 and d with the least number of rows."""
    sizes = np.diff(np.append(0, ends))
    best, least = None, np.inf
    for first in range(1, len(ends) - 1):
        visited, n_best, n_rows = int(ends[first - 1]), counts[first:], sizes[first:]
        expected = np.sqrt((n_best + 0.5) / n_rows)
        for least_p in np.linspace(0.02, 0.3, 15):
            for factor in (0, 0.5, 1, 2, 4, 8):
                p = np.clip(factor * expected, least_p, 1)
                total = visited + n_rows @ p
                if total >= least:
                    continue
                for d in (0.3, 0.5, 0.7, 0.85, 0.95):
                    log_g, weight = weights(p, least_p, d)
                    spread = np.sqrt(n_best @ (p * (weight / log_g - 1) ** 2))
                    bound = (n_best @ (p * weight) - np.log(ERROR)) / log_g - n_best @ p
                    if bound + 1.3 * spread <= allowed:
                        best, least = (visited, np.repeat(p, n_rows), least_p, d), total
    return best


def weights(p, least_p, d):
    """``-log(g)``, and what a row that is found counts for."""
    step = d * least_p
    return -np.log1p(-step), -np.log1p(-step / p)


def draw_evenly(rng, full, k, visited, size):
    """Rows that are scored, and the bound of those that are missing."""
    drawn = visited + rng.choice(len(full) - visited, size, replace=False)
    seen = np.append(np.arange(visited), drawn)
    found = seen[np.argpartition(-full[seen], k - 1)[:k]]
    return seen, most_missing(len(full) - visited, size, int(np.sum(found >= visited)), ERROR)


def draw_graded(rng, full, k, visited, p, least_p, d):
    """Rows that are scored, and the bound of those that are missing."""
    drawn = np.flatnonzero(rng.random(len(p)) < p)
    seen = np.append(np.arange(visited), visited + drawn)
    found = seen[np.argpartition(-full[seen], k - 1)[:k]]
    found = found[found >= visited]
    log_g, weight = weights(p[found - visited], least_p, d)
    return seen, (weight.sum() - np.log(ERROR)) / log_g - len(found)


def outcomes_of(way, plan, world, n_queries, n_rows, k):
    """What a way came to in queries whose truth is known; None in each where it has no plan."""
    noise, unknown = WORLDS[world]
    row = {"world": world, "way": way, "n_queries": n_queries, "n_rows": n_rows, "k": k}
    if plan is None:
        return row | {"scored": None, "shown": None, "bound_is_true": None}
    draw = {"even": draw_evenly, "graded": draw_graded}[way]
    allowed = int(MISSING * k)
    outcomes = []
    for seed in range(1, n_queries + 1):
        rng = np.random.default_rng(seed)
        full = rows_of(rng, n_rows, k, noise, unknown)
        seen, bound = draw(rng, full, k, *plan)
        missing = k - np.isin(places_of_best(full, k), seen).sum()
        outcomes.append((len(seen) / n_rows, bound <= allowed, missing <= bound + 1e-9))
    scored, shown, true = np.mean(outcomes, axis=0).tolist()
    return row | {"scored": scored, "shown": shown, "bound_is_true": true}


def main(arguments=None):
    """Run the study."""
    options = parser_of(__doc__, "sampling_study.json").parse_args(arguments)
    n_queries, n_rows = (40, 20_000) if options.quick else (200, 100_000)
    k = n_rows // 100
    allowed = int(MISSING * k)
    rows = []
    for world, (noise, _) in WORLDS.items():
        ends, counts = expected_counts(np.random.default_rng(0), n_rows, k, noise)
        plans = {"even": even_plan(ends, counts, allowed)}
        plans["graded"] = graded_plan(ends, counts, allowed)
        for way, plan in plans.items():
            rows.append(outcomes_of(way, plan, world, n_queries, n_rows, k))
            show(rows[-1])
    write({**setting(options), "error": ERROR, "missing": MISSING, "rows": rows}, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
