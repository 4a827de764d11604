"""
How often cascades break their promise, over many random splits of real data
============================================================================

A promise is broken if the cascade keeps less than the target's share of the full model's accuracy
on new rows. Each kind of promise is looked at: certified on held-out rows (``refit=False``), with
an estimator that was fitted before (``cv="prefit"``), by ``certify`` with and without labels, in
groups of rows and of the recall of each class; cross-fitted (``cv=5``); estimated, of a score that
has no test; and the rule of the Willump paper (``confidence=None``), which takes the score of the
calibration rows for the truth.

Most of it is *replayed*: models are fitted once, and what they answer on all other rows of the set
is the distribution that held-out rows are drawn from, hundreds of times (``_guarantee_replay.py``).
What depends on the fit of models themselves, the cross-fitted promise above all, is looked at in
fewer *whole fits*: each draws training rows, and its loss is measured on all other rows.

Some worlds are made up so as to break a promise (``_guarantee_worlds.py``): what the full model
learns jumps with the rows, the best of many candidates looks better than it is, or the loss falls
on one small group. There the target must be kept in each group, and a promise is broken if one
loses more.

To repeat often, text becomes features once for each data set, with costs stated. Writes
``docs/results/guarantee_study.json``. With ``--only`` the rows of other sets stay as they are, and
with ``--parts`` those of the other part. Run it as ::

    python examples/benchmarks/guarantee_study.py [--quick] [--parts PARTS] [--only NAMES]

The published sets are read from the folder named by the environment variable SKWILLUMP_DATA; those
that are not there are left out, and said to be.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
from _guarantee_replay import Recorded, replays
from _guarantee_worlds import WORLDS, World
from _measure import parser_of, rows_of_others, rows_of_sets, setting, write
from joblib import Parallel, delayed
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from skwillump import CascadeClassifier, NoCascadeWarning

WAYS = {
    "prefit": {"cv": "prefit"},
    "refit=False": {"cv": 0.5, "refit": False},
    5: {"cv": 5},
}
"""Ways to come by evidence, and the parameters of a cascade."""

TESTED = {"prefit": "certified", "refit=False": "certified", 5: "cross-fitted"}
"""What a test is called that is made with the evidence."""

PREFIT_SHARE = 0.375
"""Of the drawn rows, the share that fits the full model where it is prefit."""

QUICK_ROWS = 3000

HELD_OUT_ROWS = 5000
"""Rows of a draw, unless a whole fit is given fewer."""

SCORED, SCORED_SHARE = ("toxic",), 0.05
"""Worlds where a score without a test is kept too, at the lowest target, and in what share of the
draws: that takes long."""

PARTS = ("replayed", "rows")
"""Tables of the file: what is replayed, and whole fits."""


def repeat(world: World, n_rows: int, cv: Any, seed: int) -> list[tuple[str, float, float, float]]:
    """Return losses and early shares of one split: rows of (rule, target, loss, early)."""
    order = np.random.default_rng(seed).permutation(len(world.y))
    drawn, pool = order[:n_rows], order[n_rows:]
    X, y, estimator = world.X, world.y, clone(world.pipeline)
    rows = []
    with threadpool_limits(1):
        if cv == "prefit":
            n_fit = int(PREFIT_SHARE * n_rows)
            estimator.fit(X[drawn[:n_fit]], y[drawn[:n_fit]], **world.fit_params(drawn[:n_fit]))
            drawn = drawn[n_fit:]
        groups = None if world.subgroups is None else world.subgroups[drawn]
        cascade = CascadeClassifier(
            estimator,
            accuracy_target=min(world.targets),  # the others follow from what this fit stores
            feature_costs=world.costs,
            random_state=seed,
            **WAYS[cv],
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoCascadeWarning)
            cascade.fit(X[drawn], y[drawn], subgroups=groups, **world.fit_params(drawn))
        full = cascade.estimator_.predict(X[pool]) == y[pool]
        for confidence in (0.95, None):
            if confidence is None and groups is not None:
                break  # the rule of the paper knows no groups
            for target in world.targets:
                cascade.set_params(confidence=confidence).set_accuracy_target(target)
                right = cascade.predict(X[pool]) == y[pool]
                cascades = len(cascade.stages_) == 2
                early = np.mean(cascade.predict_stage(X[pool]) == 0) if cascades else 0.0
                rule = "Willump" if confidence is None else TESTED[cv]
                rows.append((rule, target, worst_loss(full, right, world, pool), float(early)))
    return rows


def worst_loss(full: np.ndarray, right: np.ndarray, world: World, pool: np.ndarray) -> float:
    """Return the share of the full model's accuracy that is lost; of groups, the largest one."""
    if world.subgroups is None:
        return float(1 - right.mean() / full.mean())
    groups = world.subgroups[pool]
    return max(
        float(1 - right[groups == group].mean() / full[groups == group].mean())
        for group in np.unique(groups)
    )


