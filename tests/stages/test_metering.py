"""What stages cost, on a machine whose clock is turned by the steps themselves."""

import numpy as np
import pytest
from clocks import Machine
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skwillump import ApproxTopKRanker, CascadeClassifier
from skwillump.stages import _metering, _timed_rows

CHEAP, DEAR = 1e-6, 1e-5
"""Seconds a row of the two blocks."""

CALL = 1e-4
"""Seconds of a call of either, whatever its rows."""


MACHINE = Machine(tick=1e-7)


class Step(TransformerMixin, BaseEstimator):
    """Passes columns through, and takes its time."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        MACHINE.spend(CALL + self.seconds * len(X))
        return X


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.setattr(_metering, "work_clock", lambda: MACHINE)
    monkeypatch.setattr(_metering, "thread_clock", lambda: MACHINE)
    MACHINE.now, MACHINE.slow = 0.0, (0.0, 0.0)
    return MACHINE


def data(n_rows=3000):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 2))
    return X, (X[:, 0] + 0.3 * X[:, 1] + rng.normal(0, 0.3, n_rows) > 0).astype(int)


def pipeline():
    blocks = [("cheap", Step(CHEAP), [0]), ("dear", Step(DEAR), [1])]
    return make_pipeline(ColumnTransformer(blocks), LogisticRegression())


def cascade(**params):
    defaults = {"accuracy_target": 0.9, "cv": 0.5, "compile": False, "random_state": 0}
    return CascadeClassifier(pipeline(), **{**defaults, **params}).fit(*data())


def candidate(model, blocks=("cheap",)):
    calibration = model._calibrated.calibration
    (found,) = [each for each in calibration.candidates if each.blocks == blocks]
    return found, calibration.full_seconds


def test_blocks_cost_what_they_take():
    costs = {block.name: block.cost_seconds for block in cascade().blocks_}
    assert costs == pytest.approx({"cheap": CHEAP, "dear": DEAR}, rel=0.05)


def test_a_stage_costs_its_blocks_and_a_row_that_it_leaves_open_the_others():
    first, full = candidate(cascade())
    assert full == pytest.approx(CHEAP + DEAR, rel=0.05)
    # A call of the second block costs the same however few rows are open.
    assert first.seconds.start == pytest.approx(CHEAP, rel=0.15)
    assert first.seconds.rest == pytest.approx(DEAR, rel=0.05)


def test_costs_that_are_given_take_the_place_of_measured_ones():
    model = cascade(feature_costs={"dear": 1e-3})
    first, full = candidate(model)
    assert full == pytest.approx(1e-3 + CHEAP, rel=0.02)
    assert first.seconds.rest == pytest.approx(1e-3, rel=0.02)
    assert [block.cost_seconds for block in model.blocks_][1] == 1e-3


def test_where_rows_come_in_the_other_way_given_costs_take_the_place_of_lower_ones_alone():
    def other_full_seconds(seconds):
        model = cascade(feature_costs={"dear": seconds}, compile=True)
        return model._calibrated.calibration.other_full_seconds

    # Of a row in a batch it is the cost, and a row alone still takes a call.
    assert other_full_seconds(DEAR) == pytest.approx(2 * CALL, rel=0.15)
    assert other_full_seconds(1e-2) == pytest.approx(1e-2, rel=0.05)


def test_single_rows_cost_the_calls():
    first, full = candidate(cascade(query="point"))
    assert full == pytest.approx(2 * CALL, rel=0.1)
    assert first.seconds.start == pytest.approx(CALL, rel=0.1)


def test_gathering_rows_is_a_cost(machine, monkeypatch):
    take = 5e-6
    taken = _metering_take(machine, monkeypatch, take)
    first, _ = candidate(cascade())
    assert taken
    assert first.seconds.rest == pytest.approx(DEAR + take, rel=0.05)


def _metering_take(machine, monkeypatch, seconds):
    """Let gathering rows of what is known take its time."""
    from skwillump.stages import _passes

    take_stored, taken = _passes.take_stored, []

    def slow(Z, store, positions):
        taken.append(len(positions))
        machine.spend(seconds * len(positions))
        return take_stored(Z, store, positions)

    monkeypatch.setattr(_passes, "take_stored", slow)
    return taken


@pytest.mark.parametrize("seed", range(3))
def test_slow_moments_of_the_machine_change_no_plan(machine, seed):
    quiet = cascade()
    rng = np.random.default_rng(seed)
    start = rng.uniform(0.0, 0.5)
    machine.now, machine.slow = 0.0, (start, start + rng.uniform(0.05, 0.3))
    busy = cascade()
    assert quiet._plan.candidate == busy._plan.candidate is not None
    np.testing.assert_array_equal(busy.stages_[0].threshold, quiet.stages_[0].threshold)


@pytest.mark.parametrize("pays", [True, False])
def test_a_filter_that_does_not_pay_with_its_rows_gathered_is_not_used(machine, monkeypatch, pays):
    _metering_take(machine, monkeypatch, 0.0 if pays else 1e-3)
    X, y = data()
    ranker = ApproxTopKRanker(
        pipeline(), k=50, precision_target=0.8, cv=0.5, compile=False, random_state=0
    ).fit(X, y)
    assert (len(ranker.stages_) == 2) == pays


def test_sorted_rows_are_measured_all_over():
    rows = _timed_rows.TimedRows.of(np.arange(100_000.0)[:, None], lambda X: 1e-7 * len(X))
    assert rows.batch[0, 0] == 0.0
    assert rows.batch[-1, 0] == 99_999.0
    assert len(rows.batch) == _timed_rows.MOST_ROWS


@pytest.mark.parametrize("seconds", [1e-7, 1e-5, 1e-3, 0.1, 10.0])
def test_slow_rows_are_measured_on_few_of_them(seconds):
    rows = _timed_rows.TimedRows.of(np.zeros((100_000, 1)), lambda X: seconds * len(X))
    n_rows = len(rows.batch)
    assert _timed_rows.SLOWEST_ROWS <= n_rows <= _timed_rows.MOST_ROWS
    assert n_rows * seconds <= _timed_rows.SLOW_SECONDS[1] or n_rows == _timed_rows.SLOWEST_ROWS


def test_reports_say_what_a_speed_compares_with():
    model = cascade()
    ratio = model._calibrated.calibration.full_seconds / model._plan.expected_seconds
    assert f"{ratio:.1f} times as fast as the plain pipeline alone" in " ".join(
        model.report().split()
    )


def test_what_a_call_costs_whatever_its_rows_is_spread_over_many():
    rows = _timed_rows.TimedRows.of(np.zeros((100_000, 1)), lambda X: 5e-3 + 1e-6 * len(X))
    assert len(rows.batch) >= _timed_rows.LEAST_ROWS
