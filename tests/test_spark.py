"""skwillump.spark: answers of a real session with two Python workers are those of one process."""

import gc
import os
import shutil
import sys
from collections import Counter
from copy import copy
from functools import partial
from pathlib import Path

import engine_cases
import numpy as np
import pandas as pd
import pytest
from engine_cases import (
    RULES,
    Watched,
    dies_once,
    fitted_cascade,
    fitted_ranker,
    ranker,
    snippet,
    table,
    with_search,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import skwillump.spark

# PySpark calls pandas in the manner of before pandas 3.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword:DeprecationWarning")

SCHEMA = "d double, c double, unused long, id long"


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    pytest.importorskip("pyspark", reason="PySpark is not installed: skwillump[spark]")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java, and there is none")
    from pyspark.sql import SparkSession

    tests = str(Path(__file__).parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [tests, *sys.path])))
        session = (
            # Two threads, and tasks that are tried again.
            SparkSession.builder.master("local[2,4]")
            .config("spark.ui.enabled", "false")
            .config("spark.log.level", "OFF")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
            .getOrCreate()
        )
        yield session
        session.stop()


@pytest.fixture(scope="module")
def fitted():
    return fitted_ranker(query_size=(1000, 6000))


@pytest.fixture(scope="module")
def cascade():
    return fitted_cascade()


def new_rows():
    frame, _ = table(seed=5)
    return frame.assign(id=np.arange(len(frame)) + 1000)


def in_partitions(spark, frame, *lengths, schema=SCHEMA, dies_at=None):
    """A Spark frame with partitions of these lengths, and one of the rows that are left.

    The Python worker that makes the rows is killed once if the path `dies_at` is given.
    """
    ends = [0, *np.cumsum(lengths), len(frame)]

    def rows_of(ids):
        for numbers in ids:
            for number in numbers["id"]:
                rows = frame.iloc[ends[number] : ends[number + 1]]
                yield rows if dies_at is None else dies_once(rows, dies_at)

    n_partitions = len(ends) - 1
    return spark.range(0, n_partitions, 1, n_partitions).mapInPandas(rows_of, schema)


assert_ranks_as_one_process = partial(engine_cases.assert_ranks_as_one_process, skwillump.spark)


# Ranking --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
def test_the_best_rows_are_those_of_one_process(spark, fitted, rule):
    chosen, frame = with_search(fitted, rule), new_rows()
    uneven_and_one_empty = in_partitions(spark, frame, 10, 0, 2700, 1)
    assert_ranks_as_one_process(chosen, frame, uneven_and_one_empty)


def test_candidates_are_chosen_among_all_rows_and_not_in_each_partition(spark, fitted):
    chosen = with_search(fitted, "share")
    # The best rows for the filter are in one partition, so that others have no candidates at all.
    frame = new_rows().sort_values("c", kind="stable")
    assert_ranks_as_one_process(chosen, frame, in_partitions(spark, frame, 2000, 2000))


def test_batches_of_a_partition_are_one_partition(spark, fitted):
    frame = new_rows()
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "700")
    try:
        for rule in ("bar", "gap"):
            chosen = with_search(fitted, rule)
            assert_ranks_as_one_process(chosen, frame, in_partitions(spark, frame, 2500))
    finally:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")


def test_scores_that_rounding_could_swap_are_decided_by_the_original_estimator(spark):
    frame, y = table()
    half = len(frame) // 2
    again = frame[:half].assign(c=frame["c"][:half] + 1e-12)
    frame = pd.concat([frame[:half], again], ignore_index=True).assign(id=0)
    y = np.tile(y[:half], 2)
    model = LogisticRegression(C=1e-3)
    fitted = ranker(model, query_size=(1000, 6000)).fit(frame, (y > 0).astype(int))
    chosen = with_search(fitted, "bar")
    assert_ranks_as_one_process(chosen, frame, in_partitions(spark, frame, 1000, 2000))


def test_without_a_filter_each_partition_sends_its_best(spark, fitted):
    frame = new_rows()
    exact = copy(fitted).set_precision_target(1.0)
    assert exact._plan.candidate is None
    pieces = in_partitions(spark, frame, 3000, 0)
    assert_ranks_as_one_process(exact, frame, pieces)
    assert_ranks_as_one_process(fitted, frame, pieces, k=len(frame) + 1)
    assert skwillump.spark.rank(fitted, pieces, 0).shape == (0,)
    assert skwillump.spark.rank(fitted, pieces.limit(0)).shape == (0,)


@pytest.mark.parametrize("rule", ["bar", "gap"])
def test_a_lost_worker_changes_nothing(spark, fitted, rule, tmp_path):
    chosen, frame = with_search(fitted, rule), new_rows()
    pieces = in_partitions(spark, frame, 1000, 3000, dies_at=tmp_path / "died")
    assert_ranks_as_one_process(chosen, frame, pieces)
    assert (tmp_path / "died").exists()


