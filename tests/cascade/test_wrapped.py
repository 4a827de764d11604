"""Cascades of pipelines inside wrappers: searches, thresholds, calibration, votes, stacks."""

import pickle

import numpy as np
import pytest
from common import two_blocks, two_signals
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skwillump import CascadeClassifier, NoCascadeWarning
from skwillump.blocks import split_pipeline

X, Y = two_signals(1500)
C = {"logisticregression__C": [0.5, 1.0]}
SGD = SGDClassifier(loss="log_loss", random_state=0)
FOREST = RandomForestClassifier(10, max_depth=5, random_state=0)

WRAPPERS = {
    "search": GridSearchCV(two_blocks(), C, cv=2),
    "search as the last step": two_blocks(
        GridSearchCV(LogisticRegression(), {"C": [0.5, 1.0]}, cv=2)
    ),
    "calibrated on folds": CalibratedClassifierCV(two_blocks(), cv=2),
    "calibrated as one": CalibratedClassifierCV(two_blocks(LinearSVC()), cv=2, ensemble=False),
    "calibrated forest": CalibratedClassifierCV(two_blocks(FOREST), cv=2, method="isotonic"),
    "fixed threshold": FixedThresholdClassifier(two_blocks(), threshold=0.3),
    "tuned threshold": TunedThresholdClassifierCV(two_blocks(), cv=2),
    "threshold of a search": FixedThresholdClassifier(
        GridSearchCV(two_blocks(), C, cv=2), threshold=0.4
    ),
    "vote of models": two_blocks(
        VotingClassifier([("lr", LogisticRegression()), ("sgd", SGD)], voting="soft")
    ),
    "vote of pipelines": VotingClassifier(
        [("lr", two_blocks()), ("gone", "drop"), ("sgd", two_blocks(SGD))], voting="soft"
    ),
    "vote of trees": two_blocks(
        VotingClassifier(
            [("a", FOREST), ("b", GradientBoostingClassifier(n_estimators=10))], voting="soft"
        )
    ),
    "threshold of calibrated votes": FixedThresholdClassifier(
        CalibratedClassifierCV(
            VotingClassifier([("lr", two_blocks()), ("sgd", two_blocks(SGD))], voting="soft"), cv=2
        ),
        threshold=0.4,
    ),
    "calibrated thresholds": CalibratedClassifierCV(
        TunedThresholdClassifierCV(two_blocks(), cv=2), cv=2
    ),
    "stack beside a calibrated pipeline": StackingClassifier(
        [("lr", CalibratedClassifierCV(two_blocks(), cv=2)), ("sgd", two_blocks(SGD))], cv=2
    ),
    "stack of pipelines": StackingClassifier(
        [("lr", two_blocks()), ("sgd", two_blocks(SGD))], cv=2
    ),
}


def costs_of(wrapper):
    """Costs that make the cheap blocks worth a stage."""
    graph = split_pipeline(clone(wrapper).fit(X, Y), row=X[:1])
    return {name: 1e-2 if name.endswith("dear") else 1e-6 for name in graph.names}


def cascade(wrapper, **kwargs):
    kwargs = {"accuracy_target": 0.9, "cv": 0.5, "feature_costs": costs_of(wrapper), **kwargs}
    return CascadeClassifier(wrapper, random_state=0, **kwargs)


@pytest.mark.parametrize("name", WRAPPERS)
def test_blocks_inside_a_wrapper_are_cascaded(name):
    wrapper = WRAPPERS[name]
    model = cascade(wrapper).fit(X, Y)
    assert model.guarantee_.kind == "cross-fitted", model.report()
    early = model.stages_[0]
    assert all(block.endswith("cheap") for block in early.blocks)
    plain = clone(wrapper).fit(X, Y)
    stage = model.predict_stage(X)
    assert set(stage) == {0, 1}
    np.testing.assert_array_equal(model.predict(X)[stage == 1], plain.predict(X)[stage == 1])
    np.testing.assert_allclose(
        model.predict_proba(X)[stage == 1], plain.predict_proba(X)[stage == 1], rtol=1e-12
    )
    again = pickle.loads(pickle.dumps(model))
    labels, probabilities = again.predict(X), again.predict_proba(X)
    for row in range(0, len(X), 97):
        assert again.predict_one(X[row]) == labels[row]
        np.testing.assert_allclose(again.predict_proba_one(X[row]), probabilities[row], rtol=1e-12)


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_around_a_pipeline_is_the_same_around_its_model(name):
    fitted = clone(WRAPPERS[name]).fit(X, Y)
    for compile in (False, True):
        graph = split_pipeline(fitted, compile=compile, row=X[:1])
        features = graph.compute(graph.prepare(X), graph.names, {})
        np.testing.assert_array_equal(graph.model.predict(features), fitted.predict(X))
        np.testing.assert_allclose(
            graph.model.predict_proba(features), fitted.predict_proba(X), rtol=1e-12
        )


