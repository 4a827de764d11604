"""Sequences of thresholds, from the safest to the one that answers every row early.

A row is answered early if its confidence reaches the threshold of its predicted class:
``confidence >= thresholds[code]``. That is the only predicate, in fit as in predict. A path is a
matrix of such thresholds, one row a step, each step answering all rows of the step before; what
changes from step to step is counted with one sort, for every distinct confidence.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression


@dataclass(frozen=True)
class ThresholdPath:
    """Thresholds along a path."""

    # float64 (n_steps, n_classes): for each step, the least confidence that answers a row of each
    # predicted class. Columns do not increase. The first step answers no row.
    thresholds: np.ndarray
    per_class: bool  # whether the columns differ

    def first_step(self, codes, confidence):
        """First step that answers each row.

        Parameters
        ----------
        codes : ndarray of int of shape (n_rows,)
            Predicted classes, as positions.
        confidence : ndarray of float64 of shape (n_rows,)

        Returns
        -------
        ndarray of intp of shape (n_rows,)
            The number of steps for a row that no step answers.
        """
        steps = np.empty(len(codes), dtype=np.intp)
        if not self.per_class:
            steps[:] = np.searchsorted(-self.thresholds[:, 0], -confidence, side="left")
            return steps
        for code in range(self.thresholds.shape[1]):
            of_class = codes == code
            steps[of_class] = np.searchsorted(
                -self.thresholds[:, code], -confidence[of_class], side="left"
            )
        return steps


MIN_HARMS = 10
"""With fewer harms than this there is nothing to learn from."""

MOST_CLASSES = 32
"""With more classes the risk of each is not fitted on folds."""

MOST_GROUPS, LEAST_GROUPS_OF_CLASS = 512, 16
"""Groups of rows on which a risk is fitted: of all classes together at most, unless that leaves
fewer than so many for each class."""

N_FOLDS = 5
"""Folds of the rows that choose, for the risk of rows that were not fitted on."""

PAPER_THRESHOLDS = (0.6, 0.7, 0.8, 0.9, 1.0)
"""The grid of Willump's own rule (section 4.2 of the paper and its code)."""


def rows_to_choose(target: float) -> int:
    """Rows that see enough of the harms that a target allows to tell classes apart by them."""
    return 0 if target >= 1 else int(np.ceil(MIN_HARMS / (1 - target)))


def pooled_path(confidence, n_classes) -> ThresholdPath:
    """One threshold for all classes: every distinct confidence, and the paper's grid.

    A confidence that is no number is no threshold: no row reaches it.
    """
    levels = np.union1d(confidence[~np.isnan(confidence)], PAPER_THRESHOLDS)[::-1]
    steps = np.concatenate([[np.inf], levels, [-np.inf]])
    return ThresholdPath(np.broadcast_to(steps[:, None], (len(steps), n_classes)), False)


def per_class_path(codes, confidence, harm, n_classes, *, is_probability) -> ThresholdPath | None:
    """A threshold for each predicted class, at equal estimated risk of a harm.

    The least harm for a number of early rows is reached where the marginal risk is the same in
    every class. The risk given confidence is estimated by a logistic regression with an intercept
    and a slope for each class, shrunk towards those of all classes together.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows,)
        Predicted classes of the approximate model, as positions.
    confidence : ndarray of float64 of shape (n_rows,)
    harm : ndarray of bool of shape (n_rows,)
        Rows on which the full model is right and the approximate one is not.
    n_classes : int
    is_probability : bool
        Whether confidences are between 0 and 1, otherwise they are margins.

    Returns
    -------
    ThresholdPath or None
        None where there is too little to learn from, or risk does not fall with confidence.
    """
    axis = _Axis.of(confidence, is_probability)
    risk = _Counts.of(codes, axis.places(confidence), harm, n_classes).fitted(MIN_HARMS)
    if risk is None:
        return None
    levels = np.unique(risk.of_rows(codes, axis.places(confidence)))
    inner = axis.confidences((levels[:, None] - risk.intercepts) / risk.slopes)
    ends = np.full((1, n_classes), np.inf)
    return ThresholdPath(np.concatenate([ends, inner, -ends]), True)


