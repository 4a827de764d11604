"""Imputers that are models: only rows with missing numbers are for them.

`KNNImputer` and `IterativeImputer` answer each row by itself, and leave a row without missing
numbers as it is. Such rows pass. The others do here what the imputer does, where that is known, or
go to it, at the price that it has anyway.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.impute import KNNImputer

from ..._compat import IterativeImputer, library_of
from .._models import Model
from .._registry import compile_model, register
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported, private
from ._categories import without_names
from ._imputers import fitted_indicator
from ._steps import NumberStep


@dataclass(frozen=True, eq=False)
class ImputeRowsStep(NumberStep):
    """Rows with missing numbers through the imputer, then flags of some columns."""

    imputer: Any  # `Rounds`, `Neighbors`, or the original, for arrays without names

    def apply(self, block: np.ndarray) -> np.ndarray:
        mask = np.isnan(block)
        rows = np.flatnonzero(mask.any(axis=1))
        n_columns = block.shape[1]
        features = block
        if self.n_features > n_columns:
            features = np.zeros((len(block), self.n_features))
            features[:, :n_columns] = block
        if len(rows):
            if mask[rows].all():
                raise InputUnsupported("rows without numbers, of which the whole batch tells")
            filled = np.asarray(self.imputer.transform(block[rows]), dtype=np.float64)
            if filled.shape[1] != self.n_features:
                raise InputUnsupported(f"{filled.shape[1]} features where {self.n_features} were")
            features[rows] = filled
        return features


@register(KNNImputer)
def compile_neighbors_imputer(imputer: Any) -> Step:
    """Compile a `KNNImputer`."""
    if callable(imputer.metric) or callable(imputer.weights):
        raise Unsupported("a function tells the distances or weights of many rows")
    mask = private(imputer, "_mask_fit_X")
    made = _of_rows(imputer, mask.all(axis=0))
    rows = np.asarray(private(imputer, "_fit_X"))
    if imputer.weights != "uniform" or imputer.metric != "nan_euclidean":
        return made
    if rows.dtype != np.float64:
        return made
    known = np.array(rows)  # in its own layout: products are rounded by it
    known[mask] = 0.0
    return replace(
        made,
        imputer=Neighbors(
            imputer=made.imputer,
            known=known,
            is_missing=mask,
            lengths=np.einsum("ij,ij->i", known, known)[None],
            squares=known * known,
            donors=tuple(np.flatnonzero(~column) for column in mask.T),
            n_neighbors=int(imputer.n_neighbors),
            flagged=_flagged(imputer),
        ),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Neighbors:
    """A `KNNImputer`: a missing number is the mean of that of the nearest rows which have it.

    One row is compared with those of the fit by scikit-learn's own operations in their order, so
    that the same of several rows which are as near are chosen.
    """

    imputer: Any  # fills several rows
    known: np.ndarray  # (n_known, n_columns): rows of the fit, zero where a number is missing
    is_missing: np.ndarray  # bool (n_known, n_columns)
    lengths: np.ndarray  # (1, n_known): squared
    squares: np.ndarray  # (n_known, n_columns)
    donors: tuple[np.ndarray, ...]  # for each column, the rows that have it
    n_neighbors: int
    flagged: np.ndarray  # positions of columns with flags, which are last

    def transform(self, block: np.ndarray) -> np.ndarray:
        """Return rows (n_rows, n_columns) filled, with flags."""
        mask = np.isnan(block)
        filled = block.copy()
        if len(block) != 1 or not self._fill(filled, mask):
            return np.asarray(self.imputer.transform(block))
        return np.hstack((filled, mask[:, self.flagged])) if len(self.flagged) else filled

    def _fill(self, row: np.ndarray, mask: np.ndarray) -> bool:
        """Fill X of one row; tell whether it has enough neighbours."""
        distances = self._distances(np.where(mask, 0.0, row), mask)[0]
        for column in np.flatnonzero(mask[0]):
            donors = self.donors[column]
            own, k = distances[donors], min(self.n_neighbors, len(donors))
            nearest = np.argpartition(own, k - 1)[:k]
            if np.isnan(own[nearest]).any():
                return False
            row[0, column] = self.known[donors[nearest], column].sum() / k
        return True

    def _distances(self, row: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return what ``nan_euclidean_distances`` does, (1, n_known)."""
        distances = -2 * (row @ self.known.T)
        distances += np.einsum("ij,ij->i", row, row)[:, None]
        distances += self.lengths
        np.maximum(distances, 0, out=distances)
        distances -= np.dot(row * row, self.is_missing.T)
        distances -= np.dot(mask, self.squares.T)
        np.maximum(distances, 0, out=distances)
        n_common = np.dot(1 - mask, ~self.is_missing.T)
        distances[n_common == 0] = np.nan
        np.maximum(1, n_common, out=n_common)
        distances /= n_common
        distances *= row.shape[1]
        return np.sqrt(distances, out=distances)


