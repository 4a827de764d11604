"""
How often rankers break their promise, by kind, in worlds made to break it, and in a query
==========================================================================================

A full model and a filter are fitted once and score other rows. From these pairs of scores many
samples are drawn, with replacement so that the truth is known; each plans a ranker, and the mean
precision of its search over queries of the whole is computed in closed form. *Worlds* are pairs
that no model made: in each, the filter fails where few calibration rows show it. The same for the
evidence of single queries: a bound on what is missing, its truth, and what it costs. Writes
``docs/results/topk_coverage.json``; with ``--only`` the rows of other sets stay as they are. Run it
as ::

    python examples/benchmarks/topk_coverage.py [--quick] [--only NAMES] [--repeats N] [--out FILE]

The published sets are read from the folder named by the environment variable SKWILLUMP_DATA; those
that are not there are left out, and said to be.
"""

import sys
import warnings
from functools import partial

import numpy as np
from _data import take
from _measure import parser_of, rows_of_others, rows_of_sets, setting, show, write
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits
from topk_study import SETS, TARGET, best, plain_scores

from skwillump.planning import (
    Search,
    StageSeconds,
    Target,
    TopKCalibration,
    TopKCandidate,
    filter_order,
    make_topk_plan,
    stable_order,
)
from skwillump.planning._topk_precision import precision_weights
from skwillump.ranking._showing import AskedEvidence, rank_until_shown

CONFIDENCE = 0.95
N_QUERY = 5000
KS = (10, 100)
SAMPLES = (2000, 10_000)
"""Calibration rows of a repeat."""

WORLD_ROWS = 100_000
FIT_ROWS = {"toxic": 4000}
"""Rows that models are fitted on; 8,000 by default."""

MOST_ROWS = 60_000
"""Rows that are scored, at most."""

COVERED = ("toxic", "clickbait", "product", "stdlib lines", "airbnb", "cars")
CALIBRATING = 50_000
"""Rows that plan for the evidence of single queries."""

EVIDENCE = {"stdlib lines": (1000, 100_000)}
"""K and query size of the evidence of single queries."""


# Pairs of scores --------------------------------------------------------------------------------


def recorded_scores(name, *, n_fit, n_most):
    """Scores of a full model and of a filter on rows that neither was fitted on."""
    X, y, pipeline, _ = SETS[name]()
    rest, fit = train_test_split(np.arange(len(y)), test_size=n_fit, random_state=0)
    rest = rest[:n_most]
    pipeline.fit(take(X, fit), y[fit])
    full = plain_scores(pipeline, take(X, rest))
    features = pipeline[0]
    # The block that is the least work: words, or categories.
    place = 2 if name == "airbnb" else 0
    if hasattr(features, "transformers_"):
        _, block, columns = features.transformers_[place]

        def cheap(rows):
            return block.transform(take(X, rows)[columns])
    else:

        def cheap(rows):
            return features.transformer_list[place][1].transform(take(X, rows))

    model = type(pipeline[-1])() if name != "cars" else Ridge()
    model.fit(cheap(fit), y[fit])
    return full, plain_scores(model, cheap(rest))


def usual(rng, share):
    """A filter that is as good at the top as in the middle."""
    score = rng.standard_normal(WORLD_ROWS)
    return score + 0.25 * rng.standard_normal(WORLD_ROWS), score


def extreme(rng, share):
    """Half of the K best are rows of which the filter knows nothing."""
    full, score = usual(rng, share)
    return np.where(rng.random(WORLD_ROWS) < share / 2, 8 + full, full), score


def few_extreme(rng, share):
    """An eighth of the K best are such rows."""
    full, score = usual(rng, share)
    return np.where(rng.random(WORLD_ROWS) < share / 8, 8 + full, full), score


def blind_at_the_top(rng, share):
    """The filter tells the best fifth, and among twice the K best nothing more."""
    full, score = usual(rng, share)
    top = full > np.quantile(full, 1 - 2 * share)
    blurred = np.quantile(score, 0.8) + 0.5 * np.abs(rng.standard_normal(WORLD_ROWS))
    return full, np.where(top, blurred, score)


