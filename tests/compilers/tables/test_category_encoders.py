"""Compiled encoders of category_encoders give what the encoders give, or leave it to them."""

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from answers import whole_twin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from table_cases import rows_of

from skwillump.compilers import InputUnsupported, OriginalStep, compile_step

ce = pytest.importorskip("category_encoders")

# category_encoders sets an option that pandas warns of.
pytestmark = pytest.mark.filterwarnings("ignore")

ENCODERS = [
    "BackwardDifferenceEncoder",
    "BaseNEncoder",
    "BinaryEncoder",
    "CatBoostEncoder",
    "CountEncoder",
    "HelmertEncoder",
    "JamesSteinEncoder",
    "LeaveOneOutEncoder",
    "MEstimateEncoder",
    "OneHotEncoder",
    "OrdinalEncoder",
    "PolynomialEncoder",
    "QuantileEncoder",
    "SumEncoder",
    "TargetEncoder",
    "WOEEncoder",
]
N_ROWS = 60
Y = np.random.default_rng(0).integers(0, 2, N_ROWS)
FRAME = pd.DataFrame(
    {
        "word": ["a", "b", "c", "d", None, "é"] * 10,
        "number": np.arange(N_ROWS) / 3,
        "whole": np.arange(N_ROWS) % 5,
        "size": [1.5, np.nan, 2.5, 3.5, 1.5] * 12,
        "grade": list("xyzxy") * 12,
    }
)
UNSEEN = pd.DataFrame(
    {
        "word": ["a", "other", None, ""],
        "number": [1.0, np.nan, -2.0, 1e6],
        "whole": [3, 1, 99, -1],
        "size": [2.5, 7.0, np.nan, 1.5],
        "grade": ["z", "x", "other", "y"],
    }
)
POLICIES = [
    {},
    {"handle_unknown": "return_nan", "handle_missing": "return_nan"},
    {"handle_unknown": "error"},
    {"handle_missing": "error"},
    {"drop_invariant": True},
    {"return_df": False},
]


def outcome(call, *arguments):
    try:
        return np.asarray(call(*arguments), dtype=float)
    except InputUnsupported:
        raise
    except Exception as error:
        return type(error)


def fitted(name, X, **params):
    encoder = getattr(ce, name)(**params)
    if name == "CountEncoder" and params.get("handle_unknown") == "return_nan":
        encoder.set_params(handle_missing="value")
    return encoder.fit(X, Y)


def assert_alike(encoder, X, *, at_least=0):
    """Compare rows and batches with the encoder's; return how many were not left to it."""
    step = compile_step(encoder)
    assert type(step) is not OriginalStep, step.why_not_compiled
    known = 0
    batches = [X, *(X[i : i + 1] for i in range(len(X)))]
    for batch in batches:
        expected = outcome(encoder.transform, batch)
        try:
            np.testing.assert_array_equal(step.dense(batch), expected)
            known += 1
        except InputUnsupported:
            pass
    for batch, row in zip(batches[1:], rows_of(X), strict=True):
        expected = outcome(encoder.transform, batch)
        try:
            np.testing.assert_array_equal(step.dense_one(row), np.ravel(expected))
            known += 1
        except InputUnsupported:
            pass
    assert known >= at_least, (known, at_least)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("name", ENCODERS)
def test_categories_are_encoded_as_by_the_encoder(name, policy):
    X = FRAME.fillna({"word": "f"}) if policy == {"handle_missing": "error"} else FRAME
    encoder = fitted(name, X, **policy)
    assert_alike(encoder, X[:7], at_least=12)
    assert_alike(encoder, UNSEEN)


@pytest.mark.parametrize("name", ENCODERS)
def test_columns_of_numbers_may_be_encoded(name):
    encoder = fitted(name, FRAME, cols=["whole", "size"])
    for columns in (FRAME, UNSEEN):
        numbers = columns.drop(columns=["word", "grade"])
        encoder = fitted(name, FRAME.drop(columns=["word", "grade"]), cols=["whole", "size"])
        assert_alike(encoder, numbers[:7], at_least=4)
        assert_alike(encoder, numbers.astype({"whole": float})[:7])


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("dtype", [object, "category"])
def test_columns_of_other_dtypes_are_encoded_or_left_to_the_encoder(name, dtype):
    X = FRAME.astype({"word": dtype, "grade": dtype})
    encoder = fitted(name, X)
    assert_alike(encoder, X[:7])
    assert_alike(encoder, FRAME[:7])
    assert_alike(encoder, UNSEEN.astype({"word": dtype, "grade": dtype}))


@pytest.mark.parametrize("name", ["TargetEncoder", "OneHotEncoder"])
def test_arrays_are_encoded_by_position(name):
    X = FRAME[["word", "grade", "number"]].to_numpy(dtype=object)
    encoder = fitted(name, X, cols=[0, 1])
    assert_alike(encoder, X[:9], at_least=9)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_pipeline_answers_one_row_and_many(name):
    X = FRAME.fillna({"size": 2.0})
    model = make_pipeline(getattr(ce, name)(), LogisticRegression()).fit(X, Y)
    compiled = whole_twin(model)
    for rows in (X, UNSEEN.fillna({"number": 0.0, "size": 2.0})):
        np.testing.assert_allclose(
            compiled.predict_proba(rows), model.predict_proba(rows), rtol=1e-12
        )
        for i, row in enumerate(rows_of(rows)):
            np.testing.assert_allclose(
                compiled.predict_proba_one(row),
                model.predict_proba(rows[i : i + 1])[0],
                rtol=1e-12,
            )


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"handle_unknown": lambda value, mapping: 7}, "handle_unknown is a function"),
        ({"min_group_size": 11}, "min_group_size=11"),
    ],
    ids=["function", "groups"],
)
def test_an_encoder_of_functions_or_groups_runs_as_it_is(params, reason):
    step = compile_step(ce.CountEncoder(**params).fit(FRAME, Y))
    assert reason in step.why_not_compiled


@pytest.mark.parametrize("name", ENCODERS)
def test_columns_of_texts_are_asked_for_in_one_table(monkeypatch, name):
    # What is asked of all columns at once is what each by itself is told.
    module = import_module("skwillump.compilers.tables._category_encoders")
    texts = FRAME[["word", "grade"]].assign(third=FRAME["grade"] + "!", number=FRAME["number"])
    encoder = getattr(ce, name)(cols=["word", "grade", "third"]).fit(texts, Y)
    calls = []
    ask = module._ask
    monkeypatch.setattr(module, "_ask", lambda *given: calls.append(1) or ask(*given))
    together = compile_step(encoder)
    n_together = len(calls)
    monkeypatch.setattr(
        module._Together, "of", lambda *_, **__: module._Together(answers={}, of_dtype={})
    )
    apart = compile_step(encoder)
    assert n_together == 5 < len(calls) - n_together
    assert together.n_features == apart.n_features
    for one, other in zip(together.columns, apart.columns, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.places, other.places)
        np.testing.assert_array_equal(one.is_asked, other.is_asked)


@pytest.mark.parametrize("missing", [None, np.nan])
@pytest.mark.parametrize("name", ENCODERS)
def test_a_column_of_missing_values_alone_is_what_the_encoder_makes_of_it(name, missing):
    encoder = fitted(name, FRAME, cols=["word", "size", "grade"])
    for column in ("word", "size", "grade"):
        rows = FRAME[:5].copy()
        rows[column] = missing
        assert_alike(encoder, rows)
    assert_alike(encoder, FRAME[:7], at_least=4)
