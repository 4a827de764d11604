"""
Ten look-ups and LightGBM, on synthetic data of the shape of KKBox
==================================================================

Will a user listen to a song again? The Music pipeline of the Willump paper joins tables of users,
songs and artists to each row and asks LightGBM. The KKBox data that it used may not be passed on,
so **everything here is synthetic**: tables of its shape (30,000 users, 360,000 songs, 40,000
artists, a few of which make most of the rows; latent vectors of 32 dimensions; ids as KKBox has
them, texts of 44 characters) and a target drawn from a model. Figures of it show what look-ups
cost; its accuracies mean nothing outside. Only where the folder that SKWILLUMP_DATA names holds the
KKBox files (in ``kkbox``: ``train.csv``, ``songs.csv``, ``members.csv``) are they used instead.
Run it as ::

    python examples/music_benchmark.py [--quick] [--out FILE]

Four ways to answer the same rows, on one thread, in turns, medians:

``reindex``
    What users write today: a transformer that calls pandas' ``frame.reindex(keys)``, ten of them
    in a ColumnTransformer, then LightGBM. This is the plain pipeline that speed-ups are against.
``TableLookup``
    The same pipeline with `TableLookup`, not compiled.
``compiled``
    Its twin by `compile_pipeline`.
``cascade``
    `CascadeClassifier` with ``accuracy_target=0.995``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

# One thread for everybody: BLAS, OpenMP and LightGBM read this when they are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import _kkbox as kkbox
import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline

from skwillump import CascadeClassifier, TableLookup, compile_pipeline

ROOT = Path(__file__).resolve().parent.parent
N_LATENT = 32
TARGET = 0.995

#: Table: the column of its keys.
KEYS = {
    "user_profile": "user",
    "user_latent": "user",
    "user_counts": "user",
    "song_metadata": "song",
    "song_latent": "song",
    "song_counts": "song",
    "artist_latent": "artist",
    "artist_counts": "artist",
    "genre": "genre",
    "city": "city",
}


class ReindexLookup(TransformerMixin, BaseEstimator):
    """A join as users write it: ``frame.reindex(keys)``."""

    def __init__(self, frame):
        self.frame = frame

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return self.frame.reindex(X.iloc[:, 0]).to_numpy()

    def get_feature_names_out(self, input_features=None):
        return self.frame.columns.to_numpy(dtype=object)

    def __sklearn_is_fitted__(self):
        return True


def identifiers(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return distinct texts of 44 characters, as KKBox's ids are."""
    letters = np.frombuffer(
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "u1"
    )
    characters = letters[rng.integers(0, 64, (n, 44))]
    characters[:, -1] = ord("=")
    # The first ones count, so that no two are the same.
    characters[:, :4] = letters[np.arange(n)[:, None] // 64 ** np.arange(4) % 64]
    return characters.view("S44").ravel().astype("U44")


def zipf(rng: np.random.Generator, n: int, size: int, exponent: float) -> np.ndarray:
    """Draw positions of n things, of which few are popular."""
    shares = 1.0 / np.arange(1, n + 1) ** exponent
    return rng.permutation(n)[rng.choice(n, size, p=shares / shares.sum())]


def frame_of(ids, prefix: str, values: np.ndarray) -> pd.DataFrame:
    columns = [f"{prefix}_{i}" for i in range(values.shape[1])]
    return pd.DataFrame(values, index=pd.Index(ids), columns=columns)


def make_music(scale: float, n_rows: int, seed: int = 0):
    """Return rows of keys, labels, and the ten tables, indexed by key. All of it is made up."""
    rng = np.random.default_rng(seed)
    n_users, n_songs, n_artists = (max(int(n * scale), 50) for n in (30_000, 360_000, 40_000))
    n_genres, n_cities = 190, 21
    users, songs, artists = (identifiers(rng, n) for n in (n_users, n_songs, n_artists))
    artist_of = zipf(rng, n_artists, n_songs, 0.9)
    genre_of, city_of = zipf(rng, n_genres, n_songs, 1.2), zipf(rng, n_cities, n_users, 1.0)
    user, song = zipf(rng, n_users, n_rows, 0.6), zipf(rng, n_songs, n_rows, 0.9)
    artist, genre, city = artist_of[song], genre_of[song], city_of[user]

    latent = {
        "user": rng.normal(size=(n_users, N_LATENT)),
        "artist": rng.normal(size=(n_artists, N_LATENT)),
    }
    latent["song"] = 0.6 * latent["artist"][artist_of] + rng.normal(size=(n_songs, N_LATENT)) * 0.8
    effects = {
        name: rng.normal(size=n) * size
        for name, n, size in (
            ("user", n_users, 1.6),
            ("song", n_songs, 1.0),
            ("artist", n_artists, 0.7),
            ("genre", n_genres, 0.4),
            ("city", n_cities, 0.2),
        )
    }

    def observed(name: str, n_other: int, noise: float) -> np.ndarray:
        """The effect as past listening shows it, beside columns that tell nothing."""
        effect = effects[name]
        seen = effect + rng.normal(size=len(effect)) * noise
        return np.column_stack([seen, rng.normal(size=(len(effect), n_other))])

    tables = {
        "user_profile": frame_of(users, "profile", rng.normal(size=(n_users, 6))),
        "user_latent": frame_of(users, "user_latent", latent["user"]),
        "user_counts": frame_of(users, "user_counts", observed("user", 5, 0.3)),
        "song_metadata": frame_of(songs, "metadata", rng.normal(size=(n_songs, 5))),
        "song_latent": frame_of(songs, "song_latent", latent["song"]),
        "song_counts": frame_of(songs, "song_counts", observed("song", 4, 0.4)),
        "artist_latent": frame_of(artists, "artist_latent", latent["artist"]),
        "artist_counts": frame_of(artists, "artist_counts", observed("artist", 3, 0.3)),
        "genre": frame_of(np.arange(n_genres), "genre", observed("genre", 3, 0.1)),
        "city": frame_of(np.arange(n_cities), "city", observed("city", 2, 0.1)),
    }
    taste = np.einsum("ij,ij->i", latent["user"][user], latent["song"][song]) / np.sqrt(N_LATENT)
    places = {"user": user, "song": song, "artist": artist, "genre": genre, "city": city}
    value = 0.7 * taste + sum(effects[name][place] for name, place in places.items())
    y = (value + rng.logistic(size=n_rows) * 0.5 > 0).astype(int)
    X = pd.DataFrame(
        {
            "user": users[user],
            "song": songs[song],
            "artist": artists[artist],
            "genre": genre,
            "city": city,
        }
    )
    # Some songs are too new to be in any table.
    X.loc[rng.random(n_rows) < 0.01, "song"] = "unknown"
    return X, y, tables


def music_data(scale: float, n_rows: int):
    """Return rows, labels, tables and ``"real"`` or ``"synthetic"``: KKBox, where its files are."""
    folder = kkbox.folder()
    if folder is not None:
        return *kkbox.load(folder, n_rows), "real"
    return *make_music(scale, n_rows), "synthetic"


def pipeline_of(lookups: dict):
    """Return ten look-ups, then LightGBM."""
    columns = ColumnTransformer([(name, lookups[name], [key]) for name, key in KEYS.items()])
    return make_pipeline(columns, LGBMClassifier(n_estimators=100, n_jobs=1, verbose=-1))


def interleaved(calls: dict, repeat: int) -> dict[str, float]:
    """Return the median seconds of each call; repetitions alternate between them."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(repeat):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in seconds.items()}


def main(arguments=None) -> dict:
    """Fit, compare and write; returns what was written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--scale", type=float, default=None, help=argparse.SUPPRESS)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--out", default=str(ROOT / "docs/results/music_benchmark.json"))
    options = parser.parse_args(arguments)
    scale = options.scale or (0.1 if options.quick else 1.0)
    n_train, n_test = int(400_000 * scale), int(200_000 * scale)

    X, y, tables, source = music_data(scale, n_train + n_test)
    X_train, y_train, X_test, y_test = X[:n_train], y[:n_train], X[n_train:], y[n_train:]
    X_test = X_test.reset_index(drop=True)
    joined = pipeline_of({name: ReindexLookup(frame) for name, frame in tables.items()})
    lookups = pipeline_of(
        {
            name: TableLookup((frame.index.to_numpy(), frame), on=KEYS[name])
            for name, frame in tables.items()
        }
    )
    joined.fit(X_train, y_train)
    cascade = CascadeClassifier(lookups, accuracy_target=TARGET, cv=0.25, random_state=0)
    cascade.fit(X_train, y_train)
    compiled = compile_pipeline(cascade.estimator_)
    models = {
        "reindex": joined,
        "TableLookup": cascade.estimator_,
        "compiled": compiled,
        "cascade": cascade,
    }
    answers = {name: model.predict(X_test) for name, model in models.items()}
    calls = {name: lambda m=model: m.predict(X_test) for name, model in models.items()}
    seconds = interleaved(calls, options.repeat)
    result = {
        "data": source,
        "scale": scale,
        "n_train": n_train,
        "n_test": n_test,
        "target": TARGET,
        "threads": 1,
        "machine": {"cpus": os.cpu_count(), "platform": platform.platform()},
        "versions": {
            name: version(name)
            for name in ("scikit-learn", "lightgbm", "numpy", "pandas", "numba", "skwillump")
        }
        | {"python": platform.python_version()},
        "not_compiled": [f"{s.name}: {s.reason}" for s in compiled.explain() if not s.compiled],
        "labels_different_compiled": int((answers["compiled"] != answers["TableLookup"]).sum()),
        "labels_different_reindex": int((answers["reindex"] != answers["TableLookup"]).sum()),
        "stages": [list(stage.blocks) for stage in cascade.stages_],
        "early_share": float((cascade.predict_stage(X_test) < len(cascade.stages_) - 1).mean()),
        "guarantee": cascade.guarantee_.kind,
        "rows": [
            {
                "name": name,
                "accuracy": float((answers[name] == y_test).mean()),
                "rows_per_second": n_test / seconds[name],
                "speed_up": seconds["reindex"] / seconds[name],
            }
            for name in models
        ],
    }
    if source == "synthetic":
        print(f"Synthetic data of the shape of KKBox, {scale:g} of its size, {n_test:,} rows:")
    else:
        print(f"KKBox, {n_test:,} rows:")
    for row in result["rows"]:
        print(
            f"  {row['name']:12} accuracy {row['accuracy']:.4f}  "
            f"{row['rows_per_second']:>12,.0f} rows/s  {row['speed_up']:6.1f}x"
        )
    print(f"\n{cascade.report()}")
    output = Path(options.out)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=1) + "\n")
    return result


if __name__ == "__main__":
    main()
