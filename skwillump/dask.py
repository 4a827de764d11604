"""Predict and rank over a Dask data frame, each partition where it is: rows do not travel."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._containers import take_rows
from ._partitioned import (
    Partitions,
    Scored,
    by_partition,
    check_model,
    checked_number,
    checked_positions,
    first_rows,
    labels_of,
    of_rows,
    probabilities_of,
    ranked,
    score_rows,
)
from .ranking._answering import searcher_of
from .ranking._searching import QuerySearcher

__all__ = ["predict", "predict_proba", "rank", "take"]


def predict(model: Any, frame: Any) -> Any:
    """Predict a label for each row of a Dask data frame; lazy.

    The model is sent once to each worker, and predicts partition by partition. Labels are those of
    ``model.predict(frame.compute())``.

    Parameters
    ----------
    model : estimator
        Fitted: a cascade, a compiled pipeline or any other estimator with `predict` that gives one
        label or number a row.

    frame : dask.dataframe.DataFrame or dask.dataframe.Series
        Each partition is given to the model as the pandas object that it is: columns are in the
        order of `fit`, or it is a series of texts.

    Returns
    -------
    dask.dataframe.Series
        Of the labels, with the index of `frame`.

    Raises
    ------
    ImportError
        If Dask is not installed.
    TypeError
        If `frame` is no Dask data frame or series.

    See Also
    --------
    predict_proba : Probabilities of the classes.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skwillump import compile_pipeline
    >>> from skwillump.dask import predict
    >>> table = pd.DataFrame({"a": range(100)})
    >>> model = compile_pipeline(LogisticRegression().fit(table, table["a"] > 50))
    >>> int(predict(model, dd.from_pandas(table, npartitions=4)).sum().compute())
    49
    """
    dask = _import_dask("predict")
    check_model(model, "predict")
    return _mapped(dask, model, frame, _predicted)


def predict_proba(model: Any, frame: Any) -> Any:
    """Predict probabilities of the classes for each row of a Dask data frame; lazy.

    Parameters
    ----------
    model : estimator
        A fitted classifier with `predict_proba`, of one label a row.

    frame : dask.dataframe.DataFrame or dask.dataframe.Series
        As for `predict`.

    Returns
    -------
    dask.dataframe.DataFrame
        A column for each class, by its name, with the index of `frame`.

    Raises
    ------
    ImportError
        If Dask is not installed.
    TypeError
        If `frame` is no Dask data frame or series.

    See Also
    --------
    predict : Labels.
    """
    dask = _import_dask("predict_proba")
    check_model(model, "predict_proba")
    return _mapped(dask, model, frame, _probabilities)


def rank(ranker: Any, frame: Any, k: float | None = None, *, return_scores: bool = False) -> Any:
    """Find the `k` best rows of a Dask data frame, best first.

    The answer is that of ``ranker.rank(frame.compute())``, up to rounding; memory and traffic
    are not. Computes at once, by the scheduler that Dask is set to use.

    Parameters
    ----------
    ranker : ApproxTopKRanker
        Fitted. What it is tuned for should be the number of rows of the whole frame (its
        `query_size`).

    frame : dask.dataframe.DataFrame or dask.dataframe.Series
        One query. Each partition is given to the ranker as the pandas object that it is. It is
        computed at least twice: persist the frame where reading it is slow and it fits into
        the workers' memory.

    k : int, default=None
        Number of rows to return; by default the ranker's `k`.

    return_scores : bool, default=False
        Whether to return the full model's scores too.

    Returns
    -------
    positions : ndarray of intp of shape (min(k, n_rows),)
        Positions in the frame, partitions counted one after the other; `take` gets the rows.

    scores : ndarray of float64 of shape (min(k, n_rows),)
        Their scores. Only if `return_scores`.

    Raises
    ------
    ImportError
        If Dask is not installed.
    TypeError
        If `frame` is no Dask data frame or series.
    ValueError
        If `k` is negative.

    Warns
    -----
    UserWarning
        As `ApproxTopKRanker.rank` does.

    See Also
    --------
    take : The rows at some positions.

    Notes
    -----
    A search with a fixed share asks for the filter scores of as many rows of each partition as all
    partitions have candidates, unless enough rows reach the bar that `fit` chose. A search by gap
    asks for all filter scores, 8 bytes a row, and computes full scores of at most about twice the
    rows that it needs: it is run where all scores meet, on scores that the workers computed ahead.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler, StandardScaler
    >>> from skwillump import ApproxTopKRanker
    >>> from skwillump.dask import rank, take
    >>> table = pd.DataFrame({"a": range(1000), "b": [0.0, 1.0] * 500})
    >>> features = make_column_transformer((StandardScaler(), ["a"]), (MinMaxScaler(), ["b"]))
    >>> ranker = ApproxTopKRanker(make_pipeline(features, Ridge()), k=10, query_size=1000)
    >>> ranker = ranker.fit(table, table["a"])
    >>> frame = dd.from_pandas(table, npartitions=4)
    >>> best = rank(ranker, frame, k=3)
    >>> take(frame, best)["a"].tolist()
    [999, 998, 997]
    """
    dask = _import_dask("rank")
    k = checked_number(ranker, k, owner="skwillump.dask.rank")
    searcher = searcher_of(ranker)
    partitions = _DaskPartitions(dask, _sent(dask, searcher), _delayed_partitions(frame))
    return ranked(searcher, partitions, k).answer(return_scores=return_scores)


def take(frame: Any, positions: Any) -> Any:
    """Get rows of a Dask data frame by position.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame or dask.dataframe.Series

    positions : array-like of int of shape (n_chosen,)
        Positions in the frame, partitions counted one after the other.

    Returns
    -------
    pandas.DataFrame or pandas.Series
        The rows in the order of `positions`.

    Raises
    ------
    ImportError
        If Dask is not installed.
    TypeError
        If `frame` is no Dask data frame or series.
    IndexError
        If a position is negative or not in the frame.
    """
    dask = _import_dask("take")
    import pandas as pd

    partitions = _delayed_partitions(frame)
    if not len(positions):
        return frame._meta
    lengths = dask.compute(*(dask.delayed(len)(one) for one in partitions))
    order, of_partitions = by_partition(checked_positions(positions, lengths), lengths)
    call = dask.delayed(take_rows)
    found = dask.compute(*(call(partitions[which], rows) for which, rows in of_partitions))
    return pd.concat(found).iloc[np.argsort(order, kind="stable")]


class _DaskPartitions(Partitions):
    """The partitions of a Dask data frame. See `Partitions`."""

    def __init__(self, dask: Any, searcher: Any, partitions: list[Any]) -> None:
        self._dask = dask
        self._searcher = searcher
        self._partitions = partitions

    def keep(self, function: Callable) -> list[Any]:
        call = self._dask.delayed(_on_whole, pure=False)
        tasks = [call(self._searcher, X, function) for X in self._partitions]
        return list(self._dask.persist(*tasks))

    def keep_scores(self, filter_scores: list[Any], counts: Sequence[int]) -> list[Any]:
        call = self._dask.delayed(_score_first, pure=False)
        found = zip(self._partitions, filter_scores, counts, strict=True)
        return list(self._dask.persist(*(call(self._searcher, *one) for one in found)))

    def ask(self, function: Callable, kept: list[Any], *arguments: Any) -> list[Any]:
        call = self._dask.delayed(function, pure=False)
        return list(self._dask.compute(*(call(one, *arguments) for one in kept)))

    def of_rows(self, function: Callable, rows_of: Sequence[tuple[int, np.ndarray]]) -> Any:
        call = self._dask.delayed(_at_rows, pure=False)
        tasks = [
            call(self._searcher, self._partitions[which], here, function) for which, here in rows_of
        ]
        return self._dask.compute(*tasks)


# What runs where a partition is: it is one piece.


def _on_whole(searcher: QuerySearcher, X: Any, function: Callable) -> Any:
    return function(searcher, [X])


def _score_first(searcher: QuerySearcher, X: Any, filter_score: Any, n: int) -> Scored:
    return score_rows(searcher, [X], first_rows(filter_score, n))


def _at_rows(searcher: QuerySearcher, X: Any, rows: Any, function: Callable) -> np.ndarray:
    return of_rows(searcher, [X], rows, function)


def _predicted(X: Any, model: Any) -> Any:
    import pandas as pd

    return pd.Series(labels_of(model, X), index=X.index)


def _probabilities(X: Any, model: Any) -> Any:
    import pandas as pd

    return pd.DataFrame(probabilities_of(model, X), index=X.index, columns=model.classes_)


# Dask ----------------------------------------------------------------------------------------


def _import_dask(caller: str) -> Any:
    try:
        import dask
        import dask.dataframe
    except ImportError as error:
        raise ImportError(
            f"skwillump.dask.{caller} needs Dask's data frames: install them with "
            "pip install 'skwillump[dask]'."
        ) from error
    return dask


def _check_frame(frame: Any) -> None:
    import dask.dataframe as dd

    if not isinstance(frame, dd.DataFrame | dd.Series):
        raise TypeError(
            f"frame is a {type(frame).__name__}. Give a dask.dataframe.DataFrame or Series; what "
            "is in memory is given to the model's own methods."
        )


def _delayed_partitions(frame: Any) -> list[Any]:
    _check_frame(frame)
    return list(frame.to_delayed())


def _sent(dask: Any, model: Any) -> Any:
    """A model where tasks find it: on each worker of a cluster, otherwise in this process."""
    # The scheduler in use is a method of the cluster's client, if there is one.
    client = getattr(dask.base.get_scheduler(), "__self__", None)
    if client is not None and hasattr(client, "scatter"):
        return client.scatter(model, broadcast=True, hash=False)
    return dask.delayed(model, pure=False, traverse=False)


def _mapped(dask: Any, model: Any, frame: Any, function: Callable) -> Any:
    """What a function of each partition and the model gives, as a Dask collection."""
    _check_frame(frame)
    meta = function(frame._meta, model)
    return frame.map_partitions(function, _sent(dask, model), meta=meta)
