"""What all benchmarks and studies share: turns, latencies, memory, and the file of results."""

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"

LEAST_SECONDS = 0.05
"""Calls that take less are repeated within a repeat until they take as long."""

PACKAGES = ("scikit-learn", "numpy", "pandas", "numba", "lightgbm", "skwillump")
"""Their versions are in every file of results."""


# Time


def in_turns(
    calls: Mapping[str, Callable[[], Any]],
    n_repeats: int,
    *,
    least_seconds: float = LEAST_SECONDS,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, np.ndarray]:
    """Return the seconds of a call, for each call and repeat.

    The calls take turns, every second time in the opposite order, so that what else the machine
    does slows all of them alike. Each is called once before, unmeasured.

    Parameters
    ----------
    calls : dict of name to callable
    n_repeats : int
    least_seconds : float
        A repeat of a short call is the mean of as many calls as take this long; 0 for one call.
    clock : callable
        `time.process_time` on a machine that has other work.
    """
    numbers = {}
    for name, call in calls.items():
        start = clock()
        call()
        numbers[name] = max(1, round(least_seconds / max(clock() - start, 1e-9)))
    seconds = {name: np.empty(n_repeats) for name in calls}
    for repeat in range(n_repeats):
        turns = list(calls.items())
        for name, call in turns if repeat % 2 == 0 else reversed(turns):
            start = clock()
            for _ in range(numbers[name]):
                call()
            seconds[name][repeat] = (clock() - start) / numbers[name]
    return seconds


def medians_in_turns(
    calls: Mapping[str, Callable[[], Any]], n_repeats: int, **settings: Any
) -> dict[str, float]:
    """Return the median seconds of each call; see `in_turns`."""
    seconds = in_turns(calls, n_repeats, **settings)
    return {name: float(np.median(values)) for name, values in seconds.items()}


def latencies(
    call: Callable[[Any], Any], queries: Sequence[Any], *, n_warm: int = 50
) -> tuple[np.ndarray, list]:
    """Return the seconds and the answer of each query; the first ones are answered before, too."""
    for query in queries[:n_warm]:
        call(query)
    seconds, answers = np.empty(len(queries)), []
    for i, query in enumerate(queries):
        start = time.perf_counter()
        answer = call(query)
        seconds[i] = time.perf_counter() - start
        answers.append(answer)
    return seconds, answers


def latency_figures(calls: Mapping[str, tuple[Callable[[Any], Any], Sequence[Any]]]) -> dict:
    """Return p50 and p99 in microseconds of each call on its queries, and how two of them compare.

    The calls have names; "plain" is compared with "predict_one".
    """
    figures: dict[str, float] = {}
    for name, (call, queries) in calls.items():
        p50, p99 = np.percentile(latencies(call, queries)[0], [50, 99]) * 1e6
        figures |= {f"{name}_p50_us": float(p50), f"{name}_p99_us": float(p99)}
    figures["speedup_p50"] = figures["plain_p50_us"] / figures["predict_one_p50_us"]
    figures["p99_over_p50"] = figures["predict_one_p99_us"] / figures["predict_one_p50_us"]
    return figures


# Memory


def extra_megabytes(estimators: Mapping[str, Any], rows: Any, make_rows: str, n_rows: int) -> dict:
    """Return the memory that a prediction takes beyond its input, each in a process of its own.

    Parameters
    ----------
    estimators : dict of name to fitted estimator
    rows : object
        A few rows.
    make_rows : str
        ``"module:function"``, which makes `n_rows` rows out of them, in the new process.
    n_rows : int
    """
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, estimator in estimators.items():
            path = Path(folder) / name
            path.write_bytes(pickle.dumps((estimator, rows)))
            command = [sys.executable, __file__, str(path), make_rows, str(n_rows)]
            found[f"{name}_extra_mb"] = int(output_of(command)) / 1e6
    return found


def _print_extra_bytes(path: str, make_rows: str, n_rows: str) -> None:
    """Predict in this process and print by how many bytes it grew."""
    module, _, function = make_rows.partition(":")
    make = getattr(__import__(module), function)
    estimator, rows = pickle.loads(Path(path).read_bytes())
    many = make(rows, int(n_rows))
    estimator.predict(many[:10])
    before, stop, peak = _resident_bytes(), threading.Event(), [0]

    def watch() -> None:
        while not stop.wait(0.002):
            peak[0] = max(peak[0], _resident_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    estimator.predict(many)
    stop.set()
    watcher.join()
    print(max(peak[0] - before, 0))


def _resident_bytes() -> int:
    """Return the memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


# Processes


def process_environment() -> dict[str, str]:
    """Return the environment of a process with this one's modules, and with one thread."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return one_thread | os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def output_of(command: Sequence[str], **settings: Any) -> str:
    """Return what a new process prints."""
    settings = {"env": process_environment()} | settings
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, **settings)
    return str(done.stdout)


# Options and results


class BenchmarkParser(argparse.ArgumentParser):
    """A parser of a script whose results have a file; those of a short run have another."""

    file_name = ""

    def parse_args(self, *args: Any, **kwargs: Any) -> Any:
        """Return the options, with the file to write."""
        options = super().parse_args(*args, **kwargs)
        if options.out is None:
            options.out = (RESULTS / "quick" if options.quick else RESULTS) / self.file_name
        return options


def parser_of(description: str | None, out: str) -> argparse.ArgumentParser:
    """Return a parser that knows ``--quick`` and ``--out``.

    Parameters
    ----------
    description : str
        The docstring of the script; its title is shown.
    out : str
        The name of its file in ``docs/results``; in ``docs/results/quick`` with ``--quick``.
    """
    title = (description or "").strip().partition("\n")[0]
    parser = BenchmarkParser(description=title)
    parser.file_name = out
    parser.add_argument("--quick", action="store_true", help="few rows and repeats")
    parser.add_argument("--out", type=Path, help=f"where to write, else docs/results/{out}")
    return parser


def setting(options: argparse.Namespace, *packages: str) -> dict:
    """Return the machine, the versions, and whether it was a short run."""
    return {
        "machine": {"cpus": os.cpu_count(), "platform": platform.platform()},
        "versions": versions(*PACKAGES, *packages),
        "quick": options.quick,
    }


def versions(*packages: str) -> dict[str, str | None]:
    """Return the versions of Python and of packages; None for what is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def write(result: dict, path: Path) -> None:
    """Write results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def rows_of_others(path: Path, names: Iterable[str], *, table: str = "rows") -> list[dict]:
    """Return the rows of a file of results that are of none of these data sets.

    So a study that takes hours is run again in pieces.
    """
    known = json.loads(path.read_text(encoding="utf-8")).get(table, []) if path.exists() else []
    return [row for row in known if row["data"] not in set(names)]


def show(row: dict) -> None:
    """Print a row of results on one line."""
    cells = (
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in row.items()
    )
    print("  " + "  ".join(cells), flush=True)


def progress(message: str) -> None:
    """Say on standard error what is going on."""
    print(message, file=sys.stderr, flush=True)


def rows_of_sets(names: Iterable[str], measure: Callable[[str], list[dict]]) -> list[dict]:
    """Return the rows of all data sets; those whose files are missing are left out and said so."""
    rows = []
    for name in names:
        try:
            rows += measure(name)
        except FileNotFoundError as error:
            progress(f"{name}: left out. {error}")
    return rows


if __name__ == "__main__":
    _print_extra_bytes(*sys.argv[1:])
