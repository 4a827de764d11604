"""Directives ``supported-transformers``, ``supported-models`` and ``folded-transformers``.

Their tables come from the registry of compilers, and what the tables say is what
`compile_pipeline` does when the page is built: each class is fitted as in `EXAMPLES`, each option
as in `FALLBACKS`, and the reason that is shown is the reason that it gives.
"""

import re
import warnings
from importlib.util import find_spec

import numpy as np
from docutils import nodes
from docutils.statemachine import StringList
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfVectorizer,
)
from sklearn.feature_selection import RFE, RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import BernoulliNB
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import LinearSVC
from sphinx.util.docutils import SphinxDirective

from skwillump import TableLookup, compile_pipeline
from skwillump.compilers import (
    REGISTRY,
    LinearModel,
    OriginalStep,
    TreeModel,
    compile_step,
    registered_types,
)

TEXTS = ["a fine film", "a poor film", "fine acting", "poor acting", "a fine story"] * 8
LABELS = np.arange(40) % 2
NUMBERS = np.random.default_rng(0).integers(0, 9, (40, 4)) + 9.0 * LABELS[:, None]
WORDS = np.array([["a", "b"], ["b", None], ["a", "c"], ["c", "b"]] * 10, dtype=object)
KEYS = np.array([["a"], ["b"], ["a"], ["c"]] * 10, dtype=object)

_SMALL = {"n_estimators": 3, "min_child_samples": 2, "verbose": -1, "n_jobs": 1}

EXAMPLES = {
    # With its default, binarize=0.0, it is not compiled.
    BernoulliNB: lambda: BernoulliNB(binarize=None),
    CalibratedClassifierCV: lambda: CalibratedClassifierCV(LinearSVC(), cv=2),
    ColumnTransformer: lambda: ColumnTransformer([("scaled", StandardScaler(), [0, 1])]),
    FeatureUnion: lambda: FeatureUnion([("scaled", StandardScaler())]),
    LGBMClassifier: lambda: LGBMClassifier(**_SMALL),
    LGBMRanker: lambda: LGBMRanker(**_SMALL),
    LGBMRegressor: lambda: LGBMRegressor(**_SMALL),
    Pipeline: lambda: Pipeline([("scaled", StandardScaler())]),
    RFE: lambda: RFE(LinearRegression(), n_features_to_select=2),
    RFECV: lambda: RFECV(LinearRegression(), cv=2),
    SelectFromModel: lambda: SelectFromModel(LinearRegression()),
    SequentialFeatureSelector: lambda: SequentialFeatureSelector(LinearRegression(), cv=2),
    TableLookup: lambda: TableLookup({"a": [1.0], "b": [2.0]}, default=0.0),
}
"""How to make a class that cannot be made or fitted without arguments."""


def _own_function(X):
    return X


_VECTORIZERS = [
    ("analyzer=function", {"analyzer": str.split}, TEXTS),
    ("tokenizer=function", {"tokenizer": str.split, "token_pattern": None}, TEXTS),
    (r'token_pattern=r"\d+|\w+"', {"token_pattern": r"\d+|\w+"}, TEXTS),
]

FALLBACKS = {
    BernoulliNB: [("binarize=0.0", {"binarize": 0.0}, NUMBERS)],
    CalibratedClassifierCV: [
        (
            'method="isotonic"',
            {"estimator": LinearSVC(), "method": "isotonic", "cv": 2},
            NUMBERS,
        )
    ],
    CountVectorizer: _VECTORIZERS,
    FunctionTransformer: [
        ("func=function", {"func": _own_function}, NUMBERS),
        ("kw_args", {"func": np.exp, "kw_args": {"where": True}}, NUMBERS),
        ("validate=True", {"func": np.exp, "validate": True}, NUMBERS),
    ],
    GradientBoostingClassifier: [("init=model", {"init": LogisticRegression()}, NUMBERS)],
    GradientBoostingRegressor: [("init=model", {"init": LinearRegression()}, NUMBERS)],
    HashingVectorizer: _VECTORIZERS,
    HistGradientBoostingClassifier: [
        ("categories that are texts", {"categorical_features": [0]}, KEYS),
    ],
    HistGradientBoostingRegressor: [
        ("categories that are texts", {"categorical_features": [0]}, KEYS),
    ],
    KBinsDiscretizer: [("dtype=float32", {"dtype": np.float32}, NUMBERS)],
    LGBMClassifier: [("linear_tree=True", {**_SMALL, "linear_tree": True}, NUMBERS)],
    LGBMRegressor: [("linear_tree=True", {**_SMALL, "linear_tree": True}, NUMBERS)],
    OneHotEncoder: [("categories that are dates", {}, NUMBERS.astype("datetime64[D]"))],
    OrdinalEncoder: [("dtype=object", {"dtype": object}, NUMBERS)],
    PolynomialFeatures: [("degree=20", {"degree": 20}, NUMBERS)],
    SimpleImputer: [
        (
            "add_indicator=True, with texts",
            {"strategy": "most_frequent", "missing_values": None, "add_indicator": True},
            WORDS,
        )
    ],
    SplineTransformer: [
        ('extrapolation="linear"', {"extrapolation": "linear"}, NUMBERS),
        ('extrapolation="periodic"', {"extrapolation": "periodic"}, NUMBERS),
    ],
    TableLookup: [
        ("columns that are not of numbers", {"table": {"a": ["x"]}, "default": ""}, KEYS)
    ],
    TfidfVectorizer: _VECTORIZERS,
}
"""Options with which a class runs as it is: as they are written, as they are made, and the data."""

