"""Predict and rank over a Spark data frame, each partition where it is: rows do not travel.

The model is broadcast: each executor gets it once, each Python worker loads it once, and its
kernels with it. Rows reach a worker as pandas frames of some thousand rows, with the columns that
the model needs and no others.
"""

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._partitioned import (
    Partitions,
    Pieces,
    by_partition,
    check_model,
    checked_number,
    checked_positions,
    label_dtype,
    labels_of,
    of_rows,
    ranked,
)
from ..ranking._answering import searcher_of
from ..ranking._searching import QuerySearcher
from ._jobs import (
    OnKept,
    OnRows,
    Sent,
    first_scores,
    n_rows_of,
    probability_lists,
    score_again,
    taken_rows,
)

__all__ = ["predict", "predict_proba", "rank", "take"]


def predict(model: Any, frame: Any, *, columns: Any = None, output: str = "prediction") -> Any:
    """Predict a label for each row of a Spark data frame; lazy.

    Labels are those of ``model.predict(frame.toPandas())``. Needs a classic session: what runs on
    Spark Connect has no broadcast variables.

    Parameters
    ----------
    model : estimator
        Fitted: a cascade, a compiled pipeline or any other estimator with `predict` that gives one
        label or number a row.

    frame : pyspark.sql.DataFrame

    columns : str or list of str, default=None
        The columns that the model is given: a list as a pandas frame, one name as a series, for
        models of texts. By default the model's `feature_names_in_`, or all where it has none.

    output : str, default="prediction"
        Name of the column of labels.

    Returns
    -------
    pyspark.sql.DataFrame
        `frame` with the column `output`.

    Raises
    ------
    ImportError
        If PySpark is not installed.
    TypeError
        If `frame` is no Spark data frame.
    ValueError
        If `frame` lacks a column.

    See Also
    --------
    predict_proba : Probabilities of the classes.
    """
    _import_spark("predict")
    check_model(model, "predict")
    return _with_column(frame, model, columns, output, labels_of, _sql_type(model))


def predict_proba(
    model: Any, frame: Any, *, columns: Any = None, output: str = "probability"
) -> Any:
    """Predict probabilities of the classes for each row of a Spark data frame; lazy.

    Parameters
    ----------
    model : estimator
        A fitted classifier with `predict_proba`, of one label a row.

    frame : pyspark.sql.DataFrame

    columns : str or list of str, default=None
        As for `predict`.

    output : str, default="probability"
        Name of the column of probabilities.

    Returns
    -------
    pyspark.sql.DataFrame
        `frame` with the column `output`, of arrays of doubles in the order of ``model.classes_``.

    Raises
    ------
    ImportError
        If PySpark is not installed.
    TypeError
        If `frame` is no Spark data frame.
    ValueError
        If `frame` lacks a column.

    See Also
    --------
    predict : Labels.
    """
    _import_spark("predict_proba")
    check_model(model, "predict_proba")
    return _with_column(frame, model, columns, output, probability_lists, "array<double>")


def rank(
    ranker: Any,
    frame: Any,
    k: float | None = None,
    *,
    columns: Any = None,
    return_scores: bool = False,
) -> Any:
    """Find the `k` best rows of a Spark data frame, best first.

    The answer is that of ``ranker.rank(frame.toPandas())``, up to rounding: one query, whatever
    its partitions. Runs at once, as some jobs.

    Parameters
    ----------
    ranker : ApproxTopKRanker
        Fitted. What it is tuned for should be the number of rows of the whole frame (its
        `query_size`).

    frame : pyspark.sql.DataFrame
        It is computed at least twice and must give the same rows in the same order each time. A
        frame that is read from files does; persist one that comes out of a shuffle (`repartition`,
        a join, an aggregation) or out of random numbers.

    k : int, default=None
        Number of rows to return; by default the ranker's `k`.

    columns : str or list of str, default=None
        The columns that the ranker is given: a list as a pandas frame, one name as a series, for
        rankers of texts. By default the ranker's `feature_names_in_`, or all where it has none.

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
        If PySpark is not installed.
    TypeError
        If `frame` is no Spark data frame.
    ValueError
        If `k` is negative, or `frame` lacks a column.
    pyspark.errors.PythonException
        If a worker fails, or sees that `frame` gives other rows when it is computed again.

    Warns
    -----
    UserWarning
        As `ApproxTopKRanker.rank` does.

    See Also
    --------
    take : The rows at some positions.
    skwillump.dask.rank : The same for Dask.

    Notes
    -----
    The search is that of `skwillump.dask.rank`. A worker does not keep rows between jobs, so
    positions of candidates travel too, 8 bytes each.
    """
    _import_spark("rank")
    k = checked_number(ranker, k, owner="skwillump.spark.rank")
    searcher = searcher_of(ranker)
    with _SparkPartitions(_Rows.of(frame, ranker, columns), searcher) as partitions:
        return ranked(searcher, partitions, k).answer(return_scores=return_scores)


def take(frame: Any, positions: Any) -> Any:
    """Get rows of a Spark data frame by position.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        As for `rank`: rows come in the same order each time that it is computed.

    positions : array-like of int of shape (n_chosen,)
        Positions in the frame, partitions counted one after the other.

    Returns
    -------
    pandas.DataFrame
        The rows in the order of `positions`, which are its index.

    Raises
    ------
    ImportError
        If PySpark is not installed.
    TypeError
        If `frame` is no Spark data frame.
    IndexError
        If a position is negative or not in the frame.
    """
    _import_spark("take")
    _check_frame(frame)
    rows = _Rows(frame, as_series=False)
    found = rows.ask(OnRows(n_rows_of))
    positions = checked_positions(positions, list(found.values()))
    if not len(positions):
        return frame.limit(0).toPandas()
    order, of_partitions = by_partition(positions, list(found.values()))
    numbers = list(found)
    wanted = {numbers[which]: (chosen,) for which, chosen in of_partitions}
    best = pd.concat(rows.ask(OnRows(taken_rows, of_partition=wanted)).values())
    best.index = positions[order]
    return best.iloc[np.argsort(order, kind="stable")]


