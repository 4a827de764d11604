"""Predicted class and confidence from what a classifier returns."""

import numpy as np

MEASURES = ("probability", "margin")


def predicted_codes(response):
    """Position of the predicted class in ``classes_``.

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


def confidence(response, codes, measure):
    """How sure a classifier is of its predicted class.

    Parameters
    ----------
    response : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Probabilities or decision values; a 1-D array holds a binary decision function.
    codes : ndarray of intp of shape (n_rows,)
        Positions of the predicted classes, from `predicted_codes`.
    measure : {"probability", "margin"}
        The largest value of a row, or its distance to the second largest.

    Returns
    -------
    ndarray of float64 of shape (n_rows,)
    """
    if response.ndim == 1:
        return np.abs(response).astype(np.float64)
    rows = np.arange(len(response))
    largest = response[rows, codes].astype(np.float64)
    if measure == "margin":
        # Class by class: to reduce many short rows takes far longer.
        others = np.array(response.T, dtype=np.float64, order="C")
        others[codes, rows] = -np.inf
        largest -= others.max(axis=0)
    return largest


def decide_one(response, measure):
    """Predicted class and confidence of one row, as of `predicted_codes` and `confidence`.

    Parameters
    ----------
    response : ndarray of shape (n_classes,)
    measure : {"probability", "margin"}

    Returns
    -------
    code : int
    confidence : float
    """
    values = response.tolist()
    largest = max(values)
    code = values.index(largest)
    if measure == "probability":
        return code, largest
    del values[code]
    return code, largest - max(values)


def measures_for(is_probability, n_classes):
    """Measures of confidence worth trying.

    With two classes both order rows in the same way.
    """
    if not is_probability:
        return ("margin",)
    return MEASURES if n_classes > 2 else ("probability",)
