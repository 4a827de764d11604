"""
What the plain pipeline fits, a cascade and a ranker fit
========================================================

Every classifier and regressor of scikit-learn, and those that take parameters on single features
with such parameters, is put behind two blocks of three columns each. Where the plain pipeline fits,
so must a cascade or a ranker, and rows that the full model answers must get the plain pipeline's
answers. Prints what was tried, and exits with 1 if something failed. Run it as ::

    python examples/benchmarks/estimators_fit.py [--quick] [--only NAMES] [--out FILE]

With ``--quick`` nothing is compiled, and rows are few.
"""

import inspect
import sys
import warnings
from functools import partial

import numpy as np
from _measure import parser_of, setting, write
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import ClassifierMixin, clone, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, SGDClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from skwillump import ApproxTopKRanker, CascadeClassifier

SIGNS = [0, 1, 0, 0, -1, 0]
MASK = [True, False, False, False, False, True]


def constructed(kind):
    """An estimator with its defaults, and simple ones inside where it needs some."""
    inner = LogisticRegression() if issubclass(kind, ClassifierMixin) else LinearRegression()
    parameters = inspect.signature(kind).parameters
    if "estimators" in parameters:
        return kind([("one", inner), ("two", clone(inner))])
    # Chains name it otherwise before scikit-learn 1.7.
    takes_one = not {"estimator", "base_estimator"}.isdisjoint(parameters)
    return kind(inner) if takes_one else kind()


def on_features():
    """Models and steps before them whose parameters refer to features, and parameters of `fit`."""
    trees = {"n_estimators": 5, "verbose": -1, "n_jobs": 1}
    for kind in (LGBMClassifier, LGBMRegressor):
        for said in (
            {"monotone_constraints": SIGNS},
            {"mc": "0,1,0,0,-1,0"},
            {"feature_contri": [0.5] * 6},
            {"cegb_penalty_feature_lazy": [0.1] * 6},
            {"cegb_penalty_feature_coupled": [0.1] * 6},
            {"max_bin_by_feature": [9, 8, 7, 6, 5, 4]},
            {"interaction_constraints": [[0, 1], [2, 3, 4], [5]]},
            {"interaction_constraints": "[0,1],[2,3,4]"},
            {"categorical_feature": [0, 5]},
            {"cat_feature": "0,5"},
        ):
            yield [kind(**trees, **said)], {}
        yield [kind(**trees)], {"feature_name": [*"abcdef"]}
        yield [kind(**trees)], {"categorical_feature": [5]}
        yield [kind(**trees)], {"eval_set": [(np.full((3, 6), 0.5), [0, 1, 1])]}
    for kind in (HistGradientBoostingClassifier, HistGradientBoostingRegressor):
        for said in (
            {"monotonic_cst": SIGNS},
            {"interaction_cst": [{0, 1}, {2, 3}]},
            {"interaction_cst": "pairwise"},
            {"categorical_features": [0, 5]},
            {"categorical_features": MASK},
        ):
            yield [kind(max_iter=5, **said)], {}
    yield [DecisionTreeClassifier(monotonic_cst=SIGNS)], {}
    yield [RandomForestClassifier(5, monotonic_cst=SIGNS, max_features=5)], {}
    yield [BaggingClassifier(max_features=5)], {}
    yield [SGDClassifier()], {"coef_init": np.ones((1, 6))}
    yield [Lasso(precompute=np.eye(6))], {}
    yield [SelfTrainingClassifier(DecisionTreeClassifier())], {}
    for step in (PCA(5), SelectKBest(k=5), ColumnTransformer([("s", StandardScaler(), [0, 5])])):
        yield [step, LogisticRegression()], {}
        yield [step, LinearRegression()], {}
    yield [StandardScaler(), LGBMClassifier(**trees, monotone_constraints=SIGNS)], {}


def cases():
    """Name of each case, the steps after the blocks, and parameters of the last one's `fit`."""
    for family in ("classifier", "regressor"):
        for name, kind in all_estimators(type_filter=family):
            yield name, [constructed(kind)], {}
    for steps, params in on_features():
        name = " + ".join(" ".join(str(step).split()) for step in steps)
        yield f"{name} {[*params]}" if params else name, steps, params


def table(n_rows):
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(n_rows, 6))
    value = X @ [3.0, 2.0, 0.5, 1.0, -1.0, 0.2] + rng.normal(scale=0.3, size=n_rows)
    return X, (value > np.median(value)).astype(int), np.exp(value / 3)


def tried(name, steps, params, n_rows, compile):
    """Return what became of a case."""
    X, classes, values = table(n_rows)
    classifies = is_classifier(steps[-1])
    y = classes if classifies else values
    blocks = ColumnTransformer(
        [
            ("one", MinMaxScaler(), [0, 1, 2]),
            ("two", QuantileTransformer(n_quantiles=20), [3, 4, 5]),
        ]
    )
    named = [(f"step{i}", step) for i, step in enumerate(steps)]
    plain = Pipeline([("blocks", blocks), *named])
    params = {f"{named[-1][0]}__{key}": value for key, value in params.items()}
    try:
        plain = clone(plain).fit(X, y, **params)
        answers = plain.predict(X)
    except Exception as error:
        return {"name": name, "outcome": "the plain pipeline does not fit", "said": str(error)[:80]}
    settings = {"cv": 0.4, "feature_costs": {"one": 1e-6, "two": 1e-3}, "random_state": 0}
    kind = partial(CascadeClassifier, accuracy_target=0.8)
    if not classifies:
        kind = partial(ApproxTopKRanker, k=10, precision_target=0.6)
    try:
        model = kind(clone(plain), compile=compile, **settings).fit(X, y, **params)
        if classifies:
            full = model.predict_stage(X) == len(model.stages_) - 1
            right = np.array_equal(model.predict(X)[full], answers[full])
        else:
            found = model.rank(X, 10)
            right = len(set(found)) == 10
    except Exception as error:
        said = f"{type(error).__name__}: {error}"[:200]
        return {"name": name, "outcome": "failed", "said": said}
    if not right and clone(plain).fit(X, y, **params).predict(X).tolist() == answers.tolist():
        return {"name": name, "outcome": "failed", "said": "other answers than the plain pipeline"}
    left_out = "" if model._calibrated is None else f"{len(model._calibrated.left_out)} left out"
    outcome = f"fits, {len(model.stages_)} stages"
    return {"name": name, "outcome": outcome, "said": model.guarantee_.reason or left_out}


def main(arguments=None):
    parser = parser_of(__doc__, "estimators_fit.json")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="parts of the names to try")
    options = parser.parse_args(arguments)
    n_rows = 200 if options.quick else 2000
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, steps, params in cases():
            if options.only and not any(only in name for only in options.only):
                continue
            row = tried(name, steps, params, n_rows, not options.quick)
            rows.append(row)
            print(f"{row['outcome']:32} {name[:90]}  {row['said']}", flush=True)
    failed = [row for row in rows if row["outcome"] == "failed"]
    fits = sum(row["outcome"].startswith("fits") for row in rows)
    print(f"{len(rows)} tried, {fits} fit, {len(failed)} failed.")
    if not options.only:
        write({**setting(options), "rows": rows}, options.out)
    return rows


if __name__ == "__main__":
    sys.exit(any(row["outcome"] == "failed" for row in main()))
