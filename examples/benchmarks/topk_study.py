"""
What a ranker finds of the K best, and what it gains, on real data
==================================================================

Each pipeline is fitted once. For each K and query size its search is planned anew for a precision
of 0.95, certified where the rows allow it, and by Willump's own rule (``confidence=None``). The
precision against the full model's own K best and the mean true value of the K returned are means
over queries drawn from held-out rows (one query where it is all of them); speed is that of ranking
one such query, against the plain and the compiled pipeline ranking all its rows, in turns, on one
thread. Writes ``docs/results/topk_study.json``. Run it as ::

    python examples/benchmarks/topk_study.py [--quick] [--coverage] [--only NAMES] [--out FILE]

With ``--coverage`` the promise itself is put to the test instead: a full model and a filter are
fitted once, and rankers are planned on many random draws of other rows; the true mean precision of
each is measured on 100 queries of the rest. Writes ``docs/results/topk_coverage.json``.

The published sets are read from the folder named by the environment variable SKWILLUMP_DATA; those
that are not there are left out, and said to be.
"""

import sys
import warnings
from functools import partial
from time import perf_counter

import _data as data
import numpy as np
from _data import take
from _measure import RESULTS, medians_in_turns, parser_of, rows_of_sets, setting, write
from _pipelines import (
    boosting,
    characters,
    filled_and_scaled,
    frequent_characters,
    logistic,
    one_hot,
    words_and,
)
from lightgbm import LGBMRegressor
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from skwillump import ApproxTopKRanker
from skwillump.datasets import load_benchmark

TARGET = 0.95
KS = (10, 100, 1000)
QUERY_SIZE = 5000
DRAWN_QUERIES = 10


def toxic():
    """Most toxic comments; all rows, since those at their natural share are too few."""
    X, y = load_benchmark("toxic", return_X_y=True)
    return X, y, make_pipeline(words_and(characters()), logistic())


def product():
    """Product titles, by the probability of the first category by name."""
    X, y = data.product()
    y = (y == np.unique(y)[0]).astype(int)
    return X, y, make_pipeline(words_and(frequent_characters()), logistic())


def stdlib_lines():
    """Lines of Python's standard library, by the probability of being documentation."""
    return *data.stdlib_lines(60_000), make_pipeline(words_and(characters(5)), logistic())


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
    return X, np.log1p(np.asarray(y)), make_pipeline(features, Ridge())


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
    return X, np.asarray(y, dtype=float), make_pipeline(features, boosting(LGBMRegressor, 300))


SETS = {
    "toxic": toxic,
    "product, one class": product,
    "airbnb": airbnb,
    "cars": cars,
    "stdlib lines": stdlib_lines,
}


def plain_scores(estimator, X):
    """The plain pipeline's score of every row."""
    return (
        estimator.predict_proba(X)[:, 1] if hasattr(estimator, "classes_") else estimator.predict(X)
    )


def best(scores, k):
    """The K best as a stable sort gives them."""
    return np.argsort(-scores, kind="stable")[:k]


