"""The worlds of the guarantee study: real texts as features, and worlds made to break a promise.

Each world is rows, labels and a pipeline of blocks with stated costs, so that repeats are fast. In
those that are made up a promise is broken by design where a test is not what it says:

- `identifiers`: each is learned by the full model once it has been seen often enough, so that what
  a cascade loses grows far faster than the rows;
- `rare_identifiers`: an encoder's ``min_frequency`` is met by all rows and by no fold, so that the
  full model on all rows is another than those on folds;
- `rare_classes`: each of eight blocks is blind to a class of its own, which is slightly more common
  than the allowed loss, so that the best of eight looks as if it were allowed;
- `small_group`: what is lost is lost in one small group of rows;
- `weighted`: rows of the rarer class weigh ten times as much in each fit, and what is promised is
  of rows as they come;
- `giant_weights`: so it is where two rows of a thousand weigh as much as all others;
- `noisy_where_sure`: labels are wrong most often where a first stage is surest, so that many rows
  that it answers are harms or rescues;
- `tied`: most rows get the very same confidence, with slightly more harms than are allowed, so that
  a threshold takes all of them or none;
- `one_in_fifty`: a class of one row in fifty, of which the cheap block tells slightly too few;
- "five copies": each row is drawn five times, so that rows are not independent, which every promise
  assumes: it shows what that costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import _data as data
import numpy as np
from _pipelines import boosting, logistic, mixed
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

TARGETS = (0.99, 0.995, 0.999)


@dataclass(frozen=True, kw_only=True)
class World:
    """Rows, labels and a pipeline.

    Attributes
    ----------
    X, y : rows and labels, many more than a repeat draws
    pipeline : Pipeline
    costs : dict of str to float
        Seconds a row of each block.
    n_rows : int
        Rows that a repeat draws.
    targets : tuple of float
    subgroups : ndarray or None
        Groups of the rows, in each of which the target is to be kept.
    weights : ndarray or None
        Weights of the rows, with which all models are fitted.
    copies : int
        How often each row that is drawn is there. Replayed only.
    """

    X: Any
    y: np.ndarray
    pipeline: Pipeline
    costs: dict[str, float] = field(default_factory=lambda: {"cheap": 1e-5, "dear": 2e-4})
    n_rows: int = 10_000
    targets: tuple[float, ...] = TARGETS
    subgroups: np.ndarray | None = None
    weights: np.ndarray | None = None
    copies: int = 1

    def fit_params(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the pipeline is fitted with besides, on some rows."""
        if self.weights is None:
            return {}
        return {f"{self.pipeline.steps[-1][0]}__sample_weight": self.weights[rows]}


def of_texts(load: Callable[[], tuple[Any, np.ndarray]], n_rows: int) -> World:
    """Return word features, cheap, and character features, dear, of texts."""
    X, y = load()
    word = TfidfVectorizer().fit_transform(X)
    char = TfidfVectorizer(analyzer="char", ngram_range=(2, 5), max_features=20_000)
    features = sparse.hstack([word, char.fit_transform(X)]).tocsr()
    return World(X=features, y=y, pipeline=_two_blocks(features, word.shape[1], 3.0), n_rows=n_rows)


def of_table(name: str, model: Any, n_rows: int = 10_000) -> World:
    """Return the numbers of a table, cheap, and its categories, dear."""
    X, y = data.table_of(name)
    blocks = mixed(name, X)
    names = [block for block, *_ in blocks.transformers]
    costs = dict(zip(names, (1e-5, 2e-4), strict=True))
    return World(X=X, y=y, pipeline=make_pipeline(blocks, model), costs=costs, n_rows=n_rows)


