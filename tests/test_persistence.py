"""Fitted objects survive being stored, and say so if another version of the package loads them."""

import copy
import importlib
import importlib.util
import pickle
import subprocess
import sys
import textwrap
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from common import COSTS, stdlib_lines, two_blocks, two_signals_frame
from lightgbm import LGBMClassifier, LGBMRegressor
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfVectorizer,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.svm import LinearSVC

import skwillump._persistence
from skwillump import (
    ApproxTopKRanker,
    CascadeClassifier,
    TableLookup,
    compile_pipeline,
    trusted_types,
)
from skwillump._one_row import RowTemplate


def text_rows():
    X, y = stdlib_lines()
    return list(X[::100]), y[::100]


def text_pipeline():
    characters = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), max_features=300)
    return make_pipeline(
        make_union(CountVectorizer(max_features=100), characters), LogisticRegression(max_iter=1000)
    )


def text_cascade(**kwargs):
    costs = {"countvectorizer": 1e-6, "tfidfvectorizer": 1e-2}
    defaults = {"accuracy_target": 0.8, "cv": 2, "feature_costs": costs, "random_state": 0}
    return CascadeClassifier(text_pipeline(), **(defaults | kwargs)).fit(*text_rows())


def table_cascade(model=None, **kwargs):
    X, y = two_signals_frame(3000)
    defaults = {"accuracy_target": 0.95, "cv": 2, "feature_costs": COSTS, "random_state": 0}
    estimator = two_blocks(model, columns=("c", "d"))
    return CascadeClassifier(estimator, **(defaults | kwargs)).fit(X, y)


def ranker():
    X, _ = two_signals_frame(3000)
    model = ApproxTopKRanker(
        two_blocks(Ridge(), columns=("c", "d")),
        k=50,
        precision_target=0.8,
        feature_costs=COSTS,
        random_state=0,
    )
    return model.fit(X, X["c"] + X["d"])


def lookup(table):
    return TableLookup(table, on="user", default=0.0).fit(pd.DataFrame({"user": [7, 8]}))


@pytest.fixture(scope="module")
def stored():
    """A fitted object of each kind, and rows for it."""
    X, y = text_rows()
    frame, _ = two_signals_frame(500, seed=1)
    return {
        "text cascade": (text_cascade(), X),
        "table cascade": (table_cascade(), frame),
        "ranker": (ranker(), frame),
        "compiled pipeline": (compile_pipeline(text_pipeline().fit(X, y)), X),
        "look-up": (lookup({7: 1.0, 8: 2.0}), pd.DataFrame({"user": [8, 9, 7]})),
    }


KINDS = ["text cascade", "table cascade", "ranker", "compiled pipeline", "look-up"]


def answers(model, X):
    if hasattr(model, "rank"):
        return model.rank(X, return_scores=True)
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.transform(X)


# Processes --------------------------------------------------------------------------------------


