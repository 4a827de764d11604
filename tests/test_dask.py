"""skwillump.dask: answers on a real cluster of two processes are those of one process."""

import pickle
import sys
from collections import Counter
from contextlib import contextmanager
from copy import copy
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import engine_cases
import joblib
import numpy as np
import pandas as pd
import pytest
from common import COSTS, stdlib_lines, two_blocks
from engine_cases import (
    RULES,
    dies_once,
    fitted_cascade,
    fitted_ranker,
    ranker,
    snippet,
    table,
    with_search,
)
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.tree import DecisionTreeRegressor

from skwillump import ApproxTopKRanker, CascadeClassifier, compile_pipeline
from skwillump.ranking._searching import QuerySearcher
from skwillump.stages._passes import FusedPass

distributed = pytest.importorskip("distributed")
pytest.importorskip("dask.dataframe")

import dask  # noqa: E402
import dask.dataframe as dd  # noqa: E402

import skwillump.dask  # noqa: E402

TEXT_COSTS = {"tfidfvectorizer-1": 1e-6, "tfidfvectorizer-2": 1e-4}

# Dask of early 2025 warns of a single process beside a cluster, which tests compare.
pytestmark = pytest.mark.filterwarnings("ignore:Running on a single-machine scheduler:UserWarning")


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2,
            processes=True,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=":0",  # two test processes may have a cluster each
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def fitted():
    return fitted_ranker(query_size=(1000, 6000))


def in_partitions(frame, *lengths):
    """A Dask frame with partitions of these lengths, and one of the rows that are left."""
    ends = [0, *np.cumsum(lengths), len(frame)]
    parts = [frame.iloc[start:stop] for start, stop in pairwise(ends)]
    return dd.from_delayed([dask.delayed(part) for part in parts], meta=frame.iloc[:0])


assert_ranks_as_one_process = partial(engine_cases.assert_ranks_as_one_process, skwillump.dask)


@contextmanager
def synchronous():
    """Dask in this process, so that a test can look at what happens; gives a monkeypatch."""
    with dask.config.set(scheduler="synchronous"), pytest.MonkeyPatch.context() as patch:
        yield patch


# Ranking --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("lengths", [(1500, 1500, 1500), (10, 0, 2700, 1)])
def test_the_best_rows_are_those_of_one_process(client, fitted, rule, lengths):
    chosen = with_search(fitted, rule)
    frame, _ = table(seed=5)
    assert_ranks_as_one_process(chosen, frame, in_partitions(frame, *lengths))


@pytest.mark.parametrize("rule", RULES)
def test_candidates_are_chosen_among_all_rows_and_not_in_each_partition(fitted, rule):
    chosen = with_search(fitted, rule)
    frame, _ = table(seed=5)
    # The best rows for the filter are in one partition, so that others have no candidates at all.
    frame = frame.sort_values("c", kind="stable")
    n_scored = Counter()
    with synchronous() as patch:
        full_scores = QuerySearcher.full_scores

        def counted(self, X):
            n_scored["rows"] += len(X)
            return full_scores(self, X)

        patch.setattr(QuerySearcher, "full_scores", counted)
        positions = skwillump.dask.rank(chosen, in_partitions(frame, 2000, 2000))
    assert_array_equal(positions, chosen.rank(frame))
    n_candidates = {"share": 300, "bar": 0.02 * len(frame), "ratio": 150, "gap": 300}
    assert chosen.k <= n_scored["rows"] <= 1.2 * n_candidates[rule]


@pytest.mark.parametrize("rule", RULES)
def test_equal_rows_are_taken_in_the_order_of_their_positions(rule):
    frame, _ = table(seed=5)
    frame = frame.round(0)
    fitted = ranker(DecisionTreeRegressor(max_depth=4), query_size=(1000, 6000), compile=False)
    chosen = with_search(fitted.fit(frame, table(seed=5)[1]), rule)
    with synchronous():
        for k in (7, 50):
            assert_ranks_as_one_process(chosen, frame, in_partitions(frame, 700, 1, 900, 0), k)


@pytest.mark.parametrize("rule", RULES)
def test_rows_that_the_filter_cannot_score_are_candidates(rule):
    frame, _ = table()
    chosen = with_search(fitted_ranker(query_size=(1000, 6000)), rule)
    start = FusedPass.start

    def with_gaps(self, X):
        inputs, held = start(self, X)
        scores = np.where(X["unused"] == 1, np.nan, inputs.answer("predict"))
        return SimpleNamespace(answer=lambda method: scores), held

    with synchronous() as patch:
        patch.setattr(FusedPass, "start", with_gaps)
        unknown = frame.assign(unused=(np.arange(len(frame)) % 97 == 0).astype(int))
        assert_ranks_as_one_process(chosen, unknown, in_partitions(unknown, 2500, 1000))


