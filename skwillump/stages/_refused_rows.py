"""Rows that a first stage refuses and the full model answers, told apart from the others."""

from typing import Any

import numpy as np

from .._containers import num_samples, take_rows
from ._recording import Record, Recorder, joined

FEW_ROWS = 16
"""So many rows are asked for one by one: to halve on would take two calls a row."""


def record_readable(recorder: Recorder, model: Any, features: Any, full: Record) -> Record:
    """Record what a stage answers; of rows that it refuses, that the full model answers them.

    Rows are halved until those that are refused stand alone. Only the stage's model is asked anew,
    at most about once a row: its features and the full model's answers are there already.

    Parameters
    ----------
    model : estimator
    features : array-like, sparse matrix, data frame or list of n_rows rows
        What the model takes, some of which it refuses.
    full : Record
        What the full model answers on these rows.
    """
    found: list[tuple[np.ndarray, Record]] = []
    pending = [np.arange(num_samples(features))]
    while pending:
        rows = pending.pop()
        try:
            found.append((rows, recorder.record_stage(model, take_rows(features, rows))))
        except Exception:
            if len(rows) > 1:
                n_parts = len(rows) if len(rows) <= FEW_ROWS else 2
                pending += np.array_split(rows, n_parts)
                continue
            unread = {key: values[rows] for key, values in full.items()}
            found.append((rows, recorder.record_unread(unread)))
    order = np.argsort(np.concatenate([rows for rows, _ in found]))
    return {key: values[order] for key, values in joined([record for _, record in found]).items()}
