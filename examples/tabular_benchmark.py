"""
Compiled pipelines over tables beside plain ones
================================================

Measures `compile_pipeline` against scikit-learn in one run on one machine: single rows, batches and
memory. Needs the data sets that `skwillump.datasets.load_benchmark` reads. Run it as ::

    python examples/tabular_benchmark.py [--quick] [--out FILE]

Times are medians over repetitions that alternate between the two, on one thread each.
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

# One thread for everybody: BLAS, OpenMP and LightGBM read this when they are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skwillump import compile_pipeline
from skwillump.datasets import load_benchmark

ROOT = Path(__file__).resolve().parent.parent
N_TRAIN = 10_000

#: Columns of numbers that are codes.
CODES = {"credit": ["SEX", "EDUCATION", "MARRIAGE"]}


def table_of(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows of a set in an order that mixes its parts."""
    X, y = load_benchmark(name, return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X = X.iloc[order].reset_index(drop=True)
    if name == "airbnb":
        X["name"] = X["name"].fillna("")
    return X, np.asarray(y)[order]


def one_hot() -> OneHotEncoder:
    return OneHotEncoder(handle_unknown="ignore")


def mixed(name: str, X: pd.DataFrame):
    """Return scaled numbers beside one-hot codes."""
    texts = [c for c in X.columns if c in CODES.get(name, ()) or X[c].dtype.kind not in "iuf"]
    numbers = [column for column in X.columns if column not in texts]
    scale = StandardScaler()
    if X[numbers].isna().any(axis=None):
        scale = make_pipeline(SimpleImputer(), scale)
    return make_column_transformer((scale, numbers), (one_hot(), texts))


def listing(words):
    """Return the features of an Airbnb listing: its name as text, categories and numbers."""
    numbers = [
        "latitude",
        "longitude",
        "minimum_nights",
        "number_of_reviews",
        "reviews_per_month",
        "calculated_host_listings_count",
        "availability_365",
    ]
    return make_column_transformer(
        (words, "name"),
        (one_hot(), ["neighbourhood_group", "neighbourhood", "room_type"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
    )


def words_and_characters():
    return make_union(
        TfidfVectorizer(),
        TfidfVectorizer(analyzer="char", ngram_range=(2, 6), max_features=50_000),
    )


def logistic() -> LogisticRegression:
    return LogisticRegression(max_iter=1000)


def boosting(kind=LGBMClassifier):
    return kind(n_estimators=100, n_jobs=1, verbose=-1, random_state=0)


def forest() -> RandomForestClassifier:
    return RandomForestClassifier(200, n_jobs=1, random_state=0)


#: name: (data set, features, model)
PIPELINES = {
    "adult, logistic regression": ("adult", None, logistic),
    "adult, LightGBM": ("adult", None, boosting),
    "adult, random forest": ("adult", None, forest),
    "credit, logistic regression": ("credit", None, logistic),
    "credit, LightGBM": ("credit", None, boosting),
    "cars, ridge": ("cars", None, Ridge),
    "cars, LightGBM": ("cars", None, partial(boosting, LGBMRegressor)),
    "airbnb, words, ridge": ("airbnb", TfidfVectorizer, Ridge),
    "airbnb, words and characters, ridge": ("airbnb", words_and_characters, Ridge),
}


def fitted(name: str):
    """Return the fitted pipeline of a name, with the table and its compiled twin."""
    data, words, model = PIPELINES[name]
    X, y = table_of(data)
    features = mixed(data, X) if words is None else listing(words())
    plain = make_pipeline(features, model()).fit(X[:N_TRAIN], y[:N_TRAIN])
    return plain, compile_pipeline(plain), X


def interleaved(calls: dict, repeat: int) -> dict[str, float]:
    """Return the median seconds of each call; repetitions alternate between them."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    numbers = {}
    for name, call in calls.items():
        call()
        numbers[name] = max(1, round(0.05 / timeit.timeit(call, number=1)))
    for _ in range(repeat):
        for name, call in calls.items():
            seconds[name].append(timeit.timeit(call, number=numbers[name]) / numbers[name])
    return {name: float(np.median(values)) for name, values in seconds.items()}


def uncompiled(compiled) -> list[str]:
    return [f"{step.name}: {step.reason}" for step in compiled.explain() if not step.compiled]


def one_row(names, n_calls: int) -> list[dict]:
    """One row at a time: from a mapping, beside the plain pipeline on a data frame of one row."""
    results = []
    for name in names:
        plain, compiled, X = fitted(name)
        rows = X[N_TRAIN : N_TRAIN + n_calls].to_dict("records")
        n_plain = max(20, n_calls // 20)
        frames = [X.iloc[i : i + 1] for i in range(N_TRAIN, N_TRAIN + n_plain)]
        calls = {"plain": (plain.predict, frames), "predict_one": (compiled.predict_one, rows)}
        if hasattr(plain, "predict_proba"):
            calls["plain_proba"] = (plain.predict_proba, frames)
            calls["predict_proba_one"] = (compiled.predict_proba_one, rows)
        result: dict = {"pipeline": name, "not_compiled": uncompiled(compiled)}
        for call_name, (call, queries) in calls.items():
            for query in queries[:50]:
                call(query)
            seconds = []
            for query in queries:
                start = time.perf_counter()
                call(query)
                seconds.append(time.perf_counter() - start)
            p50, p99 = np.percentile(seconds, [50, 99]) * 1e6
            result[f"{call_name}_p50_us"] = float(p50)
            result[f"{call_name}_p99_us"] = float(p99)
        result["speedup_p50"] = result["plain_p50_us"] / result["predict_one_p50_us"]
        result["p99_over_p50"] = result["predict_one_p99_us"] / result["predict_one_p50_us"]
        results.append(result)
        show(result)
    return results


def batch(names, n_rows: int | None, repeat: int) -> list[dict]:
    """Whole pipelines in batch, and answers on every row."""
    results = []
    for name in names:
        plain, compiled, X = fitted(name)
        test = X[:n_rows]
        expected, actual = plain.predict(test), compiled.predict(test)
        result: dict = {
            "pipeline": name,
            "not_compiled": uncompiled(compiled),
            "n_rows": len(test),
        }
        if hasattr(plain, "predict_proba"):
            result["labels_different"] = int((expected != actual).sum())
            expected, actual = plain.predict_proba(test), compiled.predict_proba(test)
        difference = np.abs(actual - expected) / np.maximum(1.0, np.abs(expected))
        result["largest_difference"] = float(difference.max())
        calls = {"plain": partial(plain.predict, test), "compiled": partial(compiled.predict, test)}
        if "LightGBM" in name:
            # The model alone, on features that are there already.
            features = plain[:-1].transform(test)
            alone = compile_pipeline(plain[-1])
            calls["lightgbm_alone"] = partial(plain[-1].predict, features)
            calls["trees_alone"] = partial(alone.predict, features)
        seconds = interleaved(calls, repeat)
        for call_name, value in seconds.items():
            result[f"{call_name}_rows_s"] = len(test) / value
        result["speedup"] = seconds["plain"] / seconds["compiled"]
        if "trees_alone" in seconds:
            result["speedup_of_model"] = seconds["lightgbm_alone"] / seconds["trees_alone"]
        results.append(result)
        show(result)
    return results


def resident_bytes() -> int:
    """Return the memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def measure_memory(path: str, n_rows: int) -> None:
    """Print the memory that one prediction takes beyond the input, in a process of its own."""
    with open(path, "rb") as file:
        estimator, X = pickle.load(file)
    many = pd.concat([X] * (n_rows // len(X) + 1), ignore_index=True)[:n_rows]
    estimator.predict(X[:10])
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


def memory(names, n_rows: int) -> list[dict]:
    """Peak memory of predicting many rows, beyond what the rows take."""
    results = []
    for name in names:
        plain, compiled, X = fitted(name)
        result: dict = {"pipeline": name, "n_rows": n_rows}
        with tempfile.TemporaryDirectory() as folder:
            for kind, estimator in {"plain": plain, "compiled": compiled}.items():
                path = os.path.join(folder, kind)
                with open(path, "wb") as file:
                    pickle.dump((estimator, X), file)
                command = [sys.executable, __file__, "--measure-memory", path, str(n_rows)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                result[f"{kind}_extra_mb"] = int(done.stdout) / 1e6
        results.append(result)
        show(result)
    return results


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
    parser.add_argument("--out", default=str(ROOT / "docs/results/tabular_benchmark.json"))
    parser.add_argument("--measure-memory", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure_memory:
        measure_memory(options.measure_memory[0], int(options.measure_memory[1]))
        return
    quick = options.quick
    single = ("adult, logistic regression", "adult, LightGBM", "adult, random forest")
    parts = {
        "one_row": lambda: one_row(single[:2] if quick else single, 400 if quick else 5_000),
        "batch": lambda: batch(
            [name for name in PIPELINES if "forest" not in name and not (quick and "char" in name)],
            5_000 if quick else None,
            3 if quick else 7,
        ),
        "memory": lambda: memory(
            ("cars, ridge",) if quick else ("cars, ridge", "cars, LightGBM"),
            100_000 if quick else 1_000_000,
        ),
    }
    results: dict = {
        "machine": {"cpus": os.cpu_count(), "platform": platform.platform()},
        "versions": {
            name: version(name)
            for name in ("scikit-learn", "lightgbm", "numpy", "pandas", "numba", "skwillump")
        }
        | {"python": platform.python_version()},
        "threads": 1,
        "quick": quick,
    }
    for name, part in parts.items():
        if options.only and name not in options.only:
            continue
        print(f"{name}: {part.__doc__ or ''}")
        results[name] = part()
    output = Path(options.out)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