@pytest.mark.parametrize("rule", [*RULES, None])
def test_scores_that_rounding_could_swap_are_decided_by_the_original_estimator(rule):
    frame, y = table()
    # Rows that differ by less than rounding could.
    half = len(frame) // 2
    again = frame[:half].assign(c=frame["c"][:half] + 1e-12)
    frame = pd.concat([frame[:half], again], ignore_index=True)
    y = np.tile(y[:half], 2)
    model = LogisticRegression(C=1e-3)
    fitted = ranker(model, query_size=(1000, 6000)).fit(frame, (y > 0).astype(int))
    chosen = fitted.set_precision_target(1.0) if rule is None else with_search(fitted, rule)
    n_decided = Counter()
    original_scores = QuerySearcher.original_scores

    def counted(self, X):
        n_decided["rows"] += len(X)
        return original_scores(self, X)

    with synchronous() as patch:
        patch.setattr(QuerySearcher, "original_scores", counted)
        assert_ranks_as_one_process(chosen, frame, in_partitions(frame, 1000, 2000))
    assert n_decided["rows"] > 0
    # Half of them in one process, which decides the same rows.
    assert n_decided["rows"] % 2 == 0


def test_probabilities_that_rounding_cannot_change_are_in_no_doubt(fitted):
    frame, y = table()
    # Most of the best have a probability of one.
    model = LogisticRegression(C=1e6, max_iter=1000)
    fitted = ranker(model, query_size=(1000, 6000)).fit(frame, (y > 0).astype(int))
    assert np.sum(fitted.predict(frame) == 1) > fitted.k

    def refused(self, X):
        raise AssertionError("the original estimator was asked")

    with synchronous() as patch:
        patch.setattr(QuerySearcher, "original_scores", refused)
        assert_ranks_as_one_process(fitted, frame, in_partitions(frame, 1000, 2000))
    own = np.argsort(-fitted.estimator_.predict_proba(frame)[:, 1], kind="stable")[: fitted.k]
    assert_array_equal(fitted.set_precision_target(1.0).rank(frame), own)


class HigherRidge(Ridge):
    """Its scores are of another scale than those of the full model."""

    def predict(self, X):
        """Predict more."""
        return super().predict(X) + 1000.0


@pytest.mark.parametrize("filter_model", [Ridge(), HigherRidge()])
@pytest.mark.parametrize("n_refused", [1, 3000])
def test_rows_that_the_filter_refuses_are_ranked_as_in_one_process(n_refused, filter_model):
    model = HistGradientBoostingRegressor(max_iter=20, random_state=0)
    fitted = fitted_ranker(model, approx_estimator=filter_model, cv=2)
    frame, _ = table(seed=3)
    # A gap is for the full model alone: it does not tell a good row from a bad one.
    frame.loc[np.random.default_rng(0).permutation(len(frame))[:n_refused], "c"] = np.nan
    own = np.argsort(-fitted.estimator_.predict(frame), kind="stable")[: fitted.k]
    with synchronous():
        pieces = in_partitions(frame, 1000, 2000)
        assert_ranks_as_one_process(fitted, frame, pieces)
        found = skwillump.dask.rank(fitted, pieces)
    assert np.isin(own, found).mean() >= fitted.precision_target


def test_without_a_filter_each_partition_sends_its_best(client, fitted):
    frame, _ = table(seed=5)
    pieces = in_partitions(frame, 3000, 30, 0)
    exact = copy(fitted).set_precision_target(1.0)
    assert exact._plan.candidate is None
    assert_ranks_as_one_process(exact, frame, pieces)
    # More rows than there are are all of them.
    assert_ranks_as_one_process(fitted, frame, pieces, k=len(frame) + 1)


def test_series_of_texts_are_ranked(client):
    X, y = (part[::60] for part in stdlib_lines())
    blocks = make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 3)))
    fitted = ApproxTopKRanker(
        make_pipeline(blocks, LogisticRegression()),
        k=50,
        precision_target=0.7,
        feature_costs=TEXT_COSTS,
        random_state=0,
        query_size=len(X),
    ).fit(X, y)
    assert fitted._plan.candidate is not None
    texts = pd.Series(X)
    assert_ranks_as_one_process(fitted, texts, dd.from_pandas(texts, npartitions=3))


def test_few_or_no_rows(fitted):
    frame, _ = table(seed=5)
    with synchronous():
        assert_ranks_as_one_process(fitted, frame[:3], in_partitions(frame[:3], 1))
        assert skwillump.dask.rank(fitted, in_partitions(frame[:0])).shape == (0,)
        positions, scores = skwillump.dask.rank(
            fitted, in_partitions(frame, 100), 0, return_scores=True
        )
    assert positions.shape == scores.shape == (0,)