def unseen_part(rng, share):
    """The filter knows nothing of 3 % of the rows, which score higher than others."""
    full, score = usual(rng, share)
    unseen = rng.random(WORLD_ROWS) < 0.03
    return np.where(unseen, full + 1, full), np.where(unseen, rng.permutation(score), score)


def drifted(rng, share, *, underrated=0.01):
    """The filter underrates one row of a hundred; in queries, three of ten (`DRIFTED_SHARE`)."""
    full, score = usual(rng, share)
    return full, score - (rng.random(WORLD_ROWS) < underrated)


WORLDS = {
    "usual": usual,
    "extreme": extreme,
    "few extreme": few_extreme,
    "blind at the top": blind_at_the_top,
    "unseen part": unseen_part,
    "drifted": drifted,
}


DRIFTED_SHARE = 0.3
"""Of the rows of drifted queries, the share that the filter underrates."""


def drifted_rows(full, score, rng):
    """Rows of queries that drifted: the more the filter underrates a row, the more frequent."""
    weight = np.exp(2 * (full - score) / np.std(full - score))
    return rng.choice(len(full), len(full), p=weight / weight.sum())


# Coverage ---------------------------------------------------------------------------------------


def planned(full, score, *, k, seed, n_query=N_QUERY):
    """A plan for queries drawn from the distribution of some rows, which all are evidence."""
    rng = np.random.default_rng(seed)
    candidate = TopKCandidate(("cheap",), StageSeconds(start=0.01, rest=0.99), score)
    return make_topk_plan(
        TopKCalibration(
            candidates=(candidate,),
            full_seconds=1.0,
            full_score=full,
            folds=np.zeros(len(full), dtype=int),
            selects=rng.random(len(full)) < 0.25,
            queries=None,
            basis="prefit",
            train_share=1.0,
            seed=seed,
        ),
        Target(k, (n_query, n_query), TARGET, CONFIDENCE),
    )


def found_by(search: Search, full, score, k):
    """Rows that a search finds in queries drawn from these."""
    if search.rule == "gap":
        return full - search.prediction(score) <= search.margin
    n_found = int(np.ceil(search.least_candidates(k, N_QUERY) / N_QUERY * len(score)))
    found = ~(score < search.cut)
    found[filter_order(score, n_found)] = True
    return found


def coverage(name, full, score, *, k, n_rows, n_repeats, of_queries=None):
    """How often plans from random samples keep their promise, by its kind.

    The rows of queries are drawn from the same pairs of scores, or from those `of_queries`.
    """
    query_full, query_score = of_queries or (full, score)
    weights = np.empty(len(query_full))
    weights[stable_order(query_full)] = precision_weights(len(query_full), k, N_QUERY)
    outcomes = {}
    for seed in range(n_repeats):
        rows = np.random.default_rng(seed).integers(0, len(full), n_rows)
        plan = planned(full[rows], score[rows], k=k, seed=seed)
        precision = 1.0
        if plan.search is not None:
            precision = weights[found_by(plan.search, query_full, query_score, k)].sum()
        outcomes.setdefault(plan.guarantee.kind, []).append((precision, plan.share))
    rows = []
    for kind, pairs in sorted(outcomes.items()):
        precisions, shares = np.array(pairs).T
        rows.append(
            {
                "data": name,
                "k": k,
                "n_query": N_QUERY,
                "n_rows": n_rows,
                "n_repeats": n_repeats,
                "kind": kind,
                "n_plans": len(pairs),
                "below_target": float(np.mean(precisions < TARGET - 1e-9)),
                "mean_precision": float(precisions.mean()),
                "share": float(shares.mean()),
            }
        )
        show(rows[-1])
    return rows


# Evidence of single queries ---------------------------------------------------------------------


