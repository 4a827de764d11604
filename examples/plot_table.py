"""
A table with LightGBM
=====================

A model of trees over encoded columns. The compiled twin gives its answers faster; the cascade
lets the first trees answer the rows that they are sure of. The data are made up.
"""

from statistics import median
from time import process_time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.compose import make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skwillump import CascadeClassifier, compile_pipeline

rng = np.random.default_rng(0)
n_rows = 12_000
X = pd.DataFrame(
    {
        "amount": rng.gamma(2.0, 50.0, n_rows),
        "age": rng.integers(18, 90, n_rows).astype(float),
        "balance": rng.normal(0.0, 1.0, n_rows),
        "country": rng.choice(["de", "fr", "it", "pl", "se"], n_rows),
        "shop": rng.choice([f"shop {i}" for i in range(40)], n_rows),
    }
)
risk = X["amount"] / 100 + 2 * X["balance"] - 0.02 * X["age"] + (X["country"] == "it")
y = (risk + rng.normal(0.0, 0.3, n_rows) > 0.5).astype(int)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

columns = make_column_transformer(
    (StandardScaler(), ["amount", "age", "balance"]),
    (OneHotEncoder(handle_unknown="ignore"), ["country", "shop"]),
)
pipeline = make_pipeline(columns, LGBMClassifier(n_estimators=200, verbose=-1, n_jobs=1))

# %%
# Fitting the cascade fits the pipeline too.

cascade = CascadeClassifier(pipeline, accuracy_target=0.98, cv=0.4, random_state=0)
cascade.fit(X_train, y_train)
print(cascade.report())

# %%
# All give one label a row. Times are CPU time, in turns; each is shown over the plain pipeline's.

models = {
    "plain": cascade.estimator_,
    "compiled": compile_pipeline(cascade.estimator_),
    "cascade": cascade,
}
seconds: dict[str, list[float]] = {name: [] for name in models}
for _ in range(5):
    for name, model in models.items():
        start = process_time()
        labels = model.predict(X_test)
        seconds[name].append(process_time() - start)
speeds = {name: median(seconds["plain"]) / median(of) for name, of in seconds.items()}

figure, ax = plt.subplots(figsize=(5, 2.4), layout="constrained")
bars = ax.barh(list(speeds), list(speeds.values()))
ax.bar_label(bars, fmt="%.1fx", padding=3)
ax.set(xlabel="speed over the plain pipeline, in batches")
ax.margins(x=0.15)
ax.invert_yaxis()
plt.show()
