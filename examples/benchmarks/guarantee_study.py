"""
How often cascades break their promise, over many random splits of real data
============================================================================

Each repeat draws training rows and calibrates a cascade on them; its true loss is measured on all
other rows. A repeat is a violation if the cascade keeps less than the target's share of the full
model's accuracy there. Each kind of promise is looked at: certified with an estimator that was
fitted before (``cv="prefit"``) and on held-out rows (``refit=False``), cross-fitted (``cv=5``), and
the rule of the Willump paper (``confidence=None``), which takes the score of the calibration rows
for the truth.

One world is made up: identifiers, each learned by the full model once it has seen it often enough,
so that what a cascade loses grows far faster than the rows.

To repeat often, text becomes features once for each data set, and what is fitted anew in each
repeat is models on these features, with costs stated. Writes ``docs/results/guarantee_study.json``.
Run it as ::

    python examples/benchmarks/guarantee_study.py [--quick] [--only NAMES] [--out FILE]

The published sets are read from the folder named by the environment variable SKWILLUMP_DATA; those
that are not there are left out, and said to be.
"""

from functools import partial

import _data as data
import numpy as np
from _measure import parser_of, rows_of_sets, setting, write
from joblib import Parallel, delayed
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from skwillump import CascadeClassifier

TARGETS = (0.99, 0.995, 0.999)
COSTS = {"word": 1e-5, "char": 2e-4}
WAYS = {
    "prefit": {"cv": "prefit"},
    "refit=False": {"cv": 0.5, "refit": False},
    5: {"cv": 5},
}
"""Ways to come by evidence, and the parameters of a cascade."""

TESTED = {"prefit": "certified", "refit=False": "certified", 5: "cross-fitted"}
"""What a test is called that is made with the evidence."""

PREFIT_SHARE = 0.375
"""Of the drawn rows, the share that fits the full model where it is prefit."""

SETS = {
    "clickbait": (data.clickbait, 10_000),
    "product, 5 against 5": (data.product_groups, 10_000),
    "toxic": (data.toxic, 5000),
    "stdlib lines": (partial(data.stdlib_lines, 60_000), 10_000),
}
"""Rows and labels, and how many rows are drawn in a repeat."""

MADE_UP = {"identifiers": 1.0}
"""Worlds that are features already, and the strength C of their model."""

STRENGTH = 3.0
"""That of all others."""


def as_features(X):
    """Word and character features, and the number of word features."""
    word = TfidfVectorizer().fit_transform(X)
    char = TfidfVectorizer(analyzer="char", ngram_range=(2, 5), max_features=20_000)
    return sparse.hstack([word, char.fit_transform(X)]).tocsr(), word.shape[1]


def identifiers(n_rows=100_000, n_ids=10_000, seed=0):
    """A number that says nothing, one column for each identifier, and labels that follow from it.

    Returns features, the number of columns of the first block, and labels.
    """
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, n_ids, n_rows)
    columns = sparse.csr_matrix((np.ones(n_rows), (np.arange(n_rows), ids)), shape=(n_rows, n_ids))
    number = sparse.csr_matrix(rng.normal(size=(n_rows, 1)))
    return sparse.hstack([number, columns]).tocsr(), 1, (ids % 10 == 0).astype(int)


def repeat(features, n_words, y, n_rows, cv, strength, seed):
    """Losses and early shares of one split: rows of (rule, target, loss, early)."""
    order = np.random.default_rng(seed).permutation(len(y))
    drawn, pool = order[:n_rows], order[n_rows:]
    blocks = ColumnTransformer(
        [
            ("word", "passthrough", slice(0, n_words)),
            ("char", "passthrough", slice(n_words, features.shape[1])),
        ],
        sparse_threshold=1.0,
    )
    estimator = make_pipeline(blocks, LogisticRegression(C=strength, max_iter=300))
    rows = []
    with threadpool_limits(1):
        if cv == "prefit":
            n_fit = int(PREFIT_SHARE * n_rows)
            estimator.fit(features[drawn[:n_fit]], y[drawn[:n_fit]])
            drawn = drawn[n_fit:]
        cascade = CascadeClassifier(estimator, **WAYS[cv], feature_costs=COSTS, random_state=seed)
        cascade.fit(features[drawn], y[drawn])
        full = np.mean(cascade.estimator_.predict(features[pool]) == y[pool])
        for confidence in (0.95, None):
            for target in TARGETS:
                cascade.set_params(confidence=confidence).set_accuracy_target(target)
                kept = np.mean(cascade.predict(features[pool]) == y[pool]) / full
                cascades = len(cascade.stages_) == 2
                early = np.mean(cascade.predict_stage(features[pool]) == 0) if cascades else 0.0
                rule = "Willump" if confidence is None else TESTED[cv]
                rows.append((rule, target, 1 - kept, early))
    return rows


SETS["identifiers"] = (identifiers, 20_000)


def study(name, features, n_words, y, cv, *, n_repeats, n_rows, n_jobs):
    """Summary of many repeats on one data set."""
    repeats = Parallel(n_jobs=n_jobs)(
        delayed(repeat)(features, n_words, y, n_rows, cv, MADE_UP.get(name, STRENGTH), seed)
        for seed in range(n_repeats)
    )
    summary = []
    for position, (rule, target, _, _) in enumerate(repeats[0]):
        losses = np.array([rows[position][2] for rows in repeats])
        early = np.array([rows[position][3] for rows in repeats])
        summary.append(
            {
                "data": name,
                "cv": cv,
                "rule": rule,
                "target": target,
                "n_rows": n_rows,
                "n_pool": len(y) - n_rows,
                "n_repeats": n_repeats,
                "violations": float(np.mean(losses > 1 - target + 1e-12)),
                "mean_loss": float(losses.mean()),
                "early_share": float(early.mean()),
                "cascades": float(np.mean(early > 0)),
            }
        )
        print_row(summary[-1])
    return summary


def print_row(row):
    """One line of the table."""
    print(
        f"{row['data']:21} {row['cv']!s:11} {row['rule']:12} {row['target']:<6g} violations "
        f"{row['violations']:6.1%}  mean loss {row['mean_loss']:8.5f}  early "
        f"{row['early_share']:6.1%}",
        flush=True,
    )


def main(arguments=None):
    """Run the study."""
    parser = parser_of(__doc__, "guarantee_study.json")
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--repeats", type=int, help="100, or 4 if quick")
    parser.add_argument("--rows", type=int, help="rows drawn in a repeat")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    n_repeats = options.repeats or (4 if options.quick else 100)
    n_drawn = options.rows or (3000 if options.quick else None)
    done = []

    def both(name):
        load, n_rows = SETS[name]
        if name in MADE_UP:
            features, n_words, y = load()
        else:
            X, y = load()
            features, n_words = as_features(X)
        rows = []
        for cv in WAYS:
            rows += study(
                name,
                features,
                n_words,
                y,
                cv,
                n_repeats=n_repeats,
                n_rows=n_drawn or n_rows,
                n_jobs=options.jobs,
            )
            # Hours of work: what is known so far is on the disk.
            save(done + rows, options)
        done.extend(rows)
        return rows

    save(rows_of_sets(options.only, both), options)


def save(rows, options):
    """Write what is known so far."""
    write(setting(options) | {"confidence": 0.95, "rows": rows}, options.out)


if __name__ == "__main__":
    main()
