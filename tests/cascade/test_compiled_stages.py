"""The cascade on compiled steps: the same stages, the same answers."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from common import stdlib_lines, two_blocks, two_signals_frame
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skwillump import CascadeClassifier
from skwillump._one_row import FittedRow

COSTS = {"word": 1e-6, "char": 1e-2}


def lines(n_classes=2, step=80):
    X, y = stdlib_lines()
    X, y = X[::step], y[::step]
    if n_classes == 3:
        y = np.where(np.char.startswith(X.astype(str), "    " * 2), 2, y)
    return X, y


def word_char():
    return FeatureUnion(
        [
            ("word", TfidfVectorizer(sublinear_tf=True)),
            ("char", CountVectorizer(analyzer="char_wb", ngram_range=(1, 3))),
        ],
        transformer_weights={"char": 0.5},
    )


def both_ways(pipeline, X, y, **kwargs):
    defaults = {"accuracy_target": 0.95, "feature_costs": COSTS, "cv": 2, "random_state": 0}
    return [
        CascadeClassifier(pipeline, compile=compile, **(defaults | kwargs)).fit(X, y)
        for compile in (True, False)
    ]


def assert_same(compiled, plain, X):
    ours, theirs = compiled.predict_stage(X), plain.predict_stage(X)
    same = ours == theirs
    # A confidence at a threshold may round to the other side of it.
    assert np.mean(same) > 0.995
    assert len(compiled.stages_) == len(plain.stages_) == 2
    assert 0 < np.mean(ours) < 1
    assert_array_equal(compiled.predict(X)[same], plain.predict(X)[same])
    for method in ("predict_proba", "decision_function", "predict_log_proba"):
        assert hasattr(compiled, method) == hasattr(plain, method)
        if hasattr(plain, method):
            expected = getattr(plain, method)(X)
            atol = 1e-12 if method == "predict_proba" else 1e-10
            assert_allclose(getattr(compiled, method)(X)[same], expected[same], 1e-10, atol)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=1000),
        LinearSVC(C=0.1, max_iter=10_000, random_state=0),
        MultinomialNB(),
        SGDClassifier(loss="log_loss", random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_linear_models_on_text(model, n_classes):
    X, y = lines(n_classes)
    compiled, plain = both_ways(make_pipeline(word_char(), model), X, y)
    assert compiled._fused is not None
    assert_same(compiled, plain, lines(step=33)[0])


def test_probabilities_that_round_to_one_do_not_decide():
    X, y = lines(3)
    # Scores of several classes are so large that their sigmoids are 1.
    model = SGDClassifier(loss="log_loss", alpha=1e-9, random_state=0)
    compiled, plain = both_ways(make_pipeline(word_char(), model), X, y, accuracy_target=0.5)
    assert compiled._fused is not None
    first = plain.stages_[0]
    features = plain._graph.compute(X, first.blocks, {})
    own, largest = first.model.predict(features), first.model.predict_proba(features).argmax(axis=1)
    assert np.any(own != largest)
    for fitted in (compiled, plain):
        early = fitted.predict_stage(X) == 0
        assert_array_equal(fitted.predict(X)[early], own[early])
        assert [fitted.predict_one(x) for x in X[:200]] == fitted.predict(X[:200]).tolist()


def test_steps_between_are_folded():
    X, y = lines()
    pipeline = make_pipeline(
        word_char(), MaxAbsScaler(), SelectKBest(chi2, k=300), LogisticRegression(max_iter=1000)
    )
    compiled, plain = both_ways(pipeline, X, y)
    assert compiled._fused is not None
    assert_same(compiled, plain, lines(step=33)[0])


def test_models_that_are_not_linear_run_on_compiled_blocks():
    X, y = lines()
    pipeline = make_pipeline(word_char(), DecisionTreeClassifier(max_depth=8, random_state=0))
    compiled, plain = both_ways(pipeline, X, y, accuracy_target=0.6)
    assert len(compiled.stages_) == len(plain.stages_) == 2
    assert compiled._fused is None
    assert all(block.compiled for block in compiled.blocks_)
    same = compiled.predict_stage(X) == plain.predict_stage(X)
    assert_array_equal(compiled.predict(X)[same], plain.predict(X)[same])


def test_an_approximate_model_that_is_not_linear_runs_on_compiled_blocks():
    X, y = lines()
    compiled, plain = both_ways(
        make_pipeline(word_char(), LogisticRegression(max_iter=1000)),
        X,
        y,
        accuracy_target=0.6,
        approx_estimator=DecisionTreeClassifier(max_depth=8, random_state=0),
    )
    assert len(compiled.stages_) == len(plain.stages_) == 2
    assert compiled._fused is None
    # What a stage costs depends on how it runs, so the two may have chosen other stages.
    same = compiled.predict_stage(X) == plain.predict_stage(X)
    assert same.mean() > 0.5
    assert_array_equal(compiled.predict(X)[same], plain.predict(X)[same])


def text_frame():
    X, y = lines()
    return pd.DataFrame({"kind": [x.strip()[:1] for x in X], "text": X}), y


def columns(text):
    return ColumnTransformer(
        [("kind", OneHotEncoder(handle_unknown="ignore"), ["kind"]), ("text", text, "text")]
    )


def test_columns_of_a_frame():
    X, y = text_frame()
    pipeline = make_pipeline(columns(word_char()), LogisticRegression(max_iter=1000))
    costs = {"kind": 1e-6, "text__word": 1e-6, "text__char": 1e-2}
    compiled, plain = both_ways(pipeline, X, y, feature_costs=costs)
    assert [block.name for block in compiled.blocks_] == list(costs)
    assert all(block.compiled for block in compiled.blocks_)
    assert_same(compiled, plain, X)
    with pytest.raises(ValueError, match="columns are missing"):
        compiled.predict(X.drop(columns="kind"))


def test_blocks_say_that_they_are_not_compiled_on_request():
    X, y = lines(step=300)
    _, plain = both_ways(make_pipeline(word_char(), LogisticRegression()), X, y)
    assert [(b.compiled, b.reason) for b in plain.blocks_] == [(False, "compile=False")] * 2
    assert plain._fused is None


def test_without_a_cascade_the_compiled_full_model_answers():
    X, y = lines()
    pipeline = make_pipeline(word_char(), LogisticRegression(max_iter=1000))
    compiled, plain = both_ways(pipeline, X, y, accuracy_target=1.0)
    assert_array_equal(compiled.predict(X), plain.predict(X))
    assert_allclose(compiled.predict_proba(X), plain.predict_proba(X), rtol=1e-12)
    assert compiled.predict_one(X[3]) == plain.predict_one(X[3])
    assert_allclose(compiled.predict_proba_one(X[3]), plain.predict_proba_one(X[3]), rtol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=1000),
        LinearSVC(C=0.1, max_iter=10_000, random_state=0),
        SGDClassifier(loss="log_loss", random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_one_row_gets_what_it_gets_in_a_batch(model, n_classes):
    X, y = lines(n_classes)
    compiled, _ = both_ways(make_pipeline(word_char(), model), X, y)
    stages = compiled.predict_stage(X[:300])
    assert set(stages) == {0, 1}
    labels = compiled.predict(X[:300])
    assert [compiled.predict_one(x) for x in X[:300]] == labels.tolist()
    if hasattr(compiled, "predict_proba"):
        ones = np.array([compiled.predict_proba_one(x) for x in X[:300]])
        assert_allclose(ones, compiled.predict_proba(X[:300]), rtol=1e-12)


@pytest.mark.parametrize("text", ["", " ", "\x00", "İ ß \ud800", "naïve 日本語 😀" * 50])
def test_odd_texts(text):
    X, y = lines(step=200)
    compiled, plain = both_ways(make_pipeline(word_char(), LogisticRegression()), X, y)
    assert compiled.predict_one(text) == plain.predict_one(text)
    assert compiled.predict([text, text]).tolist() == plain.predict([text, text]).tolist()


@pytest.mark.parametrize("bad", [None, 3.0, b"bytes", np.nan])
def test_what_is_no_text_raises_what_it_raises_in_scikit_learn(bad):
    X, y = lines(step=200)
    compiled, plain = both_ways(make_pipeline(word_char(), LogisticRegression()), X, y)
    if isinstance(bad, bytes):
        assert compiled.predict([bad]) == plain.predict([bad])
        return
    with pytest.raises((ValueError, AttributeError)) as theirs:
        plain.predict([bad])
    with pytest.raises(type(theirs.value)) as ours:
        compiled.predict([bad])
    assert str(ours.value) == str(theirs.value)
    with pytest.raises(ValueError if bad is np.nan else TypeError):
        compiled.predict_one(bad)


@pytest.mark.parametrize("bad", [["def f():"], ("def f():",), np.array(["a"]), None, 3.0])
def test_a_row_that_is_no_text_is_refused(bad):
    X, y = lines(step=200)
    pipeline = make_pipeline(word_char(), LogisticRegression())
    for cascade in both_ways(pipeline, X, y):
        for one in (cascade.predict_one, cascade.predict_proba_one):
            with pytest.raises(TypeError, match=r"The row is of type \w+\. Pass one str"):
                one(bad)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("column", ["c", "d"])  # of the first stage, and of the second
def test_a_missing_value_that_no_step_fills_is_the_models_error(column, n_classes):
    X, y = two_signals_frame(n_classes=n_classes)
    model = CascadeClassifier(
        two_blocks(columns=("c", "d")),
        accuracy_target=0.95,
        feature_costs={"cheap": 1e-6, "dear": 1e-2},
        cv=3,
        random_state=0,
    ).fit(X, y)
    assert model._fused is not None
    stage = model.predict_stage(X)
    late = X[stage == 1][:3].reset_index(drop=True)
    late.loc[1, column] = np.nan
    row = late.iloc[1].to_dict()
    for method in ("predict", "predict_proba"):
        with pytest.raises(ValueError, match="Input X contains NaN"):
            getattr(model, method)(late)
        for missing in (row, row | {column: None}, late.iloc[1].tolist()):
            with pytest.raises(ValueError, match="Input X contains NaN"):
                getattr(model, f"{method}_one")(missing)


def test_threads_and_pickles():
    X, y = lines()
    compiled, _ = both_ways(make_pipeline(word_char(), LogisticRegression(max_iter=1000)), X, y)
    expected = compiled.predict_proba(X)
    assert_array_equal(pickle.loads(pickle.dumps(compiled)).predict_proba(X), expected)
    with ThreadPoolExecutor(8) as threads:
        for answers in threads.map(lambda _: compiled.predict_proba(X), range(16)):
            assert_array_equal(answers, expected)
    two = pickle.loads(pickle.dumps(compiled)).set_params(n_jobs=2)
    assert_array_equal(two.predict_proba(X), expected)


def test_costs_are_those_of_the_compiled_path():
    X, y = lines()
    pipeline = make_pipeline(word_char(), LogisticRegression(max_iter=1000))
    compiled, plain = both_ways(pipeline, X, y, feature_costs=None)
    for ours, theirs in zip(compiled.blocks_, plain.blocks_, strict=True):
        assert ours.cost_seconds < theirs.cost_seconds


def test_columns_that_only_the_original_reads():
    X, y = two_signals_frame(3000)
    X = X.astype({"c": "Float64"})
    compiled, plain = both_ways(
        two_blocks(columns=("c", "d")), X, y, feature_costs={"cheap": 1e-6, "dear": 1e-2}
    )
    assert_array_equal(compiled.predict(X), plain.predict(X))
    assert_allclose(compiled.predict_proba(X), plain.predict_proba(X), rtol=1e-12)


def test_a_data_frame_of_one_row_is_made_only_for_rows_that_need_it(monkeypatch):
    X, y = two_signals_frame(3000)
    half = FunctionTransformer(lambda frame: frame.transform(lambda d: d / 2).to_numpy())
    union = ColumnTransformer([("cheap", StandardScaler(), ["c"]), ("dear", half, ["d"])])
    model = CascadeClassifier(
        make_pipeline(union, LogisticRegression()),
        accuracy_target=0.95,
        cv=0.3,
        feature_costs={"cheap": 1e-7, "dear": 1e-4},
        random_state=0,
    ).fit(X, y)
    assert len(model.stages_) == 2
    made, make = [], FittedRow.frame
    monkeypatch.setattr(FittedRow, "frame", lambda row, of: made.append([*of]) or make(row, of))
    rows, stage = X[:60].to_dict("records"), model.predict_stage(X[:60])
    assert [model.predict_one(row) for row in rows] == model.predict(X[:60]).tolist()
    n_late = int(np.sum(stage == 1))
    assert n_late > 0
    assert made == [["d"]] * n_late  # and of what the step reads alone
