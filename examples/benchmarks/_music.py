"""The Music pipeline of the Willump paper: ten look-ups and LightGBM, on data of KKBox' shape.

**Everything here is synthetic**, unless the folder that SKWILLUMP_DATA names holds the KKBox files
(see `_kkbox`), which may not be passed on.
"""

from __future__ import annotations

import _kkbox as kkbox
import numpy as np
import pandas as pd
from _pipelines import boosting
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline

N_LATENT = 32

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
"""Table: the column of its keys."""


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
    """Return look-ups, of ten tables at most, then LightGBM."""
    columns = ColumnTransformer([(name, step, [KEYS[name]]) for name, step in lookups.items()])
    return make_pipeline(columns, boosting())
