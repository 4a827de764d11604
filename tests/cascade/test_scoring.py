"""Scores of recorded answers are those of scikit-learn's metrics over the rows."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from common import SKLEARN
from numpy.testing import assert_allclose
from sklearn.metrics import (
    fbeta_score,
    get_scorer,
    get_scorer_names,
    make_scorer,
    precision_score as precision,
)

from skwillump.cascade._scoring import RecordedScores, metric_of_labels, score_answers

N_ROWS = 400
SCORERS = {name: get_scorer(name) for name in sorted(get_scorer_names())}
OWN_SCORERS = {
    "f2_of_b": make_scorer(fbeta_score, beta=2, average="macro", labels=["b"]),
    "precision_or_1": make_scorer(precision, average="macro", zero_division=1),
}
if SKLEARN >= (1, 7):  # earlier ones ask for a class of the name 1
    SCORERS |= OWN_SCORERS
OF_PAIRS = [
    name
    for name, scorer in SCORERS.items()
    if metric_of_labels(scorer, {}) and not name.endswith("_samples")  # of sets of labels
]


def recorded(scorer, labels, *, weighted: bool) -> RecordedScores:
    rng = np.random.default_rng(3)
    y, full, stage = (rng.choice(labels, N_ROWS) for _ in range(3))
    weights = {"sample_weight": rng.random(N_ROWS)} if weighted else {}
    return RecordedScores(
        scorer=scorer,
        classes=np.unique(labels),
        y=y,
        full_labels=np.where(rng.random(N_ROWS) < 0.8, y, full),
        full_response=rng.random(N_ROWS),
        stage_labels=(stage, np.where(rng.random(N_ROWS) < 0.7, y, stage)),
        stage_responses=(rng.random(N_ROWS), rng.random(N_ROWS)),
        is_probability=True,
        score_params=weights,
    )


@pytest.mark.parametrize("weighted", [False, True], ids=["counted", "weighted"])
@pytest.mark.parametrize("name", OF_PAIRS)
def test_a_metric_of_labels_is_the_same_from_pairs_as_from_rows(name, weighted):
    scorer = SCORERS[name]
    binary = getattr(scorer, "_kwargs", {}).get("average") == "binary"
    scores = recorded(scorer, [0, 1] if binary else ["a", "b", "c"], weighted=weighted)
    rng = np.random.default_rng(5)
    rows, answers = rng.choice(N_ROWS, 300), rng.choice(N_ROWS, 300)
    early = rng.random(300) < 0.6
    weights = {key: value[rows] for key, value in scores.score_params.items()}
    expected = score_answers(
        scorer,
        scores.classes,
        scores.y[rows],
        np.where(early, scores.stage_labels[1][answers], scores.full_labels[rows]),
        scores.full_response[rows],
        is_probability=True,
        score_params=weights,
    )
    assert_allclose(scores(1, early, rows, answers), expected, rtol=1e-12)


def test_scores_of_labels_are_found_from_pairs():
    known = {"accuracy", "balanced_accuracy", "f1", "f1_macro", "f1_weighted", "precision"}
    assert known | {"recall_micro", "jaccard"} <= set(OF_PAIRS)
    assert all(metric_of_labels(scorer, {}) for scorer in OWN_SCORERS.values())


def of_own(y, labels, sample_weight=None):
    return float(np.mean(y == labels))


@pytest.mark.parametrize(
    ("scorer", "params"),
    [
        (SCORERS["roc_auc"], {}),
        (SCORERS["neg_log_loss"], {}),
        (SCORERS["neg_median_absolute_error"], {}),
        (make_scorer(of_own), {}),
        (lambda estimator, X, y: 1.0, {}),
        (SCORERS["f1"], {"groups": np.zeros(3)}),
    ],
    ids=[
        "of scores",
        "of probabilities",
        "of numbers",
        "own function",
        "own scorer",
        "other metadata",
    ],
)
def test_what_more_than_pairs_of_labels_decides_is_computed_from_rows(scorer, params):
    assert metric_of_labels(scorer, params) is None


@pytest.mark.parametrize(
    "container", [list, pd.Series, "shuffled"], ids=["list", "series", "index"]
)
def test_weights_of_pairs_are_told_by_position(container):
    scores = recorded(SCORERS["accuracy"], [0, 1], weighted=True)
    rng = np.random.default_rng(7)
    rows, early = rng.choice(N_ROWS, 300), rng.random(300) < 0.6
    weights = scores.score_params["sample_weight"]
    if container == "shuffled":
        told = pd.Series(weights, index=rng.permutation(N_ROWS))
    else:
        told = container(weights)
    given = replace(scores, score_params={"sample_weight": told})
    assert given(0, early, rows) == scores(0, early, rows)


def test_a_stored_score_holds_no_more_for_having_been_asked():
    scores = recorded(SCORERS["f1_macro"], ["a", "b", "c"], weighted=True)
    size = len(pickle.dumps(scores))
    value = scores(0, np.zeros(9, dtype=bool), np.arange(9))
    assert len(pickle.dumps(scores)) == size
    assert pickle.loads(pickle.dumps(scores))(0, np.zeros(9, dtype=bool), np.arange(9)) == value
