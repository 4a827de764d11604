"""Certificates: of models fitted on the training rows alone, and by rows that came after `fit`."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
from common import COSTS, cascade_on_blocks, two_blocks, two_signals
from lightgbm import LGBMClassifier
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ShuffleSplit

from skwillump import CascadeClassifier
from skwillump.planning import rows_to_certify
from skwillump.planning._p_values import binomial_p_value
from skwillump.stages._folds import FitData, prefit_splits, selecting_rows, single_split

cascade = partial(cascade_on_blocks, accuracy_target=0.97)


@pytest.fixture(scope="module")
def fresh():
    return two_signals(6000, seed=77)


@pytest.fixture(scope="module")
def crossed():
    return cascade(cv=2).fit(*two_signals())


# refit ------------------------------------------------------------------------------------------


def test_without_refit_the_models_of_the_training_rows_answer_and_are_certified(fresh):
    X, y = two_signals()
    model = cascade(cv=0.4, refit=False).fit(X, y)
    assert (model.guarantee_.kind, model.guarantee_.basis) == ("certified", "held-out")
    assert model.guarantee_.tested_target == 0.97
    train, test = single_split(FitData(X=X, y=y, params={}), 0.4, {}, np.random.RandomState(0))
    assert len(test) == pytest.approx(0.4 * len(y), abs=1)
    plain = clone(model.estimator).fit(X[train], y[train])
    late = model.predict_stage(fresh[0]) == 1
    assert 0 < late.mean() < 1
    assert_array_equal(model.predict(fresh[0])[late], plain.predict(fresh[0])[late])
    assert_array_equal(model.estimator_[-1].coef_, plain[-1].coef_)


@pytest.mark.parametrize(
    ("target", "n_classes", "share"), [(0.99, 2, 1.0), (0.97, 2, 0.75), (0.99, 3, 0.75)]
)
def test_held_out_rows_choose_where_they_can_tell_something(target, n_classes, share):
    # The dear block alone saves nothing: there is one candidate. With two classes there is one
    # order of rows, unless enough harms are seen to learn thresholds for each of them.
    X, y = two_signals()
    y = y + (X[:, 0] > 3) if n_classes == 3 else y
    model = cascade(cv=0.4, refit=False, accuracy_target=target).fit(X, y)
    assert model.guarantee_.n_rows == pytest.approx(share * 0.4 * len(y), abs=1)


def test_models_that_cost_too_much_to_pay_are_no_choice():
    # The first trees on both blocks cost what the blocks do.
    X, y = two_signals()
    trees = LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1)
    model = CascadeClassifier(
        two_blocks(trees), accuracy_target=0.97, feature_costs=COSTS, random_state=0
    )
    for target, share in ((0.97, 0.75), (0.99, 1.0)):
        model.set_params(cv=0.4, refit=False, accuracy_target=target).fit(X, y)
        assert model.guarantee_.n_rows == pytest.approx(share * 0.4 * len(y), abs=1)


def test_fewer_rows_choose_where_many_must_certify():
    data = FitData(X=np.zeros((4000, 1)), y=np.arange(4000) % 3, params={})
    rng = np.random.RandomState(0)
    splits = [single_split(data, 0.5, {}, rng)]
    shares = [
        len(selecting_rows(splits, data, rng, n_certify=n)) / 2000 for n in (0, 1500, 1700, 9000)
    ]
    assert shares == pytest.approx([0.25, 0.25, 0.15, 0.1], abs=0.001)
    # Rows in nine of ten of which the full model is right, so many with one harm certify.
    n_right = int(0.9 * rows_to_certify(0.995, 0.05))
    assert 0.03 < binomial_p_value(n_right - 1, 1, 0.995) < 0.06


def test_few_rows_certify_a_strict_target_where_nothing_is_chosen():
    X, _ = two_signals(8400)
    X[:, 0] *= 4  # hardly ever wrong
    model = cascade(cv=0.5, refit=False, accuracy_target=0.999).fit(X, (X[:, 0] > 0).astype(int))
    assert model.guarantee_.kind == "certified"
    assert model.guarantee_.n_rows == 4200


@pytest.mark.parametrize("cv", [None, 5, ShuffleSplit(2, random_state=0)])
def test_without_refit_several_folds_are_refused(cv):
    with pytest.raises(ValueError, match="a splitter of one split where refit=False"):
        cascade(cv=cv, refit=False).fit(*two_signals(500))


def test_without_refit_a_splitter_with_one_split_will_do():
    split = ShuffleSplit(1, test_size=0.5, random_state=0)
    model = cascade(cv=split, refit=False, accuracy_target=0.9).fit(*two_signals())
    assert model.guarantee_.kind == "certified"


def test_without_refit_a_class_that_would_all_be_held_out_is_fitted_on_and_counts_as_lost():
    X, y = two_signals(2000)
    y = y.astype(object)
    y[np.arange(2000) == 3] = "rare"
    y = y.astype(str)
    n_lost = []
    for seed in range(6):
        model = cascade(cv=0.5, refit=False, accuracy_target=0.9, random_state=seed).fit(X, y)
        assert model.guarantee_.kind == "certified"
        assert_array_equal(model.classes_, ["0", "1", "rare"])
        assert model.predict_proba(X[:5]).shape == (5, 3)
        calibration = model._calibrated.calibration
        n_lost.append(calibration.n_taught)
        told = "1 held-out rows are of classes that no row to fit on has" in model.report()
        assert told == bool(n_lost[-1])
        row = calibration.taught
        assert calibration.full_right[row].all()
        assert not any(each.right[row].any() for each in calibration.candidates)
    assert 0 < sum(n_lost) < 6


def test_rows_of_all_classes_are_fitted_on_and_held_out_rows_are_drawn_as_before():
    X, y = two_signals(600)
    data = FitData(X=X, y=y, params={}, keeps_classes=True)
    train, test = single_split(data, 0.5, {}, np.random.RandomState(0))
    assert not np.isin(test, train).any()
    y = np.where(np.arange(600) < 590, y, np.arange(600))
    kept = FitData(X=X, y=y, params={}, keeps_classes=True)
    fitted, held_out = single_split(kept, 0.5, {}, np.random.RandomState(0))
    assert_array_equal(held_out, test)
    assert set(y[fitted]) == set(y)
    assert_array_equal(np.setdiff1d(fitted, train), test[test >= 590])


def test_a_fitted_estimator_is_certified_whatever_refit_says():
    X, y = two_signals()
    plain = two_blocks().fit(X[:2000], y[:2000])
    for refit in (True, False):
        model = CascadeClassifier(
            plain,
            cv="prefit",
            refit=refit,
            accuracy_target=0.95,
            feature_costs=COSTS,
            random_state=0,
        ).fit(X[2000:], y[2000:])
        assert model.guarantee_.basis == "prefit"


@pytest.mark.parametrize("how", ["prefit", "single"])
def test_rows_that_certify_are_drawn_whatever_their_class(how):
    """The share of a class in them varies as in a random draw, and not less."""
    y = np.repeat([0, 1], [1800, 200])
    data = FitData(X=y[:, None], y=y, params={})
    shares = []
    for seed in range(200):
        rng = np.random.RandomState(seed)
        split = prefit_splits(data, rng)[-1] if how == "prefit" else None
        _, test = split or single_split(data, 0.6, {}, rng)
        shares.append(y[test].mean())
    # Of 2000 rows 1200 are drawn without replacement.
    expected = np.sqrt(0.1 * 0.9 / 1200 * (1 - 1200 / 2000))
    assert np.std(shares) == pytest.approx(expected, rel=0.2)


# certify ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("compile", [True, False])
def test_fresh_rows_certify_a_cascade_that_was_unpickled(labels, compile, fresh):
    model = cascade(cv=2, compile=compile).fit(*two_signals())
    assert model.guarantee_.kind == "cross-fitted"
    model = pickle.loads(pickle.dumps(model))
    X, y = fresh
    before = model.predict_stage(X)
    assert model.certify(X, y if labels else None) is model
    assert (model.guarantee_.kind, model.guarantee_.basis) == ("certified", "fresh")
    assert model.guarantee_.n_rows == len(X)
    early = model.predict_stage(X) == 0
    assert early.mean() > 0.3
    assert not (early & (before == 1)).any()
    changed = early & (model.predict(X) != model.estimator_.predict(X))
    if labels:
        harms = changed & (model.estimator_.predict(X) == y)
        assert model.guarantee_.evidence["n_harms"] == harms.sum()
    else:
        assert model.guarantee_.evidence["n_disagreements"] == changed.sum()
    assert "fresh rows" in model.report()
    assert model.report().splitlines()[2].startswith("Certified")


def test_a_certificate_survives_pickling_and_goes_with_another_target(crossed, fresh):
    model = pickle.loads(pickle.dumps(crossed)).certify(*fresh)
    again = pickle.loads(pickle.dumps(model))
    assert again.guarantee_.kind == "certified"
    assert again.set_accuracy_target(0.96).guarantee_.kind == "cross-fitted"


def test_rows_too_few_for_a_certificate_change_nothing(crossed, fresh):
    model = pickle.loads(pickle.dumps(crossed))
    X, y = fresh
    with pytest.raises(ValueError, match="20 rows are too few to certify"):
        model.certify(X[:20], y[:20])
    assert model.guarantee_ == crossed.guarantee_
    assert_array_equal(model.predict_stage(X), crossed.predict_stage(X))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda y: y.astype(str), r"y holds none of the classes \[0 1\], but '\d' for instance"),
        (lambda y: y + 5, r"y holds none of the classes \[0 1\], but \d for instance"),
        (lambda y: np.where(y == 1, np.nan, y), "y contains NaN"),
        (lambda y: np.where(y == 1, None, y), "Unknown label type"),
        (lambda y: np.column_stack([y, y]), "1d array"),
        (lambda y: y[:-1], "inconsistent numbers of samples"),
    ],
)
def test_labels_that_certify_cannot_read_are_named(spoil, message, crossed, fresh):
    X, y = fresh
    model = pickle.loads(pickle.dumps(crossed))
    with pytest.raises(ValueError, match=message):
        model.certify(X, spoil(y))
    assert model.guarantee_ == crossed.guarantee_


@pytest.mark.parametrize("unit", ["D", "s", "ns"])
@pytest.mark.parametrize("kind", ["M8", "m8"])
def test_labels_that_are_times_certify(kind, unit, fresh):
    (X, y), days = two_signals(), np.array([18_000, 19_000], dtype="m8[D]")
    times = (days + np.datetime64(0, "D") if kind == "M8" else days).astype(f"{kind}[{unit}]")
    model = cascade(cv=2).fit(X, times[y])
    certified = model.certify(fresh[0], times[fresh[1]])
    assert certified.guarantee_.kind == "certified"
    with pytest.raises(ValueError, match="y holds none of the classes"):
        model.certify(fresh[0], times[fresh[1]] + np.timedelta64(1, "D"))


@pytest.mark.parametrize("labels", [True, False])
def test_no_rows_certify_nothing(labels, crossed, fresh):
    X, y = fresh
    with pytest.raises(ValueError, match="certify was given no rows"):
        pickle.loads(pickle.dumps(crossed)).certify(X[:0], y[:0] if labels else None)


def test_without_a_cascade_there_is_nothing_to_certify(fresh):
    exact = cascade(accuracy_target=1.0, cv=2).fit(*two_signals(1000))
    assert exact.certify(*fresh).guarantee_.kind == "exact"
    single = CascadeClassifier(LogisticRegression(), random_state=0).fit(*two_signals(300))
    assert single.certify(*fresh).guarantee_.kind == "exact"


def test_what_too_few_rows_could_not_show_fresh_rows_show(fresh):
    few = cascade(accuracy_target=0.97, cv=2).fit(*two_signals(120))
    assert few.guarantee_.kind == "exact"
    few.certify(*fresh)
    assert few.guarantee_.kind == "certified"
    assert len(few.stages_) == 2


def test_a_target_of_one_is_said_to_leave_nothing_to_certify(crossed, fresh):
    model = clone(crossed).fit(*two_signals())
    with pytest.raises(ValueError, match=r"set_accuracy_target\(1.0\) gives every row to the full"):
        model.set_params(accuracy_target=1.0).certify(*fresh)
    model.set_accuracy_target(1.0).certify(*fresh)
    assert model.guarantee_.kind == "exact"


@pytest.fixture(scope="module")
def scored():
    settings = {"cv": 2, "accuracy_target": 0.95}
    return {
        scoring: cascade(scoring=scoring, **settings).fit(*two_signals())
        for scoring in ("f1", "balanced_accuracy")
    }


def test_a_certificate_needs_a_confidence_and_without_labels_accuracy(fresh, scored):
    X, y = fresh
    plug_in = cascade(confidence=None, cv=2).fit(*two_signals())
    with pytest.raises(ValueError, match="nothing to certify"):
        plug_in.certify(X, y)
    of_f1 = copy.copy(scored["f1"])
    with pytest.raises(ValueError, match="Pass the labels of the rows as y"):
        of_f1.certify(X)
    assert of_f1.certify(X, y).guarantee_.kind == "estimate"
    assert of_f1.guarantee_.basis == "fresh"


@pytest.mark.filterwarnings("ignore::UserWarning")  # as metrics say of rows of one class
@pytest.mark.parametrize("scoring", ["f1", "balanced_accuracy"])
@pytest.mark.parametrize("n_rows", [1, 2, 5, 20])
def test_too_few_rows_change_nothing_whatever_the_score(scoring, n_rows, scored, fresh):
    X, y = fresh
    model = copy.copy(scored[scoring])
    before = model.guarantee_
    with pytest.raises(ValueError, match=f"{n_rows} rows are too few to certify"):
        model.certify(X[:n_rows], y[:n_rows])
    assert model.guarantee_ is before
    ones = np.flatnonzero(y == 1)[:n_rows]
    with pytest.raises(ValueError, match=f"{n_rows} rows are too few to certify"):
        model.certify(X[ones], y[ones])


# cross-fitted -----------------------------------------------------------------------------------


def test_the_report_tells_how_harms_were_taken_to_grow(crossed):
    growth = crossed.guarantee_.growth
    assert growth.n_harms > 0
    assert growth.exponent >= 1
    assert f"to the power {growth.exponent:.2g}" in crossed.report()
    assert "refit=False" in crossed.report()


def test_where_models_cannot_be_fitted_on_few_rows_growth_is_not_known():
    X, y = two_signals(4000)
    estimator = two_blocks(NeedsRows(n_least=1500))
    model = CascadeClassifier(
        estimator, cv=2, accuracy_target=0.95, feature_costs=COSTS, random_state=0
    ).fit(X, y)
    assert model.guarantee_.growth.n_harms == 0
    assert "no faster than their number" in model.report()


class NeedsRows(LogisticRegression):
    """A model that refuses to be fitted on few rows."""

    def __init__(self, n_least=1500):
        super().__init__()
        self.n_least = n_least

    def fit(self, X, y):
        if len(y) < self.n_least:
            raise ValueError("too few rows")
        return super().fit(X, y)