def test_another_process_gives_the_same_answers(stored, tmp_path):
    for kind, (model, X) in stored.items():
        joblib.dump((model, X), tmp_path / f"{kind}.joblib")
        (tmp_path / f"{kind}.pickle").write_bytes(pickle.dumps((model, X)))
    code = f"""
        import pickle, warnings
        from pathlib import Path
        import joblib, numpy as np
        warnings.simplefilter("error")
        folder = Path({str(tmp_path)!r})
        for kind in {KINDS}:
            for load, ending in [
                (joblib.load, "joblib"),
                (lambda path: pickle.loads(path.read_bytes()), "pickle"),
            ]:
                model, X = load(folder / f"{{kind}}.{{ending}}")
                if kind == "ranker":
                    answers = model.rank(X, return_scores=True)
                else:
                    method = "predict_proba" if hasattr(model, "predict_proba") else "transform"
                    answers = getattr(model, method)(X)
                np.save(folder / f"{{kind}}.{{ending}}.npy", answers)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
    for kind, (model, X) in stored.items():
        for ending in ("joblib", "pickle"):
            assert_array_equal(np.load(tmp_path / f"{kind}.{ending}.npy"), answers(model, X))


# Versions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_version_that_stored_an_object_loads_it_silently(stored, kind):
    model, X = stored[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = pickle.loads(pickle.dumps(model))
        copied = copy.copy(model)
    assert_array_equal(answers(loaded, X), answers(model, X))
    assert vars(copied).keys() == vars(model).keys() == vars(loaded).keys()


@pytest.mark.parametrize("kind", KINDS)
def test_another_version_warns_and_names_both(stored, kind, monkeypatch):
    model, X = stored[kind]
    monkeypatch.setattr(skwillump._persistence, "__version__", "0.0.7")
    content = pickle.dumps(model)
    monkeypatch.setattr(skwillump._persistence, "__version__", "3.2.1")
    # scikit-learn's own category, so that filters of users for that one apply.
    with pytest.warns(InconsistentVersionWarning) as caught:
        loaded = pickle.loads(content)
    # Parts warn before the whole, as those of a scikit-learn pipeline do.
    warning = caught[-1].message
    for said in (type(model).__name__, "0.0.7", "3.2.1", "fit it again"):
        assert said in str(warning)
    assert warning.original_version == "0.0.7"
    assert_array_equal(answers(loaded, X), answers(model, X))


def test_a_state_without_a_version_warns():
    state = CascadeClassifier(LogisticRegression()).__getstate__()
    del state["_skwillump_version"]
    bare = CascadeClassifier.__new__(CascadeClassifier)
    with pytest.warns(InconsistentVersionWarning, match="unknown version"):
        bare.__setstate__(state)


def test_the_warning_shows_where_the_file_was_loaded(monkeypatch):
    content = pickle.dumps(CascadeClassifier(LogisticRegression()))
    monkeypatch.setattr(skwillump._persistence, "__version__", "3.2.1")
    with pytest.warns(InconsistentVersionWarning) as caught:
        pickle.loads(content)
    assert caught[0].filename == __file__


def test_clones_hold_no_version(stored):
    model, _ = stored["table cascade"]
    assert "_skwillump_version" not in vars(clone(model))
    assert "_skwillump_version" not in vars(model)


# The model of one row ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        np.array([1]),
        np.array([1.0], dtype=np.float32),
        ["text"],
        np.array([None], dtype=object),
        pd.array([1, None], dtype="Int64"),
        pd.array(["text"], dtype="string"),
        pd.array([1], dtype="int64[pyarrow]"),
        pd.to_datetime(["2020-01-01"]).tz_localize("UTC"),
        pd.Categorical(["u"], categories=["v", "u"], ordered=True),
        pd.Categorical([3], categories=[4, 3]),
        pd.arrays.IntervalArray.from_breaks([0, 1]),
    ],
    ids=lambda column: str(getattr(column, "dtype", type(column).__name__)),
)
def test_a_pandas_template_keeps_columns_and_dtypes(column):
    empty = pd.DataFrame({"a": column, 3: column}).iloc[:0]
    template = pickle.loads(pickle.dumps(RowTemplate(empty)))
    state = template.__getstate__()
    assert state["empty"] is None
    assert state["plain"].keys() == {"package", "columns", "dtypes"}
    pd.testing.assert_frame_equal(template.empty, empty, check_index_type=False)
    assert list(template.empty.dtypes) == list(empty.dtypes)


def test_a_pandas_template_that_has_no_plain_form_is_kept_as_it_is():
    columns = pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])
    empty = pd.DataFrame([[1, 2.0]], columns=columns).iloc[:0]
    template = pickle.loads(pickle.dumps(RowTemplate(empty)))
    pd.testing.assert_frame_equal(template.empty, empty)


def test_a_polars_template_keeps_its_schema():
    frame = pl.DataFrame(
        {"a": [1], "b": ["x"], "c": pl.Series(["u"], dtype=pl.Enum(["u", "v"])), "d": [[1.0]]}
    )
    template = pickle.loads(pickle.dumps(RowTemplate.from_data(frame)))
    assert template.empty.schema == frame.schema
    assert len(template.empty) == 0


# skops ------------------------------------------------------------------------------------------


def through_skops(model):
    """Return a model that was stored, and loaded with trust in the listed types only."""
    io = pytest.importorskip("skops.io")
    return io.loads(io.dumps(model), trusted=trusted_types())


@pytest.mark.parametrize(
    "make",
    [
        text_cascade,
        lambda: text_cascade(compile=False),
        table_cascade,
        lambda: table_cascade(scoring="f1"),
        lambda: table_cascade(HistGradientBoostingClassifier(max_iter=5)),
        lambda: table_cascade(LGBMClassifier(n_estimators=8, verbose=-1)),
        lambda: table_cascade(RandomForestClassifier(4, random_state=0)),
    ],
    ids=["text", "text, not compiled", "table", "table, f1", "boosted trees", "LightGBM", "forest"],
)
def test_a_cascade_survives_skops_if_the_listed_types_are_trusted(make):
    model = make()
    X = text_rows()[0] if hasattr(model.estimator_[0], "transformer_list") else None
    X = two_signals_frame(500, seed=1)[0] if X is None else X
    loaded = through_skops(model)
    for method in ("predict", "predict_proba", "predict_stage"):
        assert_array_equal(getattr(loaded, method)(X), getattr(model, method)(X))
    row = X[0] if isinstance(X, list) else X.iloc[0].to_dict()
    assert_array_equal(loaded.predict_proba_one(row), model.predict_proba_one(row))
    assert loaded.report() == model.report()
    # What fit stored to plan with came along.
    assert loaded.set_accuracy_target(1.0).guarantee_.kind == "exact"


def mixed_frame():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"number": rng.normal(size=300), "kind": rng.choice(["u", "v"], 300)})
    frame["note"] = rng.choice(["fine film", "poor film", "fine story"], 300)
    return frame, (frame["number"] > 0) ^ (frame["kind"] == "u")


def columns_of_all_kinds():
    numbers = make_pipeline(SimpleImputer(), StandardScaler(), PolynomialFeatures(2))
    return make_column_transformer(
        (numbers, ["number"]),
        (make_union(KBinsDiscretizer(3), FunctionTransformer(np.exp)), ["number"]),
        (OneHotEncoder(handle_unknown="ignore"), ["kind"]),
        (OrdinalEncoder(), ["kind"]),
        (TfidfVectorizer(), "note"),
        (HashingVectorizer(n_features=32), "note"),
    )


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        Ridge(),
        CalibratedClassifierCV(LinearSVC(), cv=2),
        RandomForestClassifier(4),
        LGBMRegressor(n_estimators=3, verbose=-1),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_compiled_pipeline_survives_skops_if_the_listed_types_are_trusted(model):
    X, y = mixed_frame()
    compiled = compile_pipeline(make_pipeline(columns_of_all_kinds(), model).fit(X, y))
    loaded = through_skops(compiled)
    assert_array_equal(loaded.predict(X), compiled.predict(X))
    assert loaded.predict_one(X.iloc[0].to_dict()) == compiled.predict_one(X.iloc[0].to_dict())
    assert repr(loaded.explain()) == repr(compiled.explain())


def test_a_compiled_pipeline_on_text_survives_skops(stored):
    model, X = stored["compiled pipeline"]
    loaded = through_skops(model)
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert repr(loaded.explain()) == repr(model.explain())


def test_a_ranker_survives_skops_if_the_listed_types_are_trusted(stored):
    model, X = stored["ranker"]
    loaded = through_skops(model)
    assert_array_equal(answers(loaded, X), answers(model, X))
    assert loaded.report() == model.report()


def test_only_types_that_a_stored_object_may_hold_are_trusted():
    names = trusted_types()
    assert names == sorted(set(names))
    assert "skwillump.cascade._classifier.CascadeClassifier" in names
    for name in names:
        module, _, attribute = name.rpartition(".")
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            continue  # a library that need not be there
        found = getattr(importlib.import_module(module), attribute)
        named = module.startswith("sklearn.metrics.") or attribute == "library_sums"
        assert isinstance(found, type) or named


def test_skops_stores_a_look_up_in_arrays_but_not_in_a_data_frame():
    io = pytest.importorskip("skops.io")
    X = pd.DataFrame({"user": [8, 9, 7]})
    table = lookup((np.array([7, 8]), np.array([1.0, 2.0])))
    content = io.dumps(table)
    loaded = io.loads(content, trusted=io.get_untrusted_types(data=content))
    assert_array_equal(loaded.transform(X), table.transform(X))
    with pytest.raises(TypeError):
        io.dumps(lookup(pd.DataFrame({"user": [7, 8], "age": [31.0, 54.0]})))