@register(IterativeImputer)
def compile_iterative_imputer(imputer: Any) -> Step:
    """Compile an `IterativeImputer`."""
    if imputer.sample_posterior:
        raise Unsupported("sample_posterior=True draws at random")
    if imputer.imputation_sequence_ and not imputer.n_iter_:
        raise Unsupported("n_iter_=0: it goes through no rounds")
    if imputer.verbose:
        raise Unsupported("verbose prints at each call")
    for step in imputer.imputation_sequence_:
        if library_of(type(step.estimator)) != "sklearn":
            raise Unsupported(f"{type(step.estimator).__name__} may look at many rows at once")
    made = _of_rows(imputer, np.asarray(private(imputer, "_is_empty_feature")))
    try:
        return replace(made, imputer=_rounds(imputer))
    except Unsupported:
        return made


@dataclass(frozen=True, eq=False, kw_only=True)
class Round:
    """One column, filled by a model of others."""

    column: int
    others: np.ndarray  # positions
    model: Model
    least: float
    most: float

    def fill(self, block: np.ndarray, mask: np.ndarray) -> None:
        """Fill the column where the mask of missing numbers tells."""
        rows = np.flatnonzero(mask[:, self.column])
        if len(rows):
            features = block[rows[:, None], self.others]
            values = self.model.predict(self.model.raw(features))
            block[rows, self.column] = np.minimum(np.maximum(values, self.least), self.most)


@dataclass(frozen=True, eq=False, kw_only=True)
class Rounds:
    """An `IterativeImputer`: columns are filled one after the other, again and again."""

    statistics: np.ndarray  # (n_columns,): what missing numbers are at first
    rounds: tuple[Round, ...]
    flagged: np.ndarray  # positions of columns with flags, which are last

    def transform(self, block: np.ndarray) -> np.ndarray:
        """Return rows (n_rows, n_columns) filled, with flags."""
        mask = np.isnan(block)
        filled = np.where(mask, self.statistics, block)
        for one in self.rounds:
            one.fill(filled, mask)
        return np.hstack((filled, mask[:, self.flagged])) if len(self.flagged) else filled


def _rounds(imputer: Any) -> Rounds:
    """Return the rounds of an imputer whose models are all linear, or all of trees.

    Values that rounding turned must not be what trees are asked of.
    """
    steps = imputer.imputation_sequence_
    models = [compile_model(step.estimator) for step in steps]
    if not (all(model.is_linear for model in models) or _are_exact(models)):
        raise Unsupported("its models may turn where values are rounded")
    least, most = private(imputer, "_min_value"), private(imputer, "_max_value")
    return Rounds(
        statistics=np.asarray(imputer.initial_imputer_.statistics_, dtype=np.float64),
        rounds=tuple(
            Round(
                column=int(step.feat_idx),
                others=np.asarray(step.neighbor_feat_idx, dtype=np.intp),
                model=model,
                least=float(least[step.feat_idx]),
                most=float(most[step.feat_idx]),
            )
            for step, model in zip(steps, models, strict=True)
        ),
        flagged=_flagged(imputer),
    )


def _flagged(imputer: Any) -> np.ndarray:
    """Return the positions of the columns of which flags are made."""
    indicator = fitted_indicator(imputer)
    return np.asarray([] if indicator is None else indicator.features_, dtype=np.intp)


def _are_exact(models: list[Model]) -> bool:
    """Whether models are of trees whose sums are those of scikit-learn, to the last bit."""
    return all(getattr(model, "is_certain", False) for model in models)


def _of_rows(imputer: Any, without_values: np.ndarray) -> ImputeRowsStep:
    if not (isinstance(imputer.missing_values, float) and np.isnan(imputer.missing_values)):
        raise Unsupported(f"missing_values={imputer.missing_values!r}, not NaN")
    if without_values.any():
        raise Unsupported("a column without values was fitted")
    indicator = fitted_indicator(imputer)
    flags = 0 if indicator is None else len(indicator.features_)
    bare = without_names(imputer)
    vars(bare).pop("_sklearn_output_config", None)
    return ImputeRowsStep.from_fitted(imputer, len(without_values) + flags, imputer=bare)
