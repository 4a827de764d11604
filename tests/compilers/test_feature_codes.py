"""Trees behind one-hot columns read which of the features is one, and answer as on all of them."""

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler

from skwillump import compile_pipeline
from skwillump.compilers import compile_step
from skwillump.compilers._feature_codes import FeatureCodes, of_numbers, side_by_side
from skwillump.compilers.tables._one_hot import OneHotStep
from skwillump.compilers.tables._steps import TableStep

RNG = np.random.default_rng(0)
N = 300
TABLE = pd.DataFrame(
    {
        "size": RNG.normal(size=N),
        "color": RNG.choice(list("abcdefghijkl"), N),
        "level": RNG.integers(0, 9, N),
        "weight": RNG.normal(size=N),
    }
)
Y = (TABLE["size"] + (TABLE["color"] > "f") + 0.2 * TABLE["level"] > 1.2).astype(int).to_numpy()
NEW = TABLE.sample(frac=1, random_state=1).reset_index(drop=True)
NEW["color"] = NEW["color"].where(NEW.index % 7 > 0, "unknown")

MODELS = {
    "forest": RandomForestClassifier(8, max_depth=5, random_state=0),
    "extra trees": ExtraTreesClassifier(8, max_depth=5, random_state=0),
    "boosting": GradientBoostingRegressor(n_estimators=15, random_state=0),
    "histograms": HistGradientBoostingClassifier(max_iter=8, random_state=0),
    "lightgbm": lightgbm.LGBMClassifier(n_estimators=12, verbosity=-1, random_state=0),
}
ENCODERS = {
    "sparse": OneHotEncoder(handle_unknown="ignore"),
    "dense": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "a category dropped": OneHotEncoder(drop="first", handle_unknown="ignore"),
    "rare ones together": OneHotEncoder(min_frequency=26, handle_unknown="infrequent_if_exist"),
}


def pipeline(model, encoder, weights=None):
    numbers = ("numbers", StandardScaler(), ["size", "weight"])
    categories = ("categories", encoder, ["color", "level"])
    columns = ColumnTransformer(
        [numbers, categories], transformer_weights=weights, sparse_threshold=0.0
    )
    return make_pipeline(columns, model)


def assert_same(fitted, twin, X):
    for rows in (X, X[:13], X[:5], X[:1]):
        np.testing.assert_array_equal(twin.predict(rows), fitted.predict(rows))
        if hasattr(fitted, "predict_proba"):
            np.testing.assert_allclose(
                twin.predict_proba(rows), fitted.predict_proba(rows), rtol=1e-12
            )


@pytest.mark.filterwarnings("ignore:Found unknown categories:UserWarning")
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_trees_answer_from_codes_as_from_features(monkeypatch, model, encoder):
    fitted = pipeline(model, encoder).fit(TABLE, Y)
    twin = compile_pipeline(fitted)

    def refuse(*given, **options):
        raise AssertionError("all features were written")

    monkeypatch.setattr(TableStep, "map_dense", refuse)
    assert_same(fitted, twin, NEW)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize("sparse_output", [True, False])
def test_what_a_sparse_matrix_does_not_hold_is_missing_to_xgboost(sparse_output):
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(n_estimators=15, max_depth=4, n_jobs=1, random_state=0)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=sparse_output)
    columns = ColumnTransformer(
        [("categories", encoder, ["color", "level"]), ("size", "passthrough", ["size"])],
        sparse_threshold=1.0 if sparse_output else 0.0,
    )
    fitted = make_pipeline(columns, model).fit(TABLE, Y)
    zeros = NEW.assign(size=NEW["size"].where(NEW.index % 3 > 0, 0.0))
    assert_same(fitted, compile_pipeline(fitted), zeros)


def test_blocks_with_weights_stay_numbers():
    model = RandomForestClassifier(8, max_depth=5, random_state=0)
    weights = {"categories": 0.3}
    fitted = pipeline(model, OneHotEncoder(handle_unknown="ignore"), weights).fit(TABLE, Y)
    assert_same(fitted, compile_pipeline(fitted), NEW)


