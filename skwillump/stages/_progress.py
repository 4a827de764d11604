"""What `fit` is doing, told to scikit-learn's callbacks, and printed.

scikit-learn 1.9 and later hand callbacks, such as its `ProgressBar`, a tree of tasks; earlier ones
have none, and then only messages remain.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from time import perf_counter, process_time
from typing import Any

from joblib import Parallel

from .._compat import begin_callbacks


def _say_nothing(message: str) -> None:
    """Print no messages."""


@dataclass(frozen=True)
class Progress:
    """A task of `fit` that has tasks below it."""

    estimator: Any = None  # whose `fit` runs
    context: Any = None  # scikit-learn's context of the task; None where there are no callbacks
    log: Callable[[str], None] = _say_nothing  # called with messages on what is being done
    # Receives the tasks that have ended, with the seconds that each took.
    times: list[tuple[str, float]] = field(default_factory=list)
    began: float = field(default_factory=process_time)  # CPU time of the process when `fit` began

    @classmethod
    def begin(
        cls,
        estimator,
        X,
        y,
        *,
        n_tasks: int,
        log: Callable[[str], None],
    ) -> "Progress":
        """Tell the callbacks of an estimator that its `fit` begins, with at most `n_tasks`."""
        context = begin_callbacks(estimator, n_tasks)
        if context is not None:
            context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
        return cls(estimator=estimator, context=context, log=log)

    def end(self, X, y) -> None:
        """Tell that `fit` ends."""
        self.log("done")
        if self.context is not None:
            self.context.call_on_fit_task_end(estimator=self.estimator, X=X, y=y)

    def cpu_seconds(self) -> float:
        """CPU time of this process since `fit` began."""
        return process_time() - self.began

    @contextmanager
    def task(self, name: str, *, n_subtasks: int = 0, fits: Any = None) -> "Iterator[Progress]":
        """Context in which a task runs.

        Parameters
        ----------
        name : str
            What it does.
        n_subtasks : int
            Number of tasks below it.
        fits : estimator, optional
            What the task fits; its own tasks are then shown below this one.
        """
        self.log(name)
        start = perf_counter()
        if self.context is None:
            yield replace(self, times=[])
        else:
            context = self.context.subcontext(task_name=name, max_subtasks=n_subtasks)
            below = nullcontext() if fits is None else context.propagate_callback_context(fits)
            with below:
                context.call_on_fit_task_begin(estimator=self.estimator)
                yield replace(self, context=context, times=[])
            context.call_on_fit_task_end(estimator=self.estimator)
        self.times.append((name, perf_counter() - start))

    def results(
        self, name: str, calls: Iterable[Any], names: Sequence[str], n_jobs: int | None
    ) -> list[Any]:
        """Results of delayed calls in their order, run in parallel; each is a task that ends.

        A single call runs here: to start a process for it takes seconds.

        Parameters
        ----------
        name : str
            What the calls do.
        names : sequence of str
            What each of them does.
        """
        n_jobs = n_jobs if len(names) > 1 else 1
        results = []
        with self.task(name, n_subtasks=len(names)) as folds:
            arriving = _arriving(calls, n_jobs)
            for what in names:
                with folds.task(what):
                    results.append(next(arriving))
        return results


def _arriving(calls: Iterable[Any], n_jobs) -> Iterator[Any]:
    """Results of delayed calls, each as soon as it and those before it are there."""
    try:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    except ValueError:
        # Some backends of joblib (multiprocessing) return all results at once.
        parallel = Parallel(n_jobs=n_jobs)
    return iter(parallel(calls))
