"""`compile_pipeline`: the compiled twin of a fitted estimator."""

import copy
from typing import Any

from .._compat import check_answers
from ._pipeline import CompiledPipeline


def compile_pipeline(fitted_estimator: Any, *, n_jobs: int | None = None) -> CompiledPipeline:
    """Make the compiled twin of a fitted estimator: the same answers, faster.

    Text vectorizers, encoders and scalers of tables, unions and column selections of them, linear
    steps after them and linear models run as compiled code. With a linear model at the end, a text
    or a category becomes a score without a matrix in between. Whatever is not supported runs as it
    is.

    Parameters
    ----------
    fitted_estimator : estimator
        A fitted ``Pipeline``, transformer or model. The twin is a snapshot: changes made to the
        estimator afterwards do not reach it. A twin is returned as it is; with another `n_jobs`, as
        one that shares all that is compiled.
    n_jobs : int, default=None
        Number of threads to share the rows of a batch between, not 0. None means one; -1 means one
        for each processor, -2 one less, and so on. Answers do not depend on it.

    Returns
    -------
    CompiledPipeline

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If `n_jobs` is no integer, or 0.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skwillump import compile_pipeline
    >>> texts = ["a fine film", "a poor film", "fine acting", "poor acting"]
    >>> pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
    >>> compiled = compile_pipeline(pipeline.fit(texts, [1, 0, 1, 0]))
    >>> compiled.predict(["a fine story", "poor sound"])
    array([1, 0])
    >>> int(compiled.predict_one("fine sound"))
    1
    """
    twin = compiled_twin(fitted_estimator)
    if twin is not None:
        return twin if n_jobs == twin.n_jobs else copy.copy(twin).set_params(n_jobs=n_jobs)
    check_answers(fitted_estimator)
    return CompiledPipeline(fitted_estimator, n_jobs=n_jobs)


def compiled_twin(model: Any) -> CompiledPipeline | None:
    """Return a model that is compiled already; None for any other."""
    return model if isinstance(model, CompiledPipeline) else None
