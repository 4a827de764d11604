"""Rows that models are fitted on, and held-out rows that show what these models do."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from joblib import cpu_count
from sklearn.base import clone
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)

from .._compat import check_method_params, library_of, refused
from .._containers import take_rows
from ._feature_parameters import NOT_BY_ROW
from ._models import NoEvidence

PREFIT_TRAIN_SHARE = 0.4
"""With a fitted estimator, the share of the rows that approximate models are fitted on. They also
select, by approximate models that are fitted on folds of them; all other rows certify."""

PREFIT_FOLDS = 3
"""Number of those folds."""

SELECT_SHARE = 0.25
"""Share of the calibration set that selects rather than certifies, at most."""

LEAST_SELECT_SHARE = 0.1
"""The least share, where many rows are to certify and there is something to choose."""

THREADS = frozenset({"n_jobs", "nthread", "num_threads", "thread_count"})
"""Parameters of models and transformers that say in how many threads, or processes, they work."""

TAKE_ALL_CORES = frozenset({"lightgbm", "xgboost"})
"""Libraries whose models take all cores where that is not said; scikit-learn's take one."""

Split = tuple[np.ndarray, np.ndarray]
"""Rows to fit on and held-out rows, as ascending positions."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How models are to be cross-fitted: parameters of the estimator and of the call of `fit`."""

    estimator: Any  # what to fit on folds; with `prefit`, the fitted full model
    approx_estimator: Any
    prefit: bool
    cv: Any  # int, float, splitter
    split_params: dict[str, Any]  # metadata for the splitter
    feature_costs: Mapping[str, float]
    compile: bool  # whether blocks may run compiled
    n_jobs: int | None
    # With ``refit=False``, the rows that the full model was fitted on and those held out.
    split: Split | None = None

    def for_workers(self, n_workers: int) -> "Setting":
        """The same for fits that run side by side, each on its share of the cores."""
        if n_workers == 1:
            return self
        n_cores = max(cpu_count() // n_workers, 1)
        return replace(
            self,
            estimator=on_cores(self.estimator, n_cores),
            approx_estimator=on_cores(self.approx_estimator, n_cores),
        )


def on_cores(estimator: Any, n_cores: int) -> Any:
    """An estimator of which no step takes more cores than so many; itself where none does.

    joblib tells the libraries of threads alone how many cores a worker has, and not models that are
    told by a parameter: each of some workers then takes all of them.

    Parameters
    ----------
    estimator : estimator or None
    """
    if estimator is None:
        return None
    params = estimator.get_params(deep=True)
    fewer = {}
    for path, value in params.items():
        owner, _, name = path.rpartition("__")
        if name not in THREADS:
            continue
        library = library_of(type(params[owner] if owner else estimator))
        takes_all = value is None and library in TAKE_ALL_CORES
        if takes_all or (isinstance(value, Integral) and not 0 < int(value) <= n_cores):
            fewer[path] = n_cores
    return clone(estimator).set_params(**fewer) if fewer else estimator


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A part of the rows that is held out, and the rows that models are fitted on instead."""

    name: str  # which it is, for errors
    train: np.ndarray  # intp (n_train,), ascending
    test: np.ndarray  # intp (n_test,), ascending


@dataclass(frozen=True, kw_only=True)
class FitData:
    """Rows to fit on, with all that the estimator's `fit` takes."""

    X: Any  # array-like, sparse matrix, data frame or list of n_rows rows
    y: np.ndarray  # (n_rows,)
    params: dict[str, Any]  # of the estimator's `fit`
    groups: np.ndarray | None = None  # (n_rows,): units that no split tears, such as queries
    # (n_rows,): labels of groups in each of which a target is to be kept.
    subgroups: np.ndarray | None = None
    stratify: bool = True  # whether `y` holds classes
    # Whether ``refit=False`` fits on the rows of a class that would all be held out; see `taught`.
    keeps_classes: bool = False

    def take(self, rows: np.ndarray) -> tuple[Any, np.ndarray, dict[str, Any]]:
        """X, y and parameters of `fit` of some rows, in ascending order."""
        return take_rows(self.X, rows), self.y[rows], params_of_rows(self.X, self.params, rows)

    def whole(self) -> tuple[Any, np.ndarray, dict[str, Any]]:
        """X, y and parameters of `fit` of all rows."""
        return self.X, self.y, self.params

    def check_enough_units(self, cv: Any, least: int) -> None:
        """Raise where there are too few units to hold some out; rows are judged by splitters."""


def params_of_rows(X: Any, params: dict[str, Any], rows: np.ndarray) -> dict[str, Any]:
    """Parameters of `fit` of some rows: what holds a value for each row of X is indexed."""
    by_row = {k: v for k, v in params.items() if k.rpartition("__")[2] not in NOT_BY_ROW}
    return params | check_method_params(X, by_row, indices=rows)


def splits_of(
    data: FitData, setting: Setting, rng: np.random.RandomState, with_truth: np.ndarray
) -> list[Split]:
    """Rows to fit on and held-out rows of each fold, of which only those with a truth count."""
    if setting.prefit:
        splits = prefit_splits(data, rng)
    elif setting.split is not None:
        splits = [setting.split]
    else:
        splits = cross_fit_splits(data, setting.cv, setting.split_params, rng)
    splits = [(train, test[with_truth[test]]) for train, test in splits]
    if not all(len(test) for _, test in splits):
        raise NoEvidence("a fold holds no row whose class is known")
    return splits


def prefit_splits(data: FitData, rng) -> list[Split]:
    """Splits for a fitted full model, the last one into rows to fit on and rows that certify.

    The splits before it divide the rows to fit on, which select. Rows that certify are drawn
    whatever their class: with a fixed number of each class, rows that select and rows that certify
    would depend on one another.
    """
    data.check_enough_units("prefit", int(np.ceil(PREFIT_FOLDS / PREFIT_TRAIN_SHARE)))
    train, test = drawn_split(data, 1 - PREFIT_TRAIN_SHARE, rng)
    if data.stratify and data.groups is None:
        counts = np.unique(data.y[train], return_counts=True)[1]
        if np.count_nonzero(counts >= PREFIT_FOLDS) < 2:
            # Of so few rows nothing is certified; that models can be fitted is worth more.
            ((train, test),) = _hold_out(data, 1 - PREFIT_TRAIN_SHARE, rng)
    return [*_folds(data, PREFIT_FOLDS, rng, rows=train), (train, test)]


def single_split(
    data: FitData, cv: Any, split_params: dict[str, Any], rng, *, owner: str = "fit"
) -> Split:
    """The split of ``refit=False``: rows for the models that answer, and held-out rows.

    A float draws the held-out rows whatever their class, as they certify; `taught` says which of
    them are fitted on too.

    Raises
    ------
    ValueError
        If `cv` has several folds.
    """
    if isinstance(cv, Real) and not isinstance(cv, Integral):
        train, test = drawn_split(data, float(cv), rng)
        return np.union1d(train, taught(data, train, test)), test
    splits: list[Split] = []
    if cv is not None and not isinstance(cv, Integral):
        splits = cross_fit_splits(data, cv, split_params, rng)
    if len(splits) != 1:
        must_be = (
            "the share of rows to hold out, such as 0.25, or a splitter of one split where "
            "refit=False: the models that answer are those of one training set"
        )
        raise refused(owner, "cv", must_be, cv)
    return splits[0]


def taught(data: FitData, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Held-out rows of classes that no row to fit on has.

    Without them the models would not know a class that the plain estimator knows. They are fitted
    on, and stay among the held-out rows, where each is as bad as a row can be: lost as soon as any
    row is answered early (`Calibration.taught`). What is tested stays valid. Let p be the share of
    such classes among new rows. As many held-out rows are taught as chance draws of them; the
    others are independent draws of the other classes, whatever rows were taught, so that with
    models that lose a share q of these the losses that are counted are independent draws with the
    chance p + (1 - p) q, which is no less than what is lost. That q depends on the rows that are
    taught does no harm: where more is lost than is allowed, q is above the same bound for each
    number of them, and more losses are only more likely.
    """
    if not data.keeps_classes or data.groups is not None:
        return test[:0]
    return test[~np.isin(data.y[test], data.y[train])]


def share_of(data: FitData, rows: np.ndarray, share: float, rng) -> np.ndarray:
    """A share of some rows to fit on; whole groups, or the same share of each class."""
    ((chosen, _),) = _hold_out(data, 1 - share, rng, rows=rows)
    return chosen


def cross_fit_splits(data: FitData, cv: Any, split_params: dict[str, Any], rng) -> list[Split]:
    """Splits into rows to train on and held-out rows, each row held out once.

    Parameters
    ----------
    cv : int, float, splitter, iterable or None
        As the parameter of a cascade or ranker.
    split_params : dict
        Metadata for a splitter.
    rng : RandomState

    Returns
    -------
    list of (ndarray of intp, ndarray of intp)
    """
    cv = 5 if cv is None else cv
    if isinstance(cv, Integral):
        data.check_enough_units(cv, int(cv))
        splits = _folds(data, int(cv), rng)
    elif isinstance(cv, Real):
        # One at least is left to train on; 1e-9 is for rounding.
        data.check_enough_units(cv, max(2, int(np.ceil(1 / (1 - float(cv)) - 1e-9))))
        splits = _hold_out(data, float(cv), rng)
    else:
        params = dict(split_params)
        if data.groups is not None:
            params.setdefault("groups", data.groups)
        splits = _split(check_cv(cv, y=data.y, classifier=data.stratify), data, params=params)
    fresh_splits = []
    seen = np.zeros(len(data.y), dtype=bool)
    for train, test in splits:
        if data.groups is not None and len(np.intersect1d(data.groups[train], data.groups[test])):
            raise ValueError(
                "cv splits queries: rows of one group are in a training and a test part. Use an "
                "int, a float or a splitter of groups such as GroupKFold."
            )
        # A row that several splits hold out is evidence only once.
        fresh = test[~seen[test]]
        seen[fresh] = True
        if len(fresh):
            fresh_splits.append((train, fresh))
    return fresh_splits


def selecting_rows(
    splits: Sequence[Split], data: FitData, rng, *, n_certify: int = 0
) -> np.ndarray:
    """Held-out rows that choose; the other ones certify.

    With several folds these are the rows of the first ones, about a quarter of all; with a single
    one they are drawn from it, whatever their class: a share of each class would be rounded, and
    rows of rare classes be missing from those that certify. Of groups, whole ones are drawn. Fewer
    rows choose where less than `n_certify` rows would be left.
    """
    if len(splits) > 1:
        n_folds = max(1, round(SELECT_SHARE * len(splits)))
        return np.sort(np.concatenate([test for _, test in splits[:n_folds]]))
    ((_, test),) = splits
    units = test if data.groups is None else np.unique(data.groups[test])
    share = np.clip(1 - n_certify / max(len(test), 1), LEAST_SELECT_SHARE, SELECT_SHARE)
    chosen = rng.permutation(units)[: int(np.ceil(share * len(units)))]
    return np.sort(chosen) if data.groups is None else test[np.isin(data.groups[test], chosen)]


def drawn_split(data: FitData, share: float, rng) -> Split:
    """One split that holds out a share of the rows, or of the groups, whatever their class."""
    kind = ShuffleSplit if data.groups is None else GroupShuffleSplit
    ((train, test),) = _split(kind(n_splits=1, test_size=share, random_state=rng), data)
    return train, test


def _hold_out(data: FitData, share: float, rng, *, rows: np.ndarray | None = None) -> list[Split]:
    """One split that holds out a share of rows; whole groups, or the same of each class."""
    kwargs = {"n_splits": 1, "test_size": share, "random_state": rng}
    if data.groups is not None:
        return _split(GroupShuffleSplit(**kwargs), data, rows=rows)
    if not data.stratify:
        return _split(ShuffleSplit(**kwargs), data, rows=rows)
    n_least = int(np.ceil(1 / min(share, 1 - share)))
    return _split(StratifiedShuffleSplit(**kwargs), data, rows=rows, n_least=n_least)


def _folds(data: FitData, n_folds: int, rng, *, rows: np.ndarray | None = None) -> list[Split]:
    """Shuffled folds of some rows (all by default); whole groups, or the same of each class."""
    if data.groups is not None:
        # This splitter takes no generator.
        seed = rng.randint(2**31 - 1)
        return _split(GroupKFold(n_folds, shuffle=True, random_state=seed), data, rows=rows)
    kind = StratifiedKFold if data.stratify else KFold
    splitter = kind(n_folds, shuffle=True, random_state=rng)
    return _split(splitter, data, rows=rows, n_least=n_folds)


def _split(
    splitter,
    data: FitData,
    *,
    rows: np.ndarray | None = None,
    n_least: int | None = None,
    params: dict[str, Any] | None = None,
) -> list[Split]:
    """Splits of some rows (all by default), as ascending positions in the data.

    Parameters
    ----------
    splitter : object with a `split`
    rows : ndarray of intp, optional
    n_least : int, optional
        With it, classes with fewer rows are not told apart.
    params : dict, optional
        Of the `split` of a splitter of the user's own; by default the groups that there are.

    Raises
    ------
    NoEvidence
        If there are too few rows for a splitter of ours.
    """
    X = take_rows(data.X, rows)
    rows = np.arange(len(data.y)) if rows is None else rows
    y = data.y[rows]
    if data.stratify and n_least is not None:
        y = strata(y, n_least)
    is_ours = params is None
    if params is None:
        params = {} if data.groups is None else {"groups": data.groups[rows]}
    with warnings.catch_warnings():
        # That a splitter which knows no groups does not tear them is checked afterwards.
        warnings.filterwarnings("ignore", message="The groups parameter is ignored")
        try:
            splits = list(splitter.split(X, y, **params))
        except ValueError as error:
            if not is_ours:
                raise
            raise NoEvidence(f"{len(rows)} rows are too few to hold some out: {error}") from error
    return [(np.sort(rows[train]), np.sort(rows[test])) for train, test in splits]


def strata(y, n_least: int) -> np.ndarray:
    """What to stratify by: classes, those with fewer than `n_least` rows taken together."""
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    codes = codes.astype(np.min_scalar_type(len(counts)))  # small numbers are sorted faster
    rare = counts[codes] < n_least
    # Still too few of them: they go with the commonest class.
    together = len(counts) if np.count_nonzero(rare) >= n_least else int(np.argmax(counts))
    return np.where(rare, together, codes)
