"""
The fit of cascades beside the plain fit
========================================

Measures what vectorizers take to learn by kernels, and what `fit` of a cascade, of a ranker and a
search over targets take, over the plain fit, in one run on one machine. Needs the data sets that
`skwillump.datasets.load_benchmark` reads. Run it as ::

    python examples/benchmarks/fit_benchmark.py [--quick] [--only PARTS] [--shapes NAMES] [--rows N]

Seconds are those of the processor, in one thread, medians over repetitions that take turns; only
where one core is compared with two, they are those of the clock on the wall. Parts and shapes can
be run one by one: what a file holds already of others stays in it.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
import warnings
from functools import partial

import numpy as np
import pandas as pd
from _data import table_of, texts_of
from _measure import medians_in_turns, output_of, parser_of, setting, show, write
from _music import KEYS, music_data, pipeline_of
from _pipelines import boosting, logistic, mixed, one_hot, words_and_characters
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skwillump import ApproxTopKRanker, CascadeClassifier, NoCascadeWarning, TableLookup
from skwillump.compilers import fast_vectorizers

TEXT_SETS = ("clickbait", "product", "toxic")
VECTORIZERS = {
    "word": TfidfVectorizer(),
    "char(2,6)": TfidfVectorizer(analyzer="char", ngram_range=(2, 6)),
}


def by_kernels(vectorizer, texts):
    """Fit a clone within the context, by kernels whether or not they are compiled yet."""
    with fast_vectorizers(least_work=0):
        return plainly(vectorizer, texts)


def plainly(vectorizer, texts):
    """Fit a clone as scikit-learn does; return it with its matrix."""
    fitted = clone(vectorizer)
    return fitted, fitted.fit_transform(texts)


WAYS = {"plain": plainly, "kernels": by_kernels}


def same_fit(one, other) -> bool:
    """Return whether vocabularies, weights and matrices are the same, in the same order."""
    (vectorizer, X), (vectorizer_2, X_2) = one, other
    return (
        list(vectorizer.vocabulary_.items()) == list(vectorizer_2.vocabulary_.items())
        and np.array_equal(vectorizer.idf_, vectorizer_2.idf_)
        and np.array_equal(X.indptr, X_2.indptr)
        and np.array_equal(X.indices, X_2.indices)
        and np.array_equal(X.data, X_2.data)
    )


def vectorizers(sets, n_rows: int | None, repeat: int) -> list[dict]:
    """1. `fit_transform` of a vectorizer alone."""
    rows = []
    for name in sets:
        texts, _ = texts_of(name, n_rows)
        for kind, vectorizer in VECTORIZERS.items():
            equal = same_fit(plainly(vectorizer, texts), by_kernels(vectorizer, texts))
            calls = {way: partial(fit, vectorizer, texts) for way, fit in WAYS.items()}
            seconds = medians_in_turns(calls, repeat, clock=time.process_time)
            rows.append(
                {
                    "set": name,
                    "features": kind,
                    "n_rows": len(texts),
                    "plain_seconds": seconds["plain"],
                    "kernels_seconds": seconds["kernels"],
                    "speedup": seconds["plain"] / seconds["kernels"],
                    "equal": equal,
                }
            )
            show(rows[-1])
    return rows


TABLES = {
    "adult, LogisticRegression": ("adult", logistic),
    "adult, LGBMClassifier": ("adult", boosting),
    "credit, LGBMClassifier": ("credit", boosting),
}
SHAPES = (*TEXT_SETS, "small blocks", *TABLES, "six look-ups")


def shape(name: str, n_rows: int | None):
    """A pipeline that is fitted, rows and labels."""
    if name in TEXT_SETS:
        return make_pipeline(words_and_characters(), logistic()), *texts_of(name, n_rows)
    if name == "small blocks":
        return small_blocks(n_rows or 20_000)
    if name == "six look-ups":
        return six_lookups(n_rows or 10_000)
    data, model = TABLES[name]
    X, y = table_of(data)
    y = (y == np.unique(y)[-1]).astype(int)
    return make_pipeline(mixed(data, X), model()), X[:n_rows], y[:n_rows]


def six_lookups(n_rows: int):
    """Six tables of the Music pipeline, joined to *synthetic* rows, with boosted trees."""
    X, y, tables, _ = music_data(0.1, n_rows)
    lookups = {
        name: TableLookup((frame.index.to_numpy(), frame), on=KEYS[name])
        for name, frame in list(tables.items())[:6]
    }
    return pipeline_of(lookups), X[:n_rows], y[:n_rows]


def small_blocks(n_rows: int):
    """A pipeline of six small blocks, like that of the KDD Cup; *synthetic* rows, and labels."""
    rng = np.random.default_rng(0)
    names = [f"n{i}" for i in range(30)]
    X = pd.DataFrame(rng.normal(size=(n_rows, 30)), columns=names)
    weights = rng.normal(size=30) * np.repeat([1, 0.3, 3, 0.1, 0.5], 6)
    scores = X.to_numpy() @ weights + rng.normal(size=n_rows)
    for name, levels in (("a", 3), ("b", 60), ("c", 11)):
        X[name] = rng.integers(0, levels, n_rows).astype(str)
    scores += X["b"].astype(int) % 7 - 3
    numbers = [(StandardScaler(), names[first : first + 6]) for first in range(0, 30, 6)]
    features = make_column_transformer(*numbers, (one_hot(), ["a", "b", "c"]))
    return make_pipeline(features, logistic()), X, (scores > 0).astype(int)


def cascades(names, n_rows: int | None, repeat: int) -> list[dict]:
    """2. `fit` of a cascade over the plain fit."""

    def cascade(pipeline, cv):
        return CascadeClassifier(pipeline, cv=cv, accuracy_target=0.995, random_state=0)

    return [over_plain(name, n_rows, repeat, cascade) for name in names]


def rankers(names, n_rows: int | None, repeat: int) -> list[dict]:
    """And `fit` of a ranker."""

    def ranker(pipeline, cv):
        return ApproxTopKRanker(pipeline, cv=cv, random_state=0)

    names = [name for name in names if name != "product"]  # of several classes
    return [over_plain(name, n_rows, repeat, ranker) for name in names]


def over_plain(name: str, n_rows: int | None, repeat: int, wrapped) -> dict:
    """What `fit` of a wrapper takes, with a hold-out and with five folds."""
    pipeline, X, y = shape(name, n_rows)
    wrappers = {f"cv={cv}": wrapped(pipeline, cv) for cv in (0.25, 5)}
    calls = {
        way: partial(fit_clone, estimator, X, y)
        for way, estimator in {"plain": pipeline, **wrappers}.items()
    }
    seconds = medians_in_turns(calls, repeat, clock=time.process_time)
    row = {"set": name, "n_rows": len(y), "plain_seconds": seconds["plain"]}
    row |= {f"{way}_over_plain": seconds[way] / seconds["plain"] for way in wrappers}
    show(row)
    return row


def searches(n_rows: int, repeat: int) -> list[dict]:
    """3. A grid search over four targets over the plain fit, with `memory` and without."""
    pipeline, X, y = small_blocks(n_rows)
    grid = {"accuracy_target": [0.98, 0.99, 0.995, 0.999]}
    one = {"accuracy_target": [0.99]}
    cascade = CascadeClassifier(pipeline, cv=0.25, random_state=0)

    def search(targets, remembers: bool) -> None:
        with tempfile.TemporaryDirectory() as folder:
            model = clone(cascade).set_params(memory=folder if remembers else None)
            GridSearchCV(model, targets, cv=3, refit=False).fit(X, y)

    calls = {
        "plain": partial(fit_clone, pipeline, X, y),
        "one target": partial(search, one, False),
        "without memory": partial(search, grid, False),
        "with memory": partial(search, grid, True),
    }
    seconds = medians_in_turns(calls, repeat, clock=time.process_time)
    row: dict = {"set": "small blocks", "n_rows": n_rows, "plain_seconds": seconds["plain"]}
    for way in ("one target", "without memory", "with memory"):
        row[f"{way.replace(' ', '_')}_over_plain"] = seconds[way] / seconds["plain"]
    show(row)
    return [row]


def fit_clone(estimator, X, y):
    """Fit a clone."""
    return clone(estimator).fit(X, y)


def memory(names, n_rows: int | None) -> list[dict]:
    """4. Peak memory of a process that fits, beyond that of one that does not."""
    rows = []
    for name in names:
        kinds = [*VECTORIZERS, "cascade"] if name in TEXT_SETS else ["cascade"]
        for kind in kinds:
            command = [sys.executable, __file__, "--peak", name, kind, str(n_rows or 0)]
            peaks = {way: int(output_of([*command, way])) for way in WAYS}
            if not peaks["plain"]:
                print(f"  {name}: to make the data took more memory than the plain fit")
                continue
            rows.append({"set": name, "features": kind})
            rows[-1] |= {f"{way}_extra_mb": peak / 1e6 for way, peak in peaks.items()}
            rows[-1]["kernels_over_plain"] = peaks["kernels"] / peaks["plain"]
            show(rows[-1])
    return rows


def print_peak(name: str, kind: str, n_rows: str, way: str) -> None:
    """Fit in this process and print by how many bytes its peak grew."""
    if kind == "cascade":
        print(peak_of_shape(name, int(n_rows) or None, way))
        return
    texts, _ = texts_of(name, int(n_rows) or None)
    with fast_vectorizers(least_work=0):  # compiles or loads kernels and tables
        plainly(VECTORIZERS[kind], texts[:1000])
    before = peak_bytes()
    WAYS[way](VECTORIZERS[kind], texts)
    print(peak_bytes() - before)


def peak_of_shape(name: str, n_rows: int | None, way: str) -> int:
    """By how many bytes the peak of this process grows when it fits a pipeline, or a cascade."""
    pipeline, X, y = shape(name, n_rows)
    cascade = CascadeClassifier(pipeline, cv=0.25, accuracy_target=0.995, random_state=0)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator in (pipeline, cascade):  # compiles or loads kernels
            fit_clone(estimator, X[:1000], y[:1000])
        before = peak_bytes()
        fit_clone(pipeline if way == "plain" else cascade, X, y)
    return peak_bytes() - before


def cores(names, n_rows: int | None, repeat: int) -> list[dict]:
    """And `fit` of a cascade with five folds in two processes over one, on the wall's clock."""
    rows = []
    for name in names:
        pipeline, X, y = shape(name, n_rows)
        cascade = CascadeClassifier(pipeline, accuracy_target=0.995, random_state=0)
        calls = {
            f"n_jobs={n_jobs}": partial(fit_clone, clone(cascade).set_params(n_jobs=n_jobs), X, y)
            for n_jobs in (1, 2)
        }
        seconds = medians_in_turns(calls, repeat)
        rows.append({"set": name, **{f"{way}_seconds": s for way, s in seconds.items()}})
        rows[-1]["speedup"] = seconds["n_jobs=1"] / seconds["n_jobs=2"]
        show(rows[-1])
    return rows


