"""
Dask and Spark: rows per second and traffic
===========================================

A cascade predicts, and a ranker finds the 100 best, of a million made-up rows: in one process on
one thread, on a Dask cluster of two processes, and in a local Spark session with two Python
workers. The rows lie in partitions of the same size, or in uneven ones of which one is empty. What
is sent is the pickled model, once to each worker; what comes back is measured for Dask, as pickles.
Each is run once before it is timed, so that workers have loaded their kernels. Writes
``docs/results/engines_benchmark.json``. Run it as ::

    pip install "skwillump[dask,spark]"
    python examples/benchmarks/engines_benchmark.py [--quick] [--only NAMES] [--out FILE]
"""

import os
import pickle
import sys
from contextlib import contextmanager
from itertools import pairwise
from time import perf_counter

import numpy as np
import pandas as pd
from _measure import parser_of, setting, show, write
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from skwillump import ApproxTopKRanker, CascadeClassifier

COLUMNS = ["cheap", "dear"]
PARTITIONS = {"even": [1 / 8] * 8, "uneven": [0.55, 0.2, 0.1, 0.05, 0.05, 0.03, 0.02, 0.0]}
"""Shares of the rows."""


def table(n_rows, seed=0):
    """Rows with a strong cheap signal and a weak dear one, and their value."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"cheap": rng.normal(0, 3, n_rows), "dear": rng.normal(0, 1, n_rows)})
    return X, X["cheap"] + np.sin(3 * X["dear"]) + rng.normal(0, 0.1, n_rows)


def pipeline(model):
    """A cheap block and a dear one, under a model."""
    dear = SplineTransformer(n_knots=40)
    return make_pipeline(
        make_column_transformer((StandardScaler(), ["cheap"]), (dear, ["dear"])), model
    )


def models(n_fit, n_rows):
    """A fitted cascade and a fitted ranker."""
    X, value = table(n_fit)
    common = {"random_state": 0}
    cascade = CascadeClassifier(
        pipeline(LogisticRegression()), accuracy_target=0.99, cv=0.5, **common
    )
    ranker = ApproxTopKRanker(pipeline(Ridge()), k=100, query_size=n_rows, **common)
    return cascade.fit(X, (value > 0).astype(int)), ranker.fit(X, value)


def bounds(shares, n_rows):
    """Where partitions of these shares begin and end."""
    ends = np.round(np.cumsum([0, *shares]) * n_rows).astype(int)
    return list(pairwise(ends.tolist()))


class OneProcess:
    """All rows in this process."""

    def __init__(self, X, parts):
        self.X = X

    def predict(self, cascade):
        """Labels."""
        return cascade.predict(self.X)

    def rank(self, ranker):
        """Positions."""
        return ranker.rank(self.X)

    received = None


class Dask:
    """A cluster of two processes."""

    def __init__(self, X, parts):
        import dask
        import dask.dataframe as dd

        pieces = [dask.delayed(X.iloc[start:stop]) for start, stop in parts]
        self.frame = dd.from_delayed(pieces, meta=X.iloc[:0]).persist()
        self.received = None

    def predict(self, cascade):
        """Labels."""
        from skwillump.dask import predict

        return predict(cascade, self.frame).compute().to_numpy()

    def rank(self, ranker):
        """Positions; counts what comes back."""
        import dask

        from skwillump.dask import rank

        compute, received = dask.compute, []

        def counted(*tasks, **options):
            found = compute(*tasks, **options)
            received.append(len(pickle.dumps(found)))
            return found

        dask.compute = counted
        try:
            positions = rank(ranker, self.frame)
        finally:
            dask.compute = compute
        self.received = sum(received)
        return positions


class Spark:
    """A local session with two Python workers."""

    received = None

    def __init__(self, X, parts):
        from pyspark.sql import SparkSession

        def rows_of(ids):
            for numbers in ids:
                for number in numbers["id"]:
                    yield X.iloc[slice(*parts[number])]

        session = SparkSession.getActiveSession()
        numbers = session.range(0, len(parts), 1, len(parts))
        self.frame = numbers.mapInPandas(rows_of, "cheap double, dear double").persist()
        self.frame.count()

    def predict(self, cascade):
        """Labels."""
        from skwillump.spark import predict

        return predict(cascade, self.frame).select("prediction").toPandas()["prediction"].to_numpy()

    def rank(self, ranker):
        """Positions."""
        from skwillump.spark import rank

        return rank(ranker, self.frame)


@contextmanager
def dask_cluster():
    """A cluster that Dask uses."""
    import distributed

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
    ):
        yield


@contextmanager
def spark_session():
    """A session that is the active one."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .config("spark.driver.memory", "2g")
        .getOrCreate()
    )
    try:
        yield
    finally:
        session.stop()


@contextmanager
def nothing():
    """Nothing to start."""
    yield


ENGINES = {
    "one process": (nothing, OneProcess),
    "Dask": (dask_cluster, Dask),
    "Spark": (spark_session, Spark),
}


def timed(call, n_repeats):
    """The answer, and the median of seconds after a first call."""
    answer, seconds = call(), []
    for _ in range(n_repeats):
        start = perf_counter()
        call()
        seconds.append(perf_counter() - start)
    return answer, float(np.median(seconds))


def main(arguments=None):
    """Run the benchmark."""
    parser = parser_of(__doc__, "engines_benchmark.json")
    parser.add_argument("--only", nargs="+", choices=ENGINES, default=list(ENGINES))
    options = parser.parse_args(arguments)
    n_rows, n_fit, n_repeats = (20_000, 4000, 1) if options.quick else (1_000_000, 40_000, 3)
    cascade, ranker = models(n_fit, n_rows)
    X, _ = table(n_rows, seed=1)
    labels, best = cascade.predict(X), ranker.rank(X)
    rows = []
    for engine in options.only:
        start, kind = ENGINES[engine]
        with start():
            for name, shares in PARTITIONS.items():
                held = kind(X, bounds(shares, n_rows))
                predicted, predict_seconds = timed(
                    lambda held=held: held.predict(cascade), n_repeats
                )
                positions, rank_seconds = timed(lambda held=held: held.rank(ranker), n_repeats)
                rows.append(
                    {
                        "engine": engine,
                        "partitions": name,
                        "n_rows": n_rows,
                        "predict_rows_per_second": n_rows / predict_seconds,
                        "rank_rows_per_second": n_rows / rank_seconds,
                        "cascade_bytes": len(pickle.dumps(cascade)),
                        "ranker_bytes": len(pickle.dumps(ranker)),
                        "rank_bytes_received": held.received,
                        "row_bytes": int(X.memory_usage(index=False).sum()),
                        "labels_equal": bool(np.array_equal(predicted, labels)),
                        "positions_equal": bool(np.array_equal(positions, best)),
                    }
                )
                show(rows[-1])
    write(setting(options, "dask", "pyspark") | {"rows": rows}, options.out)


if __name__ == "__main__":
    main()
