"""Many sets of blocks are fitted on few rows first."""

from dataclasses import replace

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skwillump import CascadeClassifier
from skwillump.cascade import _base
from skwillump.cascade._timing import CascadeTiming
from skwillump.stages import _cross_fit_steps, _metering, _shortlisting

N_BLOCKS = 6


@pytest.fixture
def fits(monkeypatch):
    """Sets that were fitted, and on how many rows, call by call."""
    calls = []
    fit_stages = _cross_fit_steps.fit_stages

    def counted(graph, specs, X, *args, **kwargs):
        calls.append(([spec.blocks for spec in specs if spec.n_trees is None], len(X)))
        return fit_stages(graph, specs, X, *args, **kwargs)

    for module in (_cross_fit_steps, _shortlisting):
        monkeypatch.setattr(module, "fit_stages", counted)
    return calls


@pytest.fixture
def read(monkeypatch):
    """Rows that screening looked at."""
    rows = []
    record_rows = _shortlisting.record_rows

    def counted(graph, specs, models, recorder, X, of_rows, **told):
        rows.append(of_rows)
        return record_rows(graph, specs, models, recorder, X, of_rows, **told)

    monkeypatch.setattr(_shortlisting, "record_rows", counted)
    return rows


class Counted(StandardScaler):
    """Keeps how many rows each of its calls transforms."""

    n_rows = []

    def transform(self, X, copy=None):
        self.n_rows.append(len(X))
        return super().transform(X, copy)


def fitted(n_rows, scaler=StandardScaler, model=None):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 2 * N_BLOCKS))
    weights = np.repeat([3.0, 2.0, 1.0, 0.5, 0.3, 0.2], 2)
    y = (X @ weights + rng.normal(size=n_rows) > 0).astype(int)
    scalers = [(scaler(), slice(2 * i, 2 * i + 2)) for i in range(N_BLOCKS)]
    pipeline = make_pipeline(make_column_transformer(*scalers), model or LogisticRegression())
    name = scaler.__name__.lower()
    costs = {f"{name}-{i + 1}": 1e-5 * (i + 1) for i in range(N_BLOCKS)}
    cascade = CascadeClassifier(
        pipeline, accuracy_target=0.95, cv=0.25, feature_costs=costs, random_state=0
    )
    return cascade.fit(X, y)


def test_sets_that_few_rows_show_to_be_worse_are_fitted_on_no_more(fits):
    fitted(20_000)
    (few, n_few), (tried, n_tried), (answering, n_all) = fits
    assert (n_few, n_tried, n_all) == (3_750, 15_000, 20_000)
    assert len(few) >= _shortlisting.LEAST_SETS > len(tried) >= len(answering)
    assert set(few) > set(tried)


def test_screening_looks_at_rows_that_choose_and_at_no_others(read):
    cascade = fitted(20_000)
    calibration = cascade._calibrated.calibration
    (rows,) = read
    assert len(rows) == np.sum(calibration.selects)


def test_rows_that_screen_are_computed_with_the_rows_of_their_fold():
    Counted.n_rows.clear()
    fitted(20_000, Counted)
    assert 15_000 in Counted.n_rows
    assert 3_750 not in Counted.n_rows


def test_of_few_rows_no_share_is_taken(fits):
    fitted(4_000)
    assert [n_rows for _, n_rows in fits] == [3_000, 4_000]


def test_ensembles_screen_sets_with_fewer_rounds(monkeypatch, fits):
    rounds = []
    fit = LGBMClassifier.fit

    def counted(model, X, *args, **kwargs):
        rounds.append((model.n_estimators, len(X)))
        return fit(model, X, *args, **kwargs)

    monkeypatch.setattr(LGBMClassifier, "fit", counted)
    model = LGBMClassifier(n_estimators=40, num_leaves=7, n_jobs=1, verbose=-1)
    cascade = fitted(6_000, model=model)
    # Before them come models of other kinds.
    of_sets = [call for call in fits if set(call[0]) - {cascade._graph.names}]
    (few, n_few), (tried, n_tried), *_ = of_sets
    assert abs(n_few - _shortlisting.SCREENING_ROWS) < 5  # the same share of each class
    assert n_tried == 4_500
    assert set(few) > set(tried)
    assert rounds.count((10, n_few)) == len(few) >= _shortlisting.LEAST_SETS


def test_ensembles_on_some_blocks_have_half_of_the_rounds(monkeypatch):
    rounds = []
    fit = LGBMClassifier.fit

    def counted(model, X, *args, **kwargs):
        rounds.append((model.n_estimators, np.shape(X)[1] < 2 * N_BLOCKS))
        return fit(model, X, *args, **kwargs)

    monkeypatch.setattr(LGBMClassifier, "fit", counted)
    fitted(2_000, model=LGBMClassifier(n_estimators=40, num_leaves=7, n_jobs=1, verbose=-1))
    assert set(rounds) == {(40, False), (20, True)}


def bins_of(model):
    return _shortlisting.fewer_bins(fitted(1_000, model=model)._graph)


