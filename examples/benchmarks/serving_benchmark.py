"""
A cascade behind HTTP, under load
=================================

Starts ``examples/serving/serve.py`` on this machine with several worker processes, once with each
of the plain pipeline, its compiled twin and its cascade, and sends it one row a request from
another process. Beside them stand requests that no model answers: what HTTP itself takes. Writes
latency and throughput to ``docs/results/serving.json``. Run it as ::

    pip install "skwillump[serve,dataframe]"
    python examples/benchmarks/serving_benchmark.py [--quick] [--only NAME] [--out FILE]

Figures are medians of runs in turns. Each client waits for an answer before it sends its next row,
so that the load is what the service can take. Clients, workers and whatever else this machine does
share its cores. The toxic comments are left out unless the environment variable SKWILLUMP_DATA
names a folder that holds them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import _data as data
import joblib
import numpy as np
from _measure import (
    ROOT,
    output_of,
    parser_of,
    process_environment,
    rows_of_sets,
    setting,
    write,
)
from _pipelines import characters, logistic, words_and
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from skwillump import CascadeClassifier, compile_pipeline

FORMS = ("HTTP alone", "pipeline", "compiled", "cascade")
FIGURES = ("p50_ms", "p99_ms", "requests_per_second")
START_SECONDS = 120
"""Workers may have to compile kernels first."""

DATA = {
    "stdlib lines": (partial(data.stdlib_lines, 85_000), 5, 0.99),
    "toxic": (data.toxic, 6, 0.99),
}
"""Rows and labels, the longest n-grams of characters, and the target."""


def pipeline_of(longest):
    """Word TF-IDF, which is cheap, and character TF-IDF, which is not."""
    features = words_and(characters(longest))
    return Pipeline([("features", features), ("model", logistic())])


# %%
# The service
# -----------


def ready_worker(url):
    """Return the id of the worker that answers a new connection; None if none does."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return json.load(answer)["worker"]
    except OSError:
        return None


