"""
Cascades on real text: accuracy, rows answered early and speed
==============================================================

Each pipeline is fitted and planned twice: with blocks that run as scikit-learn runs them, which
shows what is gained by not computing features, and compiled. It is then timed against its own
cascade, and against the compiled pipeline, on held-out rows, in turns, on one thread, for each
target. Beside it stands Willump's own rule (``confidence=None``) on the same models. Writes
``docs/results/cascade_study.json``.

The published sets are read from the folder named by the environment variable SKWILLUMP_DATA; those
that are not there are left out, and said to be.
"""

import argparse
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import FeatureUnion, Pipeline
from threadpoolctl import threadpool_limits

from skwillump import CascadeClassifier, compile_pipeline
from skwillump.datasets import load_benchmark, load_stdlib_lines

TARGETS = (0.99, 0.995, 0.999)
RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results" / "cascade_study.json"


def toxic_shape():
    """Word TF-IDF and character (2, 6) TF-IDF."""
    return TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 6), min_df=3)


def product_shape():
    """Word TF-IDF and counts of frequent character (2, 6)-grams."""
    return TfidfVectorizer(), CountVectorizer(analyzer="char", ngram_range=(2, 6), min_df=0.005)


def lines_shape():
    """Word TF-IDF and character (2, 5) TF-IDF."""
    return TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 5), min_df=3)


def toxic():
    """Comments, at their natural share of toxic ones."""
    bunch = load_benchmark("toxic")
    return bunch.data[bunch.natural], bunch.target[bunch.natural]


def product():
    """Product titles, ten classes."""
    return load_benchmark("product", return_X_y=True)


def product_groups():
    """Product titles, the first five classes by name against the other five."""
    X, y = load_benchmark("product", return_X_y=True)
    return X, np.isin(y, np.unique(y)[:5]).astype(int)


def product_appliances():
    """Product titles, the six classes of household appliances against electronics."""
    X, y = load_benchmark("product", return_X_y=True)
    electronics = ("CPUs", "Digital Cameras", "Mobile Phones", "TVs")
    return X, (~np.isin(y, electronics)).astype(int)


def clickbait():
    """Headlines."""
    return load_benchmark("clickbait", return_X_y=True)


def hate():
    """Tweets, three classes."""
    return load_benchmark("hate", return_X_y=True)


def stdlib_lines():
    """Lines of Python's standard library, documentation or code."""
    X, y = load_stdlib_lines(return_X_y=True)
    chosen = np.random.default_rng(0).permutation(len(y))[:80_000]
    return X[chosen], y[chosen]


SETS = {
    "toxic": (toxic, toxic_shape),
    "product": (product, product_shape),
    "product, 5 against 5": (product_groups, product_shape),
    "product, appliances": (product_appliances, product_shape),
    "clickbait": (clickbait, product_shape),
    "hate": (hate, toxic_shape),
    "stdlib lines": (stdlib_lines, lines_shape),
}


def pipeline(shape):
    """Features in two blocks, then a logistic regression."""
    word, char = shape()
    return Pipeline(
        [
            ("features", FeatureUnion([("word", word), ("char", char)])),
            ("model", LogisticRegression(max_iter=1000)),
        ]
    )


def seconds_in_turns(functions, n_repeats):
    """Median seconds of each function; they take turns."""
    seconds = {name: [] for name in functions}
    for _ in range(n_repeats):
        for name, function in functions.items():
            start = perf_counter()
            function()
            seconds[name].append(perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def study(name, *, compiled, n_rows, n_repeats):
    """Fit, plan and time on one data set; a list of rows, one for each target and rule."""
    load, shape = SETS[name]
    X, y = load()
    if n_rows is not None:
        X, _, y, _ = train_test_split(X, y, train_size=min(n_rows, len(y) - 10), random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=0
    )
    start = perf_counter()
    cascade = CascadeClassifier(pipeline(shape), compile=compiled, random_state=0)
    cascade.fit(X_train, y_train)
    fit_seconds = perf_counter() - start
    full = cascade.estimator_
    full_accuracy = float(np.mean(full.predict(X_test) == y_test))
    functions = {"full": lambda: full.predict(X_test), "cascade": lambda: cascade.predict(X_test)}
    if compiled:
        twin = compile_pipeline(full)
        functions["twin"] = lambda: twin.predict(X_test)
    rows = []
    for target in TARGETS:
        for rule, confidence in {"certified": 0.95, "Willump": None}.items():
            cascade.set_params(confidence=confidence).set_accuracy_target(target)
            seconds = seconds_in_turns(functions, n_repeats)
            cascades = len(cascade.stages_) == 2
            early = float(np.mean(cascade.predict_stage(X_test) == 0)) if cascades else 0.0
            rows.append(
                {
                    "data": name,
                    "target": target,
                    "rule": rule,
                    "compiled": compiled,
                    "n_train": len(y_train),
                    "n_test": len(y_test),
                    "fit_seconds": fit_seconds,
                    "full_accuracy": full_accuracy,
                    "cascade_accuracy": float(np.mean(cascade.predict(X_test) == y_test)),
                    "early_share": early,
                    "full_rows_per_second": len(y_test) / seconds["full"],
                    "cascade_rows_per_second": len(y_test) / seconds["cascade"],
                    "speed_up": seconds["full"] / seconds["cascade"],
                    "compiled_speed_up": seconds["full"] / seconds["twin"] if compiled else None,
                    "kind": cascade.guarantee_.kind,
                    "reason": cascade.guarantee_.reason,
                }
            )
            print_row(rows[-1])
    return rows


def print_row(row):
    """One line of the table."""
    way = "compiled" if row["compiled"] else "plain"
    print(
        f"{row['data']:21} {way:8} {row['target']:<6g} {row['rule']:10} {row['full_accuracy']:.4f} "
        f"{row['cascade_accuracy']:.4f} {row['early_share']:6.1%} "
        f"{row['full_rows_per_second']:8,.0f} {row['cascade_rows_per_second']:9,.0f} "
        f"{row['speed_up']:5.1f}x  {row['kind']} {row['reason']}",
        flush=True,
    )


def main(arguments=None):
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--quick", action="store_true", help="few rows, one repeat")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    rows = []
    with threadpool_limits(1):
        for name in options.only:
            try:
                for compiled in (False, True):
                    rows += study(
                        name,
                        compiled=compiled,
                        n_rows=3000 if options.quick else None,
                        n_repeats=1 if options.quick else 5,
                    )
            except FileNotFoundError as error:
                print(f"{name}: left out. {error}", file=sys.stderr)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "python": platform.python_version(),
        "scikit-learn": version("scikit-learn"),
        "skwillump": version("skwillump"),
        "rows": rows,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