def test_members_with_other_features_are_blocks_of_their_own():
    vote = VotingClassifier(
        [("lr", make_pipeline(StandardScaler(), LogisticRegression())), ("forest", FOREST)],
        voting="soft",
        weights=[2, 1],
    )
    costs = {"lr": 1e-6, "forest": 1e-2}
    model = cascade(vote, feature_costs=costs).fit(X, Y)
    assert [block.name for block in model.blocks_] == ["lr", "forest"]
    assert model.stages_[0].blocks == ("lr",)
    assert [name for name, _ in model.stages_[0].model.estimators] == ["lr"]
    assert model.stages_[0].model.weights == [2]
    stage = model.predict_stage(X)
    plain = clone(vote).fit(X, Y)
    np.testing.assert_allclose(
        model.predict_proba(X)[stage == 1], plain.predict_proba(X)[stage == 1], rtol=1e-12
    )


def test_a_search_is_fitted_once(monkeypatch):
    fits = []
    fit = GridSearchCV.fit

    def counted(self, *args, **kwargs):
        fits.append(self)
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(GridSearchCV, "fit", counted)
    model = CascadeClassifier(
        GridSearchCV(two_blocks(), C, cv=2),
        accuracy_target=0.9,
        cv=3,
        feature_costs={"cheap": 1e-6, "dear": 1e-2},
        random_state=0,
    ).fit(X, Y)
    assert len(fits) == 1
    assert len(model.stages_) == 2
    assert "parameters that the search chose on all rows" in model.report()


def test_a_tuned_threshold_is_not_tuned_again_for_stages():
    model = cascade(TunedThresholdClassifierCV(two_blocks(), cv=2)).fit(X, Y)
    early = model.stages_[0].model
    assert type(early) is FixedThresholdClassifier
    assert early.threshold == model.estimator_.best_threshold_


def test_a_fitted_wrapper_is_taken_as_it_is():
    fitted = GridSearchCV(two_blocks(), C, cv=2).fit(*two_signals(800, seed=1))
    for estimator in (fitted, FrozenEstimator(fitted)):
        model = CascadeClassifier(
            estimator,
            accuracy_target=0.9,
            cv="prefit",
            feature_costs={"cheap": 1e-6, "dear": 1e-2},
            random_state=0,
        ).fit(X, Y)
        assert model.guarantee_.kind == "certified"
        assert len(model.stages_) == 2


def test_weights_of_rows_reach_the_models_inside():
    weight = np.where(Y, 5.0, 1.0)
    search = GridSearchCV(two_blocks(), C, cv=2)
    model = cascade(search).fit(X, Y, logisticregression__sample_weight=weight)
    unweighted = cascade(search).fit(X, Y)
    assert not np.allclose(model.stages_[0].model.coef_, unweighted.stages_[0].model.coef_)
    assert model.stages_[0].model.intercept_ > unweighted.stages_[0].model.intercept_


def test_what_is_not_seen_through_is_named():
    model = CascadeClassifier(BaggingClassifier(two_blocks(), n_estimators=2), cv=2)
    with pytest.warns(NoCascadeWarning, match="BaggingClassifier is not seen through"):
        model.fit(X, Y)
    assert model.guarantee_.kind == "exact"
    one = CascadeClassifier(make_pipeline(StandardScaler(), LogisticRegression()))
    with pytest.warns(NoCascadeWarning, match="single block"):
        one.fit(X, Y)


def test_copies_of_blocks_on_folds_are_tried_once():
    model = cascade(CalibratedClassifierCV(two_blocks(), cv=2)).fit(X, Y)
    tried = [option.blocks for option in model.tradeoff_]
    assert tried
    assert all(block.startswith("estimator0__") for blocks in tried for block in blocks)


def test_one_against_the_rest_of_pipelines_shares_their_features():
    X3, y3 = two_signals(1500, n_classes=3)
    fitted = OneVsRestClassifier(two_blocks()).fit(X3, y3)
    graph = split_pipeline(fitted, compile=True)
    assert graph.names == ("cheap", "dear")
    features = graph.compute(graph.prepare(X3), graph.names, {})
    np.testing.assert_array_equal(graph.model.predict(features), fitted.predict(X3))


def test_a_sampler_draws_rows_for_stages_too():
    pytest.importorskip("imblearn")
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.pipeline import make_pipeline as make_sampled

    rare = (X.sum(axis=1) > 5).astype(int)
    sampled = make_sampled(two_blocks()[0], RandomOverSampler(random_state=0), LogisticRegression())
    model = cascade(sampled, feature_costs={"cheap": 1e-6, "dear": 1e-2}).fit(X, rare)
    cheap = StandardScaler().fit_transform(X[:, :1])
    expected = LogisticRegression().fit(
        *RandomOverSampler(random_state=0).fit_resample(cheap, rare)
    )
    np.testing.assert_allclose(model.stages_[0].model.coef_, expected.coef_)
