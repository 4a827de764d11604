"""
Cascades on real text: accuracy, rows answered early and speed
==============================================================

Each pipeline is fitted and planned twice: with blocks that run as scikit-learn runs them, which
shows what is gained by not computing features, and compiled. It is then timed against its own
cascade, and against the compiled pipeline, on held-out rows, in turns, on one thread, by CPU time,
for each target. Beside it stands Willump's own rule (``confidence=None``) on the same models.
Writes ``docs/results/cascade_study.json``. Run it as ::

    python examples/benchmarks/cascade_study.py [--quick] [--only NAMES] [--out FILE]

The published sets are read from the folder named by the environment variable SKWILLUMP_DATA; those
that are not there are left out, and said to be.
"""

from functools import partial
from time import process_time

import _data as data
import numpy as np
from _measure import medians_in_turns, parser_of, rows_of_sets, setting, write
from _pipelines import characters, frequent_characters, logistic, words_and
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from skwillump import CascadeClassifier, compile_pipeline

TARGETS = (0.99, 0.995, 0.999)

SETS = {
    "toxic": (data.toxic, characters),
    "product": (data.product, frequent_characters),
    "product, 5 against 5": (data.product_groups, frequent_characters),
    "product, appliances": (data.product_appliances, frequent_characters),
    "clickbait": (data.clickbait, frequent_characters),
    "hate": (data.hate, characters),
    "stdlib lines": (partial(data.stdlib_lines, 80_000), partial(characters, 5)),
}
"""Rows and labels, and the n-grams of characters."""


def study(name, *, compiled, n_rows, n_repeats):
    """Fit, plan and time on one data set; a list of rows, one for each target and rule."""
    load, make_characters = SETS[name]
    X, y = load()
    if n_rows is not None:
        X, _, y, _ = train_test_split(X, y, train_size=min(n_rows, len(y) - 10), random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=0
    )
    pipeline = Pipeline([("features", words_and(make_characters())), ("model", logistic())])
    start = process_time()
    # The other targets follow from what a fit at the lowest one stores.
    cascade = CascadeClassifier(
        pipeline, accuracy_target=min(TARGETS), compile=compiled, random_state=0
    )
    cascade.fit(X_train, y_train)
    fit_seconds = process_time() - start
    full = cascade.estimator_
    full_accuracy = float(np.mean(full.predict(X_test) == y_test))
    functions = {"full": lambda: full.predict(X_test), "cascade": lambda: cascade.predict(X_test)}
    if compiled:
        twin = compile_pipeline(full)
        functions["twin"] = lambda: twin.predict(X_test)
    rows = []
    for target in TARGETS:
        for rule, confidence in {"cross-fitted": 0.95, "Willump": None}.items():
            cascade.set_params(confidence=confidence).set_accuracy_target(target)
            seconds = medians_in_turns(functions, n_repeats, least_seconds=0, clock=process_time)
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
    parser = parser_of(__doc__, "cascade_study.json")
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    options = parser.parse_args(arguments)
    size = {"n_rows": 3000, "n_repeats": 1} if options.quick else {"n_rows": None, "n_repeats": 5}

    def both(name):
        return [row for compiled in (False, True) for row in study(name, compiled=compiled, **size)]

    with threadpool_limits(1):
        rows = rows_of_sets(options.only, both)
    write(setting(options) | {"rows": rows}, options.out)


if __name__ == "__main__":
    main()
