"""
One row at a time
=================

A service answers one row after the other. There a pipeline spends its time on checking and
converting; ``predict_one`` reads the row as it is. ``examples/serving`` has the service itself.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skwillump import compile_pipeline
from skwillump.datasets import load_stdlib_lines

X, y = load_stdlib_lines(return_X_y=True)
rows = X[5::500]
pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(X[::25], y[::25])
compiled = compile_pipeline(pipeline)

# %%
# The answers are the same.

expected = pipeline.predict_proba(rows)
answers = [compiled.predict_proba_one(row) for row in rows]
print(np.abs(np.array(answers) - expected).max())

# %%
# The time of each call, in turns:

ways = {
    "pipeline.predict_proba([row])": lambda row: pipeline.predict_proba([row]),
    "compiled.predict_proba_one(row)": compiled.predict_proba_one,
}
micros: dict[str, list[float]] = {name: [] for name in ways}
for row in rows:
    for name, answer in ways.items():
        start = perf_counter()
        answer(row)
        micros[name].append(1e6 * (perf_counter() - start))
for name, times in micros.items():
    p50, p99 = np.percentile(times, [50, 99])
    print(f"{name:35} median {p50:8.1f} us, 99 of 100 within {p99:8.1f} us")

figure, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
bins = np.geomspace(5, 5_000, 60)
for name, times in micros.items():
    ax.hist(times, bins=bins, label=name, alpha=0.8)
ax.set(xscale="log", xlabel="microseconds a row", ylabel="calls")
ax.legend(fontsize="small")
plt.show()

# %%
# A row of a table is a mapping of column to value. A wrong one is an error that names the column;
# see :doc:`/troubleshooting`.

try:
    compiled.predict_one(3)
except TypeError as error:
    print(error)