def evidence(name, full, score, *, k, n_query, n_queries, drifts):
    """What is shown of single queries, whether it is true, and how many rows it takes."""
    sample = np.random.default_rng(0).integers(0, len(full), min(CALIBRATING, len(full)))
    plan = planned(full[sample], score[sample], k=k, seed=0, n_query=n_query)
    if plan.search is None or plan.search.rule == "gap":
        return []
    asked = AskedEvidence(
        k=k,
        precision=TARGET,
        confidence=CONFIDENCE,
        expected_precision=plan.guarantee.precision,
    )
    outcomes = []
    for seed in range(n_queries):
        rng = np.random.default_rng(seed)
        rows = drifted_rows(full, score, rng) if drifts else rng.permutation(len(full))
        of_query, by_filter = full[rows[:n_query]], score[rows[:n_query]]
        visited, own = plan.search.candidates(by_filter, k), best(of_query, k)
        seen, shown = rank_until_shown(
            by_filter,
            visited,
            lambda rows, scores=of_query: (scores[rows], scores[rows]),
            asked,
            rng,
        )
        precision = np.isin(own, seen.best(k)).mean()
        outcomes.append(
            {
                "precision_before": np.isin(own, visited).mean(),
                "precision": precision,
                "shown": shown.precision,
                "is_true": precision >= shown.precision - 1e-9,
                "is_met": shown.is_met,
                "alarm": shown.alarm,
                "share_before": len(visited) / n_query,
                "share": (shown.n_visited + shown.n_sampled) / n_query,
            }
        )
    row = {
        "data": name + (", drifted" if drifts else ""),
        "k": k,
        "n_query": n_query,
        "n_queries": n_queries,
    }
    row |= {key: float(np.mean([o[key] for o in outcomes])) for key in outcomes[0]}
    show(row)
    return [row]


def save(name, rows, shown, options):
    """Write what was found of a set; what the file holds of other sets stays."""
    order = [*COVERED, *WORLDS]
    rows = rows_of_others(options.out, [name]) + rows
    drifting = f"{name}, drifted"
    shown = rows_of_others(options.out, [name, drifting], table="evidence") + shown
    rows.sort(key=lambda row: order.index(row["data"]))
    write(setting(options) | {"rows": rows, "evidence": shown}, options.out)


def main(arguments=None):
    """Run the study."""
    parser = parser_of(__doc__, "topk_coverage.json")
    parser.add_argument("--only", nargs="+", choices=[*COVERED, *WORLDS], default=None)
    parser.add_argument(
        "--repeats", type=int, help="samples of each set, and twice as many queries"
    )
    options = parser.parse_args(arguments)
    n_repeats = options.repeats or (5 if options.quick else 100)
    names = options.only or [*COVERED, *WORLDS]

    def measure(name, shown):
        of_queries = None
        if name == "drifted":
            of_queries = drifted(np.random.default_rng(1), 0.0, underrated=DRIFTED_SHARE)
        if name in WORLDS:
            pairs = [(k, WORLDS[name](np.random.default_rng(0), k / N_QUERY)) for k in KS]
        else:
            n_fit, n_most = (1500, 6000) if options.quick else (FIT_ROWS.get(name, 8000), MOST_ROWS)
            if name in EVIDENCE and not options.quick:
                n_most = int(1.5 * EVIDENCE[name][1])
            full, score = recorded_scores(name, n_fit=n_fit, n_most=n_most)
            pairs = [(k, (full, score)) for k in KS]
            if name in EVIDENCE:
                k, n_query = EVIDENCE[name]
                if options.quick:
                    k, n_query = k // 5, len(full) // 2
                for drifts in (False, True):
                    for of_k in (k, k // 10):
                        sizes = {"k": of_k, "n_query": n_query, "n_queries": 2 * n_repeats}
                        shown.extend(evidence(name, full, score, **sizes, drifts=drifts))
        return [
            row
            for k, of_rows in pairs
            for n_rows in SAMPLES
            for row in coverage(
                name,
                *of_rows,
                k=k,
                n_rows=n_rows,
                n_repeats=n_repeats,
                of_queries=of_queries,
            )
        ]

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        for name in names:
            shown = []
            rows = rows_of_sets([name], partial(measure, shown=shown))
            if rows:
                save(name, rows, shown, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
