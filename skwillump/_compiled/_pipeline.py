"""A compiled twin as an estimator."""

import copy
from contextlib import suppress
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from joblib import cpu_count
from sklearn import get_config
from sklearn.utils import estimator_html_repr

from .._compat import DiagramLabel, VisualBlock, available_if, refused
from .._containers import first_answer, has_rows, is_frame, take_rows
from .._one_row import RowTemplate
from .._wrappers import OneRow, see_through
from ..compilers import InputUnsupported, StepReport, check_scores
from ._fitted_for_good import FittedForGood, has
from ._parts import compiled_parts
from ._snapshot import snapshot


class CompiledPipeline(FittedForGood):
    """The compiled twin of a fitted estimator; made by `compile_pipeline`.

    It has those of the methods below that the estimator has, and the estimator's fitted
    attributes (``classes_``, ``n_features_in_``, ...). It can be pickled, and shared by threads.

    To scikit-learn it is an estimator that is fitted for good, as a
    :class:`~sklearn.frozen.FrozenEstimator` is: `fit` does nothing, and
    :func:`~sklearn.base.clone` returns the twin itself.

    Attributes
    ----------
    estimator : estimator
        The estimator that it was made from.
    """

    def __init__(self, estimator: Any, *, n_jobs: int | None = None):
        self._set_up(snapshot(estimator), _checked_n_jobs(n_jobs))

    @classmethod
    def _inside(cls, fitted: Any, n_jobs: int | None) -> "CompiledPipeline":
        """Return the twin of what is in a snapshot already."""
        made = cls.__new__(cls)
        made._set_up(fitted, n_jobs)
        return made

    def _set_up(self, estimator: Any, n_jobs: int | None) -> None:
        self.estimator = estimator
        self.n_jobs = n_jobs
        self._parts = compiled_parts(estimator, lambda fitted: self._inside(fitted, n_jobs))
        features = self._parts.features
        self._template = RowTemplate.of_estimator(
            estimator, of_text=features is not None and features.reads_text
        )
        # All kernels are compiled or loaded now, so that the first prediction does not wait.
        self._parts.warm_up()

    @property
    def needs_rows(self) -> bool:
        """Whether X of one row is made of one row, for a step that runs as it is."""
        parts = self._parts
        if parts.features is None:
            inside = () if parts.wrapped is None else parts.wrapped.inside
            return any(twin.needs_rows for _, twin in inside)
        return parts.features.needs_rows

    def explain(self) -> list[StepReport]:
        """Tell for each step whether it is compiled, and if not, why.

        Returns
        -------
        list of StepReport
            With the attributes ``name``, ``type``, ``compiled`` and ``reason``.
        """
        return list(self._parts.reports)

    def __repr__(self) -> str:
        reports = self._parts.reports
        n_compiled = sum(report.compiled for report in reports)
        return (
            f"{type(self).__name__}({self.estimator!r}): "
            f"{n_compiled} of {len(reports)} steps compiled"
        )

    def _sk_visual_block_(self) -> Any:
        """The estimator in a box that says what is compiled, for notebooks."""
        steps = self.explain()
        left = [f"{step.name}: {step.reason}" for step in steps if not step.compiled]
        title = DiagramLabel(
            f"{sum(step.compiled for step in steps)} of {len(steps)} steps compiled"
        )
        return VisualBlock(
            "parallel", [self.estimator], names=[title], name_details=["\n".join(left)]
        )

    def _repr_html_(self) -> str | None:
        """Diagram for notebooks; None where scikit-learn is set to show text."""
        return estimator_html_repr(self) if get_config()["display"] == "diagram" else None

    def set_params(self, **params: Any) -> "CompiledPipeline":
        """Set the number of threads.

        Parameters
        ----------
        **params : object
            ``n_jobs``.

        Returns
        -------
        CompiledPipeline
            The object itself.

        Raises
        ------
        ValueError
            For any other parameter, and for an `n_jobs` that is no integer, or 0.
        """
        other = next((name for name in params if name != "n_jobs"), None)
        if other is not None:
            raise ValueError(
                f"{other!r} cannot be set, since a compiled pipeline is a snapshot: set it on the "
                "estimator, fit that, and compile it again."
            )
        self.n_jobs = _checked_n_jobs(params.get("n_jobs", self.n_jobs))
        wrapped = self._parts.wrapped
        if wrapped is not None:
            inside = iter(wrapped.inside)
            again = see_through(
                wrapped.original, lambda _: copy.copy(next(inside)[1]).set_params(**params)
            )
            given = self._parts.given
            if given is not None and given.wrapped is not None:
                given = replace(given, wrapped=again)
            self._parts = replace(self._parts, wrapped=again, given=given)
        return self

    # Batches

    def _n_threads(self) -> int:
        if self.n_jobs is None:
            return 1
        return self.n_jobs if self.n_jobs > 0 else max(cpu_count() + 1 + self.n_jobs, 1)

    def _scores(self, X: Any) -> np.ndarray:
        parts = self._parts.of(X)
        model, scorer = parts.model, parts.scorer
        if model is None or scorer is None:
            raise InputUnsupported("not fused")
        scores = scorer.scores(X, n_threads=self._n_threads())
        if not len(scores):
            raise InputUnsupported("no rows")
        scores += model.intercept
        check_scores(scores)
        return scores

    @property
    def _reads_text(self) -> bool:
        """Whether a row is one text."""
        if self._parts.features is not None:
            return self._parts.features.reads_text
        wrapped = self._parts.wrapped
        return wrapped is not None and any(twin._reads_text for _, twin in wrapped.inside)

    def _reads(self, X: Any, params: dict[str, Any]) -> bool:
        """Whether anything but the original may look at X, which it may be able to do but once.

        Parameters are routed by the estimator. Of a data frame, vectorizers read the names.
        """
        if params or not has_rows(X):
            return False
        return not (is_frame(X) and self._reads_text)

    def _refuse_unread(self, X: Any, params: dict[str, Any]) -> None:
        """Raise `InputUnsupported` for what `_reads` does not read."""
        if not self._reads(X, params):
            raise InputUnsupported("what only the original reads")

    def _known_features(self, reason: InputUnsupported, X: Any) -> Any:
        return reason.features if reason.scorer is self._parts.of(X).scorer else None

    def _run(self, method: str, X: Any, params: dict[str, Any], features: Any = None) -> Any:
        """Answer by the original model on compiled features, or by the original estimator.

        The features may be known already.
        """
        if not self._reads(X, params):
            return getattr(self.estimator, method)(X, **params)
        parts = self._parts.of(X)
        if parts.features is not None and parts.last_step is not None:
            if features is None:
                features = parts.features.transform(X, n_threads=self._n_threads())
            if parts.wrapped is None:
                return getattr(parts.last_step, method)(features)
            X = features
        if parts.wrapped is not None:
            answer, doubtful = parts.wrapped.answer(method, X)
            if len(doubtful):
                answer[doubtful] = parts.wrapped.original.predict(take_rows(X, doubtful))
            return answer
        return getattr(self.estimator, method)(X)

    @available_if(has("predict"))
    def predict(self, X: Any, **params: Any) -> np.ndarray:
        """Predict the label or value of each row, as the estimator does."""
        if type(X) is OneRow:
            return self._of_one_row("predict", X.x)
        try:
            self._refuse_unread(X, params)
            parts = self._parts.of(X)
            if parts.leaves_labels(X):
                raise InputUnsupported("a product that takes the original no longer")
            scores = self._scores(X)
            model = parts.model
            assert model is not None
            labels, doubtful = model.decided(scores)
        except InputUnsupported as reason:
            return self._run("predict", X, params, self._known_features(reason, X))
        if len(doubtful):
            # Another order of summation could flip these: the original decides.
            labels[doubtful] = self.estimator.predict(take_rows(X, doubtful))
        return labels

    @available_if(has("predict_proba"))
    def predict_proba(self, X: Any, **params: Any) -> np.ndarray:
        """Predict the probability of each class for each row."""
        return self._from_scores("predict_proba", X, params)

    @available_if(has("predict_log_proba"))
    def predict_log_proba(self, X: Any, **params: Any) -> np.ndarray:
        """Predict the logarithm of the probability of each class for each row."""
        return self._from_scores("predict_log_proba", X, params)

    @available_if(has("decision_function"))
    def decision_function(self, X: Any, **params: Any) -> np.ndarray:
        """Return the decision function of each row."""
        return self._from_scores("decision_function", X, params)

    def _from_scores(self, method: str, X: Any, params: dict[str, Any]) -> np.ndarray:
        if type(X) is OneRow:
            return self._of_one_row(method, X.x)
        model = self._parts.of(X).model
        try:
            self._refuse_unread(X, params)
            if model is None or not model.gives(method):
                raise InputUnsupported("the model computes this by itself")
            return getattr(model, method)(self._scores(X))
        except InputUnsupported as reason:
            return self._run(method, X, params, self._known_features(reason, X))

    def _from_scores_alone(self, method: str, scores: np.ndarray) -> np.ndarray | None:
        """Answer of a method to scores; None where it does not follow from them."""
        model = self._parts.model
        if model is None or not (model.rises_with_score and model.gives(method)):
            return None
        if scores.shape[1] != len(model.intercept):
            return None
        return getattr(model, method)(scores)

    def _with_scores(self, method: str, X: Any) -> tuple[Any, np.ndarray | None]:
        """Answer of a method, and the scores that it follows from; None where there are none.

        Where each row has one score and the answer rises with it, None for the answer:
        `_from_scores_alone` gives that to those scores that are of use.
        """
        model = self._parts.of(X).model
        if model is not None and model.rises_with_score and model.gives(method):
            try:
                self._refuse_unread(X, {})
                scores = self._scores(X)
                if scores.shape[1] == 1 == len(model.intercept):
                    return None, scores
                return getattr(model, method)(scores), scores
            except InputUnsupported:
                pass
        return getattr(self, method)(X), None

    @available_if(has("score_samples"))
    def score_samples(self, X: Any, **params: Any) -> np.ndarray:
        """Return the score of each row, as the estimator does: a density, or how normal it is."""
        return self._from_scores("score_samples", X, params)

    @available_if(has("transform"))
    def transform(self, X: Any, **params: Any) -> Any:
        """Transform each row, as the estimator does."""
        parts = self._parts
        if parts.features is None or parts.last_step is not None or not self._reads(X, params):
            return self.estimator.transform(X, **params)
        return parts.features.transform(X, n_threads=self._n_threads())

    # One row

    def _answer_one(self, x: Any, method: str) -> Any:
        """Answer for one row without X of many; None where only a batch of one row tells."""
        parts = self._parts.of_row(x)
        model, scorer = parts.model, parts.scorer
        try:
            if model is None or scorer is None:
                return self._answer_one_through(x, method)
        except InputUnsupported:
            return None
        try:
            if not model.gives(method):
                return None
            scores = scorer.score_one(x)
            scores += model.intercept
            check_scores(scores)
            if method == "predict":
                return model.predict_one(scores)
            if method == "predict_proba":
                return model.predict_proba_one(scores)
            return first_answer(getattr(model, method)(scores[None]))
        except InputUnsupported as reason:
            features, last_step = self._known_features(reason, x), parts.last_step
            if features is not None and last_step is not None and parts.wrapped is None:
                return first_answer(getattr(last_step, method)(features))
            return self._answer_one_again(x, method)

    def _answer_one_again(self, x: Any, method: str) -> Any:
        """Answer for one row that the compiled model does not judge; None for the batch path.

        Where that would ask the original model, or a wrapper, it is asked on compiled features.
        """
        parts = self._parts.of_row(x)
        model = parts.model
        if parts.wrapped is None and (model is None or model.reads_batches):
            return None
        try:
            return self._answer_one_through(x, method)
        except InputUnsupported:
            return None

    def _answer_one_through(self, x: Any, method: str) -> Any:
        """Answer for one row of a model that is not compiled, or of a wrapper."""
        if self._parts.answers_one_row:
            return getattr(self.estimator, f"{method}_one", lambda _: None)(x)
        parts = self._parts.of_row(x)
        features, last_step, wrapped = parts.features, parts.last_step, parts.wrapped
        X: Any = OneRow(x)
        if features is not None and last_step is not None:
            X = features.transform_one(x)
            if wrapped is None:
                return first_answer(getattr(last_step, method)(X))
            if isinstance(X, np.ndarray):
                X = OneRow(X[0])
        if wrapped is None or (type(X) is OneRow and not wrapped.takes_one_row):
            return None
        answer, doubtful = wrapped.answer(method, X)
        return None if len(doubtful) else first_answer(answer)

    def _answer_in_other_forms(self, x: Any, method: str, error: Exception) -> Any:
        """Answer for one row that was refused in the form that it had, if the original does.

        Raises
        ------
        Exception
            The error that was met, where no other form does.
        """
        with suppress(Exception):  # of anyone's code
            return first_answer(getattr(self.estimator, method)(self._template.make(x)))
        for X in self._template.other_forms(x, self.estimator):
            with suppress(Exception):
                return first_answer(getattr(self, method)(X))
        self._template.raise_named(error, x)

    def _of_one_row(self, method: str, x: Any) -> Any:
        """Answer of a method for X of one row."""
        answer = self._answer_one(x, method)
        return getattr(self, method)(self._template.make(x)) if answer is None else _as_many(answer)

    @available_if(has("predict"))
    def predict_one(self, x: Any) -> Any:
        """Predict the label or value of one row.

        Parameters
        ----------
        x : str, mapping of column to value, 1-D row, or data frame or array of one row
            What one row of ``X`` holds. A mapping may hold more columns than needed. Numbers in a
            mapping or list are of double precision: the dtypes of fit are not known here.

        Raises
        ------
        ValueError
            If a column is missing, there are too many or too few values, or a value is one that
            the estimator does not accept.
        TypeError
            If the row is a mapping and the estimator knows no names of columns, or the estimator
            takes texts and it is none.
        """
        return self._one(x, "predict")

    @available_if(has("predict_proba"))
    def predict_proba_one(self, x: Any) -> np.ndarray:
        """Predict the probability of each class for one row, as an array (n_classes,).

        Parameters
        ----------
        x : str, mapping of column to value, 1-D row, or data frame or array of one row
            As for `predict_one`.

        Raises
        ------
        ValueError, TypeError
            As for `predict_one`.
        """
        return self._one(x, "predict_proba")

    def _one(self, x: Any, method: str) -> Any:
        """Answer for one row, in whatever form it is taken."""
        try:
            answer = self._answer_one(x, method)
            if answer is None:
                answer = first_answer(getattr(self, method)(self._template.make(x)))
            return answer
        except (AttributeError, TypeError, ValueError) as error:
            return self._answer_in_other_forms(x, method, error)


def _as_many(answer: Any) -> Any:
    """Return the answer for one row as one for many."""
    if isinstance(answer, list):
        return [np.asarray(output)[None] for output in answer]
    return np.asarray(answer)[None]


def _checked_n_jobs(n_jobs: Any) -> int | None:
    if n_jobs is not None and (not isinstance(n_jobs, Integral) or not n_jobs):
        raise refused("compile_pipeline", "n_jobs", "an integer other than 0, or None", n_jobs)
    return n_jobs  # type: ignore[return-value]
