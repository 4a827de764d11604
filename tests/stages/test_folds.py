"""Models that are fitted side by side share the cores."""

import numpy as np
import pytest
from joblib import parallel_config
from lightgbm import LGBMClassifier
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skwillump import CascadeClassifier
from skwillump.stages import _folds
from skwillump.stages._folds import on_cores

SEEN = []


class Seen(LogisticRegression):
    """Keeps how many threads it was told to take, and how many rows it was fitted on."""

    def __init__(self, thread_count=None, C=1.0):
        super().__init__(C=C)
        self.thread_count = thread_count

    def fit(self, X, y, sample_weight=None):
        if X.shape[1] == 4:
            SEEN.append((len(y), self.thread_count))
        return super().fit(X, y, sample_weight)


def columns(first):
    return FunctionTransformer(lambda X: X[:, first : first + 2])


@pytest.mark.parametrize(
    ("given", "n_cores", "expected"),
    [(-1, 2, 2), (8, 2, 2), (2, 2, 2), (1, 2, 1), (None, 2, None), (-2, 1, 1)],
)
def test_no_step_takes_more_cores_than_there_are(given, n_cores, expected):
    forest = RandomForestClassifier(n_jobs=given)
    found = on_cores(make_pipeline(StandardScaler(), forest), n_cores)
    assert found[-1].n_jobs == expected
    assert forest.n_jobs == given


@pytest.mark.parametrize(("given", "expected"), [(None, 2), (-1, 2), (0, 2), (1, 1)])
def test_a_library_that_takes_all_cores_by_default_is_told(given, expected):
    assert on_cores(LGBMClassifier(n_jobs=given), 2).n_jobs == expected


def test_steps_that_are_nested_are_told_too():
    scalers = ColumnTransformer([("a", StandardScaler(), [0])], n_jobs=4)
    pipeline = Pipeline([("features", FeatureUnion([("s", scalers)])), ("m", LGBMClassifier())])
    params = on_cores(pipeline, 1).get_params()
    assert params["features__s__n_jobs"] == params["m__n_jobs"] == 1
    assert params["features__n_jobs"] is None


def test_an_estimator_that_takes_few_is_the_users_own():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    assert on_cores(pipeline, 1) is pipeline
    assert on_cores(None, 1) is None


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_models_on_folds_share_the_cores_and_the_full_model_is_the_users_own(monkeypatch, n_jobs):
    monkeypatch.setattr(_folds, "cpu_count", lambda: 6)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 4))
    y = (X[:, 0] + 0.3 * X[:, 2] + 0.1 * rng.normal(size=1000) > 0).astype(int)
    union = FeatureUnion([("a", columns(0)), ("b", columns(2))])
    cascade = CascadeClassifier(
        make_pipeline(union, Seen(thread_count=6)),
        accuracy_target=0.9,
        feature_costs={"a": 0.01, "b": 0.02},
        n_jobs=n_jobs,
        random_state=0,
    )
    SEEN.clear()
    with parallel_config(backend="threading"):
        cascade.fit(X, y)
    assert SEEN[0] == (1000, 6)
    of_folds = [threads for rows, threads in SEEN if rows < 1000]
    assert len(of_folds) >= 5
    # The first fold is fitted alone, and half of it.
    assert of_folds == [6] + [6 if n_jobs is None else 3] * (len(of_folds) - 2) + [6]
    assert cascade.estimator_[-1].thread_count == 6
