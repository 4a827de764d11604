"""Where numba was told to compile nothing, all runs as it is, with the same answers."""

import os
import subprocess
import sys

SCRIPT = """
import warnings
import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skwillump import ApproxTopKRanker, CascadeClassifier, TableLookup, compile_pipeline

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
n = 1200
X = pd.DataFrame({
    "text": [" ".join(f"word{i}" for i in row) for row in rng.integers(0, 40, (n, 8))],
    "kind": rng.choice(["a", "b", "c"], n),
    "size": rng.normal(size=n),
    "key": rng.integers(0, 5, n),
})
y = (X["text"].str.contains("word7 ") | (X["size"] > 1.2)).to_numpy()
table = pd.DataFrame({"key": range(5), "value": range(5)})
features = make_column_transformer(
    (TfidfVectorizer(), "text"),
    (OneHotEncoder(), ["kind"]),
    (StandardScaler(), ["size"]),
    (TableLookup(table, on="key"), ["key"]),
)
classifier = make_pipeline(features, LogisticRegression())
cascade = CascadeClassifier(classifier, accuracy_target=0.9, cv=0.5, random_state=0).fit(X, y)
plain = clone(classifier).fit(X, y)
twin = compile_pipeline(plain)
assert all("NUMBA_DISABLE_JIT" in step.reason for step in twin.explain())
np.testing.assert_array_equal(twin.predict_proba(X), plain.predict_proba(X))
assert twin.predict_one(X.iloc[0]) == plain.predict(X[:1])[0]
answers = np.concatenate([cascade.predict(X), [cascade.predict_one(dict(X.iloc[3]))]])
assert np.mean(answers[:-1] == plain.predict(X)) > 0.9, answers
assert answers[-1] == answers[3]
regressor = make_pipeline(features, LGBMRegressor(n_estimators=5, verbose=-1))
ranker = ApproxTopKRanker(regressor, k=20, cv=0.5, random_state=0).fit(X, y * 1.0)
scores = clone(regressor).fit(X, y * 1.0).predict(X)
assert np.isin(ranker.rank(X), np.argsort(-scores, kind="stable")[:20]).mean() > 0.9
print("done")
"""


def test_nothing_is_compiled_where_numba_is_told_not_to_and_answers_are_the_same(tmp_path):
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", SCRIPT]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr[-2000:]
    assert not list(tmp_path.rglob("*.nbi"))
