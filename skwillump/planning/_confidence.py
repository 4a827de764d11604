"""Predicted class and confidence from what a classifier returns."""

import numpy as np

from ._harm_score import HarmScore

MEASURES = ("probability", "margin")

LEARNED = "score"
"""The measure that is learned for each approximate model: see `HarmScore`."""


def predicted_codes(response):
    """Position in ``classes_`` of the class with the largest response.

    Most classifiers predict that class; one with a decision threshold of its own may not.

    Parameters
    ----------
    response : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Probabilities or decision values; a 1-D array holds a binary decision function.

    Returns
    -------
    ndarray of intp of shape (n_rows,)
    """
    if response.ndim == 1:
        return (response > 0).astype(np.intp)
    if response.shape[1] == 2:
        # Compared as columns, and not reduced row by row: that takes far longer.
        return (response[:, 1] > response[:, 0]).astype(np.intp)
    return response.argmax(axis=1)


def confidence(response, codes, measure, score: HarmScore | None = None):
    """How sure a classifier is of its predicted class.

    That class need not have the largest response: a classifier may have a decision threshold of
    its own. The predicted class's response falls towards that threshold on both of its sides.

    Parameters
    ----------
    response : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Probabilities or decision values; a 1-D array holds a binary decision function.
    codes : ndarray of intp of shape (n_rows,)
        Positions of the predicted classes.
    measure : {"probability", "margin", "score"}
        The value of the predicted class; its distance to the largest other, below zero where that
        is larger; or what `score` says.
    score : HarmScore, optional

    Returns
    -------
    ndarray of float64 of shape (n_rows,)
    """
    if measure == LEARNED:
        assert score is not None
        return score.of_rows(response, codes)
    if response.ndim == 1:
        return np.where(codes, response, -response).astype(np.float64)
    rows = np.arange(len(response))
    values = response[rows, codes].astype(np.float64)
    if measure == "margin":
        # Class by class: to reduce many short rows takes far longer.
        others = np.array(response.T, dtype=np.float64, order="C")
        others[codes, rows] = -np.inf
        values -= others.max(axis=0)
    return values


def decide_one(response, measure, code=None, score: HarmScore | None = None):
    """Predicted class and confidence of one row, as of `predicted_codes` and `confidence`.

    Parameters
    ----------
    response : ndarray of shape (n_classes,), or of no dimension
        The latter holds a binary decision function.
    measure : {"probability", "margin", "score"}
    code : int, optional
        Position of the predicted class; by default that of the largest response.
    score : HarmScore, optional
        For the measure ``"score"``.

    Returns
    -------
    code : int
    confidence : float
    """
    values = response.tolist()
    if isinstance(values, float):
        code = int(values > 0) if code is None else code
        return code, values if code else -values
    if code is None:
        value = max(values)
        code = values.index(value)
    else:
        value = values[code]
    if measure == "probability":
        return code, value
    if measure == LEARNED:
        assert score is not None
        return code, score.of_row(values, code)
    del values[code]
    return code, value - max(values)


def measures_for(is_probability, n_classes):
    """Measures of confidence worth trying.

    With two classes both order rows in the same way.
    """
    if not is_probability:
        return ("margin",)
    return MEASURES if n_classes > 2 else ("probability",)