def unseen_risk(codes, confidence, harm, n_classes, *, is_probability, seed) -> np.ndarray | None:
    """Log-odds of a harm of each row, by a risk that was not fitted on it.

    Rows in this order tell what `per_class_path` is worth on rows that it is not learned from.
    Parameters are those of `per_class_path`, and the seed of the folds.

    Returns
    -------
    ndarray of float64 of shape (n_rows,), or None
        None where it is not known: where a fold has too little to learn from, and with more than
        `MOST_CLASSES`, of which a fit takes long.
    """
    if n_classes > MOST_CLASSES:
        return None
    axis = _Axis.of(confidence, is_probability)
    places = axis.places(confidence)
    counts = _Counts.of(codes, places, harm, n_classes)
    near = counts.fitted(1)
    unseen = np.empty(len(codes))
    order = np.random.default_rng(seed).permutation(len(codes))
    for fold in np.array_split(order, N_FOLDS):
        risk = counts.without(fold, harm).fitted(1, near)
        if risk is None:
            return None
        unseen[fold] = risk.of_rows(codes[fold], places[fold])
    return unseen


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """The axis on which the log-odds of a harm are straight in the confidence."""

    is_probability: bool
    scale: float

    @classmethod
    def of(cls, confidence, is_probability: bool) -> "_Axis":
        scale = 1.0 if is_probability else float(np.std(confidence)) or 1.0
        return cls(is_probability=is_probability, scale=scale)

    def places(self, confidence) -> np.ndarray:
        if not self.is_probability:
            return confidence / self.scale
        return logit(np.clip(confidence, 1e-12, 1 - 1e-12))

    def confidences(self, places) -> np.ndarray:
        return expit(places) if self.is_probability else places * self.scale


@dataclass(frozen=True, kw_only=True)
class _Risk:
    """Log-odds of a harm: a straight line for each predicted class, and the fitted weights."""

    intercepts: np.ndarray
    slopes: np.ndarray
    weights: np.ndarray

    def of_rows(self, codes, places) -> np.ndarray:
        return self.intercepts[codes] + self.slopes[codes] * places