def identifiers(n_rows: int = 100_000, n_ids: int = 10_000) -> World:
    """Return a number that says nothing, and identifiers that tell the label."""
    rng = np.random.default_rng(0)
    ids = rng.integers(0, n_ids, n_rows)
    columns = sparse.csr_matrix((np.ones(n_rows), (np.arange(n_rows), ids)), shape=(n_rows, n_ids))
    number = sparse.csr_matrix(rng.normal(size=(n_rows, 1)))
    features = sparse.hstack([number, columns]).tocsr()
    y = (ids % 10 == 0).astype(int)
    return World(X=features, y=y, pipeline=_two_blocks(features, 1, 1.0), n_rows=20_000)


def rare_identifiers(n_rows: int = 60_000, n_drawn: int = 10_000, least: int = 24) -> World:
    """Return a number, and identifiers of which all drawn rows have enough and no fold has."""
    rng = np.random.default_rng(1)
    ids = rng.integers(0, int(n_drawn / (least * 1.12)), n_rows)
    X = np.column_stack([rng.normal(size=n_rows), ids])
    dear = OneHotEncoder(min_frequency=least, handle_unknown="infrequent_if_exist")
    blocks = ColumnTransformer([("cheap", "passthrough", [0]), ("dear", dear, [1])])
    pipeline = make_pipeline(blocks, LogisticRegression(C=10.0, max_iter=300))
    return World(X=X, y=(ids % 50 == 0).astype(int), pipeline=pipeline, n_rows=n_drawn)


def rare_classes(n_rows: int = 60_000, target: float = 0.9, n_blocks: int = 8) -> World:
    """Return blocks that each tell every class but one, which they take for any other."""
    rng = np.random.default_rng(2)
    rare = (1 - target) * 1.002
    shares = [rare] * n_blocks + [(1 - rare * n_blocks) / 2] * 2
    y = rng.choice(n_blocks + 2, n_rows, p=shares)
    told = np.repeat(y[:, None], n_blocks, axis=1)
    for block in range(n_blocks):
        others = np.arange(n_blocks + 2) != block
        chances = np.array(shares)[others] / np.sum(np.array(shares)[others])
        told[y == block, block] = rng.choice(np.flatnonzero(others), np.sum(y == block), p=chances)
    blocks = ColumnTransformer(
        [(f"b{block}", OneHotEncoder(), [block]) for block in range(n_blocks)]
    )
    return World(
        X=told,
        y=y,
        pipeline=make_pipeline(blocks, LogisticRegression()),
        costs={f"b{block}": 1e-4 for block in range(n_blocks)},
        n_rows=6000,
        targets=(target,),
    )


def small_group(n_rows: int = 100_000, share: float = 0.1) -> World:
    """Return a strong cheap signal that one small group of rows does not have."""
    rng = np.random.default_rng(3)
    is_small = rng.random(n_rows) < share
    cheap = rng.normal(scale=3.0, size=n_rows)
    dear = rng.normal(size=n_rows)
    value = np.where(is_small, cheap / 12, cheap) + dear + rng.normal(scale=0.2, size=n_rows)
    X = np.column_stack([cheap, dear])
    blocks = ColumnTransformer([("cheap", "passthrough", [0]), ("dear", "passthrough", [1])])
    return World(
        X=X,
        y=(value > 0).astype(int),
        pipeline=make_pipeline(blocks, LogisticRegression()),
        targets=(0.97, 0.98),
        subgroups=np.where(is_small, "small", "large"),
    )


def weighted(n_rows: int = 100_000) -> World:
    """Return a strong cheap signal and a weaker dear one of a class of one row in eight."""
    rng = np.random.default_rng(4)
    cheap, dear = rng.normal(scale=2.0, size=n_rows), rng.normal(size=n_rows)
    y = (cheap + dear + rng.normal(size=n_rows) > 2.8).astype(int)
    pipeline = _two_blocks(np.column_stack([cheap, dear]), 1, 1.0)
    return World(X=np.column_stack([cheap, dear]), y=y, pipeline=pipeline, weights=1 + 9.0 * y)


