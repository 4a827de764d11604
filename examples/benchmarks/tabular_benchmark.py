"""
Compiled pipelines over tables beside plain ones
================================================

Measures `compile_pipeline` against scikit-learn in one run on one machine: single rows, batches and
memory. Needs the data sets that `skwillump.datasets.load_benchmark` reads. Run it as ::

    python examples/benchmarks/tabular_benchmark.py [--quick] [--only NAMES] [--out FILE]

Times are medians over repetitions that alternate between the two, on one thread each.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from _data import table_of
from _measure import (
    extra_megabytes,
    latency_figures,
    medians_in_turns,
    parser_of,
    setting,
    show,
    write,
)
from _pipelines import boosting, forest, listing, logistic, mixed, words_and_characters
from lightgbm import LGBMRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from skwillump import compile_pipeline

N_TRAIN = 10_000

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
"""Data set, features of texts, and model."""


def fitted(name: str):
    """Return the fitted pipeline of a name, with the table and its compiled twin."""
    data, words, model = PIPELINES[name]
    X, y = table_of(data)
    features = mixed(data, X) if words is None else listing(words())
    plain = make_pipeline(features, model()).fit(X[:N_TRAIN], y[:N_TRAIN])
    return plain, compile_pipeline(plain), X


def uncompiled(compiled) -> list[str]:
    """Return the steps that run as they are, and why."""
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
        result = {"pipeline": name, "not_compiled": uncompiled(compiled), **latency_figures(calls)}
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
        seconds = medians_in_turns(calls, repeat)
        for call_name, value in seconds.items():
            result[f"{call_name}_rows_s"] = len(test) / value
        result["speedup"] = seconds["plain"] / seconds["compiled"]
        if "trees_alone" in seconds:
            result["speedup_of_model"] = seconds["lightgbm_alone"] / seconds["trees_alone"]
        results.append(result)
        show(result)
    return results


def many_rows(X: pd.DataFrame, n_rows: int) -> pd.DataFrame:
    """Return the rows again and again, until there are enough."""
    return pd.concat([X] * (n_rows // len(X) + 1), ignore_index=True)[:n_rows]


def memory(names, n_rows: int) -> list[dict]:
    """Peak memory of predicting many rows, beyond what the rows take."""
    results = []
    for name in names:
        plain, compiled, X = fitted(name)
        estimators = {"plain": plain, "compiled": compiled}
        result = {"pipeline": name, "n_rows": n_rows}
        result |= extra_megabytes(estimators, X, "tabular_benchmark:many_rows", n_rows)
        results.append(result)
        show(result)
    return results


def main(arguments=None) -> None:
    """Measure and write."""
    parser = parser_of(__doc__, "tabular_benchmark.json")
    parser.add_argument("--only", nargs="*", help="names of the parts to run")
    options = parser.parse_args(arguments)
    quick = options.quick
    single = ("adult, logistic regression", "adult, LightGBM", "adult, random forest")
    whole = [name for name in PIPELINES if "forest" not in name and not (quick and "char" in name)]
    large = ("cars, ridge",) if quick else ("cars, ridge", "cars, LightGBM")
    parts = {
        "one_row": partial(one_row, single[:2] if quick else single, 400 if quick else 5_000),
        "batch": partial(batch, whole, 5_000 if quick else None, 3 if quick else 7),
        "memory": partial(memory, large, 100_000 if quick else 1_000_000),
    }
    results = setting(options) | {"threads": 1}
    with threadpool_limits(1):
        for name in options.only or parts:
            print(name)
            results[name] = parts[name]()
    write(results, options.out)


if __name__ == "__main__":
    main()
