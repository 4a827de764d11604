"""Texts, options and comparisons for tests of compiled vectorizers."""

import numpy as np
from hypothesis import strategies as st

DOCUMENTS = [
    "The quick brown fox, the QUICK brown fox!",
    "  white\t\tspace \n\n runs\x0band\x1clines ",
    "",
    "x",
    "Ünïcödé straße STRASSE ẞ ΟΔΥΣΣΕΥΣ İstanbul ıI",
    "emoji 😀😀 👍🏽 and\u200dmore",
    "lone \ud800 surrogates \udfff\udfff",
    "NUL\0in\0it and under_score 42 ٣٤",
    "a" * 10_000,
    "ab " * 3_000,
    "漢字かな交じり文 한국어 हिन्दी العربية",
]


def assert_same_matrix(actual, expected):
    assert type(actual) is type(expected)
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    assert actual.indices.dtype == expected.indices.dtype
    assert actual.indptr.dtype == expected.indptr.dtype
    assert np.array_equal(actual.indptr, expected.indptr)
    assert np.array_equal(actual.indices, expected.indices)
    assert np.array_equal(actual.data, expected.data)


ngram_ranges = st.tuples(st.integers(1, 5), st.integers(0, 3)).map(lambda r: (r[0], r[0] + r[1]))
options = st.fixed_dictionaries(
    {
        "ngram_range": ngram_ranges,
        "lowercase": st.booleans(),
        "strip_accents": st.sampled_from([None, None, "unicode", "ascii"]),
        "binary": st.booleans(),
    }
)
