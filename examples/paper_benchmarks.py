"""
The three figures of the Willump paper, made again
==================================================

Batch throughput (figure 6), latency of one row (figure 7) and throughput of the top 100 (figure 8)
of Kraft et al., MLSys 2020 (arXiv 1906.01974), for pipelines of the shape of the paper's on data
that is free. Run it as ::

    python examples/paper_benchmarks.py [--quick] [--only NAMES] [--figures 6 7 8] [--out DIR]

It needs the data sets that `skwillump.datasets.load_benchmark` reads; those that are not there are
left out, and said to be. Everyone runs on one thread, in turns, and answers the same held-out rows.

``scikit-learn``
    The pipeline as it is. All speed-ups are against it.
``compiled``
    `compile_pipeline`: the same answers.
``cascade``
    `CascadeClassifier` with ``accuracy_target=0.995`` (figure 7: ``query="point"``).
``top-K``
    `ApproxTopKRanker` with ``precision_target=0.95``.
``Willump's rule``
    The same with ``confidence=None``: the rule of the paper on our compiled steps.
``ONNX Runtime``
    The pipeline converted by skl2onnx, in chunks of rows of the size that suits it best.
``Booster.predict``
    scikit-learn's features, then LightGBM's own ``Booster``.

Writes ``paper_benchmarks.json``, tables and plots.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# One thread for everybody: BLAS, OpenMP and LightGBM read this when they are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from _paper_pipelines import PIPELINES, Problem, make_problem
from _paper_ways import SCIKIT_LEARN, batch_ways, point_ways, top_ways
from sklearn.metrics import accuracy_score, r2_score
from threadpoolctl import threadpool_limits

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
LEAST_SECONDS = 0.05
"""Calls that take less are repeated within a repeat until they take as long."""


def progress(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def in_turns(calls: dict, n_repeats: int) -> dict[str, np.ndarray]:
    """Return seconds a call, for each call and repeat; the calls take turns."""
    numbers = {}
    for name, call in calls.items():
        start = time.perf_counter()
        call()
        numbers[name] = max(1, round(LEAST_SECONDS / (time.perf_counter() - start)))
    seconds = {name: np.empty(n_repeats) for name in calls}
    for repeat in range(n_repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(numbers[name]):
                call()
            seconds[name][repeat] = (time.perf_counter() - start) / numbers[name]
    return seconds


def throughput(seconds: dict[str, np.ndarray], n_rows: int) -> dict[str, dict]:
    """Return rows a second: median, quartiles, and the median against scikit-learn's."""
    plain = np.median(seconds[SCIKIT_LEARN])
    rows = {}
    for name, values in seconds.items():
        slow, middle, fast = np.percentile(n_rows / values, [25, 50, 75])
        rows[name] = {
            "rows_per_second": float(middle),
            "quartiles": [float(slow), float(fast)],
            "speed_up": float(plain / np.median(values)),
        }
    return rows


def quality(problem: Problem, answers, expected, truth) -> dict:
    """Return the score of answers, and the share that differs from scikit-learn's."""
    answers, expected = np.asarray(answers), np.asarray(expected)
    if problem.classifies:
        return {
            "score_name": "accuracy",
            "score": float(accuracy_score(truth, answers)),
            "different": float((answers != expected).mean()),
        }
    apart = np.abs(answers - expected) > 1e-3 * np.maximum(1.0, np.abs(expected))
    return {
        "score_name": "R2",
        "score": float(r2_score(truth, answers)),
        "different": float(apart.mean()),
    }


def batch_figure(problem: Problem, options) -> list[dict]:
    """Figure 6: rows a second in batch."""
    ways, missing = batch_ways(problem)
    X = problem.X_test
    calls = {name: partial(way.call, X) for name, way in ways.items()}
    answers = {name: call() for name, call in calls.items()}
    speeds = throughput(in_turns(calls, options.repeats), len(problem.y_test))
    rows = [
        {
            "way": name,
            "n_rows": len(problem.y_test),
            **speeds[name],
            **quality(problem, answers[name], answers[SCIKIT_LEARN], problem.y_test),
            **way.facts,
        }
        for name, way in ways.items()
    ]
    return rows + missing


def point_figure(problem: Problem, options) -> list[dict]:
    """Figure 7: seconds of one row at a time."""
    ways, missing = point_ways(problem)
    n_calls = min(options.calls, len(problem.y_test))
    chosen = np.random.default_rng(0).permutation(len(problem.y_test))[:n_calls]
    rounds = np.array_split(chosen, options.repeats)
    forms = {way.form for way in ways.values()}
    queries = {form: {row: form(problem.X_test, row) for row in chosen} for form in forms}
    seconds = {name: np.empty(0) for name in ways}
    medians: dict[str, list] = {name: [] for name in ways}
    answers: dict[str, list] = {name: [] for name in ways}
    for way in ways.values():
        for row in chosen[:20]:
            way.call(queries[way.form][row])
    for rows in rounds:
        for name, way in ways.items():
            these = np.empty(len(rows))
            for i, row in enumerate(rows):
                query = queries[way.form][row]
                start = time.perf_counter()
                answer = way.call(query)
                these[i] = time.perf_counter() - start
                answers[name].append(np.asarray(answer).ravel()[0])
            seconds[name] = np.append(seconds[name], these)
            medians[name].append(np.median(these))
    truth = problem.y_test[np.concatenate(rounds)]
    plain = np.median(seconds[SCIKIT_LEARN])
    results = []
    for name, way in ways.items():
        p50, p99 = np.percentile(seconds[name], [50, 99]) * 1e6
        results.append(
            {
                "way": name,
                "n_rows": n_calls,
                "p50_us": float(p50),
                "p99_us": float(p99),
                "quartiles": (np.percentile(medians[name], [25, 75]) * 1e6).tolist(),
                "speed_up": float(plain / np.median(seconds[name])),
                **quality(problem, answers[name], answers[SCIKIT_LEARN], truth),
                **way.facts,
            }
        )
    return results + missing


