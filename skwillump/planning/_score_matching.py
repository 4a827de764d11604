"""Scores of a part of a model, on the scale of the whole model's."""

import numpy as np


def match_scores(part, whole, is_relative):
    """Fit ``slope * part + offset`` to the scores of the whole model by least squares.

    A boosted ensemble that stops early is less sure than the whole one, and nearer to where all
    scores started. What is fitted to is the whole model, not the labels: weights of classes or
    rows that the model was trained with stay in force.

    Parameters
    ----------
    part, whole : ndarray of float64 of shape (n_rows, n_outputs)
        Scores of rows that neither was trained on.
    is_relative : bool
        Whether only the differences of a row's scores count, as with a softmax.

    Returns
    -------
    slope : float
        Positive: the order of rows is kept. 1.0 where the scores tell nothing.
    offset : ndarray of float64 of shape (n_outputs,)
    """
    part, whole = np.asarray(part), np.asarray(whole)
    if is_relative:
        part = part - part.mean(axis=1, keepdims=True)
        whole = whole - whole.mean(axis=1, keepdims=True)
    centre, target = part.mean(axis=0), whole.mean(axis=0)
    spread = part - centre
    variance = float(np.sum(spread * spread))
    slope = float(np.sum(spread * (whole - target))) / variance if variance > 0 else 1.0
    if not slope > 0:
        slope = 1.0
    return slope, target - slope * centre
