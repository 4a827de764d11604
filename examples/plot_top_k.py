"""
Find the best rows of many
==========================

Of some thousand candidates the twenty best are wanted. A filter on cheap features scores all of
them, and the full model those that may be among the best. The data are made up.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skwillump import ApproxTopKRanker, TopKDisplay

rng = np.random.default_rng(0)
n_rows = 12_000
X = pd.DataFrame(
    {name: rng.normal(0, scale, n_rows) for name, scale in [("cheap", 3), ("dear", 1)]}
)
y = X["cheap"] + X["dear"] + rng.normal(0, 0.1, n_rows)

columns = make_column_transformer((StandardScaler(), ["cheap"]), (StandardScaler(), ["dear"]))
pipeline = make_pipeline(columns, Ridge())

# %%
# The second block stands for one that is dear, as ``feature_costs`` says: 50 us a row.

ranker = ApproxTopKRanker(
    pipeline,
    k=20,
    precision_target=0.9,
    query_size=2_000,
    cv=0.4,
    feature_costs={"standardscaler-1": 1e-6, "standardscaler-2": 5e-5},
    random_state=0,
)
ranker.fit(X, y)
print(ranker.report())

# %%
# The curve is the share of the best that is found, by the cost of finding them.

TopKDisplay.from_estimator(ranker)
plt.show()

# %%
# Positions of the best rows of new candidates, best first, with the full model's scores:

candidates = pd.DataFrame({"cheap": rng.normal(0, 3, 2_000), "dear": rng.normal(0, 1, 2_000)})
rows, scores = ranker.rank(candidates, return_scores=True)
in_full = np.argsort(-ranker.estimator_.predict(candidates))[:20]
print(f"{len(set(rows) & set(in_full))} of the full model's own 20 best were found")
print(np.round(scores[:5], 2))