def top_figure(problem: Problem, options) -> list[dict]:
    """Figure 8: rows a second of finding the 100 best."""
    problem, k = problem.for_ranking(), min(options.k, len(problem.y_test) // 10)
    ways, missing = top_ways(problem, k)
    calls = {name: partial(way.call, problem.X_test) for name, way in ways.items()}
    answers = {name: call() for name, call in calls.items()}
    speeds = throughput(in_turns(calls, options.repeats), len(problem.y_test))
    best = set(answers[SCIKIT_LEARN].tolist())
    rows = [
        {
            "way": name,
            "n_rows": len(problem.y_test),
            "k": k,
            **speeds[name],
            "score_name": "precision",
            "score": len(best & set(answers[name].tolist())) / k,
            "gain": float(np.mean(problem.gain[answers[name]])),
            **way.facts,
        }
        for name, way in ways.items()
    ]
    return rows + missing


FIGURES = {6: batch_figure, 7: point_figure, 8: top_figure}


def versions() -> dict:
    """Return the versions of what took part; None for what is not installed."""
    found: dict = {"python": platform.python_version()}
    names = ("scikit-learn", "numpy", "pandas", "numba", "lightgbm", "onnxruntime", "skl2onnx")
    for name in (*names, "skwillump"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def load() -> float:
    """Return how many processes wanted to run in the last minute, this one included."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def main(arguments=None) -> dict:
    """Measure and write; returns what was written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--quick", action="store_true", help="few rows, calls and repeats")
    parser.add_argument("--only", nargs="+", choices=PIPELINES, default=list(PIPELINES))
    parser.add_argument("--figures", nargs="+", type=int, choices=FIGURES, default=list(FIGURES))
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder to write into")
    parser.add_argument("--repeats", type=int, help="repeats of a batch, rounds of single rows")
    parser.add_argument("--calls", type=int, help="single rows")
    parser.add_argument("--k", type=int, default=100)
    options = parser.parse_args(arguments)
    options.repeats = options.repeats or (2 if options.quick else 7)
    options.calls = options.calls or (60 if options.quick else 1_050)
    started = time.perf_counter()
    result: dict = {
        "machine": {"cpus": os.cpu_count(), "platform": platform.platform()},
        "versions": versions(),
        "threads": 1,
        "load": load(),
        "quick": options.quick,
        "repeats": options.repeats,
        "calls": options.calls,
        "pipelines": [],
        "left_out": {},
        "rows": [],
    }
    with threadpool_limits(1):
        for name in options.only:
            try:
                progress(f"{name}: fitting")
                problem = make_problem(name, quick=options.quick)
            except FileNotFoundError as error:
                progress(f"{name}: left out. {error}")
                result["left_out"][name] = str(error).splitlines()[0]
                continue
            result["pipelines"].append(problem.sizes)
            for figure in options.figures:
                progress(f"{name}: figure {figure} ({time.perf_counter() - started:.0f} s)")
                for row in FIGURES[figure](problem, options):
                    result["rows"].append({"figure": figure, "pipeline": name, **row})
                    show(result["rows"][-1])
            result["load"] = max(result["load"], load())
    result["seconds"] = time.perf_counter() - started
    write(result, options.out)
    return result


def show(row: dict) -> None:
    """Print one line of results."""
    name = f"{row['figure']} {row['pipeline']:8} {row['way']:16}"
    if "reason" in row:
        print(f"{name} {row['reason']}", flush=True)
        return
    if "p50_us" in row:
        speed = f"p50 {row['p50_us']:9,.1f} us  p99 {row['p99_us']:9,.1f} us"
    else:
        speed = f"{row['rows_per_second']:12,.0f} rows/s"
    print(
        f"{name} {speed}  {row['speed_up']:7.1f}x  {row['score_name']} {row['score']:.4f}",
        flush=True,
    )


def write(result: dict, folder: Path) -> None:
    """Write JSON, tables and plots."""
    from _paper_tables import tables

    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1) + "\n"
    (folder / "paper_benchmarks.json").write_text(text, encoding="utf-8")
    (folder / "paper_benchmarks.txt").write_text(tables(result), encoding="utf-8")
    try:
        from _paper_plots import write_plots
    except ImportError as error:
        progress(f"no plots: {error}. Install skwillump[plot].")
        return
    write_plots(result, folder)


if __name__ == "__main__":
    main()