class _SparkPartitions(Partitions):
    """The partitions of a Spark data frame. See `Partitions`.

    What is kept is a persisted frame of one pickled object a partition. Spark computes it again,
    from the rows, where a worker that has it is lost.
    """

    def __init__(self, rows: "_Rows", searcher: QuerySearcher):
        self._rows = rows
        self._sent = Sent.to_workers_of(rows.frame, searcher)
        self._kept: list[Any] = []
        self._numbers: list[int] = []

    def __enter__(self) -> "_SparkPartitions":
        return self

    def __exit__(self, *error: object) -> None:
        for kept in self._kept:
            kept.unpersist()
        self._sent.forget()

    def keep(self, function: Callable[[QuerySearcher, Pieces], Any]) -> Any:
        return self._persisted(OnRows(function, self._sent))

    def keep_scores(self, filter_scores: Any, counts: Sequence[int]) -> Any:
        by_number = {n: (count,) for n, count in zip(self._numbers, counts, strict=True)}
        candidates = _asked(filter_scores, OnKept(first_scores, of_partition=by_number))
        return self._persisted(OnRows(score_again, self._sent, of_partition=candidates))

    def ask(self, function: Callable[..., Any], kept: Any, *arguments: Any) -> list[Any]:
        found = _asked(kept, OnKept(function, arguments))
        self._numbers = list(found)
        return list(found.values())

    def of_rows(self, function: Callable, rows_of: Sequence[tuple[int, np.ndarray]]) -> Any:
        wanted = {self._numbers[which]: (here, function) for which, here in rows_of}
        return self._rows.ask(OnRows(of_rows, self._sent, of_partition=wanted)).values()

    def _persisted(self, job: "OnRows") -> Any:
        kept = self._rows.answers(job).persist()
        self._kept.append(kept)
        return kept


@dataclass(frozen=True)
class _Rows:
    """The columns of a Spark data frame that a model is given.

    Attributes
    ----------
    frame : pyspark.sql.DataFrame
    as_series : bool
        Whether pieces are series of its only column.
    """

    frame: Any
    as_series: bool

    @classmethod
    def of(cls, frame: Any, model: Any, columns: Any) -> "_Rows":
        names = _names(model, frame, columns)
        return cls(frame.select([_column(name) for name in names]), isinstance(columns, str))

    def answers(self, job: "OnRows") -> Any:
        """What a job answers of each partition, as a Spark data frame; lazy."""
        from pyspark.sql import functions

        frame = self.frame
        if job.of_partition is not None:
            # Rows of the others do not leave Spark.
            frame = frame.where(functions.spark_partition_id().isin(list(job.of_partition)))
        if self.as_series:
            job = job.on_series()
        return frame.mapInPandas(job, OnRows.SCHEMA)

    def ask(self, job: "OnRows") -> dict[int, Any]:
        """What a job answers, by the number of the partition, ascending."""
        return _collected(self.answers(job))


def _asked(kept: Any, job: "OnKept") -> dict[int, Any]:
    return _collected(kept.mapInPandas(job, OnRows.SCHEMA))


def _collected(answers: Any) -> dict[int, Any]:
    found = {row["partition"]: pickle.loads(row["answer"]) for row in answers.collect()}
    return dict(sorted(found.items()))


def _with_column(
    frame: Any, model: Any, columns: Any, output: str, function: Callable, sql_type: str
) -> Any:
    """The frame with a column of what a function of the model and each piece gives."""
    from pyspark.sql import functions

    names = [_column(name) for name in _names(model, frame, columns)]
    sent = Sent.to_workers_of(frame, model)

    @functions.pandas_udf(sql_type)
    def answers(pieces: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
        for X in pieces:
            yield pd.Series(function(sent.model, X))

    given = names[0] if isinstance(columns, str) else functions.struct(*names)
    return frame.withColumn(output, answers(given))


def _names(model: Any, frame: Any, columns: Any) -> list[str]:
    """Names of the columns that a model is given."""
    _check_frame(frame)
    if columns is None:
        columns = getattr(model, "feature_names_in_", frame.columns)
    names = [columns] if isinstance(columns, str) else list(columns)
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(f"frame has the columns {frame.columns} and lacks {missing}.")
    return names


def _column(name: str) -> Any:
    from pyspark.sql import functions

    return functions.col("`" + name.replace("`", "``") + "`")


def _sql_type(model: Any) -> str:
    """Spark's type of what a model predicts."""
    kind = label_dtype(model).kind
    if kind == "O" and not all(isinstance(label, str) for label in model.classes_):
        raise TypeError(
            f"The classes {list(model.classes_)} are objects of other types than str, for which "
            "Spark has no column. Fit the model on strings, numbers or bools."
        )
    return {"b": "boolean", "i": "bigint", "u": "bigint", "f": "double"}.get(kind, "string")


def _import_spark(caller: str) -> None:
    try:
        import pyspark.sql
    except ImportError as error:
        raise ImportError(
            f"skwillump.spark.{caller} needs PySpark: install it with "
            "pip install 'skwillump[spark]'."
        ) from error


def _check_frame(frame: Any) -> None:
    from pyspark.sql import DataFrame

    if not isinstance(frame, DataFrame):
        raise TypeError(
            f"frame is a {type(frame).__name__}. Give a pyspark.sql.DataFrame; what is in memory "
            "is given to the model's own methods."
        )