def test_a_frame_that_gives_other_rows_when_it_is_computed_again_is_refused(spark, fitted):
    from pyspark.errors import PythonException

    frame = new_rows()

    def shuffled(parts):
        for part in parts:
            yield part.sample(frac=1)

    pieces = in_partitions(spark, frame, 3000).mapInPandas(shuffled, SCHEMA)
    with pytest.raises(PythonException, match="Persist it before it is ranked"):
        skwillump.spark.rank(with_search(fitted, "share"), pieces)
    assert len(skwillump.spark.rank(with_search(fitted, "share"), pieces.persist())) == fitted.k


def test_what_is_kept_for_a_ranking_is_given_back(spark, fitted):
    frame = new_rows()
    held = spark.sparkContext._jsc.getPersistentRDDs
    before = len(held())
    skwillump.spark.rank(fitted, in_partitions(spark, frame, 3000))
    assert len(held()) == before


@pytest.mark.parametrize(
    ("chosen", "most"),
    [
        (lambda fitted: with_search(fitted, "share"), 5),
        (lambda fitted: copy(fitted).set_precision_target(1.0), 2),
    ],
    ids=["with a filter", "without"],
)
def test_a_ranking_takes_few_jobs(spark, fitted, chosen, most):
    """Each costs some tenths of a second, however little it asks."""
    group = f"at most {most} jobs"
    pieces = in_partitions(spark, new_rows(), 1500)
    spark.sparkContext.setJobGroup(group, "")
    skwillump.spark.rank(chosen(fitted), pieces)
    spark.sparkContext.setJobGroup("others", "")
    jobs = spark.sparkContext.statusTracker().getJobIdsForGroup(group)
    assert 0 < len(jobs) <= most


def test_a_query_that_the_ranker_was_not_tuned_for_is_warned_of(spark, fitted):
    pieces = in_partitions(spark, new_rows(), 2000)
    with pytest.warns(UserWarning, match="larger than the k=50") as caught:
        skwillump.spark.rank(fitted, pieces, 60)
    own = [warning for warning in caught if "larger than" in str(warning.message)]
    assert {Path(warning.filename).name for warning in own} == {Path(__file__).name}


# Prediction -----------------------------------------------------------------------------------


def test_labels_and_probabilities_are_those_of_one_process(spark, cascade):
    frame = new_rows()
    pieces = in_partitions(spark, frame, 10, 0, 2700, 1)
    answered = skwillump.spark.predict_proba(cascade, skwillump.spark.predict(cascade, pieces))
    assert answered.columns == [*pieces.columns, "prediction", "probability"]
    found = answered.toPandas()
    assert_array_equal(found["id"], frame["id"])
    assert_array_equal(found["prediction"], cascade.predict(frame))
    assert_allclose(np.stack(found["probability"]), cascade.predict_proba(frame), rtol=1e-12)


def test_texts_are_one_column(spark):
    X, y = ["a quick answer", "a slow one", "quick", "slow and dear"] * 50, [1, 0, 1, 0] * 50
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(X, y)
    texts = pd.DataFrame({"text": X, "id": range(len(X))})
    pieces = in_partitions(spark, texts, 50, schema="text string, id long")
    found = skwillump.spark.predict(model, pieces, columns="text", output="label").toPandas()
    assert_array_equal(found["label"], model.predict(X))


@pytest.mark.parametrize("kind", [bool, int, float, str])
def test_labels_have_the_type_of_the_classes(spark, kind):
    frame, y = table(600)
    labels = (y > 0).astype(int).astype(kind)
    model = LogisticRegression().fit(frame[["c", "d"]], labels)
    found = skwillump.spark.predict(model, in_partitions(spark, frame.assign(id=0)))
    expected = {bool: "boolean", int: "bigint", float: "double", str: "string"}[kind]
    assert dict(found.dtypes)["prediction"] == expected
    assert found.toPandas()["prediction"].tolist() == model.predict(frame[["c", "d"]]).tolist()


def test_functions_of_a_notebook_travel_with_the_model(spark):
    frame, y = table(600)
    model = make_pipeline(FunctionTransformer(lambda X: X[["c"]] ** 2), LogisticRegression())
    model.fit(frame, y > 0)
    pieces = in_partitions(spark, frame.assign(id=0), 300)
    found = skwillump.spark.predict(model, pieces).toPandas()
    assert_array_equal(found["prediction"], model.predict(frame))