def study(name: str, world: World, cv: Any, *, n_repeats: int, n_jobs: int) -> list[dict]:
    """Return a summary of many repeats in one world."""
    n_rows = world.n_rows
    repeats = Parallel(n_jobs=n_jobs)(
        delayed(repeat)(world, n_rows, cv, seed) for seed in range(n_repeats)
    )
    summary = []
    for position, (rule, target, _, _) in enumerate(repeats[0]):
        losses = np.array([rows[position][2] for rows in repeats])
        early = np.array([rows[position][3] for rows in repeats])
        summary.append(
            {
                "data": name,
                "cv": cv,
                "rule": rule,
                "target": target,
                "skwillump": version("skwillump"),
                "n_rows": n_rows,
                "n_pool": len(world.y) - n_rows,
                "n_repeats": n_repeats,
                "violations": float(np.mean(losses > 1 - target + 1e-12)),
                "mean_loss": float(losses.mean()),
                "early_share": float(early.mean()),
                "cascades": float(np.mean(early > 0)),
            }
        )
        print_row(summary[-1])
    return summary


def replayed(name: str, world: World, *, n_draws: int) -> list[dict]:
    """Return a summary of many draws in one world, for each way and target."""
    recorded, n_rows = Recorded.of(world), min(HELD_OUT_ROWS, world.n_rows)
    summary = []
    for target in world.targets:
        draws = [
            list(
                replays(
                    recorded,
                    target,
                    n_rows,
                    seed,
                    with_scores=name in SCORED
                    and target == min(world.targets)
                    and seed < SCORED_SHARE * n_draws,
                )
            )
            for seed in range(n_draws)
        ]
        for way in dict.fromkeys(each.way for each in draws[0]):
            of_way = [each for drawn in draws for each in drawn if each.way == way]
            losses = np.array([each.loss for each in of_way])
            used = [each.kind for each in of_way if each.kind != "exact"]
            early = [each.early for each in of_way]
            row = {
                "data": name,
                "way": way,
                "kind": max(set(used), key=used.count) if used else "exact",
                "target": target,
                "n_rows": n_rows,
                "n_recorded": len(recorded.y),
                "n_repeats": len(of_way),
                "violations": float(np.mean(losses > 1 - target + 1e-12)),
                "mean_loss": float(losses.mean()),
                "early_share": float(np.mean(early)),
                "cascades": float(np.mean(np.array(early) > 0)),
            }
            summary.append(row)
            print_row(row | {"cv": way, "rule": row["kind"]})
    return summary


def print_row(row):
    """One line of the table."""
    print(
        f"{row['data']:21} {row['cv']!s:11} {row['rule']:12} {row['target']:<6g} violations "
        f"{row['violations']:6.1%}  mean loss {row['mean_loss']:8.5f}  early "
        f"{row['early_share']:6.1%}",
        flush=True,
    )


def main(arguments=None):
    """Run the study."""
    parser = parser_of(__doc__, "guarantee_study.json")
    parser.add_argument("--only", nargs="+", choices=WORLDS, default=list(WORLDS))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--draws", type=int, help="of each set, 200, or 20 if quick")
    parser.add_argument("--repeats", type=int, help="of whole fits, 20, or 4 if quick")
    parser.add_argument("--rows", type=int, help="rows drawn in a repeat")
    parser.add_argument("--jobs", type=int, default=1, help="whole fits at a time")
    options = parser.parse_args(arguments)
    n_drawn = options.rows or (QUICK_ROWS if options.quick else None)
    n_draws = options.draws or (20 if options.quick else 200)
    n_repeats = options.repeats or (4 if options.quick else 20)

    def of_world(name):
        world = WORLDS[name]()
        world = replace(world, n_rows=n_drawn or world.n_rows)
        for part in options.parts:
            if part == "replayed":
                rows = replayed(name, world, n_draws=n_draws)
            else:
                rows = [
                    row
                    for cv in WAYS
                    for row in study(name, world, cv, n_repeats=n_repeats, n_jobs=options.jobs)
                ]
            save(part, name, rows, options)  # what is known so far is on the disk
        return []

    for part in PARTS:
        save(part, None, [], options)
    rows_of_sets(options.only, of_world)


def save(part, name, rows, options):
    """Write a part of a world; other parts and worlds stay as they are in the file."""
    tables = {table: rows_of_others(options.out, [], table=table) for table in PARTS}
    tables[part] = sorted(
        [row for row in tables[part] if row["data"] != name] + rows,
        key=lambda row: list(WORLDS).index(row["data"]),
    )
    write(setting(options) | {"confidence": 0.95} | tables, options.out)


if __name__ == "__main__":
    main()
