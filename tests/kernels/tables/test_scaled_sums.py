"""Kernels of tables against what they replace."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from strategies import texts

from skwillump.kernels._arrays import frozen
from skwillump.kernels.tables._scaled_sums import add_scaled
from skwillump.kernels.tables._text_keys import make_text_table, number_texts


def buffers(strings):
    encoded = [text.encode("utf-8", "surrogatepass") for text in strings]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    data = np.frombuffer(b"".join(encoded) or b"?", dtype=np.uint8)
    return frozen(data), ends[:-1], ends[1:]


@settings(max_examples=150)
@given(known=st.lists(texts, unique=True, max_size=20), others=st.lists(texts, max_size=10))
def test_texts_are_numbered_as_a_dict_does(known, others):
    table = make_text_table(known)
    queries = [*known, *others, *(text + "x" for text in known), *(text[:-1] for text in known)]
    queries += [text + "\0" for text in known]
    numbers = {text: number for number, text in enumerate(known)}
    expected = [numbers.get(text, len(known)) for text in queries]
    assert number_texts(*buffers(queries), table).tolist() == expected


def test_texts_that_agree_in_the_bytes_that_are_hashed_first():
    known = [f"the user {number:06d} of the service" for number in range(5000)]
    table = make_text_table(known)
    assert table.all_bytes
    queries = [*known[::-1], "the user 005000 of the service", ""]
    expected = [*range(4999, -1, -1), 5000, 5000]
    assert number_texts(*buffers(queries), table).tolist() == expected
    assert not make_text_table(["a", "bc", "def"]).all_bytes


@pytest.mark.parametrize("most", [0, 15, 16, 17, 47, 48, 49, 100])
def test_texts_of_every_length(most):
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    known = [(alphabet * 4)[:length] for length in range(most + 1)]
    known += [text.upper() for text in known[1:]]
    table = make_text_table(known)
    wrong = [text[:at] + "?" + text[at + 1 :] for text in known for at in range(len(text))]
    assert number_texts(*buffers(known), table).tolist() == list(range(len(known)))
    assert set(number_texts(*buffers(wrong), table).tolist()) <= {len(known)}


def test_scaled_columns_are_added():
    generator = np.random.default_rng(0)
    for n_outputs in (1, 3):
        coef = frozen(generator.normal(size=n_outputs))
        for column in (generator.normal(size=50), generator.integers(-5, 5, size=50)):
            out = generator.normal(size=(50, n_outputs))
            expected = out + ((column - 0.5) / 3.0)[:, None] * coef
            add_scaled(frozen(column), 0.5, 3.0, coef, out)
            np.testing.assert_allclose(out, expected, rtol=1e-15, atol=1e-15)
