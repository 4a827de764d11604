"""Rankers that are certified by fresh rows, without labels, or on held-out rows."""

import pickle
import re
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from common import ranker as ranker_on_blocks, two_blocks
from sklearn.linear_model import Ridge


def rows(n_rows, seed=0):
    """Values from a strong cheap signal and a weaker dear one."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 2)) * [3.0, 1.0]
    return X, X.sum(axis=1) + rng.normal(scale=0.2, size=n_rows)


ranker = partial(ranker_on_blocks, query_size=1000)


def precision_of(model, X):
    """Share of the full model's own best rows that are found."""
    best = np.argsort(-model.predict(X), kind="stable")[: model.k]
    return np.isin(best, model.rank(X)).mean()


def test_rows_without_labels_certify_a_ranker_that_was_unpickled():
    model = pickle.loads(pickle.dumps(ranker(cv=2).fit(*rows(4000))))
    assert model.guarantee_.kind == "cross-fitted"
    assert model.certify(rows(20_000, seed=1)[0]) is model
    guarantee = model.guarantee_
    assert (guarantee.kind, guarantee.basis, guarantee.n_rows) == ("certified", "fresh", 20_000)
    assert guarantee.tested_target == 0.9
    found = [precision_of(model, rows(1000, seed)[0]) for seed in range(2, 32)]
    assert np.mean(found) >= 0.9
    assert pickle.loads(pickle.dumps(model)).guarantee_ == guarantee
    assert "Certified" in model.report()


def test_more_evidence_lets_the_search_be_less_deep():
    model = ranker(cv=2).fit(*rows(3000))
    before = model.stages_[1].share
    model.certify(rows(30_000, seed=1)[0])
    assert model.stages_[1].share < before


def test_fresh_rows_give_a_filter_where_fit_had_too_few_rows_for_one():
    model = ranker(k=5, cv=2).fit(*rows(48))
    assert model.guarantee_.kind == "exact"
    model.certify(rows(60_000, seed=1)[0])
    assert model.guarantee_.kind == "certified"
    assert len(model.stages_) == 2


def test_another_size_is_planned_from_the_fresh_rows():
    model = ranker(cv=2, query_size=None).fit(*rows(3000)).certify(rows(30_000, seed=1)[0])
    assert len(model._plan.fresh.full_score) == 33_000
    found = [precision_of(model, rows(1500, seed)[0]) for seed in range(5, 15)]
    assert np.mean(found) >= 0.9


def test_told_queries_certify():
    X, y = rows(30 * 400)
    groups = np.repeat(np.arange(400), 30)
    model = ranker(k=3, cv=2, query_size=None).fit(X[:6000], y[:6000], groups=groups[:6000])
    assert model.guarantee_.kind == "cross-fitted"
    model.certify(X[6000:], groups=groups[6000:])
    assert model.guarantee_.kind == "certified"
    assert model.guarantee_.n_queries == 200


def test_told_queries_certify_the_sizes_that_they_have():
    """Also where `fit` was told none, and took all its rows for one query."""
    X, _ = rows(40 * 400, seed=1)
    groups = np.repeat(np.arange(400), np.tile([30, 50], 200))
    model = ranker(k=3, cv=2, query_size=None).fit(*rows(3000)).certify(X, groups=groups)
    guarantee = model.guarantee_
    assert (guarantee.kind, guarantee.n_queries) == ("certified", 300)
    assert guarantee.query_size == (30, 50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.rank(X[:40])
    with pytest.warns(UserWarning, match="A query of 300 rows is not within the sizes 30 to 50"):
        model.rank(X[:300])


def test_too_few_told_queries_are_told_how_many_would_do():
    model = ranker(k=3, cv=2, query_size=None).fit(*rows(3000))
    X, _ = rows(30 * 100, seed=1)
    with pytest.raises(ValueError, match=r"there are 0, and .* it would take \d+") as told:
        model.certify(X[:30], groups=np.zeros(30))
    n_given = int(re.search(r"Give (\d+) queries or more", str(told.value)).group(1))
    groups = np.repeat(np.arange(100), 30)
    with pytest.raises(ValueError, match="certifying queries are too few"):
        model.certify(X[: 30 * (n_given - 2)], groups=groups[: 30 * (n_given - 2)])
    model.certify(X[: 30 * n_given], groups=groups[: 30 * n_given])
    assert model.guarantee_.kind in ("certified", "exact")


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]"])
def test_queries_of_long_identifiers_are_not_one(dtype):
    model = ranker(cv=2, query_size=None).fit(*rows(2000))
    X, _ = rows(40, seed=1)
    names = np.repeat([2**60 + 1, 2**60 + 2], 20)
    found = model.rank(X, k=3, groups=pd.Series(names, dtype=dtype))
    assert list(found) == [2**60 + 1, 2**60 + 2]
    assert np.array_equal(found[2**60 + 2], 20 + model.rank(X[20:], k=3))


def test_queries_of_which_all_rows_are_returned_leave_nothing_to_filter():
    model = ranker(cv=2, query_size=None).fit(*rows(4000))
    before = model.tradeoff_
    assert len(model.stages_) == 2
    fresh = rows(3000, seed=1)[0]
    model.certify(fresh, groups=np.arange(3000))
    assert model.guarantee_.kind == "exact"
    assert "at most 1 rows" in model.guarantee_.reason
    assert len(model.tradeoff_) == len(before)
    assert np.array_equal(model.rank(fresh), np.argsort(-model.predict(fresh), kind="stable")[:50])
    assert model.certify(rows(30_000, seed=2)[0]).guarantee_.kind == "certified"


def test_no_rows_certify_nothing():
    model = ranker(cv=2).fit(*rows(1000))
    with pytest.raises(ValueError, match="certify was given no rows"):
        model.certify(rows(10)[0][:0])


def test_rows_too_few_for_a_certificate_change_nothing():
    model = ranker(cv=2).fit(*rows(4000))
    guarantee = model.guarantee_
    with pytest.raises(ValueError, match="Nothing can be certified: 30 certifying rows are too"):
        model.certify(rows(30, seed=1)[0])
    assert model.guarantee_ == guarantee
    with pytest.raises(ValueError, match="nothing to certify"):
        ranker(cv=2, confidence=None).fit(*rows(2000)).certify(rows(500)[0])


def test_without_refit_the_models_of_the_training_rows_answer_and_are_certified():
    X, y = rows(8000)
    model = ranker(cv=0.5, refit=False).fit(X, y)
    assert (model.guarantee_.kind, model.guarantee_.basis) == ("certified", "held-out")
    assert not np.allclose(model.estimator_[-1].coef_, two_blocks(Ridge()).fit(X, y)[-1].coef_)
    with pytest.raises(ValueError, match="refit=False"):
        ranker(cv=3, refit=False).fit(X, y)


def test_a_target_of_one_is_said_to_leave_nothing_to_certify():
    model = ranker(precision_target=0.8, k=50).fit(*rows(4000))
    assert len(model.stages_) == 2
    with pytest.raises(ValueError, match=r"set_precision_target\(1.0\) gives every row"):
        model.set_params(precision_target=1.0).certify(rows(4000, seed=3)[0])
    model.set_precision_target(1.0).certify(rows(4000, seed=3)[0])
    assert model.guarantee_.kind == "exact"
