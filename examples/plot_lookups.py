"""
Features from a table, only for the rows that need them
=======================================================

The features of a user are in a table of their own. As a step of the pipeline the join is fitted,
pickled and compiled with it, and a cascade makes it only for rows that it does not answer early.
The data are made up.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skwillump import CascadeClassifier, TableLookup

rng = np.random.default_rng(0)
n_users, n_rows = 2_000, 12_000
users = pd.DataFrame({"user": np.arange(n_users), "taste": rng.normal(0, 1, n_users)})
X = pd.DataFrame({"popularity": rng.normal(0, 3, n_rows), "user": rng.integers(0, n_users, n_rows)})
liking = X["popularity"] + users["taste"].to_numpy()[X["user"]]
y = (liking + rng.normal(0, 0.2, n_rows) > 0).astype(int)

columns = make_column_transformer(
    (StandardScaler(), ["popularity"]),
    (TableLookup(users, on="user", default=0.0), ["user"]),
)
pipeline = make_pipeline(columns, LogisticRegression())

# %%
# Here the table is in memory. Were it behind a network, a look-up would cost some 100 us a row:
# that is told in ``feature_costs``.

cascade = CascadeClassifier(
    pipeline, accuracy_target=0.97, cv=0.4, feature_costs={"tablelookup": 1e-4}, random_state=0
)
cascade.fit(X, y)
print(cascade.report())

# %%
# Rows whose popularity decides are answered without a look-up.

stage = cascade.predict_stage(X[:2000])
figure, ax = plt.subplots(figsize=(5, 2.6), layout="constrained")
bins = np.linspace(-9, 9, 37)
for which, label in ((0, "answered early"), (1, "looked up")):
    ax.hist(X["popularity"][:2000][stage == which], bins=bins, label=label, alpha=0.8)
ax.set(xlabel="popularity", ylabel="rows")
ax.legend()
plt.show()

# %%
# One row, and a user that the table does not know:

print(cascade.predict_one({"popularity": 4.0, "user": 10**9}))
