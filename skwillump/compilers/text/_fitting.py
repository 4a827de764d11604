"""Vectorizers learn their vocabularies by kernels while an estimator is fitted."""

from contextlib import AbstractContextManager, nullcontext
from copy import copy as shallow_copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from ..._compat import Original, VectorizerSteps, vectorizer_steps
from ...kernels._jit import COMPILES
from ...kernels.text._entries import relabel, weight_rows
from ..own_code._stems import remembering_stems
from ._counting import count_terms
from ._learned_terms import Learned
from ._options import NORMS
from ._own_tokens import overrides
from ._remembering import remembering

LEAST_WORK = 1 << 19
"""Work that takes scikit-learn's own code about a tenth of a second; see `work_per_character`."""


@dataclass(frozen=True)
class _KernelSteps(VectorizerSteps):
    """scikit-learn's steps of fitting a vectorizer, by kernels.

    A matrix that `count` made carries its terms, as tables, in an attribute, and no other matrix is
    touched. What would be the last step to change the vocabulary writes it: so texts are made of
    those terms only that stay.
    """

    least_work: int  # what is less is left to scikit-learn

    def count(
        self, original: Original, vectorizer: Any, documents: Any, fixed_vocab: bool
    ) -> tuple[Any, Any]:
        """Count all terms; those of a vocabulary that is given are scikit-learn's to count."""
        result = None
        if not fixed_vocab and type(vectorizer) in (CountVectorizer, TfidfVectorizer):
            result = count_terms(vectorizer, documents, original, self.least_work)
        if result is None:
            result = original(_remembering_vectorizer(vectorizer), documents, fixed_vocab)
        return result

    def limit(
        self, original: Original, vectorizer: Any, X: Any, vocabulary: dict, *bounds: Any
    ) -> Any:
        """Leave out rare and frequent terms: scikit-learn's own choice of columns."""
        learned = getattr(X, "learned", None)
        if learned is None or learned.terms is None:
            return original(vectorizer, X, vocabulary, *bounds)
        terms = learned.terms
        chooser = _ColumnChooser(X)
        original(vectorizer, chooser, {}, *bounds)
        kept = chooser.kept
        if terms.ranks is not None:
            # Columns are in their final order, and the vocabulary holds NumPy's integers.
            is_kept = np.zeros(X.shape[1], dtype=np.bool_)
            is_kept[kept] = True
            positions = np.flatnonzero(is_kept[terms.ranks])
            values = (np.cumsum(is_kept) - 1)[terms.ranks[positions]]
            vocabulary.update(zip(terms.only(positions).texts(), values, strict=True))
            terms = None
        elif len(kept) < X.shape[1]:
            terms = terms.only(kept)
        if len(kept) < X.shape[1]:
            X = X[:, kept]
        X.learned = Learned(terms, learned.frequencies[kept])
        return _final(X, vectorizer) if terms is None else X

    def sort(self, original: Original, vectorizer: Any, X: Any, vocabulary: dict) -> Any:
        """Number the columns in the order of the terms."""
        learned = getattr(X, "learned", None)
        if learned is None or learned.terms is None:
            return original(vectorizer, X, vocabulary)
        learned.terms = terms = learned.terms.sorted()
        assert terms.ranks is not None
        relabel(X.indices, terms.ranks)
        learned.frequencies[terms.ranks] = learned.frequencies.copy()
        if vectorizer.max_features is not None:
            return X  # the limit is next
        vocabulary.update(zip(terms.texts(), terms.ranks.tolist(), strict=True))
        learned.terms = None
        return _final(X, vectorizer)

    def document_frequency(self, original: Original, X: Any) -> Any:
        learned = getattr(X, "learned", None)
        return original(X) if learned is None else learned.frequencies

    def weigh(self, original: Original, transformer: Any, X: Any, copy: bool = True) -> Any:
        """Weigh the counts of a vectorizer in place."""
        if not hasattr(X, "learned"):
            return original(transformer, X, copy)
        del X.learned
        idf = getattr(transformer, "idf_", None)
        if (
            X.dtype != np.float64
            or X.indices.dtype != np.int32
            or copy
            or get_config()["transform_output"] != "default"
        ):
            return original(transformer, X, copy)
        if transformer.sublinear_tf:
            np.log(X.data, X.data)
            X.data += 1.0
        factors = np.ones(X.shape[1]) if idf is None else idf
        weight_rows(X.data, X.indices, X.indptr, factors, NORMS[transformer.norm])
        return X

    def preprocessor(self, original: Original, vectorizer: Any) -> Any:
        found = original(vectorizer)
        return found if vectorizer.preprocessor is None else _faster(found)

    def tokenizer(self, original: Original, vectorizer: Any) -> Any:
        found = original(vectorizer)
        return found if vectorizer.tokenizer is None else _faster(found)

    def analyzer(self, original: Original, vectorizer: Any) -> Any:
        if not callable(vectorizer.analyzer):
            return original(vectorizer)
        other = shallow_copy(vectorizer)
        other.analyzer = _faster(vectorizer.analyzer)
        return original(other)


def _remembering_vectorizer(vectorizer: Any) -> Any:
    """Return a twin of a vectorizer that builds its analyzer in a way of its own."""
    if not overrides(vectorizer, "build_analyzer"):
        return vectorizer
    twin = shallow_copy(vectorizer)
    twin.build_analyzer = lambda: remembering_stems(vectorizer.build_analyzer())
    return twin


def _faster(function: Any) -> Any:
    """Return a function of the user's, whose stems and outputs are remembered."""
    return remembering(remembering_stems(function))


def _final(X: Any, vectorizer: Any) -> Any:
    """Take the mark from a matrix that is what the user gets."""
    if type(vectorizer) is CountVectorizer:
        del X.learned
    return X


class _ColumnChooser:
    """A matrix of which scikit-learn chooses columns; keeps which."""

    def __init__(self, X: Any):
        self.kept = np.arange(X.shape[1])
        self.sum = X.sum
        self.learned = X.learned

    def __getitem__(self, key: Any) -> Any:
        self.kept = key[1]
        return self


def fast_vectorizers(*, least_work: int = LEAST_WORK) -> AbstractContextManager[None]:
    """Let vectorizers that this thread fits learn by kernels, exactly as they do without.

    Within the context, `CountVectorizer` and `TfidfVectorizer` themselves are fitted: their types,
    attributes, matrices, warnings and errors are scikit-learn's. Where kernels do not know an
    option or the texts, its own code runs. Other threads are not affected.

    Parameters
    ----------
    least_work : int
        How much there must be to do, as `work_per_character` counts it, for kernels to run.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> with fast_vectorizers(least_work=0):
    ...     vectorizer = TfidfVectorizer().fit(["some text", "more text"])
    >>> vectorizer.vocabulary_
    {'some': 1, 'text': 2, 'more': 0}
    """
    return vectorizer_steps(_KernelSteps(least_work)) if COMPILES else nullcontext()