def peak_bytes() -> int:
    """Return the most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(arguments=None) -> None:
    """Measure and write."""
    parser = parser_of(__doc__, "fit_benchmark.json")
    parser.add_argument("--only", nargs="*", help="names of the parts to run")
    parser.add_argument("--shapes", nargs="*", help="names of the pipelines to run")
    parser.add_argument("--rows", type=int, help="rows of each set, at most")
    options = parser.parse_args(arguments)
    names = options.shapes or (("clickbait", "small blocks") if options.quick else SHAPES)
    sets = [name for name in names if name in TEXT_SETS]
    n_rows = options.rows or (4_000 if options.quick else None)
    repeat = 1 if options.quick else 3
    parts = {
        "vectorizers": partial(vectorizers, sets, n_rows, 3),
        "cascades": partial(cascades, names, n_rows, repeat),
        "rankers": partial(rankers, names, n_rows, repeat),
        "searches": partial(searches, 1_000 if options.quick else 20_000, repeat),
        "memory": partial(memory, names, n_rows),
        "cores": partial(cores, names, n_rows, repeat),
    }
    results = setting(options)
    if options.out.exists():
        known = json.loads(options.out.read_text(encoding="utf-8"))
        results |= {name: known[name] for name in parts if name in known}
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", NoCascadeWarning)
        for name in options.only or parts:
            print(name)
            rows = parts[name]()
            measured = {row["set"] for row in rows}
            kept = [row for row in results.get(name, []) if row["set"] not in measured]
            results[name] = sorted(kept + rows, key=lambda row: SHAPES.index(row["set"]))
            write(results, options.out)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        print_peak(*sys.argv[2:])
    else:
        main()
