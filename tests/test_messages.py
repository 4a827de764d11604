"""What a newcomer reads when something does not fit: the table of messages."""

import re
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from common import COSTS, two_blocks, two_signals, two_signals_frame
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from skwillump import (
    ApproxTopKRanker,
    CascadeClassifier,
    CascadeDisplay,
    NoCascadeWarning,
    TableLookup,
    TopKDisplay,
    compile_pipeline,
)
from skwillump._partitioned import checked_number
from skwillump.datasets import load_benchmark

REFUSED = r"^The '\w+' parameter of [\w.]+ must be .*\. Got .* instead\.$"
"""The words of scikit-learn's check of parameters."""


def cascade(model=None, **params):
    settings = {"accuracy_target": 0.9, "cv": 2, "feature_costs": COSTS} | params
    return CascadeClassifier(two_blocks(model), **settings)


@cache
def two_stages():
    """A fitted cascade, for what leaves it as it is."""
    return fitted()


def fitted(**params):
    return cascade(**params).fit(*two_signals(400))


def ranker(**params):
    return ApproxTopKRanker(two_blocks(), k=5, cv=2, precision_target=0.9, **params)


def fit_table(**params):
    X = pd.DataFrame({"k": ["a"]})
    table = pd.DataFrame({"k": ["a", "b"], "v": [1.0, 2.0], "w": [1.0, 2.0]})
    return TableLookup(table, **{"on": "k"} | params).fit(X)


PARAMETERS = {
    "accuracy_target": lambda: fitted(accuracy_target=2),
    "set_accuracy_target": lambda: fitted().set_accuracy_target(0),
    "confidence": lambda: fitted(confidence=95),
    "cv": lambda: fitted(cv="pre"),
    "cv, a class": lambda: fitted(cv=KFold),
    "cv of several folds": lambda: fitted(refit=False),
    "n_jobs": lambda: fitted(n_jobs=0),
    "scoring, a loss": lambda: fitted(scoring="neg_log_loss"),
    "scoring, any number": lambda: fitted(scoring="r2"),
    "scoring, misspelt": lambda: fitted(scoring="acuracy"),
    "feature_costs, no block": lambda: fitted(feature_costs={"other": 1}),
    "feature_costs, negative": lambda: fitted(feature_costs={"cheap": -1}),
    "estimator": lambda: cascade(Ridge()).fit(*two_signals(400)),
    "approx_estimator": lambda: fitted(approx_estimator=Ridge()),
    "k": lambda: ranker().set_params(k=0).fit(*two_signals(400)),
    "query_size": lambda: ranker(query_size=(5, 2)).fit(*two_signals(400)),
    "k of rank": lambda: ranker().fit(*two_signals(400)).rank(np.zeros((9, 2)), k=2.5),
    "n_jobs of compile_pipeline": lambda: compile_pipeline(
        two_blocks().fit(*two_signals(400)), n_jobs=0
    ),
    "on": lambda: fit_table(on="z"),
    "columns": lambda: fit_table(columns=["z"]),
    "default": lambda: fit_table(default="a"),
    "default of another length": lambda: fit_table(default=[1, 2, 3]),
    "table": lambda: TableLookup([1, 2], on="k").fit(pd.DataFrame({"k": ["a"]})),
    "estimator of a display": lambda: CascadeDisplay.from_estimator(ranker()),
    "estimator of the other display": lambda: TopKDisplay.from_estimator(two_stages()),
    "ranker of an engine": lambda: checked_number(two_stages(), 5, owner="rank"),
    "name of a benchmark": lambda: load_benchmark("toxik"),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_refused_in_the_words_of_scikit_learn(name):
    with pytest.raises(ValueError, match="must be") as caught:
        PARAMETERS[name]()
    assert re.match(REFUSED, str(caught.value), flags=re.DOTALL)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("acuracy", "accuracy"),
        ("acc", "accuracy"),
        ("balanced", "balanced_accuracy"),
        ("rocauc", "roc_auc"),
    ],
)
def test_a_misspelt_scorer_names_the_nearest(written, meant):
    with pytest.raises(ValueError, match=f"the nearest is '{meant}'.*Got '{written}'") as caught:
        fitted(scoring=written)
    assert len(str(caught.value)) < 200


def test_continuous_labels_point_to_the_ranker():
    X, _ = two_signals(400)
    with pytest.raises(ValueError, match=r"Unknown label type: continuous.*ApproxTopKRanker"):
        cascade().fit(X, X[:, 0])


@pytest.mark.parametrize("kind", [np.asarray, list, pd.Series, lambda y: pd.Series(y, dtype="str")])
def test_nan_among_labels_that_are_texts_is_named(kind):
    X, y = two_signals(400)
    labels = np.array(["no", "yes"], dtype=object)[y]
    labels[7] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        cascade().fit(X, kind(labels))