def test_bins_are_codes():
    bins = KBinsDiscretizer(8, encode="onehot-dense", strategy="uniform")
    model = GradientBoostingRegressor(n_estimators=9, random_state=0)
    X, new = TABLE[["size", "weight"]], NEW[["size", "weight"]]
    fitted = make_pipeline(bins, model).fit(X, Y)
    assert_same(fitted, compile_pipeline(fitted), new)


def test_values_that_the_original_refuses_are_refused():
    fitted = pipeline(MODELS["boosting"], ENCODERS["dense"]).fit(TABLE, Y)
    twin = compile_pipeline(fitted)
    for value in (np.inf, np.nan):
        wrong = NEW.assign(size=NEW["size"].where(NEW.index != 40, value))
        with pytest.raises(ValueError, match=r"infinity|NaN"):
            fitted.predict(wrong)
        with pytest.raises(ValueError, match=r"infinity|NaN"):
            twin.predict(wrong)


def test_a_column_holds_which_feature_is_one():
    encoder = OneHotEncoder(handle_unknown="ignore").fit(TABLE[["color", "level"]])
    step = compile_step(encoder)
    found = step.feature_codes()
    assert (found.n_columns, found.pays) == (2, True)
    X = NEW[["color", "level"]]
    columns = step.map_coded(lambda columns: columns, X, n_outputs=2)
    np.testing.assert_array_equal(found.features(columns), encoder.transform(X).toarray())


def test_columns_of_blocks_lie_side_by_side():
    codes = FeatureCodes(np.zeros(3, dtype=np.intp), np.arange(1, 4), 1)
    joined, places = side_by_side([of_numbers(2), codes, of_numbers(1)])
    assert joined.columns.tolist() == [0, 1, 2, 2, 2, 3]
    assert joined.codes.tolist() == [0, 0, 1, 2, 3, 0]
    assert (joined.n_columns, places) == (4, [slice(0, 2), slice(2, 3), slice(3, 4)])
    assert joined.pays
    assert not side_by_side([of_numbers(6), codes])[0].pays
    assert side_by_side([])[0].n_columns == 0


class Doubled(BaseEstimator, TransformerMixin):
    """A transformer of one's own."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return 2 * np.asarray(X)


def test_codes_lie_beside_what_a_transformer_of_ones_own_gives(monkeypatch):
    encoder = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer(
        [("own", Doubled(), ["size"]), ("categories", encoder, ["color", "level"])]
    )
    fitted = make_pipeline(columns, MODELS["forest"]).fit(TABLE, Y)
    twin = compile_pipeline(fitted)
    monkeypatch.setattr(OneHotStep, "write_features", None)
    assert_same(fitted, twin, NEW[:40])


def test_members_of_a_wrapper_read_codes_or_the_features_that_they_stand_for(monkeypatch):
    members = [("forest", MODELS["forest"]), ("linear", LogisticRegression())]
    vote = VotingClassifier(members, voting="soft")
    fitted = pipeline(vote, OneHotEncoder(handle_unknown="ignore")).fit(TABLE, Y)
    twin = compile_pipeline(fitted)
    monkeypatch.setattr(TableStep, "map_dense", None)
    assert_same(fitted, twin, NEW[:40])


@pytest.mark.parametrize("n_rows", [0, 1, 255, 256, 1000])
def test_features_are_one_where_their_column_holds_their_code(n_rows):
    rng = np.random.default_rng(n_rows)
    columns = np.array([3, 0, 1, 1, 1, 2, 3, 3, 1])
    codes = np.array([2, 0, 7, 1, 3, 0, 9, 2, 4])  # one of column 3 is there twice
    held = rng.normal(size=(n_rows, 4))
    held[:, [1, 3]] = rng.integers(-1, 12, (n_rows, 2))
    found = FeatureCodes(columns, codes, 4).features(held)
    for feature, (column, code) in enumerate(zip(columns, codes, strict=True)):
        expected = held[:, column] if code == 0 else held[:, column] == code
        np.testing.assert_array_equal(found[:, feature], expected)
