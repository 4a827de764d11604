"""
Features from a remote store, fetched only for the rows that need them
======================================================================

Some features are not computed but asked for: they live in a feature store, one network call away.
Where they live is nothing that skwillump needs to know. Any transformer can do the call; if it is
a block of the pipeline, a cascade makes the call only for rows that its cheap stage leaves open.

The store here is a real Redis server. Start one (it keeps nothing on the disk) and run this file::

    pip install "skwillump[remote,dataframe]"
    redis-server --port 6390 --save "" --appendonly no &
    python examples/remote_features.py --url redis://localhost:6390/0

It writes keys that begin with ``skwillump-example:`` and removes them at the end. The data are
synthetic: requests of users, with what the request says at hand and the users' history in Redis.
"""

# sphinx_gallery_thumbnail_path = '_static/thumbnail_remote.svg'

from __future__ import annotations

import argparse
from functools import cache
from statistics import median
from time import perf_counter

import numpy as np
import pandas as pd
import redis
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import validate_data

from skwillump import CascadeClassifier

PREFIX = "skwillump-example:"
N_HISTORY = 8  # features of a user in the store
REQUEST = ["amount", "hour", "n_items", "discount"]


# %%
# The transformer
# ---------------
# ``transform`` gets all rows of a batch that need the block, so that it can ask for all of them in
# one call. It asks once for a user who is there several times. A client is made in each process
# and never pickled: redis-py's own connection pool serves threads and notices forks.


@cache
def client_of(url: str) -> redis.Redis:
    """Return this process's client of a server."""
    return redis.Redis.from_url(url)


class RedisFeatures(TransformerMixin, BaseEstimator):
    """Features of the entity in a column of ids, as float64 packed under ``prefix + id``."""

    def __init__(self, url, prefix, n_features, default=0.0):
        self.url = url
        self.prefix = prefix
        self.n_features = n_features
        self.default = default

    def fit(self, X, y=None):
        """Learn nothing: the store has the features."""
        validate_data(self, X, dtype=None)
        return self

    def transform(self, X):
        """Fetch the features of all rows in one call."""
        ids = validate_data(self, X, dtype=None, reset=False)[:, 0]
        distinct, row_of = np.unique(ids, return_inverse=True)
        packed = client_of(self.url).mget([f"{self.prefix}{i}" for i in distinct.tolist()])
        missing = np.full(self.n_features, self.default, dtype="<f8").tobytes()
        found = b"".join(missing if value is None else value for value in packed)
        return np.frombuffer(found, dtype="<f8").reshape(-1, self.n_features)[row_of.ravel()]

    def get_feature_names_out(self, input_features=None):
        """Name the features."""
        return np.array([f"history{i}" for i in range(self.n_features)], dtype=object)

    def __sklearn_is_fitted__(self):
        return True


# %%
# The data
# --------


def make_requests(n_rows: int, n_users: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return requests, what came of them, and the history (n_users, N_HISTORY) of each user."""
    rng = np.random.default_rng(0)
    history = rng.normal(size=(n_users, N_HISTORY))
    X = pd.DataFrame(rng.normal(size=(n_rows, len(REQUEST))), columns=REQUEST)
    X["user"] = rng.integers(0, n_users, n_rows)
    of_request = X[REQUEST].to_numpy() @ np.array([3.0, -2.0, 2.0, 1.0])
    of_user = history[X["user"]] @ rng.normal(size=N_HISTORY) * 0.5
    y = (of_request + of_user + rng.logistic(size=n_rows) * 0.3 > 0).astype(int)
    return X, y, history


def store(client: redis.Redis, history: np.ndarray) -> None:
    """Write the history of each user, packed."""
    with client.pipeline(transaction=False) as pipeline:
        for user, values in enumerate(history):
            pipeline.set(f"{PREFIX}{user}", values.astype("<f8").tobytes())
        pipeline.execute()


def remove(client: redis.Redis) -> None:
    """Remove what `store` wrote."""
    for keys in iter_chunks(client.scan_iter(f"{PREFIX}*", count=1000), 1000):
        client.delete(*keys)


def iter_chunks(values, size):
    """Yield lists of at most so many of the values."""
    chunk = []
    for value in values:
        chunk.append(value)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


# %%
# What the network costs
# ----------------------
# ``fit`` measures each block where it runs. That may not be where the model will serve: a training
# job can be far from the store, or close to it. ``feature_costs`` says what a row costs in truth:
# measure it on the machine that serves, on batches of the size that it gets, network included.


def seconds_a_row(transformer, X: pd.DataFrame, n_repeats: int = 7) -> float:
    """Median seconds a row of a batch."""
    seconds = []
    for _ in range(n_repeats):
        start = perf_counter()
        transformer.transform(X)
        seconds.append(perf_counter() - start)
    return median(seconds) / len(X)


def asked(client: redis.Redis) -> tuple[int, int]:
    """Calls and keys that the server was asked for, by its own account."""
    calls = client.info("commandstats").get("cmdstat_mget", {"calls": 0})["calls"]
    stats = client.info("stats")
    return calls, stats["keyspace_hits"] + stats["keyspace_misses"]


# %%
# The pipeline, and its cascade
# -----------------------------


def main(arguments=None):
    """Fit and compare; returns what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--url", default="redis://localhost:6390/0")
    parser.add_argument("--rows", type=int, default=40_000)
    options = parser.parse_args(arguments)
    client = client_of(options.url)
    X, y, history = make_requests(options.rows, n_users=max(options.rows // 2, 100))
    half = len(X) // 2
    X_train, y_train, X_test, y_test = X[:half], y[:half], X[half:], y[half:]
    try:
        store(client, history)
        remote = RedisFeatures(options.url, PREFIX, N_HISTORY)
        pipeline = Pipeline(
            [
                (
                    "features",
                    ColumnTransformer(
                        [("request", StandardScaler(), REQUEST), ("history", remote, ["user"])]
                    ),
                ),
                ("model", LogisticRegression()),
            ]
        )
        batch = X_train[["user"]][:1000]
        costs = {"history": seconds_a_row(remote.fit(batch), batch)}
        print(f"A row from Redis takes {costs['history'] * 1e6:.1f} microseconds, in batches.")
        cascade = CascadeClassifier(
            pipeline, accuracy_target=0.98, cv=0.3, feature_costs=costs, random_state=0
        )
        cascade.fit(X_train, y_train)

        result = {"costs": costs, "n_rows": len(X_test)}
        print(f"{'':10}{'accuracy':>10}{'seconds':>10}{'calls':>8}{'keys asked for':>16}")
        for name, model in {"pipeline": cascade.estimator_, "cascade": cascade}.items():
            before, start = asked(client), perf_counter()
            predicted = model.predict(X_test)
            seconds, after = perf_counter() - start, asked(client)
            calls, keys = after[0] - before[0], after[1] - before[1]
            score = accuracy_score(y_test, predicted)
            print(f"{name:10}{score:>10.4f}{seconds:>10.4f}{calls:>8,}{keys:>16,}")
            result[name] = {"accuracy": score, "seconds": seconds, "calls": calls, "keys": keys}
        stage = cascade.predict_stage(X_test)
        result["n_left"] = int((stage > 0).sum())
        result["n_stages"] = len(cascade.stages_)
        result["users_left"] = X_test["user"][stage > 0].tolist()
        print(f"\n{cascade.report()}")
    finally:
        remove(client)
    return result


if __name__ == "__main__":
    main()
