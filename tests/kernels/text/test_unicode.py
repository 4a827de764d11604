"""Tables over all code points say what Python says."""

import re

import numpy as np
import pytest

from skwillump.kernels.text import _unicode

ALL = [chr(code_point) for code_point in range(_unicode.N_CODE_POINTS)]


def test_lower_table_is_str_lower_except_for_the_irregular():
    table = _unicode.lower_table()
    differing = {c for c in ALL if c.lower() != chr(table[ord(c)])}
    assert differing == set(_unicode.IRREGULAR_UPPERCASE)
    # They are left as they are: one becomes two characters, the other depends on its place.
    assert all(table[ord(c)] == ord(c) for c in differing)


def test_lowering_twice_changes_nothing():
    # Texts that str.lower has seen pass through the table once more.
    table = _unicode.lower_table()
    assert np.array_equal(table[table], table)
    assert all(part.lower() == part for part in "\u0130".lower())


@pytest.mark.parametrize("pattern", [r"\w", r"\s", r"\S", r"[a-z0-9]", r"[^\W\d_]"])
def test_class_table_is_what_re_matches(pattern):
    matches = re.compile(pattern).match
    expected = np.array([matches(c) is not None for c in ALL])
    assert np.array_equal(_unicode.class_table(pattern).astype(bool), expected)


def test_white_space_is_where_split_splits():
    expected = np.array([c.isspace() for c in ALL])
    assert np.array_equal(_unicode.space_table().astype(bool), expected)
    assert all(not c.split() for c in ALL if c.isspace())


def test_code_points_keeps_lone_surrogates():
    assert _unicode.code_points("a\ud800\U0001f600").tolist() == [97, 0xD800, 0x1F600]


def test_lowering_lengthens_utf8_by_half_at_most():
    # The room for a folded text is made on this assumption.
    for code_point in np.flatnonzero(_unicode.lower_table() != _unicode.identity_table()):
        before = len(chr(code_point).encode())
        after = len(chr(_unicode.lower_table()[code_point]).encode())
        assert 2 * after <= 3 * before
