"""A cascade that was chosen is timed once more as a whole, and given up where it is slower."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skwillump import CascadeClassifier
from skwillump.cascade import _base
from skwillump.cascade._timing import seconds_of_plan
from skwillump.planning import StageSeconds
from skwillump.stages._metering import Turn

pytestmark = pytest.mark.filterwarnings("ignore::skwillump.NoCascadeWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4000, 6))
Y = (X[:, 0] + 0.1 * RNG.normal(size=4000) > 0).astype(int)


def cheap(X):
    return X[:, :3]


def dear(X):
    for row in X:
        sum(range(len(row) * 200))
    return X[:, 3:]


def cascade(**params):
    blocks = [("cheap", FunctionTransformer(cheap)), ("dear", FunctionTransformer(dear))]
    pipeline = make_pipeline(FeatureUnion(blocks), LogisticRegression())
    settings = {"accuracy_target": 0.95, "cv": 0.3, "random_state": 0, "compile": False}
    return CascadeClassifier(pipeline, **(settings | params))


@pytest.fixture
def timed(monkeypatch):
    """What a choice costs as a whole, over the full model's cost; and which were timed."""
    found = {"ratio": 2.0, "plans": []}

    def seconds(timing, X, stage, plan, calibration, **kwargs):
        found["plans"].append(plan.candidate)
        return found["ratio"] * calibration.full_seconds

    monkeypatch.setattr(_base, "seconds_of_plan", seconds)
    return found


def test_what_is_faster_as_a_whole_is_used():
    model = cascade().fit(X, Y)
    assert model.guarantee_.kind == "cross-fitted"
    assert model.stages_[0].blocks == ("cheap",)


def test_what_is_slower_as_a_whole_than_planned_is_given_up(timed):
    model = cascade().fit(X, Y)
    assert model.guarantee_.kind == "exact"
    assert "would cost" in model.guarantee_.reason
    np.testing.assert_array_equal(model.predict(X), model.estimator_.predict(X))
    assert len(timed["plans"]) == len(set(timed["plans"])) >= 1


def test_what_it_costs_is_known_at_other_targets_too(timed):
    model = cascade().fit(X, Y)
    model.set_accuracy_target(0.9)
    assert model.guarantee_.kind == "exact"


def test_what_is_about_as_fast_as_planned_keeps_its_costs(timed):
    timed["ratio"] = 0.9
    model = cascade().fit(X, Y)
    assert model.guarantee_.kind == "cross-fitted"
    assert len(timed["plans"]) == 1


@pytest.mark.parametrize(
    "params", [{"query": "point"}, {"feature_costs": {"cheap": 1e-6, "dear": 1e-3}}], ids=str
)
def test_costs_that_are_not_of_a_batch_are_left_as_they_are(timed, params):
    cascade(**params).fit(X, Y)
    assert timed["plans"] == []


def test_rows_that_certify_lead_to_no_second_choice(monkeypatch):
    """A choice that pays as expected and not as certified is given up; none takes its place."""
    monkeypatch.setattr(_base, "seconds_of_plan", lambda *args, **kwargs: 0.0)
    asked = []

    def saves(calibration, seconds):
        asked.append(seconds)
        return len(asked) == 1

    monkeypatch.setattr(_base, "saves", saves)
    model = cascade().fit(X, Y)
    assert len(asked) == 2
    assert model.guarantee_.kind == "exact"
    assert "% of rows early and would cost" in model.guarantee_.reason
    assert model.certify(X, Y).guarantee_.kind == "certified"  # which can show more


@pytest.mark.parametrize("of_row", [1e-6, 1e-4, 1e-3, 1e-2, 1.0])
@pytest.mark.parametrize("open_share", [0.0, 0.013, 0.5])
def test_few_slow_rows_tell_what_the_choice_costs(of_row, open_share):
    """Seconds are made up: of each row, and of each that is open."""
    spent = []

    class Timing:
        def batch_turns(self, X, stage):
            return [Turn(lambda: len(X) * of_row)]

        def planned_turn(self, X, stage, open_share):
            n_open = int(np.ceil(len(X) * open_share))
            return Turn(lambda: 0.2 * len(X) * of_row + n_open * of_row, n_open)

    class Timer:
        most_seconds = 0.1

        def typical_seconds(self, *functions):
            seconds = [function() for function in functions]
            spent.append(4 * sum(seconds))
            return seconds

    plan = SimpleNamespace(candidate=0, chosen_at=1 - open_share, measure="")
    candidate = SimpleNamespace(seconds=StageSeconds(start=0.0, rest=of_row), score_seconds=0.0)
    calibration = SimpleNamespace(candidates=[candidate], full_seconds=of_row)
    seconds = seconds_of_plan(Timing(), X, None, plan, calibration, timer=Timer())
    assert seconds == pytest.approx((0.2 + open_share) * of_row)
    assert sum(spent) < max(0.5, 40 * of_row)


def test_the_choice_is_timed_at_the_share_of_open_rows_that_is_planned(monkeypatch):
    shares = []
    planned_turn = _base.CascadeTiming.planned_turn

    def recorded(timing, X, stage, open_share):
        turn = planned_turn(timing, X, stage, open_share)
        shares.append((open_share, turn.n_open / len(X)))
        return turn

    monkeypatch.setattr(_base.CascadeTiming, "planned_turn", recorded)
    model = cascade().fit(X, Y)
    ((planned, timed),) = shares
    assert planned == pytest.approx(1 - model._plan.chosen_at)
    assert timed == pytest.approx(planned, abs=0.01)
