"""
Several labels a row: accuracy, rows answered early and speed
=============================================================

The six labels of the toxic comments, at their natural share: word TF-IDF and n-grams of characters,
then one logistic regression for each label. The plain pipeline, the compiled one and cascades are
timed on held-out rows, in turns, on one thread: in a batch, and row by row. A row counts as right
where all of its labels are. Writes ``docs/results/labels_study.json``. Run it as ::

    python examples/benchmarks/labels_study.py [--quick] [--out FILE]

The comments are read from the folder named by the environment variable SKWILLUMP_DATA.
"""

from time import perf_counter

import numpy as np
from _data import toxic_labels
from _measure import latencies, medians_in_turns, parser_of, rows_of_sets, setting, show, write
from _pipelines import characters, logistic, words_and
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from skwillump import CascadeClassifier, compile_pipeline

WAYS = {"refit=True": {}, "refit=False": {"refit": False, "cv": 0.5}}
"""Which models answer: those fitted on all rows, or those that are certified."""


def study(name, *, n_rows, n_repeats, n_single, target=0.995):
    """Fit, plan and time; a list of rows, one for each way."""
    X, y = toxic_labels()
    if n_rows is not None:
        X, _, y, _ = train_test_split(X, y, train_size=n_rows, random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
    rows = []
    for way, params in WAYS.items():
        pipeline = Pipeline(
            [
                ("features", words_and(characters())),
                ("model", OneVsRestClassifier(logistic())),
            ]
        )
        cascade = CascadeClassifier(pipeline, accuracy_target=target, random_state=0, **params)
        start = perf_counter()
        cascade.fit(X_train, y_train)
        fit_seconds = perf_counter() - start
        plain = cascade.estimator_
        twin = compile_pipeline(plain)
        seconds = medians_in_turns(
            {
                "plain": lambda plain=plain: plain.predict(X_test),
                "compiled": lambda twin=twin: twin.predict(X_test),
                "cascade": lambda cascade=cascade: cascade.predict(X_test),
            },
            n_repeats,
            least_seconds=0,
        )
        singles = list(X_test[:n_single])
        ones = {
            "plain": lambda text, plain=plain: plain.predict([text]),
            "compiled": twin.predict_one,
            "cascade": cascade.predict_one,
        }
        one = {
            key: float(np.median(latencies(call, singles, n_warm=10)[0]))
            for key, call in ones.items()
        }
        plain_labels, labels = plain.predict(X_test), cascade.predict(X_test)
        late = cascade.predict_stage(X_test) == len(cascade.stages_) - 1
        rows.append(
            {
                "data": name,
                "way": way,
                "target": target,
                "n_train": len(y_train),
                "n_test": len(y_test),
                "fit_seconds": fit_seconds,
                "plain_accuracy": accuracy_score(y_test, plain_labels),
                "compiled_accuracy": accuracy_score(y_test, twin.predict(X_test)),
                "cascade_accuracy": accuracy_score(y_test, labels),
                "equal_where_late": bool(np.array_equal(labels[late], plain_labels[late])),
                "early_share": 1 - float(np.mean(late)) if len(cascade.stages_) > 1 else 0.0,
                "kind": cascade.guarantee_.kind,
                "reason": cascade.guarantee_.reason,
                "compiled_speed_up": seconds["plain"] / seconds["compiled"],
                "cascade_speed_up": seconds["plain"] / seconds["cascade"],
                "compiled_one_speed_up": one["plain"] / one["compiled"],
                "cascade_one_speed_up": one["plain"] / one["cascade"],
                "cascade_one_seconds": one["cascade"],
                "cascade_rows_per_second": len(y_test) / seconds["cascade"],
            }
        )
        show(rows[-1])
    return rows


def main(arguments=None):
    """Run the study."""
    options = parser_of(__doc__, "labels_study.json").parse_args(arguments)
    size = {"n_rows": None, "n_repeats": 5, "n_single": 300}
    if options.quick:
        size = {"n_rows": 3000, "n_repeats": 1, "n_single": 30}
    with threadpool_limits(1):
        rows = rows_of_sets(["toxic, six labels"], lambda name: study(name, **size))
    write(setting(options) | {"rows": rows}, options.out)


if __name__ == "__main__":
    main()
