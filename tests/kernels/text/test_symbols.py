"""Kernels that read UTF-8: offsets, tokens and their verification."""

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import documents, texts

from skwillump.kernels._bits import bits_in_range, equal_words, load_word, lower_block
from skwillump.kernels._jit import jit
from skwillump.kernels.text._tokens import (
    ELSEWHERE,
    SHORT,
    bucket_of,
    find_token,
    fold_text,
    symbol_in,
    token_key,
)
from skwillump.kernels.text._utf8 import (
    count_characters,
    decode,
    encode,
    flag_irregular_case,
    split_at_zeros,
)
from skwillump.kernels.text._vocabulary import word_alphabet


def utf8(text):
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)


def padded(text):
    """Return UTF-8 bytes, then 16 bytes of noise, and how many of them are the text's."""
    raw = text.encode("utf-8", "surrogatepass")
    return np.frombuffer(raw + b"\xee" * 16, dtype=np.uint8), np.uint64(len(raw))


@jit
def encode_all(code_points, out):
    n = np.uint64(0)
    for code_point in code_points:
        n += encode(code_point, out, n)
    return n


@jit
def decode_wide(text, out):
    n = 0
    i = np.uint64(0)
    while i < len(text):
        width = np.uint64(1)
        out[n] = text[i]
        if text[i] >= 128:
            out[n], width = decode(text, i)
        i += width
        n += 1
    return n


@jit
def look_up(folded, length, alphabet):
    return find_token(folded, np.uint64(0), length, alphabet)


@jit
def look_up_in_bucket(folded, length, alphabet):
    first, second = token_key(folded, np.uint64(0), length)
    return symbol_in(alphabet.buckets, bucket_of(first, second, alphabet), first, second)


@jit
def key_of(folded, length):
    return token_key(folded, np.uint64(0), length)


@jit
def read_word(data, at):
    return load_word(data, np.uint64(at))


@jit
def read_range(data, at, first, span):
    return bits_in_range(data, np.uint64(at), np.uint64(first), np.uint64(span))


@jit
def compare_words(data, at, low, high):
    return equal_words(data, np.uint64(at), np.uint64(low), np.uint64(high))


@jit
def lower(data, at, out, to):
    lower_block(data, np.uint64(at), out, np.uint64(to), np.uint64(ord("A")), np.uint64(26))


@jit
def fold(text, start, stop, alphabet, folded, marks, first):
    return fold_text(text, start, stop, alphabet, folded, marks, np.uint64(first))


@jit
def characters(data):
    return count_characters(data, 0, len(data))


@given(texts)
def test_encode_is_utf8(text):
    out = np.zeros(4 * len(text) + 4, dtype=np.uint8)
    n = encode_all(np.array([ord(c) for c in text], dtype=np.int64), out)
    assert out[:n].tobytes() == text.encode("utf-8", "surrogatepass")


@given(documents)
def test_irregular_case_is_flagged_where_it_occurs(texts):
    stops = np.cumsum([len(utf8(text)) for text in texts])
    starts = np.concatenate(([0], stops[:-1]))
    flags = np.zeros(len(texts), dtype=bool)
    found = flag_irregular_case(utf8("".join(texts)), starts, stops, flags)
    assert flags.tolist() == ["\u0130" in text or "\u03a3" in text for text in texts]
    assert found == flags.any()


@given(texts)
def test_decoding_gives_the_characters_back(text):
    out = np.zeros(len(text) + 1, dtype=np.int64)
    n = decode_wide(utf8(text), out)
    assert "".join(map(chr, out[:n])) == text
    assert characters(utf8(text)) == len(text)


def test_a_word_is_the_eight_bytes_from_any_place():
    data = np.arange(40, dtype=np.uint8)
    for at in range(32):
        expected = int.from_bytes(data[at : at + 8].tobytes(), "little")
        assert read_word(data, at) == expected


