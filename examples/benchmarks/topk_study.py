"""
What a ranker finds of the K best, and what it gains, on real data
==================================================================

Each pipeline is fitted once on some rows, with a ranker's defaults; the other rows are one query.
For each K its search is planned for a precision of 0.95. *Possible* is what the same filter could
save if it were known how deep to search: the least share of the rows, best filter score first, that
holds 95 % of the full model's K best of this query, timed in the same way. Speed is by CPU time, in
turns, on one thread, against the compiled pipeline scoring all rows and selecting. Where there are
rows enough, some of the query certify the ranker without labels, and the others are ranked. Writes
``docs/results/topk_study.json``; with ``--only`` the rows of other sets stay as they are. Run it
as ::

    python examples/benchmarks/topk_study.py [--quick] [--only NAMES] [--out FILE]

The published sets are read from the folder named by the environment variable SKWILLUMP_DATA; those
that are not there are left out, and said to be.
"""

import sys
import time
import warnings
from dataclasses import replace
from functools import partial

import numpy as np
from _data import take
from _measure import medians_in_turns, parser_of, rows_of_others, rows_of_sets, setting, write
from _pipelines import boosting, characters, filled_and_scaled, logistic, mixed, one_hot, words_and
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from skwillump import ApproxTopKRanker
from skwillump.datasets import load_benchmark, load_stdlib_lines
from skwillump.planning import ShareSearch, filter_order
from skwillump.ranking._answering import searcher_of
from skwillump.ranking._timing import FixedSearch

TARGET = 0.95
KS = (10, 100, 1000)
PLAIN_ROWS = 5000
"""Rows on which the plain pipeline is timed: it takes as long for each row."""

CERTIFYING_ROWS = 50_000
"""Rows without labels that certify, where as many are left to rank."""


def text(name):
    """Texts, by the probability of the second class."""
    X, y = load_benchmark(name, return_X_y=True)
    return np.asarray(X), np.asarray(y), make_pipeline(words_and(characters()), logistic())


def toxic():
    """Most toxic comments; all rows, since those at their natural share are too few."""
    return *text("toxic"), 7329


def clickbait():
    """Headlines, by the probability of being clickbait."""
    return *text("clickbait"), 12_800


def product():
    """Product titles, by the probability of the first category by name."""
    X, y, pipeline = text("product")
    return X, (y == np.unique(y)[0]).astype(int), pipeline, 14_125


def stdlib_lines():
    """Lines of Python's standard library, by the probability of being documentation."""
    X, y = load_stdlib_lines(return_X_y=True)
    return np.asarray(X), np.asarray(y), make_pipeline(words_and(characters()), logistic()), 200_000


def airbnb():
    """Dearest listings: name, categories and numbers."""
    X, y = load_benchmark("airbnb", return_X_y=True)
    X = X.assign(name=X["name"].fillna(""))
    numbers = X.columns[[X[column].dtype.kind in "iuf" for column in X.columns]]
    features = make_column_transformer(
        (TfidfVectorizer(min_df=3), "name"),
        (characters(min_df=5), "name"),
        (one_hot(), ["neighbourhood_group", "neighbourhood", "room_type"]),
        (filled_and_scaled(), list(numbers)),
    )
    return X, np.log1p(np.asarray(y)), make_pipeline(features, Ridge()), 19_558


