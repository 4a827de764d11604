"""
Choose a target by looking at the curve
=======================================

What does a stricter target cost? A cascade over texts is fitted once, shows its tradeoff, and is
then planned again for other targets, without fitting.
"""

import matplotlib.pyplot as plt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline, make_union

from skwillump import CascadeClassifier, CascadeDisplay
from skwillump.datasets import load_stdlib_lines

X, y = load_stdlib_lines(return_X_y=True)
X, X_fresh, y, y_fresh = train_test_split(
    X, y, train_size=8_000, test_size=6_000, stratify=y, random_state=0
)
words = TfidfVectorizer()
characters = TfidfVectorizer(analyzer="char", ngram_range=(2, 5), min_df=3)
pipeline = make_pipeline(make_union(words, characters), LogisticRegression(max_iter=1000))

cascade = CascadeClassifier(pipeline, accuracy_target=0.98, cv=0.5, refit=False, random_state=0)
cascade.fit(X, y)

# %%
# The curve is the accuracy that is left as more rows are answered early, the dashed line the
# target. The panel above shows how rows and cost divide between the two stages.

CascadeDisplay.from_estimator(cascade)
plt.show()

# %%
# Other targets are planned from what ``fit`` stored.

shares = {}
for target in (0.95, 0.97, 0.98, 0.99):
    cascade.set_accuracy_target(target)
    early = cascade.stages_[0].share if len(cascade.stages_) == 2 else 0.0
    shares[target] = early
    print(f"{target}: {cascade.guarantee_.kind}, {early:.1%} of rows answered early")

figure, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.bar([str(target) for target in shares], [100 * share for share in shares.values()])
ax.set(xlabel="accuracy_target", ylabel="rows answered early (%)")
plt.show()

# %%
# A certificate is for one target that was fixed before looking. The one that is kept is certified
# on rows that were not used so far.

cascade.set_accuracy_target(0.97).certify(X_fresh, y_fresh)
print(cascade.report())