@dataclass(frozen=True, kw_only=True)
class _Counts:
    """Rows and harms, of rows of one predicted class that are next to one another in confidence.

    A line through some hundreds of such groups is that through the rows, and takes as long for
    however many rows.
    """

    group: np.ndarray  # intp (n_rows,): of each row
    # `codes`, `places`: (n_groups,): predicted class and mean place.
    codes: np.ndarray
    places: np.ndarray
    n_rows: np.ndarray  # int (n_groups,)
    n_harms: np.ndarray  # int (n_groups,)
    n_classes: int

    @classmethod
    def of(cls, codes, places, harm, n_classes: int) -> "_Counts":
        size = -(-len(codes) // max(MOST_GROUPS, LEAST_GROUPS_OF_CLASS * n_classes))
        order = np.lexsort((places, codes))
        n_of_class = np.bincount(codes, minlength=n_classes)
        starts = np.cumsum(n_of_class) - n_of_class
        is_first = (np.arange(len(codes)) - starts[codes[order]]) % max(size, 1) == 0
        group = np.empty(len(codes), dtype=np.intp)
        group[order] = np.cumsum(is_first) - 1
        n_rows = np.bincount(group)
        return cls(
            group=group,
            codes=codes[order][is_first],
            places=np.bincount(group, places) / np.maximum(n_rows, 1),
            n_rows=n_rows,
            n_harms=np.bincount(group[harm], minlength=len(n_rows)),
            n_classes=n_classes,
        )

    def without(self, rows, harm) -> "_Counts":
        """The same without some of the rows."""
        group = self.group[rows]
        n_groups = len(self.n_rows)
        return replace(
            self,
            n_rows=self.n_rows - np.bincount(group, minlength=n_groups),
            n_harms=self.n_harms - np.bincount(group[harm[rows]], minlength=n_groups),
        )

    def fitted(self, min_harms: int, near: _Risk | None = None) -> _Risk | None:
        """Fit the risk; None where harms are too few, or it does not fall everywhere.

        The fit begins at the risk of rows that are nearly the same, where it is known.
        """
        n_harms = int(self.n_harms.sum())
        if n_harms < min_harms or n_harms == self.n_rows.sum():
            return None
        if len(np.unique(self.codes[self.n_rows > 0])) < 2 or not np.isfinite(self.places).all():
            return None
        n_classes = self.n_classes
        one_hot = np.equal.outer(self.codes, np.arange(n_classes)).astype(float)
        design = np.column_stack([self.places, one_hot, one_hot * self.places[:, None]])
        if n_classes <= MOST_CLASSES:
            start = None if near is None else near.weights
            weights = ridge_logistic(design, self.n_harms, self.n_rows, start)
        else:
            model = LogisticRegression(C=1.0, max_iter=1000)
            outcome = np.repeat([True, False], len(design))
            of_outcome = np.concatenate([self.n_harms, self.n_rows - self.n_harms])
            model.fit(np.vstack([design, design]), outcome, sample_weight=of_outcome)
            weights = np.concatenate([model.intercept_, model.coef_[0]])
        intercept, coef = weights[0], weights[1:]
        slopes = coef[0] + coef[1 + n_classes :]
        slopes = np.where(slopes < 0, slopes, coef[0])
        if not np.all(slopes < 0):
            return None
        intercepts = intercept + coef[1 : 1 + n_classes]
        return _Risk(intercepts=intercepts, slopes=slopes, weights=weights)


MOST_STEPS = 100
LEAST_GAIN = 1e-8
"""A step that promises to lower the loss by less is not taken."""


def ridge_logistic(design, n_true, n_rows, start=None) -> np.ndarray:
    """Minimise the sum of logistic losses, plus half the sum of squared coefficients.

    `fit` makes some dozens of such regressions, of five columns or so, by Newton's method.
    `LogisticRegression` finds the same minimum; most of its time for so few columns goes into
    checks, and it stops further from the minimum.

    Parameters
    ----------
    design : ndarray of float64 of shape (n_groups, n_columns)
        Of rows that are alike.
    n_true, n_rows : ndarray of int of shape (n_groups,)
        How many of the rows of each group have the outcome, and how many there are; of all groups
        together, some have it and some do not.
    start : ndarray of float64 of shape (1 + n_columns,), optional
        Where to begin, such as at the minimum for other rows.

    Returns
    -------
    ndarray of float64 of shape (1 + n_columns,)
        The intercept, which is not penalised, and the coefficients.
    """
    columns = np.asfortranarray(np.column_stack([np.ones(len(design)), design]))
    penalty = np.ones(columns.shape[1])
    penalty[0] = 0.0

    def loss(weights):
        odds = columns @ weights
        losses = n_rows @ np.logaddexp(0.0, odds) - n_true @ odds
        return losses + 0.5 * penalty @ weights**2, odds

    weights = np.zeros(columns.shape[1]) if start is None else start
    value, odds = loss(weights)
    for _ in range(MOST_STEPS):
        p = expit(odds)
        gradient = columns.T @ (n_rows * p - n_true) + penalty * weights
        curvature = columns.T @ (columns * (n_rows * p * (1.0 - p))[:, None])
        curvature[np.diag_indices_from(curvature)] += penalty
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        gain = 0.5 * gradient @ step
        # Far from the minimum a whole step may overshoot.
        while gain > LEAST_GAIN:
            lowered, odds = loss(weights - step)
            if lowered < value:
                break
            step, gain = step / 2, gain / 2
        if gain <= LEAST_GAIN:
            break
        weights, value = weights - step, lowered
    return weights