def test_a_query_that_the_ranker_was_not_tuned_for_is_warned_of(fitted):
    frame, _ = table(seed=5)
    with synchronous(), pytest.warns(UserWarning, match="larger than the k=50") as caught:
        positions = skwillump.dask.rank(fitted, in_partitions(frame, 2000), k=60)
    ours = [warning for warning in caught if "larger than" in str(warning.message)]
    assert {Path(warning.filename).name for warning in ours} == {Path(__file__).name}
    with pytest.warns(UserWarning, match="larger than the k=50"):
        assert_array_equal(positions, fitted.rank(frame, 60))
    with synchronous(), pytest.warns(UserWarning, match="query of 900 rows is not within"):
        assert_ranks_as_one_process(fitted, frame[:900], in_partitions(frame[:900], 500))


def test_the_ranker_is_sent_once_and_no_rows_come_back(client, fitted, monkeypatch):
    frame, _ = table(seed=5)
    chosen = with_search(fitted, "bar")
    expected = chosen.rank(frame)
    unused = pd.DataFrame({f"unused {i}": float(i) for i in range(100)}, index=frame.index)
    wide = pd.concat([frame, unused], axis=1)
    pieces = in_partitions(wide, 2000, 2000).persist()
    n_bytes, n_sent = Counter(), Counter()
    compute, scatter = dask.compute, type(client).scatter

    def counted_compute(*tasks, **kwargs):
        results = compute(*tasks, **kwargs)
        n_bytes["received"] += len(pickle.dumps(results))
        return results

    def counted_scatter(self, data, **kwargs):
        n_sent["times"] += 1
        return scatter(self, data, **kwargs)

    monkeypatch.setattr(dask, "compute", counted_compute)
    monkeypatch.setattr(type(client), "scatter", counted_scatter)
    assert_array_equal(skwillump.dask.rank(chosen, pieces), expected)
    assert n_sent["times"] == 1
    # Of each of three partitions 51 rows with three numbers each, and some counts.
    assert n_bytes["received"] < 3 * 51 * 24 + 4000


def test_what_is_no_dask_frame_is_refused(fitted):
    frame, _ = table()
    for function in (
        lambda data: skwillump.dask.rank(fitted, data),
        lambda data: skwillump.dask.take(data, [0]),
    ):
        with pytest.raises(TypeError, match=r"frame is a DataFrame\. Give a dask"):
            function(frame)
    with pytest.raises(ValueError, match="Got -1 instead"):
        skwillump.dask.rank(fitted, in_partitions(frame), -1)


def test_a_model_without_probabilities_is_refused_before_workers_are_asked():
    frame, y = table()
    model = Ridge().fit(frame, y)
    with pytest.raises(AttributeError, match="predict_proba"):
        skwillump.dask.predict_proba(model, in_partitions(frame))


def test_an_unfitted_ranker_is_refused():
    frame, _ = table()
    with pytest.raises(NotFittedError):
        skwillump.dask.rank(ranker(), in_partitions(frame))


