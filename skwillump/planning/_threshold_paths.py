"""Sequences of thresholds, from the safest to the one that answers every row early.

A row is answered early if its confidence reaches the threshold of its predicted class:
``confidence >= thresholds[code]``. That is the only predicate, in fit as in predict. A path is a
matrix of such thresholds, one row a step, each step answering all rows of the step before; what
changes from step to step is counted with one sort, for every distinct confidence.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression


@dataclass(frozen=True)
class ThresholdPath:
    """Thresholds along a path.

    Attributes
    ----------
    thresholds : ndarray of float64 of shape (n_steps, n_classes)
        For each step, the least confidence that answers a row of each predicted class. Columns do
        not increase. The first step answers no row.
    per_class : bool
        Whether the columns differ.
    """

    thresholds: np.ndarray
    per_class: bool

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


PAPER_THRESHOLDS = (0.6, 0.7, 0.8, 0.9, 1.0)
"""The grid of Willump's own rule (section 4.2 of the paper and its code)."""


def pooled_path(confidence, n_classes) -> ThresholdPath:
    """One threshold for all classes: every distinct confidence, and the paper's grid."""
    levels = np.union1d(confidence, PAPER_THRESHOLDS)[::-1]
    steps = np.concatenate([[np.inf], levels, [-np.inf]])
    return ThresholdPath(np.broadcast_to(steps[:, None], (len(steps), n_classes)), False)


def per_class_path(
    codes, confidence, harm, n_classes, *, is_probability, min_harms=10
) -> ThresholdPath | None:
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
    min_harms : int
        With fewer harms than this there is nothing to learn from.

    Returns
    -------
    ThresholdPath or None
        None where there is too little to learn from, or risk does not fall with confidence.
    """
    if harm.sum() < min_harms or harm.all() or len(np.unique(codes)) < 2:
        return None
    scale = 1.0 if is_probability else np.std(confidence) or 1.0
    x = _to_axis(confidence, is_probability, scale)
    one_hot = np.equal.outer(codes, np.arange(n_classes)).astype(float)
    design = np.column_stack([x, one_hot, one_hot * x[:, None]])
    model = LogisticRegression(C=1.0, max_iter=1000).fit(design, harm)
    coef = model.coef_[0]
    intercepts = model.intercept_[0] + coef[1 : 1 + n_classes]
    slopes = coef[0] + coef[1 + n_classes :]
    slopes = np.where(slopes < 0, slopes, coef[0])
    if not np.all(slopes < 0):
        return None
    log_risk = intercepts[codes] + slopes[codes] * x
    levels = np.unique(log_risk)
    axis = (levels[:, None] - intercepts) / slopes
    inner = expit(axis) if is_probability else axis * scale
    ends = np.full((1, n_classes), np.inf)
    return ThresholdPath(np.concatenate([ends, inner, -ends]), True)


def _to_axis(confidence, is_probability, scale):
    if not is_probability:
        return confidence / scale
    return logit(np.clip(confidence, 1e-12, 1 - 1e-12))
