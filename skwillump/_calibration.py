"""How the rows given to a fitted estimator are divided, from their labels alone."""

from __future__ import annotations

from .stages._folds import FitData, Split, prefit_splits


def _prefit_splits(y, rng) -> list[Split]:
    """Splits of ``cv="prefit"``: folds of the rows that choose, and last all of them and the rest.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
    rng : RandomState

    Returns
    -------
    list of (ndarray of intp, ndarray of intp)
        Rows to fit on and held-out rows; the held-out rows of the last one certify.
    """
    return prefit_splits(FitData(X=y, y=y, params={}), rng)
