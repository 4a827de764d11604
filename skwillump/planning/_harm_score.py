"""A learned score of harm: how unlikely it is that only the full model is right on a row.

With several classes the largest probability is not all that an approximate model says of a row. Two
classes that only the full model tells apart are confused at high probabilities, while others are
right at low ones. The best rule for who is answered early follows the chance that the full model is
right and the approximate one is not (Jitkrittum et al. 2023, "When does confidence-based cascade
deferral suffice?"). Here its log-odds are a linear function of what is there already,

    score = offset[c] + rest_weight * log2(1 - p[c]) + sum_k weight[k] * log2(p[k]),

for the probabilities p and the predicted class c: ``2 * n_classes + 1`` numbers, fitted by a
logistic regression with a ridge on the rows that choose. Rows in the order of the score are a path
of thresholds like any other.

Logarithms are those of Mitchell (1962, "Computer multiplication and division using binary
logarithms"): exact at powers of two and straight in between. The bits of a number hold them, so
that they cost a small part of what exact ones do; and they are the same for one row as for many.
"""

import warnings
from dataclasses import dataclass
from math import frexp

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.utils import gen_batches

LEAST_PROBABILITY = 1e-6
"""Smaller ones are taken for this: their logarithms would weigh more than they tell."""

BATCH_ROWS = 4096
"""Rows at a time, so that their numbers stay in the cache."""

MIN_HARMS = 20
"""With fewer harms than this there is nothing to learn from."""

MOST_CLASSES = 32
"""With more classes nothing is learned: all probabilities of all rows are kept for it in `fit`."""

MOST_ROWS = 20_000
"""Rows that a score is fitted on, at most."""

N_FOLDS = 5
"""Folds of the rows that choose, for scores of rows that were not fitted on."""

RIDGE = 3.0
"""``C`` of the logistic regression."""


_BITS_OF_ONE = int(np.float64(1.0).view(np.int64))
_ULP_OF_ONE = 2.0**-52


@dataclass(frozen=True, kw_only=True)
class HarmScore:
    """Log-odds that a row is no harm, from the probabilities of an approximate model."""

    offsets: np.ndarray  # float64 (n_classes,): by predicted class
    rest_weight: float  # of the logarithm of the probability that is left for the other classes
    weights: np.ndarray  # float64 (n_classes,): of the logarithms of the probabilities

    def of_rows(self, response, codes) -> np.ndarray:
        """Score of each row.

        Parameters
        ----------
        response : ndarray of shape (n_rows, n_classes)
            Probabilities.
        codes : ndarray of intp of shape (n_rows,)
            Positions of the predicted classes.

        Returns
        -------
        ndarray of float64 of shape (n_rows,)
        """
        score = self.offsets[codes]
        for rows in gen_batches(len(codes), BATCH_ROWS):
            rest, logs = _logarithms(response[rows], codes[rows])
            rest *= self.rest_weight
            score[rows] += rest
            # Summed class by class, as for one row: the same number to the last bit.
            for weight, of_class in zip(self.weights.tolist(), logs, strict=True):
                of_class *= weight
                score[rows] += of_class
        return score

    def of_row(self, values: list[float], code: int) -> float:
        """Score of one row, to the last bit that of `of_rows`."""
        rest = 1.0 - values[code]
        if rest != rest:
            return rest  # as the probability, no number: no threshold is reached
        score = float(self.offsets[code]) + self.rest_weight * _log2_of_one(rest)
        for weight, value in zip(self.weights.tolist(), values, strict=True):
            score += weight * _log2_of_one(value)
        return score


def learns_harm_score(n_classes: int, *, is_probability: bool) -> bool:
    """Whether a score can be learned from a classifier's response.

    With two classes thresholds for each of them are as good.
    """
    return is_probability and 2 < n_classes <= MOST_CLASSES


def learn_harm_score(response, codes, harm, *, seed: int) -> tuple[HarmScore, np.ndarray] | None:
    """Fit a score on the rows that choose.

    Parameters
    ----------
    response : ndarray of shape (n_rows, n_classes)
        Probabilities of the approximate model.
    codes : ndarray of int of shape (n_rows,)
        Its predicted classes, as positions.
    harm : ndarray of bool of shape (n_rows,)
        Rows on which the full model is right and the approximate one is not.

    Returns
    -------
    score : HarmScore
    unseen : ndarray of float64 of shape (n_rows,)
        For each row, what a score says that was not fitted on it. What the score is worth is read
        from these.

        None where there is too little to learn from.
    """
    learning = np.random.default_rng(seed).permutation(len(harm))[:MOST_ROWS]
    score = _fitted(response, codes, harm, learning, min_harms=MIN_HARMS)
    if score is None:
        return None
    unseen = score.of_rows(response, codes)
    for fold in np.array_split(learning, N_FOLDS):
        others = np.setdiff1d(learning, fold)
        without = _fitted(response, codes, harm, others, min_harms=1)
        if without is None:
            return None
        unseen[fold] = without.of_rows(response[fold], codes[fold])
    return score, unseen


def seen_score(response, codes, harm) -> np.ndarray | None:
    """What a score says of the very rows that it was fitted on, which is better than it is.

    Parameters are those of `learn_harm_score`.
    """
    learning = np.random.default_rng(0).permutation(len(harm))[:MOST_ROWS]
    score = _fitted(response, codes, harm, learning, min_harms=1)
    return None if score is None else score.of_rows(response, codes)


def _fitted(response, codes, harm, rows, *, min_harms: int) -> HarmScore | None:
    """Fit a score on some rows; None where they are too few, or hold what is no number."""
    response, codes, harm = response[rows], codes[rows], harm[rows]
    n_harms = int(harm.sum())
    if min(n_harms, len(harm) - n_harms) < min_harms or not np.isfinite(response).all():
        return None
    n_classes = response.shape[1]
    rest, logs = _logarithms(response, codes)
    design = np.column_stack([np.equal.outer(codes, np.arange(n_classes)), rest, logs.T])
    model = LogisticRegression(C=RIDGE, solver="newton-cholesky")
    with warnings.catch_warnings():
        # A score that is not the best one is still a score: what it is worth is seen elsewhere.
        warnings.simplefilter("ignore")
        model.fit(design, ~harm)
    coef = model.coef_[0]
    return HarmScore(
        offsets=coef[:n_classes] + model.intercept_[0],
        rest_weight=float(coef[n_classes]),
        weights=coef[n_classes + 1 :].copy(),
    )


def _logarithms(response, codes) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of what is left beside the predicted class, and of each class, as rows."""
    # Class by class: to reduce many short rows takes far longer.
    values = np.array(response.T, dtype=np.float64, order="C")
    rest = 1.0 - values[codes, np.arange(len(codes))]
    unknown = np.isnan(rest)
    rest = _log2(rest)
    rest[unknown] = np.nan
    return rest, _log2(values)


def _log2(values: np.ndarray) -> np.ndarray:
    """Logarithms, straight between powers of two, of numbers that are overwritten."""
    np.fmax(values, LEAST_PROBABILITY, out=values)
    bits = values.view(np.int64)
    bits -= _BITS_OF_ONE
    logs = bits.astype(np.float64)
    logs *= _ULP_OF_ONE
    return logs


def _log2_of_one(value: float) -> float:
    """The same of one number, to the last bit."""
    mantissa, exponent = frexp(value if value > LEAST_PROBABILITY else LEAST_PROBABILITY)
    return exponent + (2.0 * mantissa - 2.0)
