"""`fit` tells what it is doing: to scikit-learn's callbacks where there are some, and in print."""

import os
import re
from functools import partial

import numpy as np
import pytest
from common import COSTS, cascade_on_blocks, two_blocks, two_signals
from joblib import delayed, parallel_config
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV

from skwillump import ApproxTopKRanker, CascadeClassifier
from skwillump._compat import begin_callbacks
from skwillump.stages._progress import Progress

cascade = partial(cascade_on_blocks, cv=3)


@pytest.fixture(scope="module")
def data():
    return two_signals(2000)


class Recorder:
    """Callback that keeps what it is told."""

    def __init__(self):
        self.events = []

    def setup(self, estimator, context):
        self.events.append(("setup", type(estimator).__name__))

    def teardown(self, estimator, context):
        self.events.append(("teardown", type(estimator).__name__))

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", self.path(context), context.max_subtasks))

    def on_fit_task_end(self, estimator, context):
        self.events.append(("end", self.path(context)))

    @staticmethod
    def path(context):
        names = []
        while context is not None:
            names.append(context.source_task_name or context.task_name)
            context = context.parent
        return tuple(reversed(names))

    def paths(self, kind):
        return [event[1] for event in self.events if event[0] == kind]


class HandedOn(Recorder):
    """The same, handed on to the estimators within an estimator."""

    max_propagation_depth = None


def recorded(model, X, y, recorder=None):
    pytest.importorskip("sklearn.callback", reason="this version of scikit-learn has no callbacks")
    recorder = Recorder() if recorder is None else recorder
    model.set_callbacks(recorder).fit(X, y)
    return recorder


# Callbacks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_callbacks_see_each_task_begin_and_end_in_order(data, n_jobs):
    recorder = recorded(cascade(n_jobs=n_jobs), *data)
    folds = ["fold 2 of 3", "fold 3 of 3"]
    tasks = [
        ("fit", "fit the full model"),
        ("fit", "measure costs"),
        ("fit", "fit fold 1 of 3"),
        ("fit", "measure importances"),
        ("fit", "try approximate models"),
        ("fit", "fit approximate models"),
        ("fit", "measure costs of stages"),
        ("fit", "fit all models on folds"),
        *(("fit", "fit all models on folds", fold) for fold in folds),
        ("fit", "fit all models on half of a fold"),
        ("fit", "choose and test"),
    ]
    assert recorder.paths("begin") == [("fit",), *tasks]
    assert sorted(recorder.paths("end")) == sorted([("fit",), *tasks])
    assert recorder.events[0] == ("setup", "CascadeClassifier")
    assert recorder.events[-2] == ("end", ("fit",))
    assert recorder.events[-1] == ("teardown", "CascadeClassifier")


def test_no_task_has_more_tasks_than_it_said(data):
    recorder = recorded(cascade(), *data)
    said = {event[1]: event[2] for event in recorder.events if event[0] == "begin"}
    for path, n_most in said.items():
        assert sum(other[:-1] == path for other in said) <= n_most


def test_callbacks_that_are_handed_on_see_the_steps_of_the_pipeline(data):
    with pytest.warns(UserWarning, match="does not support callbacks"):
        recorder = recorded(cascade(), *data, recorder=HandedOn())
    below = [path for path in recorder.paths("begin") if "fit the full model" in path]
    assert len(below) > 1
    assert below[0] == ("fit", "fit the full model")
    assert all(path[:2] == below[0] for path in below)
    assert sorted(recorder.paths("begin")) == sorted(recorder.paths("end"))


def test_a_prefit_estimator_has_no_task_of_fitting_it(data):
    fitted = two_blocks().fit(*two_signals(500, seed=3))
    model = cascade().set_params(estimator=FrozenEstimator(fitted))
    begun = recorded(model, *data).paths("begin")
    assert ("fit", "fit the full model") not in begun
    assert ("fit", "fit approximate models on folds", "fold 3 of 3") in begun


def test_a_fit_without_a_cascade_ends_too(data):
    recorder = recorded(CascadeClassifier(LogisticRegression()), *data)
    assert recorder.paths("end") == [("fit", "fit the full model"), ("fit",)]


@pytest.mark.parametrize(("cv", "n_jobs"), [(3, 2), (0.3, None), ("prefit", None)])
def test_callbacks_see_the_tasks_of_a_ranker(data, cv, n_jobs):
    X, _ = data
    pipeline = two_blocks(Ridge())
    if cv == "prefit":
        pipeline.fit(X[:500], X[:500].sum(axis=1))
    model = ApproxTopKRanker(
        pipeline,
        k=20,
        precision_target=0.8,
        feature_costs=COSTS,
        cv=cv,
        n_jobs=n_jobs,
        random_state=0,
    )
    recorder = recorded(model, X, X.sum(axis=1))
    assert sorted(recorder.paths("begin")) == sorted(recorder.paths("end"))
    assert (("fit", "fit the full model") in recorder.paths("end")) == (cv != "prefit")
    assert ("fit", "choose and test") in recorder.paths("end")
    assert recorder.events[-1] == ("teardown", "ApproxTopKRanker")
    said = {event[1]: event[2] for event in recorder.events if event[0] == "begin"}
    for path, n_most in said.items():
        assert sum(other[:-1] == path for other in said) <= n_most