def test_blocks_of_bytes_are_compared_and_lowered():
    data = np.arange(256, dtype=np.uint8)
    for at, first, span in [(0, 0, 1), (40, 65, 26), (192, 128, 128), (7, 70, 1), (64, 64, 0)]:
        bits = int(read_range(data, at, first, span))
        inside = [first <= value < first + span for value in data[at : at + 64].tolist()]
        assert [bits >> k & 1 for k in range(64)] == inside
    out = np.zeros(80, dtype=np.uint8)
    lower(data, 40, out, 5)
    assert out[5:69].tobytes() == data[40:104].tobytes().lower()
    assert not out[:5].any()
    assert not out[69:].any()


def test_words_are_compared_with_one_or_the_other():
    ones = np.uint64(0xFFFFFFFFFFFFFFFF)
    data = np.array([9, 7, 1 << 40, 7, ones, 7, 9, ones, 9, 0], dtype=np.uint64)
    assert compare_words(data, 0, 7, 9) == 0b01001010
    assert compare_words(data, 1, 7, 9) == 0b10100101
    assert compare_words(data, 1, 1 << 40, ones) == 0b01000010
    assert compare_words(data, 2, 0, 0) == 0b10000000
    assert compare_words(data, 2, 1 << 8, 1) == 0


@given(documents)
def test_texts_are_split_where_zeros_stand(documents):
    starts, stops = (np.full(len(documents), -1, dtype=np.int64) for _ in range(2))
    raw = "\0".join(documents).encode("utf-8", "surrogatepass")
    if not documents:
        return
    found = split_at_zeros(np.frombuffer(raw, dtype=np.uint8), starts, stops)
    assert found == (not any("\0" in document for document in documents))
    if found:
        pieces = [raw[start:stop] for start, stop in zip(starts, stops, strict=True)]
        assert pieces == [bytes(utf8(document)) for document in documents]


def test_texts_are_split_at_all_places():
    for size in (0, 1, 31, 62, 63, 64, 65, 127, 128, 200):
        lengths = [size, 0, 0, 3, size, 1, 64, 63, size]
        raw = b"\0".join(b"x" * length for length in lengths)
        starts, stops = np.empty((2, len(lengths)), dtype=np.int64)
        assert split_at_zeros(np.frombuffer(raw, dtype=np.uint8), starts, stops)
        assert (stops - starts).tolist() == lengths
        assert starts.tolist() == [0, *(stops[:-1] + 1).tolist()]


