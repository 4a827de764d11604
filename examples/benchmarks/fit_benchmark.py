"""
The fit of cascades beside the plain fit
========================================

Measures what vectorizers take to learn by kernels, and what `fit` of a cascade and a search over
targets take, over the plain fit, in one run on one machine. Needs the data sets that
`skwillump.datasets.load_benchmark` reads. Run it as ::

    python examples/benchmarks/fit_benchmark.py [--quick] [--only NAMES] [--out FILE]

Seconds are those of the processor, in one thread, medians over repetitions that take turns.
"""

from __future__ import annotations

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
from _pipelines import boosting, logistic, mixed, one_hot, words_and_characters
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skwillump import CascadeClassifier, NoCascadeWarning
from skwillump.compilers import fast_vectorizers

TEXT_SETS = ("clickbait", "product", "toxic")
VECTORIZERS = {
    "word": TfidfVectorizer(),
    "char(2,6)": TfidfVectorizer(analyzer="char", ngram_range=(2, 6)),
}


def by_kernels(vectorizer, texts):
    """Fit a clone within the context."""
    with fast_vectorizers():
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


def shapes(sets, n_rows: int | None, *, quick: bool):
    """Pipelines that are fitted: their names, with rows and labels."""
    for name in sets:
        yield name, make_pipeline(words_and_characters(), logistic()), *texts_of(name, n_rows)
    yield "small blocks", *small_blocks(n_rows or 20_000)
    if quick:
        return
    for name, model in (("adult", logistic()), ("adult", boosting()), ("credit", boosting())):
        X, y = table_of(name)
        y = (y == np.unique(y)[-1]).astype(int)
        kind = f"{name}, {type(model).__name__}"
        yield kind, make_pipeline(mixed(name, X), model), X, y


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


def cascades(found, repeat: int) -> list[dict]:
    """2. `fit` of a cascade over the plain fit."""
    rows = []
    for name, pipeline, X, y in found:
        settings = {"accuracy_target": 0.995, "random_state": 0}
        cascades = {f"cv={cv}": CascadeClassifier(pipeline, cv=cv, **settings) for cv in (0.25, 5)}
        calls = {
            way: partial(fit_clone, estimator, X, y)
            for way, estimator in {"plain": pipeline, **cascades}.items()
        }
        seconds = medians_in_turns(calls, repeat, clock=time.process_time)
        row = {"set": name, "n_rows": len(y), "plain_seconds": seconds["plain"]}
        row |= {f"{way}_over_plain": seconds[way] / seconds["plain"] for way in cascades}
        rows.append(row)
        show(row)
    return rows


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


def memory(sets, n_rows: int | None) -> list[dict]:
    """4. Peak memory of a process that fits a vectorizer, beyond that of one that does not."""
    rows = []
    for name in sets:
        for kind in VECTORIZERS:
            command = [sys.executable, __file__, "--peak", name, kind, str(n_rows or 0)]
            peaks = {way: int(output_of([*command, way])) for way in WAYS}
            rows.append({"set": name, "features": kind})
            rows[-1] |= {f"{way}_extra_mb": peak / 1e6 for way, peak in peaks.items()}
            rows[-1]["kernels_over_plain"] = peaks["kernels"] / peaks["plain"]
            show(rows[-1])
    return rows


def print_peak(name: str, kind: str, n_rows: str, way: str) -> None:
    """Fit in this process and print by how many bytes its peak grew."""
    texts, _ = texts_of(name, int(n_rows) or None)
    with fast_vectorizers(least_work=0):  # compiles or loads kernels and tables
        plainly(VECTORIZERS[kind], texts[:1000])
    before = peak_bytes()
    WAYS[way](VECTORIZERS[kind], texts)
    print(peak_bytes() - before)


def peak_bytes() -> int:
    """Return the most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(arguments=None) -> None:
    """Measure and write."""
    parser = parser_of(__doc__, "fit_benchmark.json")
    parser.add_argument("--only", nargs="*", help="names of the parts to run")
    options = parser.parse_args(arguments)
    sets = TEXT_SETS[:1] if options.quick else TEXT_SETS
    n_rows = 4_000 if options.quick else None
    repeat = 1 if options.quick else 3
    parts = {
        "vectorizers": partial(vectorizers, sets, n_rows, 3),
        "cascades": lambda: cascades(shapes(sets, n_rows, quick=options.quick), repeat),
        "searches": partial(searches, 1_000 if options.quick else 20_000, repeat),
        "memory": partial(memory, sets, n_rows),
    }
    results = setting(options)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", NoCascadeWarning)
        for name in options.only or parts:
            print(name)
            results[name] = parts[name]()
    write(results, options.out)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        print_peak(*sys.argv[2:])
    else:
        main()
