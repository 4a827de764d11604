"""Compile the kernels before they are needed, for the image of a container, say.

The first use of a kernel on a machine compiles it, which takes seconds; from then on it is read
from disk. Run as ::

    python -m skwillump.warm_up [text] [tables] [trees]

it fits and compiles small pipelines of all kinds, or of those that are named, and asks them for
batches and single rows, so that their kernels are on disk. Set `NUMBA_CACHE_DIR` to choose the
folder, for this command and for what runs later. Kernels are compiled for the machine's processor.
"""

import argparse
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import numpy as np

N_ROWS = 600
"""Rows of the tables and texts that are made up."""

N_CATEGORIES = 7
"""Categories of their columns of categories."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Compile kernels; say for each pipeline what that took.

    Parameters
    ----------
    arguments : sequence of str, optional
        Of the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m skwillump.warm_up",
        description="Compile kernels before they are needed.",
    )
    parser.add_argument("kinds", nargs="*", metavar="kind", help=f"of {', '.join(KINDS)}")
    kinds = parser.parse_args(arguments).kinds or list(KINDS)
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        parser.error(f"there is no kind {', '.join(unknown)}; use some of {', '.join(KINDS)}")
    for kind in kinds:
        for name, estimator, X, y in KINDS[kind]():
            start = perf_counter()
            use(estimator, X, y)
            print(f"{kind}: {name}, {perf_counter() - start:.1f} s", flush=True)


def use(estimator: Any, X: Any, y: np.ndarray) -> None:
    """Do with a pipeline what a cascade does in `fit` and afterwards.

    Parameters
    ----------
    estimator : classifier
        Not fitted.
    X : data frame, array or list of n_rows rows
    y : ndarray of shape (n_rows,)
    """
    from sklearn.base import clone

    from . import CascadeClassifier, compile_pipeline
    from .compilers import fast_vectorizers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fast_vectorizers(least_work=0):
            clone(estimator).fit(X, y)  # a cascade leaves to scikit-learn what is soon done
            cascade = CascadeClassifier(estimator, accuracy_target=0.5, cv=0.4, random_state=0)
            cascade.fit(X, y)
            twin = compile_pipeline(cascade.estimator_)
        for model in (cascade, twin):
            model.predict(X)
            model.predict_proba(X)
            for row in rows_of(X):
                model.predict_one(row)
                model.predict_proba_one(row)


def rows_of(X: Any) -> list[Any]:
    """A row in each form that `predict_one` takes."""
    if isinstance(X, list):
        return [X[0]]
    if hasattr(X, "iloc"):
        return [X.iloc[0].to_dict()]
    return [X[0]]


def texts() -> Iterator[tuple[str, Any, Any, np.ndarray]]:
    """Pipelines of texts: their names, with rows and labels."""
    from sklearn.feature_extraction.text import (
        CountVectorizer,
        HashingVectorizer,
        TfidfVectorizer,
    )
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline, make_union

    rng = np.random.default_rng(0)
    words = np.array(["".join(chr(97 + c) for c in rng.integers(0, 26, 5)) for _ in range(300)])
    X = [" ".join(words[rng.integers(0, 300, 9)]) for _ in range(N_ROWS)]
    for n_classes in (2, 3):
        y = np.array([ord(text[0]) % n_classes for text in X])
        kind = f"{n_classes} classes"
        characters = TfidfVectorizer(analyzer="char", ngram_range=(2, 4))
        features = make_union(TfidfVectorizer(), characters)
        yield f"words and characters, {kind}", make_pipeline(features, LogisticRegression()), X, y
        features = make_union(
            CountVectorizer(ngram_range=(1, 2)),
            CountVectorizer(analyzer="char_wb", ngram_range=(2, 3)),
        )
        yield f"counts, {kind}", make_pipeline(features, MultinomialNB()), X, y
        features = make_union(HashingVectorizer(n_features=2**12), TfidfVectorizer())
        yield f"hashed words, {kind}", make_pipeline(features, LogisticRegression()), X, y


def tables() -> Iterator[tuple[str, Any, Any, np.ndarray]]:
    """Pipelines of tables with linear models."""
    from sklearn.linear_model import LogisticRegression

    for n_classes in (2, 3):
        X, y = made_up_table(n_classes)
        for name, encoder in encoders():
            pipeline = table_pipeline(encoder, LogisticRegression(max_iter=200))
            yield f"{name}, linear model, {n_classes} classes", pipeline, X, y


def trees() -> Iterator[tuple[str, Any, Any, np.ndarray]]:
    """Pipelines of tables with ensembles of trees."""
    for n_classes in (2, 3):
        X, y = made_up_table(n_classes)
        for model in ensembles():
            name = f"{type(model).__name__}, {n_classes} classes"
            yield name, table_pipeline(encoders()[1][1], model), X, y


KINDS: dict[str, Callable[[], Iterator[tuple[str, Any, Any, np.ndarray]]]] = {
    "text": texts,
    "tables": tables,
    "trees": trees,
}
"""What makes the pipelines of a kind."""


def made_up_table(n_classes: int) -> tuple[Any, np.ndarray]:
    """Numbers, some of which are missing, and categories, with labels."""
    import pandas as pd

    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(N_ROWS, 4))
    X = pd.DataFrame(numbers, columns=[f"n{i}" for i in range(4)])
    X.loc[::7, "n3"] = np.nan
    for name in ("a", "b"):
        X[name] = [f"{name}{code}" for code in rng.integers(0, N_CATEGORIES, N_ROWS)]
    order = np.argsort(np.argsort(numbers[:, 0] + numbers[:, 1]))
    return X, order * n_classes // N_ROWS


def encoders() -> list[tuple[str, Any]]:
    """Encoders of categories, by name."""
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

    unknown = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
    return [
        ("one-hot codes", OneHotEncoder(handle_unknown="ignore")),
        ("ordinal codes", OrdinalEncoder(**unknown)),
        ("target codes", TargetEncoder()),
    ]


def table_pipeline(encoder: Any, model: Any) -> Any:
    """Three blocks of a table, and a model."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    filled = make_pipeline(SimpleImputer(), StandardScaler())
    blocks = [
        ("scaled", StandardScaler(), ["n0", "n1"]),
        ("filled", filled, ["n2", "n3"]),
        ("codes", encoder, ["a", "b"]),
    ]
    return make_pipeline(ColumnTransformer(blocks), model)


def ensembles() -> list[Any]:
    """Ensembles of trees, of all libraries that are installed."""
    from sklearn.ensemble import (
        GradientBoostingClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
    )

    models: list[Any] = [
        HistGradientBoostingClassifier(max_iter=8),
        HistGradientBoostingClassifier(max_iter=8, categorical_features=[4, 5]),
        GradientBoostingClassifier(n_estimators=8),
        RandomForestClassifier(8),
    ]
    if find_spec("lightgbm"):
        from lightgbm import LGBMClassifier

        models.append(LGBMClassifier(n_estimators=8, n_jobs=1, verbose=-1))
    if find_spec("xgboost"):
        from xgboost import XGBClassifier

        models.append(XGBClassifier(n_estimators=8, n_jobs=1))
    return models


if __name__ == "__main__":
    main()