def giant_weights(n_rows: int = 100_000) -> World:
    """Return a strong cheap signal and a weaker dear one, and a few rows that outweigh all."""
    rng = np.random.default_rng(5)
    features = rng.normal(size=(n_rows, 2)) * [2.0, 1.0]
    y = (features.sum(axis=1) + rng.normal(size=n_rows) > 0).astype(int)
    weights = np.where(rng.random(n_rows) < 0.002, 500.0, 1.0)
    return World(X=features, y=y, pipeline=_two_blocks(features, 1, 1.0), weights=weights)


def noisy_where_sure(n_rows: int = 100_000) -> World:
    """Return a cheap signal whose surest rows have the most labels that are wrong."""
    rng = np.random.default_rng(6)
    features = rng.normal(size=(n_rows, 2)) * [3.0, 1.0]
    noise = np.where(np.abs(features[:, 0]) > 2.0, 0.25, 0.02)
    y = (features.sum(axis=1) > 0) ^ (rng.random(n_rows) < noise)
    pipeline = _two_blocks(features, 1, 1.0)
    return World(X=features, y=y.astype(int), pipeline=pipeline)


def tied(n_rows: int = 100_000, target: float = 0.99, share: float = 0.7) -> World:
    """Return a cheap flag that most rows share, of which slightly too many are told otherwise."""
    rng = np.random.default_rng(7)
    has_flag = rng.random(n_rows) < share
    harmed = has_flag & (rng.random(n_rows) < 1.06 * (1 - target) / share)
    y = np.where(has_flag, harmed, rng.random(n_rows) < 0.5).astype(int)
    features = np.column_stack([has_flag, np.where(y == 1, 1.0, -1.0)])
    pipeline = _two_blocks(features, 1, 100.0)
    return World(X=features, y=y, pipeline=pipeline, targets=(target,))


def one_in_fifty(n_rows: int = 100_000, target: float = 0.9) -> World:
    """Return a rare class, of which a cheap flag misses slightly more than is allowed."""
    rng = np.random.default_rng(8)
    y = (rng.random(n_rows) < 0.02).astype(int)
    told = y & (rng.random(n_rows) >= 1.1 * (1 - target))
    features = np.column_stack([told, np.where(y == 1, 1.0, -1.0)])
    return World(X=features, y=y, pipeline=_two_blocks(features, 1, 100.0), targets=(target,))


def _two_blocks(features: Any, n_cheap: int, strength: float) -> Pipeline:
    """Return a pipeline on features that are computed already."""
    blocks = ColumnTransformer(
        [
            ("cheap", "passthrough", slice(0, n_cheap)),
            ("dear", "passthrough", slice(n_cheap, features.shape[1])),
        ],
        sparse_threshold=1.0,
    )
    return make_pipeline(blocks, LogisticRegression(C=strength, max_iter=300))


WORLDS: dict[str, Callable[[], World]] = {
    "clickbait": lambda: of_texts(data.clickbait, 10_000),
    "product": lambda: of_texts(data.product, 10_000),
    "product, 5 against 5": lambda: of_texts(data.product_groups, 10_000),
    "toxic": lambda: of_texts(data.toxic, 5000),
    "hate": lambda: of_texts(data.hate, 10_000),
    "adult": lambda: of_table("adult", logistic()),
    "credit": lambda: of_table("credit", boosting()),
    "stdlib lines": lambda: of_texts(lambda: data.stdlib_lines(60_000), 10_000),
    "identifiers": identifiers,
    "rare identifiers": rare_identifiers,
    "rare classes": rare_classes,
    "a small group": small_group,
    "weighted": weighted,
    "giant weights": giant_weights,
    "noisy where sure": noisy_where_sure,
    "tied": tied,
    "one in fifty": one_in_fifty,
    "five copies": lambda: replace(noisy_where_sure(), targets=(0.99,), copies=5),
}
"""By name, what makes a world."""