@given(documents, st.booleans())
def test_folding_marks_the_bytes_of_tokens(documents, lowercase):
    # Long ones, with the borders of blocks at all places.
    documents = ["".join(documents), *documents, "aB ü" * 40, "x" * 200]
    alphabet = word_alphabet([], [], r"\w", 1, lowercase)
    text = utf8("".join(documents))
    stops = np.cumsum([len(utf8(document)) for document in documents])
    for document, stop in zip(documents, stops.tolist(), strict=True):
        size = len(utf8(document))
        folded = np.full(192 + size * 3 // 2, 0xEE, dtype=np.uint8)
        marks = np.full(len(folded) // 64 + 1, 0xEEEE, dtype=np.uint64)
        n, is_ascii = fold(text, stop - size, stop, alphabet, folded, marks, 64)
        characters = [c.lower() if lowercase and c not in "\u0130\u03a3" else c for c in document]
        assert folded[64:n].tobytes() == utf8("".join(characters)).tobytes()
        assert is_ascii == document.isascii()
        expected = [bool(re.match(r"\w", c)) for c in characters for _ in range(len(utf8(c)))]
        n_bits = (int(n) // 64 + 1) * 64 - 64
        bits = [bool(int(marks[k >> 6]) >> (k & 63) & 1) for k in range(64, 64 + n_bits)]
        assert bits == expected + [False] * (n_bits - len(expected))


def test_every_token_is_found_and_its_neighbours_are_not():
    stems = ("a", "token", "eleven-byte", "a token of more than fifteen bytes ", "ü")
    tokens = [f"{stem}{i}" for stem in stems for i in range(2000)]
    alphabet = word_alphabet(tokens, [], r"\w", 1, True)
    n_decided = n_short = 0
    for symbol, token in enumerate(tokens, start=1):
        for text, expected in ((token, symbol), (token + "x", 0), (token[:-1] + "x", 0)):
            assert look_up(*padded(text), alphabet) == expected
            if len(utf8(text)) <= SHORT:
                found = look_up_in_bucket(*padded(text), alphabet)
                n_short += 1
                n_decided += found != ELSEWHERE
                assert found in (expected, ELSEWHERE)
    assert 0.9 * n_short < n_decided


@pytest.mark.parametrize("n_tokens", [0, 1, 2, 3, 4, 7, 24, 25, 3000])
def test_tokens_fill_no_more_than_half_of_the_buckets(n_tokens):
    alphabet = word_alphabet([f"t{i}" for i in range(n_tokens)], [], r"\w", 1, True)
    assert len(alphabet.buckets) // 8 * 3 >= 2 * n_tokens
    assert len(alphabet.buckets) == 8 << (64 - alphabet.bucket_shift)
    assert alphabet.buckets.ctypes.data % 64 == 0
    for i in range(n_tokens):
        assert look_up(*padded(f"t{i}"), alphabet) == i + 1
    assert look_up(*padded(f"t{n_tokens}"), alphabet) == 0


@jit
def key_in_bucket(wanted, number, alphabet):
    """Find eight digits, from ``number`` on, of which the bucket begins at ``wanted``."""
    folded = np.zeros(16, dtype=np.uint8)
    while True:
        rest = number
        for k in range(7, -1, -1):
            folded[k] = 48 + rest % 10
            rest //= 10
        first, second = token_key(folded, np.uint64(0), np.uint64(8))
        if bucket_of(first, second, alphabet) == np.uint64(wanted):
            return number
        number += 1


@pytest.mark.parametrize("wanted", [0, -8])
def test_a_full_bucket_passes_tokens_on(wanted):
    others = [f"t{i}" for i in range(40)]
    alphabet = word_alphabet([*others, *"12345678"], [], r"\w", 1, True)
    # Eight for one bucket, the last one among them, after which the first one comes.
    number, together = 10_000_000, []
    while len(together) < 9:
        number = key_in_bucket(wanted % len(alphabet.buckets), number + 1, alphabet)
        together.append(str(number))
    *together, absent = together
    full = word_alphabet([*others, *together], [], r"\w", 1, True)
    assert len(full.buckets) == len(alphabet.buckets)
    for symbol, token in enumerate([*others, *together], start=1):
        assert look_up(*padded(token), full) == symbol
        assert look_up_in_bucket(*padded(token), full) in (symbol, ELSEWHERE)
    assert look_up(*padded(absent), full) == 0
    assert look_up_in_bucket(*padded(absent), full) == ELSEWHERE


def test_a_token_with_zeros_is_not_one_without():
    tokens = ["a", "a\0", "a\0\0", "\0", "\0" * 8, "\0" * 15, "\0" * 16, "a" + "\0" * 30]
    alphabet = word_alphabet(tokens, [], r"\S", 1, True)
    for symbol, token in enumerate(tokens, start=1):
        assert look_up(*padded(token), alphabet) == symbol
        assert look_up(*padded(token + "\0" * 32), alphabet) == 0
    assert look_up(*padded("\0" * 9), alphabet) == 0


@given(texts, texts)
def test_what_follows_a_token_does_not_matter(token, rest):
    alphabet = word_alphabet([token], [], r"\w", 1, True)
    length = np.uint64(len(utf8(token)))
    if length:
        assert look_up(padded(token + rest)[0], length, alphabet) == 1
        assert key_of(padded(token + rest)[0], length) == key_of(*padded(token))
