"""Which approximate models are worth a fit on every fold."""

import numpy as np
import pytest

from skwillump.planning import (
    could_be_kept,
    open_shares_of_classes,
    open_shares_of_ranks,
    shortlist,
)
from skwillump.planning._shortlist import LOSSES, MOST_KEPT, TOP_SHARES


def test_a_model_that_no_loss_needs_is_not_kept():
    costs = np.array([[1.0, 0.2], [0.6, 0.5], [0.9, 0.6], [0.95, 0.9]])
    assert shortlist(costs, 1.0) == [0, 1]


def test_models_for_different_losses_are_kept_and_not_too_many():
    costs = np.full((6, 6), 0.9) - 0.5 * np.eye(6)
    assert len(shortlist(costs, 1.0)) == MOST_KEPT


@pytest.mark.parametrize("n_models", [1, 2])
def test_of_two_models_both_are_kept(n_models):
    assert shortlist(np.full((n_models, 3), 2.0), 1.0) == list(range(n_models))


@pytest.mark.parametrize("seed", range(20))
def test_a_model_that_could_not_be_kept_is_not_kept_whatever_it_costs(seed):
    rng = np.random.default_rng(seed)
    others = rng.uniform(0.2, 1.2, size=(4, 8))
    least = rng.uniform(0.1, 1.0)
    kept_at_least = shortlist(np.vstack([others, np.full(8, least)]), 1.0)
    if not could_be_kept(least, others, 1.0):
        assert 4 not in kept_at_least
        dearer = least + rng.uniform(size=8)
        assert 4 not in shortlist(np.vstack([others, dearer]), 1.0)


def test_beside_a_single_model_any_could_be_kept():
    assert could_be_kept(2.0, np.array([[0.1, 0.1]]), 1.0)
    assert not could_be_kept(2.0, np.array([[0.1, 0.1], [0.2, 0.2]]), 1.0)
    assert could_be_kept(0.15, np.array([[0.1, 0.2], [0.2, 0.3]]), 1.0)


def test_the_least_share_of_open_rows_loses_no_more_than_allowed():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(size=2000)
    full_right = rng.uniform(size=2000) < 0.9
    right = np.where(rng.uniform(size=2000) < confidence, full_right, rng.uniform(size=2000) < 0.5)
    found = open_shares_of_classes(confidence, right, full_right)
    for share, loss in zip(found, LOSSES, strict=True):
        early = np.argsort(-confidence)[: round((1 - share) * 2000)]
        lost = np.sum(full_right[early]) - np.sum(right[early])
        assert lost <= loss * np.sum(full_right)
    assert np.all(np.diff(found) <= 0)


def test_a_model_that_is_always_right_leaves_no_row_open():
    right = np.ones(50, dtype=bool)
    assert not open_shares_of_classes(np.linspace(0, 1, 50), right, right).any()


def test_rare_classes_count_as_they_are_weighted():
    right = np.array([True] * 99 + [False])
    full_right = np.ones(100, dtype=bool)
    confidence = np.ones(100)
    weights = np.array([1.0] * 99 + [99.0])
    assert open_shares_of_classes(confidence, right, full_right)[-1] == 0
    assert open_shares_of_classes(confidence, right, full_right, weights)[-1] > 0


@pytest.mark.parametrize("groups", [None, np.repeat(np.arange(10), 100)])
def test_a_filter_in_the_full_models_order_lets_through_what_is_asked_for(groups):
    score = np.random.default_rng(0).normal(size=1000)
    found = open_shares_of_ranks(score, 3 * score, groups)
    assert len(found) == len(TOP_SHARES) * len(LOSSES)
    assert np.all(found <= np.repeat(TOP_SHARES, len(LOSSES)) + 1e-12)