def test_ensembles_on_some_blocks_tell_few_values_apart():
    short = {"n_jobs": 1, "n_estimators": 20}
    few = _shortlisting.FEW_BINS
    assert bins_of(LGBMClassifier(verbose=-1, **short)) == ("max_bin", few)
    assert bins_of(LGBMClassifier(verbose=-1, max_bin=15, **short)) is None
    assert bins_of(LGBMClassifier(verbose=-1, max_bins=511, **short)) is None
    assert bins_of(HistGradientBoostingClassifier(max_iter=20)) == ("max_bins", few)
    by_category = HistGradientBoostingClassifier(max_iter=20, categorical_features=[0])
    graph = fitted(1_000)._graph
    y = np.arange(100) % 2
    by_category.fit(np.column_stack([y, np.arange(100.0)]), y)
    assert _shortlisting.fewer_bins(replace(graph, model_steps=(("model", by_category),))) is None
    assert _shortlisting.fewer_bins(graph) is None  # a linear model


def test_models_on_some_blocks_are_fitted_with_few_bins():
    model = LGBMClassifier(n_estimators=40, num_leaves=7, n_jobs=1, verbose=-1)
    cascade = fitted(6_000, model=model)
    of_sets = [one for one in cascade._calibrated.models if isinstance(one, LGBMClassifier)]
    assert of_sets
    for one in of_sets:
        assert one.get_params()["max_bin"] == _shortlisting.FEW_BINS
        assert one.n_estimators == 20
    assert "max_bin" not in cascade.estimator_[-1].get_params()


def test_short_ensembles_and_others_are_screened_with_all_that_they_have():
    graph = fitted(1_000)._graph
    assert _shortlisting.of_fewer_rounds(graph) is None
    short = fitted(1_000, model=LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1))
    assert _shortlisting.of_fewer_rounds(short._graph) is None


@pytest.mark.parametrize(("model_seconds", "are_fitted"), [(5e-6, False), (1e-8, True)])
def test_ensembles_that_others_beat_even_so_are_not_fitted(
    monkeypatch, fits, model_seconds, are_fitted
):
    # A linear model of all features spares the trees, which take more than all blocks do, or less.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 6))
    y = (X.sum(axis=1) + 0.1 * rng.normal(size=4000) > 0).astype(int)
    scalers = [(StandardScaler(), slice(2 * i, 2 * i + 2)) for i in range(3)]
    model = LGBMClassifier(n_estimators=40, num_leaves=31, n_jobs=1, verbose=-1)
    pipeline = make_pipeline(make_column_transformer(*scalers), model)
    costs = {f"standardscaler-{i + 1}": 4e-7 for i in range(3)}
    worth_fitting = _shortlisting.Shortlist.worth_fitting

    def told(known, *args):
        costs = replace(known.costs, model=model_seconds)
        return worth_fitting(replace(known, costs=costs), *args)

    monkeypatch.setattr(_shortlisting.Shortlist, "worth_fitting", told)
    cascade = CascadeClassifier(
        pipeline, accuracy_target=0.95, cv=0.25, feature_costs=costs, random_state=0
    ).fit(X, y)
    tried = {blocks for call in fits for blocks in call[0]}
    assert bool(tried - {cascade._graph.names}) == are_fitted


def test_each_model_is_asked_once_how_many_rows_it_leaves_open(monkeypatch):
    asked = []
    open_shares = _base.open_shares

    def counted(y, recorder):
        shares = open_shares(y, recorder)

        def of_stage(rows, full, stage):
            asked.append(stage["probability"].tobytes())
            return shares(rows, full, stage)

        return of_stage

    monkeypatch.setattr(_base, "open_shares", counted)
    fitted(1_000, model=LGBMClassifier(n_estimators=40, n_jobs=1, verbose=-1))
    assert len(asked) > 4  # sets of blocks, first trees, a linear model
    assert len(set(asked)) == len(asked)


def test_single_rows_are_not_timed_of_a_stage_that_costs_as_much_as_the_full_model(monkeypatch):
    asked = []
    planned, row_turns = _metering.CostMeter.planned, CascadeTiming.row_turns

    def dear(meter, stages):
        costs = planned(meter, stages)
        first, *others = costs.stages
        others = [replace(seconds, start=costs.full / 2) for seconds in others]
        return replace(costs, stages=(replace(first, start=2 * costs.full), *others))

    def told(timing, rows, stage):
        asked.append(stage and stage.blocks)
        return row_turns(timing, rows, stage)

    monkeypatch.setattr(_metering.CostMeter, "planned", dear)
    monkeypatch.setattr(CascadeTiming, "row_turns", told)
    cascade = fitted(3000, model=LGBMClassifier(n_estimators=40, n_jobs=1, verbose=-1))
    first, *others = cascade._calibrated.calibration.candidates
    assert np.isinf(first.other.start)
    assert others
    assert all(np.isfinite(candidate.other.start) for candidate in others)
    assert len(asked) == 1 + len(others)
