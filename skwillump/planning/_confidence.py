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


def confidence(response, measure):
    """How sure a classifier is of its predicted class.

    Parameters
    ----------
    response : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Probabilities or decision values; a 1-D array holds a binary decision function.
    measure : {"probability", "margin"}
        The largest value of a row, or its distance to the second largest.

    Returns
    -------
    ndarray of float64 of shape (n_rows,)
    """
    if response.ndim == 1:
        return np.abs(response).astype(np.float64)
    if measure == "probability":
        largest = np.maximum(*response.T) if response.shape[1] == 2 else response.max(axis=1)
        return largest.astype(np.float64)
    top = np.partition(response, response.shape[1] - 2, axis=1)[:, -2:]
    return (top[:, 1] - top[:, 0]).astype(np.float64)


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