@pytest.mark.parametrize("other", [None, 3])
def test_labels_of_several_types_are_told(other):
    X, y = two_signals(400)
    labels = np.array(["no", "yes"], dtype=object)[y]
    labels[7] = other
    with pytest.raises(TypeError, match=rf"y holds .*: .*{type(other).__name__}.*, str\."):
        cascade().fit(X, labels)


def test_no_labels_are_asked_for():
    with pytest.raises(ValueError, match=r"requires y to be passed.*Give the labels"):
        cascade().fit(two_signals(400)[0], None)


def test_labels_that_a_fitted_estimator_lacks_are_told_beside_those_that_it_knows():
    X, y = two_signals(400)
    with pytest.raises(ValueError, match=r"\['a' 'b'\], which .* lacks: it knows \[0 1\]"):
        cascade(cv="prefit").set_params(estimator=two_blocks().fit(X, y)).fit(
            X, np.array(["a", "b"])[y]
        )


ELSEWHERE = {
    "probabilities of a cascade": (
        lambda: cascade(LinearSVC()).fit(*two_signals(400)),
        "predict_proba_one",
        "predict_one gives the label",
    ),
    "probabilities of a compiled pipeline": (
        lambda: compile_pipeline(two_blocks(LinearSVC()).fit(*two_signals(400))),
        "predict_proba_one",
        "LinearSVC has no predict_proba. Use predict_one",
    ),
    "explain of a cascade": (two_stages, "explain", r"report\(\) tells"),
    "explain of a ranker": (ranker, "explain", r"report\(\) tells"),
    "report of a compiled pipeline": (
        lambda: compile_pipeline(two_blocks().fit(*two_signals(400))),
        "report",
        r"explain\(\) tells",
    ),
    "what a compiled pipeline leaves to the estimator": (
        lambda: compile_pipeline(two_blocks().fit(*two_signals(400))),
        "set_output",
        "it is not compiled",
    ),
    "what comes with fit": (cascade, "stages_", "it is there after fit"),
    "a plot": (two_stages, "plot", r"CascadeDisplay\.from_estimator"),
    "one row of a ranker": (ranker, "predict_one", r"predict\(X\) gives their scores"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_method_that_is_not_there_points_to_one_that_is(name):
    make, method, message = ELSEWHERE[name]
    estimator = make()
    assert not hasattr(estimator, method)
    with pytest.raises(AttributeError, match=f"has no attribute '{method}'.*{message}"):
        getattr(estimator, method)


def test_a_name_that_nobody_knows_is_an_attribute_error_as_everywhere():
    with pytest.raises(AttributeError, match=r"^'CascadeClassifier' object has no attribute 'x'$"):
        two_stages().x  # noqa: B018


# Cascades in compile_pipeline ---------------------------------------------------------------


def test_compile_pipeline_says_that_a_cascade_compiles_itself():
    X, _ = two_signals(400)
    model = two_stages()
    twin = compile_pipeline(model)
    assert "compiles itself" in twin.explain()[0].reason
    assert np.array_equal(twin.predict(X), model.predict(X))
    assert twin.predict_one(X[0]) == model.predict_one(X[0])
    assert np.array_equal(twin.predict_proba_one(X[0]), model.predict_proba_one(X[0]))


# Axes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["number", "figure", "array"])
def test_what_is_no_axes_is_refused(kind):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2)
    given = {"number": 3, "figure": figure, "array": axes}[kind]
    with pytest.raises(
        ValueError, match=r"'ax' parameter of CascadeDisplay.plot must be a Matplot"
    ):
        CascadeDisplay.from_estimator(two_stages(), ax=given)
    plt.close("all")


# A fit without a cascade --------------------------------------------------------------------

WITHOUT = {
    "one block": lambda: CascadeClassifier(LogisticRegression()),
    "too few rows": lambda: cascade(accuracy_target=0.999),
    "one block to rank by": lambda: ApproxTopKRanker(LogisticRegression(), k=5),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_a_fit_without_a_cascade_warns_once_with_the_reason(name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = WITHOUT[name]().fit(*two_signals(400))
    (warning,) = caught
    assert warning.category is NoCascadeWarning
    assert warning.filename == __file__
    assert model.guarantee_.reason in str(warning.message)


@pytest.mark.parametrize(
    "model", [cascade(accuracy_target=1.0), ranker().set_params(precision_target=1.0)]
)
def test_no_warning_where_nothing_was_to_be_approximated(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(*two_signals(400))


def test_no_warning_where_there_is_a_cascade():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = cascade().fit(*two_signals(2000))
    assert len(model.stages_) == 2


# One row of a wrong type --------------------------------------------------------------------


def number(value):
    """A step of a user's own, which is not compiled."""
    return np.asarray(value, dtype=float)


MODELS = {
    "scaler": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "imputer": lambda: make_pipeline(SimpleImputer(), LogisticRegression()),
    "trees": lambda: RandomForestClassifier(5, random_state=0),
    "own step": lambda: make_pipeline(
        make_column_transformer((FunctionTransformer(number), ["d"]), (StandardScaler(), ["c"])),
        LogisticRegression(),
    ),
}
WAYS = {
    "compiled": compile_pipeline,
    "cascade": lambda model: CascadeClassifier(model, cv="prefit"),
    "cascade, not compiled": lambda model: CascadeClassifier(model, cv="prefit", compile=False),
}
WRONG = ["forty", b"x", [1, 2], {"a": 1}]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MODELS)
def test_one_row_of_a_wrong_type_names_the_column(name, way):
    X, y = two_signals_frame(400)
    X = X[["d", "c"]]
    plain = MODELS[name]().fit(X, y)
    model = WAYS[way](plain)
    if way != "compiled":
        model.fit(X, y)
    for value in WRONG:
        row = {"d": value, "c": 1.0}
        with pytest.raises((ValueError, TypeError)) as expected:
            plain.predict(pd.DataFrame([row]))
        with pytest.raises(expected.type, match="column 'd'"):
            model.predict_one(row)


@pytest.mark.parametrize("way", WAYS)
def test_one_row_with_a_text_that_is_none_names_the_column(way):
    X = pd.DataFrame({"t": ["a fine day", "a poor day"] * 40, "n": range(80), "m": range(80)})
    plain = make_pipeline(
        make_column_transformer((TfidfVectorizer(), "t"), (StandardScaler(), ["n", "m"])),
        LogisticRegression(),
    ).fit(X, [0, 1] * 40)
    model = WAYS[way](plain)
    if way != "compiled":
        model.fit(X, [0, 1] * 40)
    for value in (3.5, None, np.nan, ["a"]):
        with pytest.raises((AttributeError, ValueError), match="column 't'"):
            model.predict_one({"t": value, "n": 1, "m": 2})


ROWS = [None, 5, "text", b"text", {1, 2}]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row).__name__)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("of_frame", [True, False])
def test_a_row_of_a_wrong_type_is_refused_in_one_form(way, row, of_frame):
    X, y = two_signals_frame(400)
    X = X[["d", "c"]] if of_frame else X[["d", "c"]].to_numpy()
    model = WAYS[way](make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y))
    if way != "compiled":
        model.fit(X, y)
    form = "mapping with the columns" if of_frame else "list or 1-D array of 2 values"
    named = rf"^The row is of type {type(row).__name__}\. Pass a {form}"
    for method in (model.predict_one, model.predict_proba_one):
        with pytest.raises(TypeError, match=named):
            method(row)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("row", [{"t": None, "n": 1}, {"t": "a"}, ["a"], None, 5])
