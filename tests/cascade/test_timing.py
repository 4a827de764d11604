"""What is timed of a cascade."""

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skwillump import CascadeClassifier
from skwillump.stages._metering import FirstStage


@pytest.mark.parametrize("n_decimals", [0, 9])
def test_turns_know_how_many_rows_their_stage_leaves_open(n_decimals):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 4)).round(n_decimals)
    y = (X.sum(axis=1) + rng.normal(size=2000) > 0).astype(int)
    features = make_column_transformer((StandardScaler(), [0, 1]), (StandardScaler(), [2, 3]))
    cascade = CascadeClassifier(
        make_pipeline(features, LogisticRegression()),
        accuracy_target=0.8,
        feature_costs={"standardscaler-1": 1e-3, "standardscaler-2": 1e-3},
        cv=0.25,
        random_state=0,
    ).fit(X, y)
    candidate = cascade._calibrated.calibration.candidates[0]
    stage = FirstStage(blocks=candidate.blocks, model=cascade._calibrated.models[0], compiled=None)
    turns = cascade._answering().batch_turns(X, stage)
    assert [turn.n_open for turn in turns] == [int(np.sum(turn.run()[1])) for turn in turns]
    assert turns[0].n_open < turns[1].n_open
