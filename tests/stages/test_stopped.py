"""A fit whose first fold shows that no cascade can pay looks at fewer folds."""

from functools import partialmethod

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skwillump import ApproxTopKRanker, CascadeClassifier
from skwillump.planning import StageSeconds
from skwillump.planning._growth import UNMEASURED
from skwillump.stages._costs import PathCosts, StageCosts
from skwillump.stages._cross_fit_steps import CrossFit
from skwillump.stages._metering import CostMeter

pytestmark = pytest.mark.filterwarnings("ignore::skwillump.NoCascadeWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3000, 6))
NOISE = RNG.normal(size=3000)
HIDING = 8 * RNG.normal(size=3000)
X[:, 0] += HIDING
X[:, 3] -= HIDING


def first_half(X):
    return X[:, :3]


def second_half(X):
    return X[:, 3:]


class Counted(LogisticRegression):
    """Counts its fits on all features."""

    fits: list[int] = []

    def fit(self, X, y, sample_weight=None):
        if X.shape[1] == 6:
            self.fits.append(len(y))
        return super().fit(X, y, sample_weight)


def pipeline():
    halves = [("a", FunctionTransformer(first_half)), ("b", FunctionTransformer(second_half))]
    return make_pipeline(FeatureUnion(halves), Counted())


def fitted(y, **params):
    Counted.fits.clear()
    settings = {"accuracy_target": 0.999, "feature_costs": {"a": 0.01, "b": 0.01}}
    return CascadeClassifier(pipeline(), random_state=0, **(settings | params)).fit(X, y)


NEEDS_BOTH = (X[:, 0] + X[:, 3] > 0).astype(int)
"""What hides the label in either half is taken away by the other."""

NEEDS_ONE = (X[:, 0] + 0.1 * NOISE > 0).astype(int)


def test_nothing_is_fitted_on_further_folds_that_cannot_be_used():
    cascade = fitted(NEEDS_BOTH)
    assert cascade.guarantee_.kind == "exact"
    assert Counted.fits == [3000, 2400, 2400]


@pytest.mark.parametrize("target", [0.999, 0.9999])
def test_a_fit_that_ended_early_does_not_ask_for_more_rows(target):
    cascade = fitted(NEEDS_BOTH).set_accuracy_target(target)
    assert cascade.guarantee_.rows_needed is None
    assert "expected to pay" in cascade.guarantee_.reason
    assert "too few" not in cascade.guarantee_.reason


def test_with_one_hold_out_growth_is_not_measured_where_nothing_can_pay():
    fitted(NEEDS_BOTH, cv=0.25)
    assert Counted.fits == [3000, 2250]


def test_all_folds_are_fitted_where_a_cascade_pays():
    cascade = fitted(NEEDS_ONE, accuracy_target=0.98)
    assert cascade.guarantee_.kind == "cross-fitted"
    assert len(Counted.fits) == 7


def test_higher_targets_find_in_memory_that_none_can_pay_and_lower_ones_are_fitted_once(tmp_path):
    def fits_of(target):
        fitted(NEEDS_BOTH, accuracy_target=target, memory=str(tmp_path))
        return list(Counted.fits)

    assert fits_of(0.999) == [3000, 2400, 2400]
    assert fits_of(0.9999) == []
    assert len(fits_of(0.99)) == 7  # of all folds: for all targets
    assert fits_of(0.98) == fits_of(0.999) == []


@pytest.mark.parametrize("target", [0.98, 0.9999])
def test_what_memory_finds_is_what_a_fit_at_that_target_finds_out(tmp_path, target):
    fitted(NEEDS_BOTH, memory=str(tmp_path))
    found = fitted(NEEDS_BOTH, memory=str(tmp_path), accuracy_target=target)
    assert found.guarantee_ == fitted(NEEDS_BOTH, accuracy_target=target).guarantee_


def test_other_scores_than_accuracy_are_looked_at_on_all_folds():
    fitted(NEEDS_BOTH, scoring="roc_auc", confidence=None)
    assert len(Counted.fits) >= 6


@pytest.mark.parametrize("n_folds", [2, 8])
def test_rows_that_certify_are_left_whatever_the_number_of_folds(n_folds):
    cv = StratifiedKFold(n_folds, shuffle=True, random_state=0)
    cascade = fitted(NEEDS_BOTH, cv=cv)
    selects = cascade._calibrated.calibration.selects
    assert 0 < selects.sum() < len(selects)


def test_a_lower_target_can_be_set_and_harms_are_taken_to_grow_steeply():
    cascade = fitted(NEEDS_BOTH)
    cascade.set_accuracy_target(0.1)  # at which every row is answered early, whatever that costs
    assert cascade.guarantee_.kind == "cross-fitted"
    assert cascade.guarantee_.growth.exponent > 3
    assert "(not measured)" in " ".join(cascade.report().split())


@pytest.mark.parametrize("precision_target", [0.9, 0.99])
def test_a_ranker_fits_no_further_folds_where_each_filter_costs_nearly_as_much_as_the_full_model(
    monkeypatch, precision_target
):
    # A cascade could pay, which must save less.
    monkeypatch.setattr(CostMeter, "stages", partialmethod(dear_stages, share=0.92))
    Counted.fits.clear()
    ranker = ApproxTopKRanker(pipeline(), k=10, feature_costs={"a": 1e-6, "b": 1e-6})
    ranker.fit(X, NEEDS_ONE)
    assert Counted.fits == [3000, 2400, 2400]
    ranker.set_precision_target(precision_target)
    assert ranker.guarantee_.kind == "exact"
    assert "each costs nearly as much as the full model" in ranker.guarantee_.reason
    assert ranker.guarantee_.rows_needed is None


def test_what_other_targets_find_in_memory_is_fewer_folds_where_none_can_pay(monkeypatch, tmp_path):
    monkeypatch.setattr(CostMeter, "stages", dear_stages)
    cascade = fitted(NEEDS_ONE, accuracy_target=0.98, memory=str(tmp_path))
    assert cascade.guarantee_.kind == "exact"
    assert Counted.fits == [3000, 2400, 2400]


def quick_pipeline(model=None):
    """One whose rows cost little, and its blocks."""
    scalers = [("a", StandardScaler(), [0, 1, 2]), ("b", StandardScaler(), [3, 4, 5])]
    return make_pipeline(ColumnTransformer(scalers), model or LogisticRegression())


QUICK = {"a": 1e-7, "b": 1e-8}


def tasks_of(estimator):
    return [task for task, _ in estimator.fit(X, NEEDS_ONE)._fit_seconds]


@pytest.mark.parametrize("estimator", [CascadeClassifier, ApproxTopKRanker])
def test_no_fold_is_fitted_where_a_stage_takes_as_long_as_the_full_model(monkeypatch, estimator):
    monkeypatch.setattr(CostMeter, "planned", partialmethod(planned_stages, share=1.0))
    model = estimator(quick_pipeline(), feature_costs=QUICK, cv=3)
    assert tasks_of(model)[-2:] == ["measure costs", "time the cheapest stage"]
    assert model.guarantee_.kind == "exact"
    assert "a row costs too little: a first stage on b alone" in model.guarantee_.reason
    assert [block.cost_seconds for block in model.blocks_] == list(QUICK.values())


@pytest.mark.parametrize(("share", "costs"), [(0.9, QUICK), (1.0, {"a": 1e-3, "b": 1e-3})])
def test_folds_are_fitted_where_a_stage_takes_less_or_blocks_are_dear(monkeypatch, share, costs):
    monkeypatch.setattr(CostMeter, "planned", partialmethod(planned_stages, share=share))
    cascade = CascadeClassifier(quick_pipeline(), feature_costs=costs, cv=3)
    assert "fit fold 1 of 3" in tasks_of(cascade)


def test_sets_that_cannot_pay_by_what_the_cheapest_stage_costs_are_not_tried(monkeypatch):
    monkeypatch.setattr(CostMeter, "planned", partialmethod(planned_stages, share=0.6))
    cascade = CascadeClassifier(quick_pipeline(), feature_costs=QUICK, accuracy_target=0.98, cv=3)
    cascade.fit(X, (X[:, 3] > 0).astype(int))
    candidates = cascade._calibrated.calibration.candidates
    assert [candidate.blocks for candidate in candidates] == [("b",)]


@pytest.mark.parametrize(("approx_estimator", "n_timed"), [(None, 1), (LogisticRegression(), 2)])
def test_a_linear_stage_that_alone_is_left_is_timed_once(monkeypatch, approx_estimator, n_timed):
    timed = []

    def counted(self, stages, **kwargs):
        timed.append([stage.blocks for stage in stages])
        return planned_stages(self, stages, share=0.6)

    monkeypatch.setattr(CostMeter, "planned", counted)
    cascade = CascadeClassifier(
        quick_pipeline(),
        approx_estimator=approx_estimator,
        feature_costs=QUICK,
        accuracy_target=0.98,
        cv=3,
    )
    cascade.fit(X, (X[:, 3] > 0).astype(int))
    assert timed == n_timed * [[("b",)]]
    (candidate,) = cascade._calibrated.calibration.candidates
    assert candidate.seconds.start == pytest.approx(
        0.6 * cascade._calibrated.calibration.full_seconds
    )


def test_where_the_cheapest_stage_cannot_be_timed_fit_goes_on(monkeypatch):
    calls = []

    def fails_once(self, stages, **kwargs):
        calls.append(len(stages))
        if len(calls) == 1:
            raise ValueError("values that cannot be read")
        return planned_stages(self, stages, share=0.6)

    monkeypatch.setattr(CostMeter, "planned", fails_once)
    cascade = CascadeClassifier(quick_pipeline(), feature_costs=QUICK, accuracy_target=0.98, cv=3)
    cascade.fit(X, (X[:, 3] > 0).astype(int))
    assert cascade.guarantee_.kind == "cross-fitted"
    assert len(calls) > 1


def test_fit_ends_after_the_first_fold_where_the_cheapest_stage_costs_too_much_at_the_target(
    monkeypatch,
):
    monkeypatch.setattr(CostMeter, "planned", partialmethod(planned_stages, share=0.97))
    cascade = CascadeClassifier(quick_pipeline(), feature_costs=QUICK, accuracy_target=0.999, cv=3)
    cascade.fit(X, NEEDS_BOTH)
    assert cascade._fit_seconds[-1][0] == "try approximate models"
    assert "for a lower target, fit again" in cascade.guarantee_.reason


@pytest.mark.parametrize(
    ("share", "ends_for_target"),
    [(0.97, True), (1.0, False)],  # too dear at the target, and at all of them
)
def test_what_ended_for_a_target_is_fitted_again_for_a_lower_one_alone(
    monkeypatch, tmp_path, share, ends_for_target
):
    monkeypatch.setattr(CostMeter, "planned", partialmethod(planned_stages, share=share))

    def is_fitted_at(target):
        cascade = CascadeClassifier(
            quick_pipeline(),
            feature_costs=QUICK,
            accuracy_target=target,
            cv=3,
            memory=str(tmp_path),
            random_state=0,
        )
        return "fit the full model" in [task for task, _ in cascade.fit(X, NEEDS_BOTH)._fit_seconds]

    assert [is_fitted_at(target) for target in (0.999, 0.9999)] == [True, False]
    assert [is_fitted_at(target) for target in (0.99, 0.98)] == [ends_for_target, False]


class OfMany(LogisticRegression):
    """Cannot be fitted on few rows."""

    def fit(self, X, y, sample_weight=None):
        if len(y) < 1000:
            raise ValueError("too few rows")
        return super().fit(X, y, sample_weight)


def test_a_stage_that_cannot_be_made_of_few_rows_is_no_reason_to_stop(monkeypatch):
    monkeypatch.setattr(CostMeter, "planned", partialmethod(planned_stages, share=1.0))
    cascade = CascadeClassifier(quick_pipeline(OfMany()), feature_costs=QUICK, cv=3)
    assert "fit fold 1 of 3" in tasks_of(cascade)


def planned_stages(meter, stages, share, part=1.0):
    return dear_stages(meter, stages, share).planned


def dear_stages(meter, stages, share=0.96, planned=None):
    full = meter.costs.full(meter._graph)
    dear = StageSeconds(start=share * full, rest=0.0)
    planned = PathCosts(full=full, stages=(dear,) * len(stages))
    return StageCosts(planned=planned, other=None)


@pytest.mark.parametrize(
    ("y", "fits"), [(NEEDS_BOTH, [3000, 2250]), (NEEDS_ONE, [3000, 2250, 1125])]
)
def test_growth_is_measured_where_a_cascade_could_be_chosen_if_harms_grew_slowly(
    monkeypatch, y, fits
):
    monkeypatch.setattr(CrossFit, "none_can_pay", lambda *args, **kwargs: False)
    cascade = fitted(y, cv=0.25, accuracy_target=0.98)
    assert Counted.fits == fits
    calibration = cascade._calibrated.calibration
    assert calibration.leaves_out_growth == calibration.is_for_target == (len(fits) == 2)
    assert (cascade.guarantee_.kind == "exact") == calibration.leaves_out_growth


def test_a_lower_target_reckons_with_growth_that_was_not_measured(monkeypatch):
    monkeypatch.setattr(CrossFit, "none_can_pay", lambda *args, **kwargs: False)
    cascade = fitted(NEEDS_BOTH, cv=0.25, accuracy_target=0.98)
    lower = cascade.set_accuracy_target(0.3)
    assert lower.guarantee_.kind == "cross-fitted"
    assert lower.guarantee_.growth == UNMEASURED
