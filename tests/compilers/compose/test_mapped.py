"""Linear steps behind a compiled one: one row, of few features chosen among many."""

import numpy as np
import pandas as pd
import pytest
from answers import outcome
from lightgbm import LGBMClassifier
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.feature_selection import SelectFromModel, SelectKBest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
)

from skwillump import compile_pipeline
from skwillump.compilers import compile_step
from skwillump.compilers._features import MAX_DENSE_FEATURES

RNG = np.random.default_rng(0)
WORDS = [f"word{i}" for i in range(MAX_DENSE_FEATURES + 900)]
TEXTS = [" ".join(RNG.choice(WORDS, 40)) + (" good" if i % 2 else " bad") for i in range(300)]
COUNTS = [dict.fromkeys(text.split(), 1.5) for text in TEXTS]
LABELS = np.where(np.arange(300) % 2, "yes", "no")
ODD = ["", "unknown", "good bad good", " ".join(WORDS[:300])]


def forest():
    return RandomForestClassifier(8, random_state=0)


@pytest.mark.parametrize(
    ("steps", "rows"),
    [
        ([CountVectorizer(), TfidfTransformer(), SelectKBest(chi2, k=200)], TEXTS[:20] + ODD),
        ([TfidfVectorizer(), MaxAbsScaler(), SelectKBest(chi2, k=200)], TEXTS[:20] + ODD),
        ([CountVectorizer(), SelectKBest(chi2, k=900), MaxAbsScaler()], TEXTS[:20] + ODD),
        ([TfidfVectorizer(dtype=np.float32), SelectKBest(chi2, k=200)], TEXTS[:20] + ODD),
        (
            [HashingVectorizer(n_features=2**14, alternate_sign=False), SelectKBest(chi2, k=50)],
            TEXTS[:20] + ODD,
        ),
        (
            [
                make_union(CountVectorizer(), TfidfVectorizer(analyzer="char", max_features=30)),
                SelectFromModel(LogisticRegression(), max_features=100),
            ],
            TEXTS[:20] + ODD,
        ),
        ([DictVectorizer(), SelectKBest(chi2, k=300)], [*COUNTS[:20], {}, {"unknown": 1.0}]),
    ],
    ids=[
        "counts weighted, few chosen",
        "TF-IDF scaled, few chosen",
        "counts chosen, then scaled",
        "TF-IDF of float32",
        "hashed",
        "two vectorizers",
        "dicts",
    ],
)
@pytest.mark.parametrize("model", [forest(), GradientBoostingClassifier(n_estimators=5)], ids=repr)
def test_one_row_of_few_features_chosen_of_many_takes_no_original(monkeypatch, steps, rows, model):
    X = COUNTS if isinstance(rows[0], dict) else TEXTS
    pipeline = make_pipeline(*steps, model).fit(X, LABELS)
    expected = pipeline.predict(rows), pipeline.predict_proba(rows)
    compiled = compile_pipeline(pipeline)
    for kind in {type(model), *map(type, steps)}:
        for method in ("predict", "predict_proba", "transform"):
            monkeypatch.setattr(kind, method, None, raising=False)
    assert_array_equal([compiled.predict_one(row) for row in rows], expected[0])
    found = [compiled.predict_proba_one(row) for row in rows]
    assert_allclose(found, expected[1], rtol=1e-12, atol=1e-15)


FRAME = pd.DataFrame({"text": TEXTS, "number": RNG.normal(size=300), "word": list("xyz") * 100})


@pytest.mark.parametrize(
    "model",
    [
        forest(),
        GradientBoostingClassifier(n_estimators=5),
        LGBMClassifier(n_estimators=5, verbose=-1),
    ],
    ids=["forest", "boosting", "LightGBM"],
)
def test_one_row_of_many_words_beside_a_table_takes_no_matrix(monkeypatch, model):
    columns = make_column_transformer(
        (TfidfVectorizer(), "text"),
        (StandardScaler(), ["number"]),
        (OneHotEncoder(handle_unknown="ignore"), ["word"]),
        sparse_threshold=1.0,
    )
    rows = FRAME[:30].assign(text=(TEXTS[:30] + ODD)[4:])
    rows.loc[3, "word"] = "unknown"
    pipeline = make_pipeline(columns, model).fit(FRAME, LABELS)
    expected = pipeline.predict_proba(rows)
    compiled = compile_pipeline(pipeline)
    monkeypatch.setattr(sparse.csr_matrix, "__init__", None)
    found = [compiled.predict_proba_one(row) for row in rows.to_dict("records")]
    assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.filterwarnings("ignore:overflow")
def test_numbers_too_large_for_trees_are_refused_beside_many_words():
    columns = make_column_transformer(
        (TfidfVectorizer(), "text"), (MaxAbsScaler(), ["number"]), sparse_threshold=1.0
    )
    pipeline = make_pipeline(columns, forest()).fit(FRAME, LABELS)
    for number in (1e300, np.nan, np.inf):
        row = {"text": "word1", "number": number}
        expected = outcome(lambda row: pipeline.predict(pd.DataFrame([row]))[0], row)
        assert outcome(compile_pipeline(pipeline).predict_one, row) == expected


@pytest.mark.parametrize(
    "scaler",
    [MaxAbsScaler(), StandardScaler(with_mean=False), RobustScaler(with_centering=False)],
    ids=["MaxAbsScaler", "StandardScaler", "RobustScaler"],
)
@pytest.mark.parametrize("is_dense", [False, True], ids=["sparse", "made dense"])
def test_sparse_features_are_scaled_to_the_same_bits(scaler, is_dense):
    before = [FunctionTransformer(lambda X: X.toarray())] if is_dense else []
    steps = make_pipeline(TfidfVectorizer(max_features=300), *before, scaler).fit(TEXTS)
    expected = steps.transform(TEXTS)
    expected = expected if is_dense else expected.toarray()
    step = compile_step(steps)
    assert_array_equal(step.dense(TEXTS), expected)
    assert_array_equal([step.dense_one(text) for text in TEXTS], expected)
