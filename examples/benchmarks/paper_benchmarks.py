"""
The three figures of the Willump paper, made again
==================================================

Batch throughput (figure 6), latency of one row (figure 7) and throughput of the top 100 (figure 8)
of Kraft et al., MLSys 2020 (arXiv 1906.01974), for pipelines of the shape of the paper's on data
that is free. Run it as ::

    python examples/benchmarks/paper_benchmarks.py [--quick] [--only NAMES] [--figures 6 7 8]

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

import os
import time
from functools import partial
from pathlib import Path

import numpy as np
from _measure import in_turns, latencies, parser_of, progress, setting, write
from _paper_pipelines import PIPELINES, Problem, make_problem
from _paper_tables import tables
from _paper_ways import SCIKIT_LEARN, batch_ways, point_ways, top_ways
from sklearn.metrics import accuracy_score, r2_score
from threadpoolctl import threadpool_limits


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
    for rows in rounds:
        for name, way in ways.items():
            these = [queries[way.form][row] for row in rows]
            taken, found = latencies(way.call, these, n_warm=20)
            answers[name] += [np.asarray(answer).ravel()[0] for answer in found]
            seconds[name] = np.append(seconds[name], taken)
            medians[name].append(np.median(taken))
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


def load() -> float:
    """Return how many processes wanted to run in the last minute, this one included."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def main(arguments=None) -> dict:
    """Measure and write; returns what was written."""
    parser = parser_of(__doc__, "")
    parser.add_argument("--only", nargs="+", choices=PIPELINES, default=list(PIPELINES))
    parser.add_argument("--figures", nargs="+", type=int, choices=FIGURES, default=list(FIGURES))
    parser.add_argument("--repeats", type=int, help="repeats of a batch, rounds of single rows")
    parser.add_argument("--calls", type=int, help="single rows")
    parser.add_argument("--k", type=int, default=100)
    options = parser.parse_args(arguments)
    options.repeats = options.repeats or (2 if options.quick else 7)
    options.calls = options.calls or (60 if options.quick else 1_050)
    started = time.perf_counter()
    result = setting(options, "onnxruntime", "skl2onnx") | {
        "threads": 1,
        "load": load(),
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
    write_all(result, options.out)
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


def write_all(result: dict, folder: Path) -> None:
    """Write JSON, tables and plots."""
    write(result, folder / "paper_benchmarks.json")
    (folder / "paper_benchmarks.txt").write_text(tables(result), encoding="utf-8")
    try:
        from _paper_plots import write_plots
    except ImportError as error:
        progress(f"no plots: {error}. Install skwillump[plot].")
        return
    write_plots(result, folder)


if __name__ == "__main__":
    main()
