"""
Several labels a row
====================

Each text has several labels, or none. A cascade answers a row early where it is sure of every
label, and counts it as right where all of its labels are. The texts are made up.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline, make_union

from skwillump import CascadeClassifier

labels = ["late", "broken", "rude"]
says = {
    "late": ["waited", "weeks", "delayed", "overdue"],
    "broken": ["cracked", "scratched", "defective", "torn"],
    "rude": ["shouted", "unfriendly", "ignored", "impolite"],
}
rng = np.random.default_rng(0)
plain_words = np.array([f"word{i}" for i in range(300)])

n_rows = 6000
y = (rng.random((n_rows, len(labels))) < [0.3, 0.2, 0.1]).astype(int)
X = []
for row in y:
    words = list(rng.choice(plain_words, 12))
    for label, holds in zip(labels, row, strict=True):
        if holds:
            words.extend(rng.choice(says[label], 1))
    # Some are misspelt: n-grams of characters know them all the same.
    words = [word[:-1] + "x" if rng.random() < 0.1 else word for word in words]
    X.append(" ".join(rng.permutation(words)))
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

# %%
# One logistic regression for each label, on words and on n-grams of characters, which cost more.

features = make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5)))
pipeline = make_pipeline(features, OneVsRestClassifier(LogisticRegression(C=10)))
cascade = CascadeClassifier(pipeline, accuracy_target=0.98, cv=0.4, random_state=0)
cascade.fit(X_train, y_train)
print(cascade.report())

# %%
# Rows with more labels are harder: how many of them does the first stage answer?

stage = cascade.predict_stage(X_test)
right = (cascade.predict(X_test) == y_test).all(axis=1)
print(f"all labels right: {right.mean():.1%}; by the plain pipeline: ", end="")
print(f"{(cascade.estimator_.predict(X_test) == y_test).all(axis=1).mean():.1%}")

n_labels = y_test.sum(axis=1)
counts = np.unique(n_labels)
early = [np.mean(stage[n_labels == count] == 0) for count in counts]

figure, ax = plt.subplots(figsize=(5, 2.6), layout="constrained")
bars = ax.bar([str(count) for count in counts], early)
ax.bar_label(bars, fmt="{:.0%}")
ax.set(xlabel="labels of a row", ylabel="answered by the first stage", ylim=(0, 1.1))
plt.show()