def test_callbacks_are_torn_down_where_fit_fails(data):
    X, y = data
    recorder = Recorder()
    with pytest.raises(ValueError, match="no_such_block"):
        recorded(cascade(feature_costs={"no_such_block": 1.0}), X, y, recorder)
    assert recorder.events[-1] == ("teardown", "CascadeClassifier")


def test_callbacks_do_not_change_what_is_fitted(data):
    X, y = data
    plain, watched = cascade().fit(X, y), cascade()
    recorded(watched, X, y)
    assert_array_equal(watched.predict_proba(X), plain.predict_proba(X))
    assert watched.guarantee_ == plain.guarantee_


def test_the_progress_bar_of_scikit_learn_reaches_its_end(data, capsys):
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    cascade().set_callbacks(callback.ProgressBar()).fit(*data)
    shown = capsys.readouterr().out
    assert "CascadeClassifier - fit" in shown
    assert "fit all models on folds" in shown
    assert "100%" in shown


def test_a_grid_search_shows_the_tasks_of_its_cascades(data):
    pytest.importorskip("sklearn.callback", reason="this version of scikit-learn has no callbacks")
    recorder = HandedOn()
    recorder.max_propagation_depth = 1
    search = GridSearchCV(cascade(cv=2), {"accuracy_target": [0.9, 0.95]}, cv=2)
    search.set_callbacks(recorder).fit(*data)
    assert sum(path[-1] == "choose and test" for path in recorder.paths("end")) == 5


def test_clones_keep_callbacks_as_scikit_learn_has_them(data):
    pytest.importorskip("sklearn.callback", reason="this version of scikit-learn has no callbacks")
    recorder = Recorder()
    clone(cascade().set_callbacks(recorder)).fit(*data)
    assert recorder.paths("end")[-1] == ("fit",)


# Print ------------------------------------------------------------------------------------------


def test_verbose_prints_each_task(data, capsys):
    cascade(verbose=1).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("[CascadeClassifier] ") for line in lines)
    said = [line.partition(" s  ")[2] for line in lines]
    assert said[-1] == "done"
    for task in ("fit the full model", "measure costs", "fold 3 of 3", "choose and test"):
        assert task in said


def test_nothing_is_printed_by_default(data, capsys):
    cascade().fit(*data)
    assert capsys.readouterr().out == ""


# Without callbacks ------------------------------------------------------------------------------


def test_where_scikit_learn_has_no_callbacks_there_are_only_messages():
    assert begin_callbacks(object(), 3) is None
    said = []
    progress = Progress.begin(object(), None, None, n_tasks=2, log=said.append)
    with progress.task("one", n_subtasks=1, fits=object()) as below, below.task("two"):
        pass
    progress.end(None, None)
    assert said == ["one", "two", "done"]


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_results_come_in_order_whatever_the_backend(backend):
    calls = [delayed(np.sqrt)(number) for number in (4.0, 9.0, 16.0)]
    with parallel_config(backend=backend):
        assert Progress().results("roots", calls, ["a", "b", "c"], 2) == [2.0, 3.0, 4.0]


def test_a_single_call_runs_in_this_process():
    for n_calls, is_here in ((1, True), (2, False)):
        names = ["fold"] * n_calls
        pids = Progress().results("fit", [delayed(os.getpid)() for _ in names], names, 2)
        assert (set(pids) == {os.getpid()}) == is_here


def test_an_error_in_a_fold_is_raised():
    calls = [delayed(int)("1"), delayed(int)("one")]
    with pytest.raises(ValueError, match="one"):
        Progress().results("numbers", calls, ["first", "second"], None)
    with pytest.raises((ValueError, TypeError)):
        Progress().results("numbers", calls, ["first", "second"], "many")


def test_folds_run_one_after_the_other_on_one_job():
    begun = []

    def log(message):
        begun.append(message)

    calls = (delayed(log)(f"run {number}") for number in (1, 2))
    Progress(log=log).results("runs", calls, ["fold 1 of 2", "fold 2 of 2"], 1)
    assert begun == ["runs", "fold 1 of 2", "run 1", "fold 2 of 2", "run 2"]


def test_verbose_tells_when_each_task_began_and_names_models_by_their_blocks(data, capsys):
    cascade(verbose=1).fit(*data)
    printed = capsys.readouterr().out
    began = []
    for task in ("fit the full model", "fold 2 of 3", "choose and test", "done"):
        found = re.findall(rf"\] +([\d.]+) s  {task}$", printed, re.MULTILINE)
        assert len(found) == 1
        began.append(float(found[0]))
    assert began == sorted(began)
    assert "approximate models to try: a model on" in printed
    assert "StageSpec" not in printed


def test_the_report_ends_with_where_the_time_of_fit_went(data):
    lines = cascade().fit(*data).report().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Time of fit: "))
    told = [line.partition(") to ")[2] for line in lines[start + 1 :]]
    assert "fit the full model" in told
    assert "choose and test" in told
    shares = [float(re.search(r"\((\d+)%\)", line)[1]) for line in lines[start + 1 :]]
    assert sum(shares) == pytest.approx(100, abs=len(shares))
