"""The steps that pipelines of the benchmarks and studies are made of."""

from __future__ import annotations

import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler

CODES = {"credit": ["SEX", "EDUCATION", "MARRIAGE"]}
"""Columns of numbers that are codes."""


# Text


def words_and(characters) -> FeatureUnion:
    """Return two blocks: word TF-IDF, which is cheap, and n-grams of characters, which are not."""
    return FeatureUnion([("words", TfidfVectorizer()), ("characters", characters)])


def characters(longest: int = 6, min_df: float = 3) -> TfidfVectorizer:
    """Return TF-IDF of n-grams of characters that are in several texts."""
    return TfidfVectorizer(analyzer="char", ngram_range=(2, longest), min_df=min_df)


def frequent_characters() -> CountVectorizer:
    """Return counts of n-grams of characters that are in many texts."""
    return CountVectorizer(analyzer="char", ngram_range=(2, 6), min_df=0.005)


def words_and_characters() -> FeatureUnion:
    """Return word TF-IDF beside TF-IDF of the 50,000 most frequent n-grams of characters."""
    return make_union(
        TfidfVectorizer(),
        TfidfVectorizer(analyzer="char", ngram_range=(2, 6), max_features=50_000),
    )


# Tables


def one_hot() -> OneHotEncoder:
    """Return one-hot codes; unknown ones are all zero."""
    return OneHotEncoder(handle_unknown="ignore")


def filled_and_scaled():
    """Return what is done to numbers of which some are missing."""
    return make_pipeline(SimpleImputer(), StandardScaler())


def mixed(name: str, X: pd.DataFrame):
    """Return scaled numbers beside one-hot codes."""
    texts = [c for c in X.columns if c in CODES.get(name, ()) or X[c].dtype.kind not in "iuf"]
    numbers = [column for column in X.columns if column not in texts]
    scale = filled_and_scaled() if X[numbers].isna().any(axis=None) else StandardScaler()
    return make_column_transformer((scale, numbers), (one_hot(), texts))


def listing(words):
    """Return the features of an Airbnb listing: its name as text, categories and numbers."""
    numbers = [
        "latitude",
        "longitude",
        "minimum_nights",
        "number_of_reviews",
        "reviews_per_month",
        "calculated_host_listings_count",
        "availability_365",
    ]
    return make_column_transformer(
        (words, "name"),
        (one_hot(), ["neighbourhood_group", "neighbourhood", "room_type"]),
        (filled_and_scaled(), numbers),
    )


# Models


def logistic() -> LogisticRegression:
    """Return a logistic regression that converges."""
    return LogisticRegression(max_iter=1000)


def boosting(kind=LGBMClassifier, n_estimators: int = 100):
    """Return boosted trees on one thread."""
    return kind(n_estimators=n_estimators, n_jobs=1, verbose=-1, random_state=0)


def forest() -> RandomForestClassifier:
    """Return a forest on one thread."""
    return RandomForestClassifier(200, n_jobs=1, random_state=0)
