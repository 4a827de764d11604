"""The registry knows exact types, loads plug-ins when they are needed, and never fails."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC

from skwillump._compat import PRIVATE, vote_weights
from skwillump.compilers import (
    REGISTRY,
    LinearModel,
    Model,
    OriginalStep,
    Step,
    TreeModel,
    Unsupported,
    compile_model,
    compile_step,
    linear_map,
)
from skwillump.compilers._registry import Registry
from skwillump.compilers._unsupported import InputUnsupported

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] > 0


class Thing:
    """Anything that is fitted."""


@pytest.mark.parametrize(
    "error", [AttributeError("no_such_"), KeyError(3), InputUnsupported("data"), MemoryError()]
)
def test_an_error_in_a_compiler_is_a_reason_and_no_error(error):
    registry = Registry({})

    @registry.register(Thing)
    def compile_thing(thing):
        raise error

    with pytest.raises(Unsupported, match=r"Thing could not be read|data"):
        registry.compile(Thing(), Step)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (OneHotEncoder(), "_n_features_outs"),
        (SimpleImputer(), "_fit_dtype"),
        (KNNImputer(), "_mask_fit_X"),
        (PoissonRegressor(), "_base_loss"),
        (PLSRegression(1), "_x_mean"),
        (MissingIndicator(), "_precomputed"),
        (PowerTransformer(), "_scaler"),
        (KNeighborsClassifier(), "_fit_X"),
        (KNeighborsClassifier(), "_fit_method"),
        (KNeighborsClassifier(), "_y"),
        (MLPClassifier((2,), max_iter=1), "_label_binarizer"),
        (SVC(), "_dual_coef_"),
        (SVC(), "_intercept_"),
        (SVC(), "_gamma"),
        (SVC(), "_sparse"),
        (TfidfVectorizer(analyzer="char"), "_tfidf"),
    ],
    ids=str,
)
def test_what_lacks_a_private_attribute_is_left_as_it_is_with_the_reason(estimator, name):
    assert name in PRIVATE
    data = X.round() if isinstance(estimator, OneHotEncoder) else X
    if isinstance(estimator, TfidfVectorizer):
        data = ["a text", "another one"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = estimator.fit(data, Y[: len(data)])
    kind = Model if hasattr(fitted, "predict") else Step
    REGISTRY.compile(fitted, kind)
    of_this_release = vars(fitted).pop(name)
    with pytest.raises(Unsupported, match=f"does not tell the .* in {name}"):
        REGISTRY.compile(fitted, kind)
    vars(fitted)[name] = of_this_release


def test_weights_of_votes_are_those_of_the_members_that_are_left():
    members = [("a", LogisticRegression()), ("b", "drop"), ("c", LogisticRegression(C=2.0))]
    for weights in (None, [1.0, 2.0, 3.0]):
        vote = VotingClassifier(members, weights=weights)
        assert vote_weights(vote) == vote._weights_not_none


class _Fits(StandardScaler):
    """A class that may be taken for its parent."""

    best = 3

    def __init__(self, clip_to=5.0):
        super().__init__()
        self.clip_to = clip_to

    def fit(self, X, y=None):
        return super().fit(np.clip(X, -self.clip_to, self.clip_to))

    def means(self):
        return self.mean_


class _Transforms(StandardScaler):
    def transform(self, X, copy=None):
        return super().transform(X, copy) + 1.0


class _Tags(StandardScaler):
    def __sklearn_tags__(self):
        return super().__sklearn_tags__()


class _Mean(StandardScaler):
    @property
    def mean_(self):
        return np.ones(3)

    @mean_.setter
    def mean_(self, value):
        pass


class _Mixed(_Fits):
    def get_feature_names_out(self, input_features=None):
        return ["a", "b", "c"]


class _Attributes(StandardScaler):
    def __getattr__(self, name):
        raise AttributeError(name)


def test_a_subclass_that_overrides_nothing_of_predictions_is_taken_for_its_parent():
    fitted = _Fits().fit(X)
    step = compile_step(fitted)
    assert step.is_compiled
    np.testing.assert_array_equal(step.dense(X), fitted.transform(X))

    class Model(LogisticRegression):
        def fit(self, X, y):
            return super().fit(X * 2.0, y)

    assert isinstance(compile_model(Model().fit(X, Y)), LinearModel)


@pytest.mark.parametrize("kind", [_Transforms, _Tags, _Mean, _Mixed, _Attributes])
def test_a_subclass_is_not_taken_for_its_parent_otherwise(kind):
    step = compile_step(kind().fit(X))
    assert isinstance(step, OriginalStep)
    assert step.reason == f"no compiler for {kind.__name__}"


def test_what_is_wanted_decides_whether_an_object_has_a_compiler():
    forest, linear = RandomForestClassifier(2).fit(X, Y), LogisticRegression().fit(X, Y)
    assert isinstance(compile_model(forest), TreeModel)
    assert isinstance(compile_model(linear, LinearModel), LinearModel)
    with pytest.raises(Unsupported, match="no compiler for RandomForestClassifier"):
        compile_model(forest, LinearModel)
    assert isinstance(compile_step(linear), OriginalStep)
    with pytest.raises(Unsupported, match="no compiler for StandardScaler"):
        compile_model(StandardScaler().fit(X))


def test_replaced_methods_are_seen_in_every_kind_of_object():
    model = LogisticRegression().fit(X, Y)
    model.decision_function = lambda rows: rows
    with pytest.raises(Unsupported, match="decision_function"):
        compile_model(model)


def test_other_libraries_are_imported_when_an_object_of_theirs_is_met():
    code = (
        "import sys\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "import skwillump\n"
        "skwillump.compile_pipeline(LogisticRegression().fit([[0], [1]], [0, 1]))\n"
        "assert not {'lightgbm', 'xgboost', 'catboost'} & set(sys.modules)\n"
        "import lightgbm\n"
        "model = lightgbm.LGBMRegressor(n_estimators=2, min_child_samples=1, verbose=-1)\n"
        "twin = skwillump.compile_pipeline(model.fit([[0.0], [1.0]] * 9, [0, 1] * 9))\n"
        "assert twin.explain()[-1].compiled\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_registered_type_is_listed_once_by_what_it_becomes():
    REGISTRY.types()  # those of other libraries are known from here on
    entries = [entry for known in REGISTRY._entries.values() for entry in known]
    kinds = {entry.gives for entry in entries}
    assert {Step, LinearModel, TreeModel} <= kinds
    listed = [(kind, gives) for gives in kinds for kind in REGISTRY.types(gives)]
    assert len(listed) == len(set(listed)) == len(entries)
    assert {kind for kind, _ in listed} == set(REGISTRY._entries)
    assert all(issubclass(gives, Step | Model) for gives in kinds)


@pytest.mark.parametrize(
    "scaler",
    [
        MaxAbsScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_mean=False, with_std=False),
        RobustScaler(with_centering=False),
        TfidfTransformer(norm=None),
    ],
)
def test_a_step_that_keeps_zeros_is_a_linear_map(scaler):
    counts = np.abs(np.rint(X * 3))
    scaler.fit(counts)
    coef = np.random.default_rng(1).normal(size=(3, 2))
    expected = np.asarray(scaler.transform(counts) @ coef)
    np.testing.assert_allclose(counts @ linear_map(scaler).fold(coef), expected, rtol=1e-12)
    assert type(scaler) in REGISTRY.types(are_linear=True)


@pytest.mark.parametrize(
    ("scaler", "reason"),
    [
        (StandardScaler(), "with_mean=True"),
        (RobustScaler(), "moving zeros"),
        (MinMaxScaler(), "moving zeros"),
        (
            MaxAbsScaler(clip=True) if hasattr(MaxAbsScaler(), "clip") else MinMaxScaler(),
            "clip|mov",
        ),
        (TfidfTransformer(), "norm and sublinear_tf"),
    ],
)
def test_a_step_that_is_no_linear_map_says_why(scaler, reason):
    with pytest.raises(Unsupported, match=reason):
        linear_map(scaler.fit(np.abs(X)))


def test_a_library_whose_plug_in_cannot_be_imported_is_not_compiled():
    registry = Registry({"sklearn": ".models._no_such_module"})
    with pytest.raises(Unsupported, match=r"no compiler for StandardScaler .*_no_such_module"):
        registry.compile(StandardScaler(), Step)
    assert registry.types() == ()
