"""Stored objects: the version of the package that made them, and the types that they hold."""

import sys
import warnings
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning
from sklearn.metrics import get_scorer, get_scorer_names

from ._version import __version__

VERSION_KEY = "_skwillump_version"
"""Where the state of a pickled object keeps the version."""


class InconsistentSkwillumpVersionWarning(InconsistentVersionWarning):
    """Warning that an object was pickled by another version of skwillump.

    It is a kind of scikit-learn's warning of the same situation, so that a filter for that one
    applies.

    Parameters
    ----------
    estimator_name : str
        The class of the object.
    current_version : str
        The version of skwillump that runs.
    original_version : str
        The version that pickled the object.
    """

    def __init__(self, *, estimator_name: str, current_version: str, original_version: str):
        self.estimator_name = estimator_name
        self.current_version = current_version
        self.original_version = original_version

    def __str__(self) -> str:
        return (
            f"Trying to unpickle a {self.estimator_name} of skwillump {self.original_version} with "
            f"skwillump {self.current_version}. Its answers may differ from those that were "
            "certified, or it may fail. Install the version that it was made with, or fit it again."
        )


class VersionedState:
    """Mixin: the state of an object names the version of the package, and loading checks it."""

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {**(state or {}), VERSION_KEY: __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        original = state.pop(VERSION_KEY, "of unknown version")
        if original != __version__:
            warnings.warn(
                InconsistentSkwillumpVersionWarning(
                    estimator_name=type(self).__name__,
                    current_version=__version__,
                    original_version=original,
                ),
                stacklevel=2,
            )
        parent: Any = super()
        if hasattr(parent, "__setstate__"):
            parent.__setstate__(state)
        else:
            self.__dict__.update(state)


_OF_OTHERS = (
    "catboost.core.CatBoostClassifier",
    "catboost.core.CatBoostRanker",
    "catboost.core.CatBoostRegressor",
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRanker",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "skwillump.compilers.models._catboost.library_sums",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRFClassifier",
    "xgboost.sklearn.XGBRFRegressor",
    "xgboost.sklearn.XGBRanker",
    "xgboost.sklearn.XGBRegressor",
)
"""What stored models hold of other packages, or by its name, and skops does not trust by itself."""


_OF_SOME_RELEASES = (
    "sklearn._loss.link.HalfLogitLink",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.AbsoluteError",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfGammaLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfPoissonLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss.loss.PinballLoss",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
)
"""The same where a release of scikit-learn has it, of which only some of skops trust it."""


def trusted_types() -> list[str]:
    """List of the types that skops must trust to load what this package stores.

    `skops.io.load` makes objects of types only that it knows or is told to trust. These are all
    classes of this package, which hold arrays, numbers and other such classes; and what its
    objects hold of other packages: NumPy's dtypes, scikit-learn's trees, calibrators and functions
    of scorers, and the models of LightGBM, XGBoost and CatBoost. Estimators, functions and
    tokenizers of your own are not among them.

    Returns
    -------
    list of str
        Full names, sorted. They are for this version of the package only: do not store them.

    Examples
    --------
    >>> from skwillump import trusted_types
    >>> "skwillump.lookup._transformer.TableLookup" in trusted_types()
    True
    """
    package = __name__.partition(".")[0]
    own = {
        f"{kind.__module__}.{kind.__qualname__}"
        for name, module in list(sys.modules.items())
        if name == package or name.startswith(f"{package}.")
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == name
    }
    scorers = [get_scorer(name) for name in get_scorer_names()]
    functions = {scorer._score_func for scorer in scorers}
    made = {f"{type(scorer).__module__}.{type(scorer).__qualname__}" for scorer in scorers}
    named = {f"{function.__module__}.{function.__qualname__}" for function in functions}
    there = {name for name in _OF_SOME_RELEASES if _is_defined(name)}
    return sorted({*own, *made, *named, *_OF_OTHERS, *there})


def _is_defined(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    return hasattr(sys.modules.get(module), attribute)
