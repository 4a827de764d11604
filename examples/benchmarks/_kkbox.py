"""The KKBox files, where a user has them, as rows of keys and ten tables.

The files of the WSDM Cup 2018 (``train.csv``, ``songs.csv``, ``members.csv``) may not be passed on.
They are read from the folder ``kkbox`` in the folder that the environment variable SKWILLUMP_DATA
names. Latent vectors and counts are made from rows that are neither trained nor tested on.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

FILES = ("train.csv", "songs.csv", "members.csv")
N_LATENT = 32


def folder() -> Path | None:
    """Return the folder with the files, or None where one is missing."""
    path = Path(os.environ.get("SKWILLUMP_DATA", ""), "kkbox")
    return path if all((path / name).is_file() for name in FILES) else None


def load(path: Path, n_rows: int):
    """Return rows of keys, labels, and ten tables indexed by key.

    The last `n_rows` rows of ``train.csv``, which is in order of time, in random order; the tables
    know only the rows before them.
    """
    listening = pd.read_csv(path / "train.csv", usecols=["msno", "song_id", "target"])
    songs = pd.read_csv(path / "songs.csv").drop_duplicates("song_id").set_index("song_id")
    members = pd.read_csv(path / "members.csv").drop_duplicates("msno").set_index("msno")
    listening = listening.rename(columns={"msno": "user", "song_id": "song"})
    listening["artist"] = listening["song"].map(songs["artist_name"]).fillna("")
    genre = songs["genre_ids"].fillna("0").str.split("|").str[0].astype(int)
    listening["genre"] = listening["song"].map(genre).fillna(0).astype(int)
    listening["city"] = listening["user"].map(members["city"]).fillna(0).astype(int)
    if n_rows > len(listening) // 2:
        raise ValueError(
            f"{n_rows:,} rows are wanted, which is more than half of the {len(listening):,} rows "
            f"of {path / 'train.csv'}: too little would be left to make the tables from."
        )
    past, rows = listening[:-n_rows], listening[-n_rows:].sample(frac=1.0, random_state=0)
    tables = {
        "user_profile": profile(members),
        "user_counts": counts(past, "user"),
        "song_metadata": metadata(songs),
        "song_counts": counts(past, "song"),
        "artist_counts": counts(past, "artist"),
        "genre": counts(past, "genre"),
        "city": counts(past, "city"),
    }
    tables["user_latent"], tables["song_latent"] = latent(past, "song")
    tables["artist_latent"] = latent(past, "artist")[1]
    X = rows[["user", "song", "artist", "genre", "city"]].reset_index(drop=True)
    return X, rows["target"].to_numpy(), tables


def profile(members: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of a user, as numbers."""
    dates = members[["registration_init_time", "expiration_date"]].astype(float)
    known = members[["city", "bd", "registered_via"]].astype(float)
    gender = members["gender"].map({"female": 0.0, "male": 1.0}).fillna(-1.0)
    return pd.concat([known, gender, dates], axis=1)


def metadata(songs: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of a song, as numbers."""
    n_genres = songs["genre_ids"].fillna("").str.count(r"\|") + 1.0
    known = songs[["song_length", "language"]].astype(float).fillna(-1.0)
    has = songs[["composer", "lyricist"]].notna().astype(float)
    return pd.concat([known, n_genres, has], axis=1)


def counts(past: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return how often a thing was listened to, and how often again."""
    groups = past.groupby(key)["target"].agg(["count", "sum"]).astype(float)
    groups["share"] = (groups["sum"] + 1.0) / (groups["count"] + 2.0)
    return groups.add_prefix(f"{key}_")


def latent(past: pd.DataFrame, key: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return vectors of users and of things: a truncated SVD of who listened to what."""
    user, users = pd.factorize(past["user"])
    thing, things = pd.factorize(past[key])
    listened = sparse.csr_matrix((np.ones(len(past)), (user, thing)), (len(users), len(things)))
    n_components = min(N_LATENT, min(listened.shape) - 1)
    svd = TruncatedSVD(n_components, random_state=0)
    of_users = svd.fit_transform(listened)
    names = [f"{key}_latent_{i}" for i in range(n_components)]
    return (
        pd.DataFrame(of_users, index=users, columns=[f"user_{name}" for name in names]),
        pd.DataFrame(svd.components_.T, index=things, columns=names),
    )
