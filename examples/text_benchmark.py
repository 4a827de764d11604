"""
Compiled text pipelines beside plain ones
=========================================

Measures `compile_pipeline` against scikit-learn in one run on one machine: features, whole
pipelines, single rows, threads and memory. Needs the data sets that
`skwillump.datasets.load_benchmark` reads. Run it as ::

    python examples/text_benchmark.py [--quick] [--output FILE]

Times are medians over repetitions that alternate between the two, one thread each unless said.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
import timeit
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from skwillump.compilers import compile_step
from skwillump.datasets import load_benchmark

TEXT_SETS = ("toxic", "product", "clickbait", "hate", "stackoverflow")
N_TRAIN = 3_000
ROOT = Path(__file__).resolve().parent.parent


def texts_of(name: str, n_rows: int | None = None) -> tuple[list[str], np.ndarray]:
    """Return the texts and labels of a set, in an order that mixes its parts."""
    X, y = load_benchmark(name, return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))[:n_rows]
    return np.asarray(X)[order].tolist(), np.asarray(y)[order]


def interleaved(calls: dict, repeat: int) -> dict[str, float]:
    """Return the median seconds of each call; repetitions alternate between them.

    A repetition of a short call is the mean of as many as take 50 milliseconds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    numbers = {}
    for name, call in calls.items():
        call()
        numbers[name] = max(1, round(0.05 / timeit.timeit(call, number=1)))
    for _ in range(repeat):
        for name, call in calls.items():
            total = timeit.timeit(call, number=numbers[name])
            seconds[name].append(total / numbers[name])
    return {name: float(np.median(values)) for name, values in seconds.items()}


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
            seconds = interleaved(
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


def pipeline(max_iter: int = 1000):
    """Return the shape of pipeline that is measured: words and characters, logistic regression."""
    return make_pipeline(
        make_union(
            TfidfVectorizer(),
            TfidfVectorizer(analyzer="char", ngram_range=(2, 6), max_features=50_000),
        ),
        LogisticRegression(max_iter=max_iter),
    )


def end_to_end(sets, n_test: int | None, repeat: int) -> list[dict]:
    """2. Whole pipelines in batch, and labels on every row."""
    from skwillump import compile_pipeline

    rows = []
    for name in sets:
        n_rows = None if n_test is None else N_TRAIN + n_test
        texts, y = texts_of(name, n_rows)
        plain = pipeline().fit(texts[:N_TRAIN], y[:N_TRAIN])
        compiled = compile_pipeline(plain)
        labels = plain.predict(texts)
        proba = plain.predict_proba(texts)
        test = texts[N_TRAIN : N_TRAIN + 5_000]
        seconds = interleaved(
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
    return estimator.predict([text])


def one_row(sets, n_calls: int) -> list[dict]:
    """3. One row at a time: texts cut to 100 characters."""
    from skwillump import compile_pipeline

    rows = []
    for name in sets:
        texts, y = texts_of(name, N_TRAIN + n_calls)
        plain = pipeline().fit(texts[:N_TRAIN], y[:N_TRAIN])
        compiled = compile_pipeline(plain)
        queries = [(" ".join(texts[i : i + 5]))[:100] for i in range(n_calls)]
        calls = {
            "plain": (partial(predict_list_of_one, plain), 10),
            "predict_one": (compiled.predict_one, 1),
            "predict_proba_one": (compiled.predict_proba_one, 1),
            "predict([text])": (partial(predict_list_of_one, compiled), 1),
        }
        row: dict = {"set": name, "characters": 100}
        for call_name, (call, stride) in calls.items():
            seconds = []
            for text in queries[:50]:
                call(text)
            for text in queries[::stride]:
                start = time.perf_counter()
                call(text)
                seconds.append(time.perf_counter() - start)
            p50, p99 = np.percentile(seconds, [50, 99]) * 1e6
            row[f"{call_name}_p50_us"] = float(p50)
            row[f"{call_name}_p99_us"] = float(p99)
        row["speedup_p50"] = row["plain_p50_us"] / row["predict_one_p50_us"]
        row["p99_over_p50"] = row["predict_one_p99_us"] / row["predict_one_p50_us"]
        rows.append(row)
        show(row)
    return rows


def threads(n_rows: int, repeat: int) -> dict:
    """4. Two threads beside one."""
    from skwillump import compile_pipeline

    texts, y = texts_of("toxic")
    plain = pipeline().fit(texts[:N_TRAIN], y[:N_TRAIN])
    many = (texts * (n_rows // len(texts) + 1))[:n_rows]
    one, two = compile_pipeline(plain), compile_pipeline(plain, n_jobs=2)
    same = bool(np.array_equal(one.predict_proba(many), two.predict_proba(many)))
    seconds = interleaved(
        {"one": lambda: one.predict(many), "two": lambda: two.predict(many)}, repeat
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


def measure_memory(path: str, n_rows: int) -> None:
    """Print the memory that one prediction takes beyond the input, in a process of its own."""
    with open(path, "rb") as file:
        estimator, texts = pickle.load(file)
    many = [texts[i % len(texts)] + str(i) for i in range(n_rows)]
    estimator.predict(many[:10])
    before, stop, peak = resident_bytes(), threading.Event(), [0]

    def watch() -> None:
        while not stop.wait(0.002):
            peak[0] = max(peak[0], resident_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    estimator.predict(many)
    stop.set()
    watcher.join()
    print(max(peak[0] - before, 0))


def resident_bytes() -> int:
    """Return the memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def memory(n_rows: int) -> dict:
    """5. Peak memory of predicting many rows."""
    from skwillump import compile_pipeline

    texts, y = texts_of("product")
    plain = pipeline().fit(texts[:N_TRAIN], y[:N_TRAIN])
    row: dict = {"set": "product", "n_rows": n_rows}
    with tempfile.TemporaryDirectory() as folder:
        for name, estimator in {"plain": plain, "compiled": compile_pipeline(plain)}.items():
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                pickle.dump((estimator, texts), file)
            command = [sys.executable, __file__, "--measure-memory", path, str(n_rows)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            row[f"{name}_extra_mb"] = int(done.stdout) / 1e6
    show(row)
    return row


def lines_of(code: str, *arguments: str) -> list[str]:
    """What a new process prints that runs ``code`` on modules' bytecode, as installed ones have."""
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=variables)
    return done.stdout.splitlines()


def cold_start() -> dict:
    """6. A new process: import, unpickle, first answer, with the kernels' cache warm."""
    from skwillump import compile_pipeline

    texts, y = texts_of("clickbait", N_TRAIN)
    compiled = compile_pipeline(pipeline().fit(texts, y))
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


def show(row: dict) -> None:
    parts = (
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in row.items()
    )
    print("  " + "  ".join(parts), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--quick", action="store_true", help="fewer rows and repetitions")
    parser.add_argument("--only", nargs="*", help="names of the parts to run")
    parser.add_argument("--output", default=str(ROOT / "docs/results/text_benchmark.json"))
    parser.add_argument("--measure-memory", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure_memory:
        measure_memory(options.measure_memory[0], int(options.measure_memory[1]))
        return
    quick = options.quick
    parts = {
        "features": lambda: features(
            ("toxic", "product") if quick else TEXT_SETS, 1_000 if quick else 5_000, 3
        ),
        "end_to_end": lambda: end_to_end(
            ("toxic", "product") if quick else TEXT_SETS, 1_000 if quick else None, 3
        ),
        "one_row": lambda: one_row(
            ("clickbait",) if quick else ("clickbait", "toxic", "product"),
            1_000 if quick else 5_000,
        ),
        "threads": lambda: threads(5_000 if quick else 20_000, 5),
        "memory": lambda: memory(20_000 if quick else 200_000),
        "cold_start": cold_start,
    }
    results: dict = {
        "machine": {"cpus": os.cpu_count(), "platform": platform.platform()},
        "versions": {
            name: version(name) for name in ("scikit-learn", "numpy", "numba", "skwillump")
        }
        | {"python": platform.python_version()},
        "quick": quick,
    }
    for name, part in parts.items():
        if options.only and name not in options.only:
            continue
        print(f"{name}: {part.__doc__ or ''}")
        results[name] = part()
    output = Path(options.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