@contextmanager
def service(model, example, n_workers, folder):
    """Serve a classifier; gives its address when all workers are ready."""
    path = Path(folder) / "model.joblib"
    joblib.dump(model, path)
    server = subprocess.Popen(
        [
            *(sys.executable, str(ROOT / "examples" / "serving" / "serve.py"), str(path)),
            *("--port", "0", "--workers", str(n_workers), "--warm-up", json.dumps(example)),
        ],
        env=process_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url, workers = server.stdout.readline().strip(), set()
        give_up = time.monotonic() + START_SECONDS
        while len(workers) < n_workers:
            if not url or server.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(
                    f"the service was not ready within {START_SECONDS} s (exit status "
                    f"{server.poll()}). Its messages are above."
                )
            workers |= {ready_worker(url)} - {None}
            time.sleep(0.02)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        server.stdout.close()


# %%
# The load
# --------
# A client of HTTP that does no more than it must, so that the figures are of the service: requests
# are made before the clock runs, and one connection is kept for all of a client's requests.


def request_of(row):
    """Return the bytes of a request: a row, or None for one that no model answers."""
    if row is None:
        return b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    body = json.dumps({"row": row}).encode()
    head = (
        "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def client(port, requests, positions, stop_at, found):
    """Send requests one after the other until there are none left or the time is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for position in positions:
        if time.perf_counter() > stop_at:
            break
        start = time.perf_counter()
        writer.write(requests[position])
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        seconds = time.perf_counter() - start
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"{head.decode()}{body.decode()}")
        found.append((position, seconds, body))
    writer.close()
    await writer.wait_closed()


async def load(port, requests, n_clients, seconds):
    """Send all requests, from several clients that take turns; answers and the time it took."""
    found, start = [], time.perf_counter()
    positions = iter(range(len(requests)))
    stop_at = start + seconds
    await asyncio.gather(
        *(client(port, requests, positions, stop_at, found) for _ in range(n_clients))
    )
    return found, time.perf_counter() - start


def send(task):
    """Run in the process that sends: read what to send, and print what was measured as JSON."""
    task = json.loads(task)
    requests = [request_of(row) for row in task["rows"]]
    port, n_clients = task["port"], task["clients"]
    asyncio.run(load(port, requests[: len(requests) // 10], n_clients, task["seconds"]))
    found, seconds = asyncio.run(load(port, requests, n_clients, task["seconds"]))
    latency = np.array([each for _, each, _ in found]) * 1e3
    answers = [(position, json.loads(body).get("label")) for position, _, body in found]
    json.dump(
        {
            "n_requests": len(found),
            "requests_per_second": len(found) / seconds,
            "p50_ms": float(np.quantile(latency, 0.5)),
            "p99_ms": float(np.quantile(latency, 0.99)),
            "answers": answers,
        },
        sys.stdout,
    )


def under_load(url, rows, n_clients, seconds):
    """Return what another process measured."""
    task = {
        "port": int(url.rpartition(":")[2]),
        "rows": rows,
        "clients": n_clients,
        "seconds": seconds,
    }
    sent = output_of(
        [sys.executable, __file__, "--send"], input=json.dumps(task), timeout=60 + 3 * seconds
    )
    return json.loads(sent)


# %%
# The comparison
# --------------


def compare(name, options, folder):
    """Return a row of figures for each form of a pipeline."""
    read, longest, target = DATA[name]
    X, y = read()
    if options.quick:
        X, y = X[::50], y[::50]
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
    cascade = CascadeClassifier(
        pipeline_of(longest),
        accuracy_target=target,
        cv=0.5 if options.quick else 5,
        query="point",
        random_state=0,
    ).fit(X, y)
    n_requests = min(options.requests, len(X_test))
    rows, truth = [str(row) for row in X_test[:n_requests]], y_test[:n_requests]
    models = (cascade, cascade.estimator_, compile_pipeline(cascade.estimator_), cascade)
    forms = dict(zip(FORMS, models, strict=True))
    measured: dict[str, list[dict]] = {form: [] for form in options.forms}
    for _ in range(options.repeats):  # in turns, so that what else the machine does slows all alike
        for form in options.forms:
            sent = [None] * n_requests if form == "HTTP alone" else rows
            with service(forms[form], rows[0], options.workers, folder) as url:
                measured[form].append(under_load(url, sent, options.clients, options.seconds))
    # Some runs end before all rows are sent: forms are compared on rows that all of them answered.
    longest_of = {
        form: max(runs, key=lambda run: run["n_requests"]) for form, runs in measured.items()
    }
    answers = {
        form: dict(longest["answers"])
        for form, longest in longest_of.items()
        if form != "HTTP alone"
    }
    common = sorted(set.intersection(*map(set, answers.values()))) if answers else []
    figures = []
    for form, runs in measured.items():
        longest = longest_of[form]
        right = [
            truth[position] == answers[form][position] for position in common if form in answers
        ]
        figures.append(
            {
                "data": name,
                "form": form,
                "target": target,
                "n_train": len(X),
                "accuracy": float(np.mean(right)) if right else None,
                "early_share": cascade.stages_[0].share if len(cascade.stages_) > 1 else 0.0,
                "n_requests": longest["n_requests"],
                **{figure: median(run[figure] for run in runs) for figure in FIGURES},
                "p50_ms_of_runs": [run["p50_ms"] for run in runs],
            }
        )
        print(
            f"{name:14}{form:12}{figures[-1]['p50_ms']:8.2f} ms p50"
            f"{figures[-1]['p99_ms']:8.2f} ms p99"
            f"{figures[-1]['requests_per_second']:9,.0f} requests/s",
            flush=True,
        )
    return figures


def main(arguments=None):
    """Measure, and write the file."""
    parser = parser_of(__doc__, "serving.json")
    parser.add_argument("--only", choices=DATA, help="one set of data")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS, help="what answers")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=4000, help="of each run, at most")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each form, in turns")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each run, at most")
    parser.add_argument("--send", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.send:
        send(sys.stdin.read())
        return
    if options.quick:
        options.requests, options.seconds = min(options.requests, 300), min(options.seconds, 5.0)
        options.repeats = 1

    def measure(name):
        with tempfile.TemporaryDirectory() as folder:
            return compare(name, options, folder)

    rows = rows_of_sets([options.only] if options.only else DATA, measure)
    sizes = {name: getattr(options, name) for name in ("workers", "clients", "repeats")}
    write(setting(options, "fastapi", "uvicorn") | sizes | {"rows": rows}, options.out)


if __name__ == "__main__":
    main()