def test_a_worker_loads_the_model_once(spark, tmp_path):
    frame = new_rows()
    model = Watched(str(tmp_path)).fit(frame[["c"]], [0, 1])
    pieces = in_partitions(spark, frame, *[1000] * 5)
    found = skwillump.spark.predict(model, pieces, columns=["c"]).toPandas()
    assert_array_equal(found["prediction"], model.predict(frame[["c"]]))
    loads = Counter(path.name.partition("-")[0] for path in tmp_path.iterdir())
    # How many processes there are is up to Spark; none loads the model twice.
    assert set(loads.values()) == {1}


def test_the_collector_of_a_worker_leaves_out_most_objects_after_a_task(spark):
    class Visited(BaseEstimator):
        def fit(self, X, y):
            self.fitted_ = True
            return self

        def predict(self, X):
            n_visited = len(gc.get_objects())
            return np.full(len(X), n_visited / (n_visited + gc.get_freeze_count()))

    frame = new_rows()
    model = Visited().fit(frame[["c"]], None)
    found = skwillump.spark.predict(model, in_partitions(spark, frame, 1500), columns=["c"])
    assert found.toPandas()["prediction"].max() < 0.5
    assert gc.get_freeze_count() == 0  # of this process, which is the user's


def test_a_worker_that_is_lost_with_the_model_is_replaced(spark, tmp_path):
    frame = new_rows()
    model = Watched(str(tmp_path), dies=True).fit(frame[["c"]], [0, 1])
    found = skwillump.spark.predict(model, in_partitions(spark, frame, 3000), columns=["c"])
    found = found.toPandas()
    assert (tmp_path / "died").exists()
    assert_array_equal(found["prediction"], model.predict(frame[["c"]]))


def test_a_model_of_several_numbers_a_row_is_refused(spark):
    from pyspark.errors import PythonException

    frame, y = table(200)
    model = RandomForestRegressor(2).fit(frame, np.column_stack([y, y]))
    labels = skwillump.spark.predict(model, in_partitions(spark, frame.assign(id=0)))
    with pytest.raises(PythonException, match="predicts 2 values a row"):
        labels.collect()


# Rows by position -----------------------------------------------------------------------------


def test_take_gives_the_rows_in_the_order_of_the_positions(spark):
    frame = new_rows()[:100]
    pieces = in_partitions(spark, frame, 10, 0, 50)
    for positions in ([99, 0, 10, 9, 10, 60], [5], []):
        found = skwillump.spark.take(pieces, positions)
        assert found["id"].tolist() == [1000 + position for position in positions]
        assert found.columns.tolist() == pieces.columns
    for outside in (-1, 100):
        with pytest.raises(IndexError, match=f"holds {outside}, but the frame has 100"):
            skwillump.spark.take(pieces, [3, outside])


# Refused --------------------------------------------------------------------------------------


def test_what_is_no_spark_frame_is_refused(spark, fitted, cascade):
    frame, _ = table()
    for call in (
        lambda: skwillump.spark.rank(fitted, frame),
        lambda: skwillump.spark.predict(cascade, frame),
        lambda: skwillump.spark.take(frame, [0]),
    ):
        with pytest.raises(TypeError, match=r"frame is a DataFrame\. Give a pyspark"):
            call()
    pieces = in_partitions(spark, new_rows(), 10)
    with pytest.raises(ValueError, match=r"lacks \['d'\]"):
        skwillump.spark.rank(fitted, pieces.drop("d"))
    with pytest.raises(ValueError, match="Got -1 instead"):
        skwillump.spark.rank(fitted, pieces, -1)
    with pytest.raises(ValueError, match="a share of the rows"):
        skwillump.spark.rank(fitted, pieces, 0.5)
    with pytest.raises(NotFittedError):
        skwillump.spark.rank(ranker(), pieces)
    labels = np.array([1, "a"], dtype=object)
    model = Watched("nowhere").fit(frame, ["a", "b"])
    model.classes_ = labels
    with pytest.raises(TypeError, match="objects of other types than str"):
        skwillump.spark.predict(model, pieces)


def test_without_pyspark_the_error_names_the_extra(fitted, cascade, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    engine_cases.assert_names_the_extra(skwillump.spark, fitted, cascade)


# The guide ------------------------------------------------------------------------------------


def test_the_guides_snippets_answer_as_one_process(spark, cascade, fitted):
    frame = new_rows()
    pieces = in_partitions(spark, frame, 1000, 0, 2500)
    names = {"cascade": cascade, "ranker": fitted, "frame": pieces}
    exec(snippet("spark-predict"), names)
    assert_array_equal(names["labels"].toPandas()["prediction"], cascade.predict(frame))
    exec(snippet("spark-rank"), names)
    positions = fitted.rank(frame)
    assert_array_equal(names["positions"], positions)
    assert names["best"]["id"].tolist() == frame["id"].iloc[positions].tolist()