def cars():
    """Dearest cars: categories and numbers, boosted trees."""
    X, y = load_benchmark("cars", return_X_y=True)
    categories = [column for column in X.columns if X[column].dtype.kind not in "iuf"]
    numbers = [column for column in X.columns if column not in categories]
    features = make_column_transformer(
        (one_hot(), categories),
        (filled_and_scaled(), numbers[: len(numbers) // 2]),
        (filled_and_scaled(), numbers[len(numbers) // 2 :]),
    )
    model = boosting(LGBMRegressor, 300)
    return X, np.asarray(y, dtype=float), make_pipeline(features, model), 39_675


def adult():
    """Highest probability of a high income: numbers and categories, a linear model."""
    X, y = load_benchmark("adult", return_X_y=True)
    y = (np.asarray(y) == np.unique(y)[1]).astype(int)
    return X, y, make_pipeline(mixed("adult", X), logistic()), 19_537


def credit():
    """Highest probability of a default: numbers in three blocks, boosted trees."""
    X, y = load_benchmark("credit", return_X_y=True)
    codes = ["SEX", "EDUCATION", "MARRIAGE"]
    numbers = [column for column in X.columns if column not in codes]
    features = make_column_transformer(
        (one_hot(), codes),
        (filled_and_scaled(), numbers[:11]),
        (filled_and_scaled(), numbers[11:]),
    )
    return X, np.asarray(y), make_pipeline(features, boosting(LGBMClassifier)), 12_000


SETS = {
    "toxic": toxic,
    "clickbait": clickbait,
    "product": product,
    "stdlib lines": stdlib_lines,
    "airbnb": airbnb,
    "cars": cars,
    "adult": adult,
    "credit": credit,
}


def plain_scores(estimator, X):
    """The plain pipeline's score of every row."""
    return (
        estimator.predict_proba(X)[:, 1] if hasattr(estimator, "classes_") else estimator.predict(X)
    )


def best(scores, k):
    """The K best as a stable sort gives them."""
    return np.argsort(-scores, kind="stable")[:k]


def selected(scores, k):
    """The same by partial selection, which is what ranking by the compiled pipeline costs."""
    chosen = np.argpartition(-scores, k - 1)[:k]
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def least_share(filter_scores, own, n_found):
    """Least share of a query, best filter score first, that holds so many of its best rows."""
    place = np.empty(len(filter_scores))
    place[filter_order(filter_scores)] = np.arange(1, len(filter_scores) + 1)
    return float(np.sort(place[own])[n_found - 1] / len(filter_scores))


def measured(name, ranker, query, true, plain_seconds, *, k, n_repeats, fitted):
    """One row: what the ranker finds of a query and what it costs."""
    full = ranker.predict(query)
    n_query, own, found = len(true), best(full, k), ranker.rank(query)
    searcher, exact = searcher_of(ranker), ranker._full_searcher
    calls = {
        "compiled": lambda: selected(ranker.predict(query), k),
        "without": lambda: exact.rank(query, k),
        "ranker": lambda: ranker.rank(query),
    }
    share = possible_share = 1.0
    if len(ranker.stages_) > 1:
        n_found = int(np.ceil(TARGET * k))
        possible_share = least_share(searcher.filter_scores(query), own, n_found)
        oracle = FixedSearch(ShareSearch(share=max(possible_share, k / n_query)))
        known = replace(searcher, searches=oracle)
        calls["possible"] = lambda: known.rank(query, k)
        search = searcher.search_for(k, n_query)
        if search is not None:
            share = search.least_candidates(k, n_query) / n_query
    seconds = medians_in_turns(calls, n_repeats, least_seconds=0, clock=time.process_time)
    speed = {of: seconds["compiled"] / spent for of, spent in seconds.items()}
    possible = speed.get("possible", 1.0)
    row = {
        "data": name,
        "k": k,
        "n_query": n_query,
        "target": TARGET,
        **fitted,
        "kind": ranker.guarantee_.kind,
        "follows_rule": ranker.guarantee_.follows_rule,
        "reason": ranker.guarantee_.reason,
        "blocks": list(ranker.stages_[0].blocks),
        "share": share,
        "possible_share": possible_share,
        "precision": float(np.isin(own, found).mean()),
        "value": float(np.mean(true[found])),
        "full_value": float(np.mean(true[own])),
        "speed_up": plain_seconds * n_query / seconds["ranker"],
        "speed_up_over_compiled": speed["ranker"],
        "possible_over_compiled": possible,
        "of_possible_saving": (1 - 1 / speed["ranker"]) / (1 - 1 / possible)
        if possible > 1.1
        else None,
        "without_filter_over_compiled": speed["without"],
    }
    print_row(row)
    return row


def study(name, *, n_rows, n_repeats):
    """Fit and time on one data set; a list of rows, one for each K."""
    X, y, pipeline, n_query = SETS[name]()
    if n_rows is not None:
        X, _, y, _ = train_test_split(X, y, train_size=min(n_rows, len(y) - 10), random_state=0)
        n_query = n_rows // 2
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=n_query, random_state=0)
    ranker = ApproxTopKRanker(pipeline, precision_target=TARGET, random_state=0)
    ranker.fit(X_train, y_train)
    fitted = {"n_train": len(y_train)}
    few = take(X_test, np.arange(min(PLAIN_ROWS, n_query)))
    start = time.process_time()
    plain_scores(ranker.estimator_, few)
    plain_seconds = (time.process_time() - start) / len(few)

    def rows_of(query, true):
        rows = []
        for k in KS:
            if k >= len(true):
                continue
            ranker.set_params(k=k)
            ranker.set_precision_target(TARGET)
            rows.append(
                measured(
                    name,
                    ranker,
                    query,
                    true,
                    plain_seconds,
                    k=k,
                    n_repeats=n_repeats,
                    fitted=fitted | {"n_certifying": 0},
                )
            )
        return rows

    rows = rows_of(X_test, y_test)
    if n_query < 2 * CERTIFYING_ROWS:
        return rows
    fresh, query = (
        take(X_test, part)
        for part in (np.arange(CERTIFYING_ROWS), np.arange(CERTIFYING_ROWS, n_query))
    )
    for k in KS:
        ranker.set_params(k=k, query_size=n_query - CERTIFYING_ROWS)
        ranker.set_precision_target(TARGET)
        try:
            ranker.certify(fresh)
        except ValueError as error:
            print(f"{name} K={k}: {error}", flush=True)
            continue
        rows.append(
            measured(
                name,
                ranker,
                query,
                y_test[CERTIFYING_ROWS:],
                plain_seconds,
                k=k,
                n_repeats=n_repeats,
                fitted=fitted | {"n_certifying": CERTIFYING_ROWS},
            )
        )
    return rows


def print_row(row):
    """One line of the table."""
    saved = row["of_possible_saving"]
    print(
        f"{row['data']:13} K={row['k']:<5} N={row['n_query']:<6} {row['kind']:12}"
        f"{row['share']:6.1%} (possible {row['possible_share']:.1%})  precision "
        f"{row['precision']:.3f}  {row['speed_up']:6.1f}x plain "
        f"{row['speed_up_over_compiled']:5.2f}x compiled (possible "
        f"{row['possible_over_compiled']:.2f}x, "
        f"{'' if saved is None else f'{saved:.0%} of its saving'})  without a filter "
        f"{row['without_filter_over_compiled']:.2f}x  {row['reason']}",
        flush=True,
    )


def in_order(rows):
    """Rows by data set, in the order of `SETS`."""
    return sorted(rows, key=lambda row: list(SETS).index(row["data"]))


def main(arguments=None):
    """Run the study."""
    parser = parser_of(__doc__, "topk_study.json")
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--repeats", type=int, help="repeats of timings")
    options = parser.parse_args(arguments)
    n_repeats = options.repeats or (1 if options.quick else 5)
    measure = partial(study, n_rows=3000 if options.quick else None, n_repeats=n_repeats)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        for name in options.only:
            rows = rows_of_sets([name], measure)
            kept = rows_of_others(options.out, [row["data"] for row in rows])
            write(setting(options) | {"rows": in_order(kept + rows)}, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
