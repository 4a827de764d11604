"""
Are the plans that are chosen faster, also where they were chosen on a busy machine?
====================================================================================

Cascades and rankers are fitted many times, each with another seed, on the machine as it is and
beside processes that do nothing but compute, as many as there are cores (``--others``). Each fit is
then served: its speed over that of the compiled pipeline alone, by CPU time and in turns, in
batches and, of a cascade, in single rows. Shown are the share of fits that are at least as fast as
the compiled pipeline (at least 0.95 of it, for what a measurement is worth), the least speed, and
how often a fit on the busy machine chose what the fit with the same seed chose without it. Fits
that end without a filter or a first stage answer alike, so that one of them is served. Writes
``docs/results/plans_study.json``; with ``--only`` the rows of other sets stay as they are.

Public tables are read from the folder named by the environment variable SKWILLUMP_DATA; those that
are not there are left out, and said to be. The first set is made up: many small blocks, as in the
KDD Cup's table of orange's customers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time

import numpy as np
import pandas as pd
from _data import table_of
from _measure import (
    in_turns,
    parser_of,
    progress,
    rows_of_others,
    rows_of_sets,
    setting,
    show,
    write,
)
from _pipelines import boosting, listing, logistic, mixed, words_and_characters
from lightgbm import LGBMRegressor
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skwillump import ApproxTopKRanker, CascadeClassifier, compile_pipeline

N_FITS, N_TURNS, N_FIT, N_NEW = 30, 15, 6000, 3000
QUICK_FITS, QUICK_TURNS = 2, 3
AS_FAST = 0.95
TURN_SECONDS = 0.02
"""What a turn takes: beside other work, one call of a millisecond tells next to nothing."""

K = 100


def many_blocks():
    """Return numbers in four blocks with logarithms, categories, and two classes."""
    rng = np.random.default_rng(0)
    n_rows = N_FIT + N_NEW
    Z = rng.normal(size=(n_rows, 36))
    X = pd.DataFrame(np.exp(Z), columns=[f"n{i}" for i in range(36)])
    for name, levels in (("a", 3), ("b", 60), ("c", 11)):
        X[name] = rng.integers(0, levels, n_rows).astype(str)
    weights = rng.normal(size=36) * np.repeat([1, 0.6, 0.8, 0.7], 9)
    score = Z @ weights + X["b"].astype(int) % 7 - 3
    logs = make_pipeline(FunctionTransformer(np.log1p), StandardScaler())
    blocks = [(f"g{j}", logs, [f"n{i}" for i in range(j, j + 9)]) for j in range(0, 36, 9)]
    blocks.append(("names", OneHotEncoder(handle_unknown="ignore"), ["a", "b", "c"]))
    y = (score + rng.normal(size=n_rows) > 0).astype(int)
    return make_pipeline(ColumnTransformer(blocks), logistic()), X, y


def table(name, model):
    """Return the pipeline of a table with numbers and categories."""
    X, y = table_of(name)
    return make_pipeline(mixed(name, X), model), X, y


def listings():
    """Return the pipeline of listings with a text column."""
    X, y = table_of("airbnb")
    return make_pipeline(listing(words_and_characters()), Ridge()), X, y


SETS = {
    "many blocks": many_blocks,
    "adult": lambda: table("adult", logistic()),
    "credit": lambda: table("credit", boosting()),
    "cars": lambda: table("cars", boosting(LGBMRegressor)),
    "airbnb": listings,
}
"""By name, what makes pipeline, rows and labels."""


@contextmanager
def beside(n_others: int) -> Iterator[None]:
    """Context beside so many processes that compute."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n_others)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def plans_of(kind, pipeline, seed):
    """Return an estimator to fit."""
    if kind == "cascade":
        return CascadeClassifier(pipeline, accuracy_target=0.99, cv=0.3, random_state=seed)
    return ApproxTopKRanker(pipeline, k=K, precision_target=0.95, cv=0.3, random_state=seed)