def study(name, *, n_rows, n_repeats):
    """Fit and time on one data set; a list of rows, one for each K, query size and rule."""
    X, y, pipeline = SETS[name]()
    if n_rows is not None:
        X, _, y, _ = train_test_split(X, y, train_size=min(n_rows, len(y) - 10), random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
    start = perf_counter()
    ranker = ApproxTopKRanker(pipeline, cv=5, random_state=0).fit(X_train, y_train)
    fit_seconds = perf_counter() - start
    full = ranker.predict(X_test)
    rng = np.random.default_rng(0)
    n_test = len(y_test)
    size = min(QUERY_SIZE, n_test // 2)
    queries = {
        size: [np.sort(rng.choice(n_test, size, replace=False)) for _ in range(DRAWN_QUERIES)],
        n_test: [np.arange(n_test)],
    }
    rows = []
    for n_query, drawn in queries.items():
        query = take(X_test, drawn[0])
        start = perf_counter()
        best(plain_scores(ranker.estimator_, query), 100)
        plain_seconds = perf_counter() - start
        for k in KS:
            for rule, confidence in {"certified": 0.95, "Willump": None}.items():
                ranker.set_params(k=k, confidence=confidence, query_size=n_query)
                ranker.set_precision_target(TARGET)
                precision, value, full_value = [], [], []
                for positions in drawn:
                    found = positions[ranker.rank(take(X_test, positions))]
                    own = positions[best(full[positions], k)]
                    precision.append(np.isin(own, found).mean())
                    value.append(y_test[found].mean())
                    full_value.append(y_test[own].mean())
                functions = {
                    "compiled": lambda query=query, k=k: best(ranker.predict(query), k),
                    "ranker": lambda query=query: ranker.rank(query),
                }
                seconds = medians_in_turns(functions, n_repeats, least_seconds=0)
                rows.append(
                    {
                        "data": name,
                        "k": k,
                        "n_query": n_query,
                        "rule": rule,
                        "target": TARGET,
                        "n_train": len(y_train),
                        "fit_seconds": fit_seconds,
                        "kind": ranker.guarantee_.kind,
                        "least_k": ranker.guarantee_.least_k,
                        "reason": ranker.guarantee_.reason,
                        "blocks": list(ranker.stages_[0].blocks),
                        "search": getattr(ranker.stages_[0].search, "rule", None),
                        "share": ranker.stages_[-1].share,
                        "precision": float(np.mean(precision)),
                        "least_precision": float(np.min(precision)),
                        "full_value": float(np.mean(full_value)),
                        "value": float(np.mean(value)),
                        "rows_per_second": n_query / seconds["ranker"],
                        "speed_up": plain_seconds / seconds["ranker"],
                        "speed_up_over_compiled": seconds["compiled"] / seconds["ranker"],
                    }
                )
                print_row(rows[-1])
    return rows


def print_row(row):
    """One line of the table."""
    print(
        f"{row['data']:19} K={row['k']:<5} N={row['n_query']:<6} {row['rule']:10} {row['kind']:10}"
        f"{row['share']:6.1%}  precision {row['precision']:.3f} (>= {row['least_precision']:.3f})"
        f"  value {row['value']:.4g} ({row['full_value']:.4g})  {row['speed_up']:6.1f}x plain "
        f"{row['speed_up_over_compiled']:5.2f}x compiled  {row['reason']}",
        flush=True,
    )


class LastColumn(RegressorMixin, BaseEstimator):
    """A model whose scores are there already: the last of its columns."""

    def fit(self, X, y):
        self.is_fitted_ = True
        return self

    def predict(self, X):
        return np.asarray(X)[:, -1]


def recorded_scores(name, *, n_fit, n_most=None):
    """Scores of a filter and a full model on rows that neither was fitted on, as two columns."""
    X, y, pipeline = SETS[name]()
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
    return np.column_stack([plain_scores(model, cheap(rest)), full])


def coverage(name, *, n_repeats, n_fit, n_rows, k, n_query, n_most=None):
    """How often rankers that were planned on random draws keep their promise."""
    scores = recorded_scores(name, n_fit=n_fit, n_most=n_most)
    blocks = ColumnTransformer([("cheap", "passthrough", [0]), ("dear", "passthrough", [1])])
    estimator = make_pipeline(blocks, LastColumn()).fit(scores, scores[:, 1])
    precisions = {0.95: [], None: []}
    kinds, shares = [], {0.95: [], None: []}
    for seed in range(n_repeats):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(scores))
        drawn, pool = order[:n_rows], scores[order[n_rows:]]
        ranker = ApproxTopKRanker(
            estimator,
            k=k,
            query_size=n_query,
            precision_target=TARGET,
            cv="prefit",
            feature_costs={"cheap": 1e-6, "dear": 1e-3},
            random_state=seed,
        ).fit(scores[drawn], scores[drawn, 1])
        queries = [rng.choice(len(pool), n_query, replace=False) for _ in range(100)]
        for confidence, found in precisions.items():
            ranker.set_params(confidence=confidence).set_precision_target(TARGET)
            values = []
            for rows in queries:
                query = pool[rows]
                own = best(query[:, 1], k)
                values.append(np.isin(own, ranker.rank(query)).mean())
            found.append(np.mean(values))
            shares[confidence].append(ranker.stages_[-1].share)
            if confidence is not None:
                kinds.append(ranker.guarantee_.kind)
    rows = []
    for confidence, found in precisions.items():
        rows.append(
            {
                "data": name,
                "rule": "Willump" if confidence is None else "certified",
                "kinds": {kind: kinds.count(kind) for kind in sorted(set(kinds))}
                if confidence is not None
                else {"plug-in": n_repeats},
                "k": k,
                "n_query": n_query,
                "n_rows": n_rows,
                "n_repeats": n_repeats,
                "below_target": float(np.mean(np.array(found) < TARGET)),
                "mean_precision": float(np.mean(found)),
                "share": float(np.mean(shares[confidence])),
            }
        )
        row = rows[-1]
        print(
            f"{name:19} K={k:<5} N={n_query:<6} n={n_rows:<6} {row['rule']:10} below target "
            f"{row['below_target']:6.1%}  mean precision {row['mean_precision']:.4f}  share "
            f"{row['share']:.1%}  {row['kinds']}",
            flush=True,
        )
    return rows


COVERED = {
    "toxic": {"n_fit": 3000, "n_rows": 5000, "n_query": 2000},
    "airbnb": {"n_fit": 6000, "n_rows": 10_000, "n_query": 5000},
    "cars": {"n_fit": 6000, "n_rows": 10_000, "n_query": 5000},
    "stdlib lines": {"n_fit": 6000, "n_rows": 10_000, "n_query": 5000},
}


def main(arguments=None):
    """Run the study."""
    parser = parser_of(__doc__, "topk_study.json")
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--coverage", action="store_true", help="test the promise")
    parser.add_argument("--repeats", type=int, help="repeats of timings, or of the coverage test")
    options = parser.parse_args(arguments)
    if options.coverage:
        if options.out == parser.get_default("out"):
            options.out = RESULTS / "topk_coverage.json"
        n_repeats = options.repeats or (5 if options.quick else 200)
        few = {"n_fit": 1500, "n_rows": 3000, "n_query": 1000, "n_most": 6000}
        few = few if options.quick else {}
        names = [name for name in options.only if name in COVERED]

        def measure(name):
            sizes = {"n_repeats": n_repeats, **COVERED[name], **few}
            return [row for k in (10, 100) for row in coverage(name, k=k, **sizes)]

    else:
        names = options.only
        n_repeats = options.repeats or (1 if options.quick else 3)
        measure = partial(study, n_rows=3000 if options.quick else None, n_repeats=n_repeats)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        rows = rows_of_sets(names, measure)
    write(setting(options) | {"rows": rows}, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
