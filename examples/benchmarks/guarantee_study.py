"""
How often cascades break their promise, over many random splits of real data
============================================================================

Each repeat draws training rows and calibrates a cascade on them; its true loss is measured on all
other rows. A repeat is a violation if the cascade keeps less than the target's share of the full
model's accuracy there. Each kind of promise is looked at: certified with an estimator that was
fitted before (``cv="prefit"``) and on held-out rows (``refit=False``), cross-fitted (``cv=5``), and
the rule of the Willump paper (``confidence=None``), which takes the score of the calibration rows
for the truth.

Some worlds are made up so as to break a promise (``_guarantee_worlds.py``): what the full model
learns jumps with the rows, the best of many candidates looks better than it is, or the loss falls
on one small group. There the target must be kept in each group, and a promise is broken if one
loses more.

To repeat often, text becomes features once for each data set, and what is fitted anew in each
repeat is models on these features, with costs stated. Writes ``docs/results/guarantee_study.json``.
With
``--only`` the rows of other sets stay as they are. Run it as ::

    python examples/benchmarks/guarantee_study.py [--quick] [--only NAMES] [--out FILE]

The published sets are read from the folder named by the environment variable SKWILLUMP_DATA; those
that are not there are left out, and said to be.
"""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import Any

import numpy as np
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


def repeat(world: World, n_rows: int, cv: Any, seed: int) -> list[tuple[str, float, float, float]]:
    """Return losses and early shares of one split: rows of (rule, target, loss, early)."""
    order = np.random.default_rng(seed).permutation(len(world.y))
    drawn, pool = order[:n_rows], order[n_rows:]
    X, y, estimator = world.X, world.y, clone(world.pipeline)
    rows = []
    with threadpool_limits(1):
        if cv == "prefit":
            n_fit = int(PREFIT_SHARE * n_rows)
            estimator.fit(X[drawn[:n_fit]], y[drawn[:n_fit]])
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
            cascade.fit(X[drawn], y[drawn], subgroups=groups)
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


def study(name: str, world: World, cv: Any, *, n_repeats: int, n_rows: int, n_jobs: int):
    """Return a summary of many repeats in one world."""
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
    parser.add_argument("--repeats", type=int, help="100, or 4 if quick")
    parser.add_argument("--rows", type=int, help="rows drawn in a repeat")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    n_repeats = options.repeats or (4 if options.quick else 100)
    kept = rows_of_others(options.out, options.only)
    n_drawn = options.rows or (QUICK_ROWS if options.quick else None)
    done = []

    def both(name):
        world = WORLDS[name]()
        rows = []
        for cv in WAYS:
            rows += study(
                name,
                world,
                cv,
                n_repeats=n_repeats,
                n_rows=n_drawn or world.n_rows,
                n_jobs=options.jobs,
            )
            # Hours of work: what is known so far is on the disk.
            save(kept + done + rows, options)
        done.extend(rows)
        return rows

    save(kept + rows_of_sets(options.only, both), options)


def save(rows, options):
    """Write what is known so far."""
    write(setting(options) | {"confidence": 0.95, "rows": rows}, options.out)


if __name__ == "__main__":
    main()
