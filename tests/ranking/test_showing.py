"""Evidence of a query from the query itself."""

import numpy as np
import pytest
from common import ranker, values

from skwillump.planning import stable_order
from skwillump.ranking._showing import AskedEvidence, rank_until_shown


def asked(k, expected=0.98):
    return AskedEvidence(k=k, precision=0.95, confidence=0.95, expected_precision=expected)


def shown(full, score, n_first, of, seed=0):
    """Rank by known scores; the share of the best that is returned, and the evidence."""
    first = stable_order(score, n_first)
    seen, evidence = rank_until_shown(
        score, first, lambda rows: (full[rows], full[rows]), of, np.random.default_rng(seed)
    )
    best = stable_order(full, of.k)
    return np.isin(best, seen.best(of.k)).mean(), evidence


def query(n_rows, seed, noise):
    rng = np.random.default_rng(seed)
    full = rng.normal(size=n_rows)
    return full, full + noise * rng.normal(size=n_rows)


@pytest.mark.parametrize("n_first", [600, 1500])
@pytest.mark.parametrize("noise", [0.1, 2.0])
def test_what_is_shown_is_true_of_nearly_all_queries_however_bad_the_search(n_first, noise):
    n_queries, wrong = 60, 0
    for seed in range(n_queries):
        precision, evidence = shown(*query(8000, seed, noise), n_first, asked(500), seed=seed)
        wrong += precision < evidence.precision - 1e-9
        assert evidence.is_met
        assert evidence.precision >= 0.95
    assert wrong / n_queries <= 0.05 + 3 * np.sqrt(0.05 / n_queries)


def test_a_search_that_was_not_deep_enough_goes_on():
    full, score = query(20_000, 0, 1.0)
    precision, evidence = shown(full, score, 1000, asked(1000))
    assert evidence.n_visited > 1000
    assert precision >= evidence.precision >= 0.95


def test_few_rows_to_return_give_an_alarm_at_most():
    full, score = query(20_000, 0, 0.05)
    _, evidence = shown(full, score, 400, asked(20))
    assert (evidence.is_met, evidence.alarm) == (False, False)
    assert evidence.n_visited + evidence.n_sampled < 2000
    precision, evidence = shown(full, -score, 400, asked(100))
    assert evidence.alarm
    assert (evidence.n_visited, precision, evidence.most_missing) == (20_000, 1.0, 0)


def test_a_ranker_returns_evidence_beside_what_it_returns_otherwise():
    X, y = values()
    model = ranker(k=400, query_size=2000).fit(X, y)
    assert len(model.stages_) == 2
    query = X[:2000]
    positions, scores, evidence = model.rank(query, return_scores=True, return_evidence=True)
    full = model.predict(query)
    np.testing.assert_allclose(scores, full[positions], rtol=1e-12)
    own = stable_order(full, 400)
    assert np.isin(own, positions).mean() >= evidence.precision - 1e-9
    assert evidence.n_rows == 2000
    alone, same = model.rank(query, return_evidence=True)
    np.testing.assert_array_equal(alone, positions)
    assert same == evidence


def test_evidence_of_groups_and_of_queries_that_are_scored_whole():
    X, y = values()
    model = ranker(k=20, query_size=1000).fit(X, y)
    groups = np.repeat([1, 2, 3], [1000, 10, 15])[np.random.default_rng(0).permutation(1025)]
    positions, evidence = model.rank(X[:1025], groups=groups, return_evidence=True)
    assert list(positions) == list(evidence) == list(dict.fromkeys(groups.tolist()))
    for group in (1, 2, 3):
        rows = np.flatnonzero(groups == group)
        alone, shown_alone = model.rank(X[rows], return_evidence=True)
        np.testing.assert_array_equal(positions[group], rows[alone])
        assert evidence[group] == shown_alone
    assert evidence[2].precision == 1.0
    assert evidence[1].n_rows == 1000
    exact = ranker(precision_target=1.0).fit(X, y)
    _, of_all = exact.rank(X[:50], k=5, return_evidence=True)
    assert (of_all.n_visited, of_all.most_missing, of_all.is_met) == (50, 0, True)
    _, of_none = exact.rank(X[:50], k=0, return_evidence=True)
    assert of_none.is_met