def test_without_dask_the_error_names_the_extra(fitted, cascade, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    engine_cases.assert_names_the_extra(skwillump.dask, fitted, cascade)


# Prediction -----------------------------------------------------------------------------------


def test_labels_and_probabilities_are_those_of_one_process(client, cascade):
    frame, _ = table(seed=5)
    pieces = in_partitions(frame, 10, 0, 2700, 1)
    labels = skwillump.dask.predict(cascade, pieces)
    found = labels.compute()
    assert_array_equal(found, cascade.predict(frame))
    assert_array_equal(found.index, frame.index)
    assert found.dtype == labels.dtype
    probabilities = skwillump.dask.predict_proba(cascade, pieces).compute()
    assert_array_equal(probabilities, cascade.predict_proba(frame))
    assert list(probabilities.columns) == list(cascade.classes_)


def test_series_of_texts_are_predicted():
    X, y = (part[::200] for part in stdlib_lines())
    model = compile_pipeline(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(X, y))
    with synchronous():
        labels = skwillump.dask.predict(model, dd.from_pandas(pd.Series(X), npartitions=3))
        assert_array_equal(labels.compute(), model.predict(X))


def test_a_model_of_several_numbers_a_row_is_refused():
    frame, y = table(200)
    model = DecisionTreeRegressor().fit(frame, np.column_stack([y, y]))
    with synchronous(), pytest.raises(ValueError, match="predicts 2 values a row"):
        skwillump.dask.predict(model, in_partitions(frame)).compute()


@pytest.mark.parametrize("function", ["rank", "predict"])
def test_a_lost_worker_changes_nothing(fitted, cascade, tmp_path, function):
    frame, _ = table(seed=5)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        died = tmp_path / "died"
        pieces = in_partitions(frame, 1000, 3000).map_partitions(dies_once, died, meta=frame[:0])
        if function == "rank":
            assert_ranks_as_one_process(with_search(fitted, "bar"), frame, pieces)
        else:
            labels = skwillump.dask.predict(cascade, pieces)
            assert_array_equal(labels.compute(), cascade.predict(frame))
        assert died.exists()
        assert client.status == "running"


# Rows by position -----------------------------------------------------------------------------


def test_take_gives_the_rows_in_the_order_of_the_positions(client):
    frame, _ = table(100)
    pieces = in_partitions(frame, 10, 0, 50)
    for positions in ([99, 0, 10, 9, 10, 60], [5], []):
        pd.testing.assert_frame_equal(
            skwillump.dask.take(pieces, positions), frame.iloc[positions], check_column_type=False
        )
    pd.testing.assert_series_equal(
        skwillump.dask.take(pieces["c"], [70, 3]), frame["c"].iloc[[70, 3]]
    )


@pytest.mark.parametrize("position", [-1, 100])
def test_take_refuses_positions_outside(position):
    frame, _ = table(100)
    with synchronous(), pytest.raises(IndexError, match=f"holds {position}, but the frame has 100"):
        skwillump.dask.take(in_partitions(frame, 10), [3, position])


# Fit ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cv", [3, "prefit"])
def test_a_cascade_fitted_on_a_cluster_is_that_of_one_process(client, cv):
    X, y = (part[::60] for part in stdlib_lines())
    blocks = make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 3)))
    pipeline = make_pipeline(blocks, LogisticRegression())
    if cv == "prefit":
        pipeline = pipeline.fit(X[::2], y[::2])
        X, y = X[1::2], y[1::2]
    cascade = CascadeClassifier(
        pipeline, accuracy_target=0.9, cv=cv, feature_costs=TEXT_COSTS, random_state=0
    )
    alone = clone(cascade).set_params(estimator=pipeline).fit(X, y)
    with joblib.parallel_config(backend="dask"):
        together = clone(cascade).set_params(estimator=pipeline, n_jobs=2).fit(X, y)
        labels = together.predict(X)
    assert len(together.stages_) == 2
    assert together.guarantee_ == alone.guarantee_
    assert_array_equal(labels, alone.predict(X))
    assert_array_equal(together.predict_proba(X), alone.predict_proba(X))
    assert_array_equal(together.predict_stage(X), alone.predict_stage(X))


def test_parts_are_fitted_by_the_workers(client):
    def n_done(dask_scheduler):
        return sum(
            prefix.state_counts["memory"]
            for name, prefix in dask_scheduler.task_prefixes.items()
            if "record_fold" in name
        )

    frame, y = table(2000)
    before = client.run_on_scheduler(n_done)
    cascade = CascadeClassifier(
        two_blocks(columns=("c", "d")),
        accuracy_target=0.9,
        feature_costs=COSTS,
        cv=3,
        random_state=0,
        n_jobs=2,
    )
    with joblib.parallel_config(backend="dask"):
        cascade.fit(frame, (y > 0).astype(int))
    # What is fitted on the first fold, here, tells what is worth fitting on the two others.
    assert client.run_on_scheduler(n_done) - before == 2


def test_a_ranker_fitted_on_a_cluster_is_that_of_one_process(client):
    frame, y = table()
    alone = ranker(cv=3).fit(frame, y)
    with joblib.parallel_config(backend="dask"):
        together = ranker(cv=3, n_jobs=2).fit(frame, y)
    assert together.guarantee_ == alone.guarantee_
    assert_array_equal(together.rank(frame), alone.rank(frame))


def test_callbacks_see_a_fit_on_a_cluster(client):
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    frame, y = table(2000)
    model = ranker(cv=3, n_jobs=2).set_callbacks(callback.ProgressBar())
    with joblib.parallel_config(backend="dask"):
        model.fit(frame, y)
    assert_array_equal(model.rank(frame), ranker(cv=3).fit(frame, y).rank(frame))


# The guide ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cascade():
    return fitted_cascade()


def test_the_guides_snippets_answer_as_one_process(client, cascade, fitted):
    frame, _ = table(seed=5)
    names = {"cascade": cascade, "ranker": fitted, "frame": in_partitions(frame, 10, 20)}
    exec(snippet("dask-predict"), names)
    assert_array_equal(names["labels"].compute(), cascade.predict(frame))
    exec(snippet("dask-rank"), names)
    positions = fitted.rank(frame)
    assert_array_equal(names["positions"], positions)
    pd.testing.assert_frame_equal(names["best"], frame.iloc[positions], check_column_type=False)
