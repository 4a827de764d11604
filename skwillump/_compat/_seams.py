"""Steps of scikit-learn's own `fit` that a thread may take in another way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import wraps
from importlib import import_module
from typing import Any

Original = Callable[..., Any]
"""scikit-learn's own function for a step."""


class VectorizerSteps:
    """What `CountVectorizer` and `TfidfVectorizer` do in `fit_transform`, step by step.

    A subclass takes a step in another way. Each is given scikit-learn's own function, and then what
    that function takes.
    """

    def count(self, original, vectorizer, documents, fixed_vocab):
        """Return the vocabulary, in the order in which terms were met, and the matrix."""
        return original(vectorizer, documents, fixed_vocab)

    def limit(self, original, vectorizer, X, vocabulary, *bounds):
        """Leave out rare and frequent terms."""
        return original(vectorizer, X, vocabulary, *bounds)

    def sort(self, original, vectorizer, X, vocabulary):
        """Number the terms in the order of their texts."""
        return original(vectorizer, X, vocabulary)

    def document_frequency(self, original, X):
        """Count the entries of each column."""
        return original(X)

    def weigh(self, original, transformer, X, copy=True):
        """Return what `TfidfTransformer.transform` returns."""
        return original(transformer, X, copy)

    def preprocessor(self, original, vectorizer):
        """Return what makes a text of a text."""
        return original(vectorizer)

    def tokenizer(self, original, vectorizer):
        """Return what makes tokens of a text."""
        return original(vectorizer)

    def analyzer(self, original, vectorizer):
        """Return what makes terms of a document."""
        return original(vectorizer)


class EncoderSteps:
    """What encoders of categories do in `fit_transform`, step by step; see `VectorizerSteps`."""

    def learn(self, original, encoder, X, *args, **kwargs):
        """Learn the categories of each column."""
        return original(encoder, X, *args, **kwargs)

    def encode(self, original, encoder, X, *args, **kwargs):
        """Return the positions of values among the categories, and whether they are known."""
        return original(encoder, X, *args, **kwargs)

    def columns(self, original, encoder, X, *args, **kwargs):
        """Return the columns as arrays, and their numbers of rows and columns."""
        return original(encoder, X, *args, **kwargs)

    def distinct(self, original, values, **kwargs):
        """Return the sorted categories of a column, and how often each is met if that is asked."""
        return original(values, **kwargs)

    def unknown(self, original, values, categories, **kwargs):
        """Return the values that are no categories, and which rows are known if that is asked."""
        return original(values, categories, **kwargs)

    def positions(self, original, values, **kwargs):
        """Return the positions of known values."""
        return original(values, **kwargs)


class _Seam:
    """Functions of a module of scikit-learn that a thread may let run in another way.

    Parameters
    ----------
    functions : tuple of (str or None, str, str)
        The class that has a function (None for the module), its name, and the step that it is.
    """

    def __init__(self, module: str, functions: tuple[tuple[str | None, str, str], ...]):
        self._module, self._functions = module, functions
        self._current: ContextVar[Any] = ContextVar(module, default=None)
        self._lock = threading.Lock()
        self._replaced: list[tuple[Any, str, Any, Any]] = []  # owner, name, value, stand-in
        self._n_inside = 0

    @contextmanager
    def taking(self, steps: Any) -> Iterator[None]:
        """Context in which this thread takes other steps.

        The functions are replaced while any thread is inside; objects are never changed, so that
        all that is cloned, pickled or fitted inside is scikit-learn's own.
        """
        with self._lock:
            self._n_inside += 1
            if self._n_inside == 1:
                self._replace()
        token = self._current.set(steps)
        try:
            yield
        finally:
            self._current.reset(token)
            with self._lock:
                self._n_inside -= 1
                if not self._n_inside:
                    self._restore()

    def _replace(self) -> None:
        module = import_module(self._module)
        found = [
            (module if name is None else getattr(module, name, None), function, step)
            for name, function, step in self._functions
        ]
        if not all(owner and function in vars(owner) for owner, function, _ in found):
            return  # a release that does it in another way
        for owner, name, step in found:
            original = vars(owner)[name]
            chooser = self._choosing(original, step)
            setattr(owner, name, chooser)
            self._replaced.append((owner, name, original, chooser))

    def _choosing(self, original: Original, step: str) -> Callable[..., Any]:
        @wraps(original)
        def choose(*args, **kwargs):
            steps = self._current.get()
            if steps is None:
                return original(*args, **kwargs)
            return getattr(steps, step)(original, *args, **kwargs)

        return choose

    def _restore(self) -> None:
        for owner, name, original, chooser in self._replaced:
            # Somebody else's change, made since, stays.
            if vars(owner)[name] is chooser:
                setattr(owner, name, original)
        self._replaced.clear()


_VECTORIZERS = _Seam(
    "sklearn.feature_extraction.text",
    (
        ("CountVectorizer", "_count_vocab", "count"),
        ("CountVectorizer", "_limit_features", "limit"),
        ("CountVectorizer", "_sort_features", "sort"),
        ("TfidfTransformer", "transform", "weigh"),
        (None, "_document_frequency", "document_frequency"),
        ("_VectorizerMixin", "build_preprocessor", "preprocessor"),
        ("_VectorizerMixin", "build_tokenizer", "tokenizer"),
        ("_VectorizerMixin", "build_analyzer", "analyzer"),
    ),
)
_ENCODERS = _Seam(
    "sklearn.preprocessing._encoders",
    (
        ("_BaseEncoder", "_fit", "learn"),
        ("_BaseEncoder", "_transform", "encode"),
        ("_BaseEncoder", "_check_X", "columns"),
        (None, "_unique", "distinct"),
        (None, "_check_unknown", "unknown"),
        (None, "_encode", "positions"),
    ),
)


def vectorizer_steps(steps: VectorizerSteps) -> AbstractContextManager[None]:
    """Let vectorizers that this thread fits take other steps."""
    return _VECTORIZERS.taking(steps)


def encoder_steps(steps: EncoderSteps) -> AbstractContextManager[None]:
    """Let encoders of categories that this thread fits take other steps."""
    return _ENCODERS.taking(steps)
