"""
Compiled text pipelines beside plain ones
=========================================

Measures `compile_pipeline` against scikit-learn in one run on one machine: features, whole
pipelines, single rows, threads and memory. Needs the data sets that
`skwillump.datasets.load_benchmark` reads. Run it as ::

    python examples/benchmarks/text_benchmark.py [--quick] [--only NAMES] [--out FILE]

Times are medians over repetitions that alternate between the two, one thread each unless said.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from functools import partial

import numpy as np
from _data import texts_of
from _measure import (
    extra_megabytes,
    latency_figures,
    medians_in_turns,
    output_of,
    parser_of,
    process_environment,
    setting,
    show,
    write,
)
from _pipelines import logistic, words_and_characters
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from skwillump import compile_pipeline
from skwillump.compilers import compile_step

TEXT_SETS = ("toxic", "product", "clickbait", "hate", "stackoverflow")
N_TRAIN = 3_000


def same_matrix(a, b) -> bool:
    return (
        a.shape == b.shape
        and np.array_equal(a.indptr, b.indptr)
        and np.array_equal(a.indices, b.indices)
        and np.allclose(a.data, b.data, rtol=1e-12, atol=0)
    )


def features(sets, n_test: int, repeat: int) -> list[dict]:
    """1. Exact features in batch."""
    rows = []
    vectorizers = {
        "word": TfidfVectorizer(),
        "char(2,5)": TfidfVectorizer(analyzer="char", ngram_range=(2, 5), max_features=50_000),
        "char(2,6)": TfidfVectorizer(analyzer="char", ngram_range=(2, 6), max_features=50_000),
        "char_wb(2,5)": TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), max_features=50_000
        ),
    }
    for name in sets:
        texts, _ = texts_of(name, N_TRAIN + n_test)
        test = texts[N_TRAIN:]
        n_bytes = sum(len(text.encode()) for text in test)
        for kind, vectorizer in vectorizers.items():
            vectorizer.fit(texts[:N_TRAIN])
            step = compile_step(vectorizer)
            equal = same_matrix(step.transform(test), vectorizer.transform(test))
            seconds = medians_in_turns(
                {
                    "plain": partial(vectorizer.transform, test),
                    "compiled": partial(step.transform, test),
                },
                repeat,
            )
            rows.append(
                {
                    "set": name,
                    "features": kind,
                    "n_terms": len(vectorizer.vocabulary_),
                    "n_rows": len(test),
                    "plain_mb_s": n_bytes / seconds["plain"] / 1e6,
                    "compiled_mb_s": n_bytes / seconds["compiled"] / 1e6,
                    "speedup": seconds["plain"] / seconds["compiled"],
                    "equal_to_1e-12": equal,
                }
            )
            show(rows[-1])
    return rows


def fitted(texts, y):
    """Return the pipeline that is measured, fitted on the first rows, and its compiled twin."""
    plain = make_pipeline(words_and_characters(), logistic()).fit(texts[:N_TRAIN], y[:N_TRAIN])
    return plain, compile_pipeline(plain)


def end_to_end(sets, n_test: int | None, repeat: int) -> list[dict]:
    """2. Whole pipelines in batch, and labels on every row."""
    rows = []
    for name in sets:
        n_rows = None if n_test is None else N_TRAIN + n_test
        texts, y = texts_of(name, n_rows)
        plain, compiled = fitted(texts, y)
        labels = plain.predict(texts)
        proba = plain.predict_proba(texts)
        test = texts[N_TRAIN : N_TRAIN + 5_000]
        seconds = medians_in_turns(
            {
                "plain": partial(plain.predict, test),
                "compiled": partial(compiled.predict, test),
            },
            repeat,
        )
        rows.append(
            {
                "set": name,
                "n_rows": len(test),
                "plain_rows_s": len(test) / seconds["plain"],
                "compiled_rows_s": len(test) / seconds["compiled"],
                "speedup": seconds["plain"] / seconds["compiled"],
                "labels_compared": len(texts),
                "labels_different": int((compiled.predict(texts) != labels).sum()),
                "largest_difference_of_probability": float(
                    np.abs(compiled.predict_proba(texts) - proba).max()
                ),
            }
        )
        show(rows[-1])
    return rows


def predict_list_of_one(estimator, text: str):
    """Answer one text as scikit-learn takes it."""
    return estimator.predict([text])


def one_row(sets, n_calls: int) -> list[dict]:
    """3. One row at a time: texts cut to 100 characters."""
    rows = []
    for name in sets:
        texts, y = texts_of(name, N_TRAIN + n_calls)
        plain, compiled = fitted(texts, y)
        queries = [(" ".join(texts[i : i + 5]))[:100] for i in range(n_calls)]
        calls = {
            "plain": (partial(predict_list_of_one, plain), queries[::10]),
            "predict_one": (compiled.predict_one, queries),
            "predict_proba_one": (compiled.predict_proba_one, queries),
            "predict([text])": (partial(predict_list_of_one, compiled), queries),
        }
        rows.append({"set": name, "characters": 100, **latency_figures(calls)})
        show(rows[-1])
    return rows


def threads(n_rows: int, repeat: int) -> dict:
    """4. Two threads beside one."""
    texts, y = texts_of("toxic")
    plain, one = fitted(texts, y)
    two = compile_pipeline(plain, n_jobs=2)
    many = (texts * (n_rows // len(texts) + 1))[:n_rows]
    same = bool(np.array_equal(one.predict_proba(many), two.predict_proba(many)))
    seconds = medians_in_turns(
        {"one": partial(one.predict, many), "two": partial(two.predict, many)}, repeat
    )
    row = {
        "n_rows": n_rows,
        "one_thread_seconds": seconds["one"],
        "two_threads_seconds": seconds["two"],
        "speedup": seconds["one"] / seconds["two"],
        "same_answers": same,
    }
    show(row)
    return row


def many_texts(texts: list[str], n_rows: int) -> list[str]:
    """Return texts that are all different."""
    return [texts[i % len(texts)] + str(i) for i in range(n_rows)]


def memory(n_rows: int) -> dict:
    """5. Peak memory of predicting many rows."""
    texts, y = texts_of("product")
    plain, compiled = fitted(texts, y)
    estimators = {"plain": plain, "compiled": compiled}
    row = {"set": "product", "n_rows": n_rows}
    row |= extra_megabytes(estimators, texts, "text_benchmark:many_texts", n_rows)
    show(row)
    return row


def lines_of(code: str, *arguments: str) -> list[str]:
    """Return what a new process prints that runs ``code`` on bytecode, as installed modules are."""
    variables = process_environment()
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    return output_of([sys.executable, "-c", code, *arguments], env=variables).splitlines()


def cold_start() -> dict:
    """6. A new process: import, unpickle, first answer, with the kernels' cache warm."""
    texts, y = texts_of("clickbait", N_TRAIN)
    _, compiled = fitted(texts, y)
    # Modules of others that skwillump imports, which the import is measured without.
    listing = "import sys, skwillump; print(*sys.modules)"
    names = lines_of(listing)[0].split()
    others = [name for name in names if name.partition(".")[0] not in ("skwillump", "__main__")]
    code = (
        "import contextlib, importlib, pickle, sys, time\n"
        "for name in sys.argv[2:]:\n"
        "    with contextlib.suppress(ImportError):\n"
        "        importlib.import_module(name)\n"
        "start = time.perf_counter(); import skwillump; imported = time.perf_counter()\n"
        "model = pickle.load(open(sys.argv[1], 'rb')); loaded = time.perf_counter()\n"
        "model.predict_one('a first text'); answered = time.perf_counter()\n"
        "print(imported - start, loaded - imported, answered - loaded, sep='\\n')\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "compiled")
        with open(path, "wb") as file:
            pickle.dump(compiled, file)
        runs = [[float(value) for value in lines_of(code, path, *others)] for _ in range(5)]
    seconds = np.median(runs, axis=0)
    names = ("import_seconds", "unpickle_seconds", "first_answer_seconds")
    row = dict(zip(names, seconds.tolist(), strict=True))
    show(row)
    return row


def main(arguments=None) -> None:
    """Measure and write."""
    parser = parser_of(__doc__, "text_benchmark.json")
    parser.add_argument("--only", nargs="*", help="names of the parts to run")
    options = parser.parse_args(arguments)
    quick = options.quick
    sets = ("toxic", "product") if quick else TEXT_SETS
    single = ("clickbait",) if quick else ("clickbait", "toxic", "product")
    parts = {
        "features": partial(features, sets, 1_000 if quick else 5_000, 3),
        "end_to_end": partial(end_to_end, sets, 1_000 if quick else None, 3),
        "one_row": partial(one_row, single, 1_000 if quick else 5_000),
        "threads": partial(threads, 5_000 if quick else 20_000, 5),
        "memory": partial(memory, 20_000 if quick else 200_000),
        "cold_start": cold_start,
    }
    results = setting(options)
    with threadpool_limits(1):
        for name in options.only or parts:
            print(name)
            results[name] = parts[name]()
    write(results, options.out)


if __name__ == "__main__":
    main()