def test_a_row_that_is_no_text_is_refused_whatever_it_holds(way, row):
    X, y = ["a fine day", "a poor day"] * 40, [0, 1] * 40
    model = WAYS[way](make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(X, y))
    if way != "compiled":
        model.fit(X, y)
    with pytest.raises(TypeError, match=r"^The row is of type \w+\. Pass one str\.$"):
        model.predict_one(row)


def test_a_row_without_names_gives_the_position():
    X, y = two_signals(400)
    model = compile_pipeline(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y))
    with pytest.raises(ValueError, match="in column 1"):
        model.predict_one([1.0, "x"])


def test_columns_that_the_pipeline_drops_may_be_missing_in_a_row_as_in_a_batch():
    X, y = two_signals_frame(400)
    X["city"] = np.where(X["c"] > 0, "a", "b")
    plain = make_pipeline(
        make_column_transformer((StandardScaler(), ["d", "c"]), (OneHotEncoder(), ["city"])),
        LogisticRegression(),
    ).fit(X, y)
    less = X.drop(columns="unused")
    row = less.iloc[0].to_dict()
    for way in WAYS.values():
        model = way(plain)
        if isinstance(model, CascadeClassifier):
            model.fit(X, y)
        assert model.predict(less.iloc[:1])[0] == model.predict_one(row) == plain.predict(X)[0]
        with pytest.raises(ValueError, match=r"columns are missing: \['city'\]"):
            model.predict_one({"d": 1.0, "c": 1.0})


# Reports ------------------------------------------------------------------------------------


def test_lines_of_reports_have_less_than_100_characters():
    data = two_signals(2000)
    models = [
        fitted(),
        cascade(confidence=None),
        ranker(),
        WITHOUT["one block"](),
    ]
    for model in models:
        lines = model.fit(*data).report().splitlines()
        assert max(map(len, lines)) < 100