def speeds(kind, model, new, n_turns) -> dict[str, float]:
    """Return how many times as fast as the compiled pipeline alone a fitted estimator is."""
    compiled = compile_pipeline(model.estimator_)

    def speed(alone, planned) -> float:
        calls = {"alone": alone, "planned": planned}
        seconds = in_turns(calls, n_turns, least_seconds=TURN_SECONDS, clock=process_time)
        return float(seconds["alone"].sum() / max(seconds["planned"].sum(), 1e-9))

    if kind == "ranker":
        method = model._method

        def scores():
            answer = getattr(compiled, method)(new)
            return answer if answer.ndim == 1 else answer[:, 1]

        return {"batch": speed(lambda: np.argsort(-scores())[:K], lambda: model.rank(new))}
    rows = new.iloc[:50].to_dict("records")
    return {
        "batch": speed(lambda: compiled.predict(new), lambda: model.predict(new)),
        "one row": speed(
            lambda: [compiled.predict_one(row) for row in rows],
            lambda: [model.predict_one(row) for row in rows],
        ),
    }


def rows_of(name, n_fits, n_turns, n_others) -> list[dict]:
    """Return the figures of a data set."""
    pipeline, X, y = SETS[name]()
    new = X.iloc[N_FIT : N_FIT + N_NEW].reset_index(drop=True)
    X, y = X.iloc[:N_FIT], y[:N_FIT]
    of_classes = hasattr(pipeline[-1], "predict_proba")
    rows = []
    for kind in ("cascade", "ranker") if of_classes else ("ranker",):
        chosen: dict[bool, list] = {}
        for busy in (False, True):
            found: list[dict[str, float]] = []
            chosen[busy] = []
            exact: dict[str, float] = {}
            with beside(n_others if busy else 0), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for seed in range(n_fits):
                    model = plans_of(kind, pipeline, seed).fit(X, y)
                    chosen[busy].append([stage.blocks for stage in model.stages_])
                    if len(model.stages_) > 1:
                        found.append(speeds(kind, model, new, n_turns))
                        continue
                    exact = exact or speeds(kind, model, new, n_turns)
                    found.append(exact)
            progress(f"{name}, {kind}, {'busy' if busy else 'quiet'}")
            for way in found[0]:
                ratios = np.array([speed[way] for speed in found])
                rows.append(
                    {
                        "data": name,
                        "kind": kind,
                        "busy": busy,
                        "n_others": n_others if busy else 0,
                        "way": way,
                        "n_fits": n_fits,
                        "n_planned": sum(len(stages) > 1 for stages in chosen[busy]),
                        "as_fast": float(np.mean(ratios >= AS_FAST)),
                        "least_speed": float(ratios.min()),
                        "median_speed": float(np.median(ratios)),
                        "same_choice": same_share(chosen) if busy else None,
                    }
                )
                show(rows[-1])
    return rows


def same_share(chosen) -> float:
    """Share of seeds whose fits on the two machines chose the same blocks."""
    pairs = zip(chosen[False], chosen[True], strict=True)
    return float(np.mean([quiet == busy for quiet, busy in pairs]))


def main(arguments=None):
    """Run the study; with ``--quick`` two fits of each kind."""
    parser = parser_of(__doc__, "plans_study.json")
    parser.add_argument("--only", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--fits", type=int, help="of each kind; 30, or 2 if quick")
    parser.add_argument(
        "--others",
        type=int,
        default=os.cpu_count() or 1,
        help="processes that make the machine busy; as many as there are cores",
    )
    options = parser.parse_args(arguments)
    n_fits, n_turns = (QUICK_FITS, QUICK_TURNS) if options.quick else (N_FITS, N_TURNS)
    n_fits = options.fits or n_fits
    for name in options.only:
        rows = rows_of_sets([name], lambda name: rows_of(name, n_fits, n_turns, options.others))
        rows = rows_of_others(options.out, [row["data"] for row in rows]) + rows
        result = {**setting(options), "n_rows": {"fit": N_FIT, "new": N_NEW}, "rows": rows}
        write(result, options.out)


if __name__ == "__main__":
    main()