if find_spec("xgboost") is not None:
    from xgboost import XGBClassifier, XGBRegressor

    FALLBACKS[XGBClassifier] = [
        ('booster="gblinear"', {"booster": "gblinear"}, NUMBERS),
        ('objective="binary:hinge"', {"objective": "binary:hinge"}, NUMBERS),
    ]
    FALLBACKS[XGBRegressor] = [('booster="gblinear"', {"booster": "gblinear"}, NUMBERS)]


def example_of(kind):
    """Return an estimator of a class, and data to fit it on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # a class that scikit-learn will remove
        estimator = EXAMPLES.get(kind, kind)()
    if kind in (CountVectorizer, HashingVectorizer, TfidfVectorizer):
        return estimator, TEXTS
    return estimator, KEYS if kind is TableLookup else NUMBERS


def why_not_compiled(estimator, X):
    """Fit an estimator; return why it is left as it is, or "" if it is compiled."""
    params = {"group": [20, 20]} if type(estimator).__name__.endswith("Ranker") else {}
    with warnings.catch_warnings():
        # What fits on such data warns of is not of interest here.
        warnings.simplefilter("ignore")
        fitted = estimator.fit(X, LABELS, **params)
        if type(estimator) in registered_types():
            step = compile_step(fitted)
            return step.reason if isinstance(step, OriginalStep) else ""
        report = compile_pipeline(fitted).explain()[-1]
        return "" if report.compiled else report.reason


def public_name(kind):
    """Return the name of a class as users import it."""
    module = re.sub(
        r"\._.*|(?<=^lightgbm)\.sklearn|(?<=^xgboost)\.sklearn|(?<=^skwillump)\..*",
        "",
        kind.__module__,
    )
    return f"{module}.{kind.__name__}"


def _link(kind):
    name = public_name(kind)
    if name.startswith("sklearn."):
        return (
            f"`{kind.__name__} <https://scikit-learn.org/stable/modules/generated/{name}.html>`__"
        )
    if name.startswith("lightgbm."):
        page = "https://lightgbm.readthedocs.io/en/stable/pythonapi"
        return f"`{kind.__name__} <{page}/lightgbm.{kind.__name__}.html>`__"
    if name.startswith("xgboost."):
        page = "https://xgboost.readthedocs.io/en/stable/python/python_api.html"
        return f"`{kind.__name__} <{page}#{name}>`__"
    return f":class:`~{name}`"


def _escaped(text):
    return re.sub(r"([\\*`|_])", r"\\\1", text)


def limits_of(kind):
    """Return pairs of an option and why it is not compiled, of a class, the defaults first."""
    found = [("any options", why_not_compiled(*example_of(kind)))]
    for option, params, X in FALLBACKS.get(kind, ()):
        found.append((option, why_not_compiled(kind(**params), X)))
    return [(option, reason) for option, reason in found if reason]


def _shown(option, reason):
    """Return the text of a limit; the reason alone where it names the option."""
    if option == "any options" or reason.startswith(f"{option.partition('=')[0]}="):
        return _escaped(reason)
    return f"``{option}``: {_escaped(reason)}"


def table(kinds):
    """Return the lines of a table of classes; those with the same limits share a row."""
    rows = {}
    for kind in sorted(kinds, key=lambda kind: public_name(kind).lower()):
        package = public_name(kind).rpartition(".")[0]
        limits = tuple(_shown(*limit) for limit in limits_of(kind))
        rows.setdefault((package, limits), []).append(_link(kind))
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 24 34 42",
        "",
        "   * - Package",
        "     - Classes",
        "     - Not compiled with",
    ]
    for (package, limits), links in rows.items():
        lines += [f"   * - {package}", f"     - {', '.join(links)}", "     -"]
        for number, limit in enumerate(limits):
            lines.append(f"       | {limit}")
            if number == 0:
                lines[-2:] = [f"     - | {limit}"]
    return lines


class _Generated(SphinxDirective):
    """A directive that is replaced by lines of RST."""

    def lines(self):
        raise NotImplementedError

    def run(self):
        container = nodes.container()
        content = StringList(self.lines(), source=self.get_source_info()[0])
        self.state.nested_parse(content, self.content_offset, container)
        return container.children


class SupportedTransformers(_Generated):
    """The table of transformers."""

    def lines(self):
        return table(registered_types())


class SupportedModels(_Generated):
    """The table of models of one family, ``linear`` or ``trees``."""

    required_arguments = 1

    def lines(self):
        kinds = {"linear": LinearModel, "trees": TreeModel}
        return table(REGISTRY.types(kinds[self.arguments[0]]))


class FoldedTransformers(_Generated):
    """The list of transformers that become part of a linear model."""

    def lines(self):
        return [", ".join(_link(kind) for kind in REGISTRY.linear_types()) + "."]


def setup(app):
    """Register the directives."""
    app.add_directive("supported-transformers", SupportedTransformers)
    app.add_directive("supported-models", SupportedModels)
    app.add_directive("folded-transformers", FoldedTransformers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
