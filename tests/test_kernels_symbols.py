"""Kernels that read UTF-8: offsets, tokens and their verification."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import documents, texts

from skwillump.kernels._bits import agreeing_lanes, bits_in_range, load_word, lower_block
from skwillump.kernels._jit import jit
from skwillump.kernels._tokens import find_in_bucket, find_token, fold_text, token_key
from skwillump.kernels._utf8 import (
    count_characters,
    decode,
    encode,
    flag_irregular_case,
)
from skwillump.kernels._vocabulary import word_alphabet


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
    return find_in_bucket(folded, np.uint64(0), length, alphabet)


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
def read_lanes(data, at, value, mask):
    return agreeing_lanes(data, np.uint64(at), np.uint64(value), np.uint64(mask))


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


def test_lanes_agree_where_the_mask_has_ones():
    data = np.array([0, 0x12345678, 0x12FF5678, 0xFFFFFFFF, 0x12345678], dtype=np.uint32)
    assert read_lanes(data, 1, 0x12345678, 0xFFFFFFFF) == 0b1001
    assert read_lanes(data, 1, 0x12345678, 0xFF00FFFF) == 0b1011
    assert read_lanes(data, 0, 0x55, 0) == 0b1111
    assert read_lanes(data, 0, 7, 0xFFFFFFFF) == 0


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
    stems = ("a", "token", "fifteen-bytes", "a token of more than sixteen bytes ", "ü")
    tokens = [f"{stem}{i}" for stem in stems for i in range(2000)]
    alphabet = word_alphabet(tokens, [], r"\w", 1, True)
    n_decided = n_short = 0
    for symbol, token in enumerate(tokens, start=1):
        for text, expected in ((token, symbol), (token + "x", 0), (token[:-1] + "x", 0)):
            assert look_up(*padded(text), alphabet) == expected
            found, decided = look_up_in_bucket(*padded(text), alphabet)
            n_short += len(utf8(text)) <= 16
            n_decided += decided
            assert not decided or (found == expected and len(utf8(text)) <= 16)
    assert 0.9 * n_short < n_decided <= n_short


@jit
def number_with_a_hash_of_zeros(mask):
    """Find eight digits of which the hash has zeros where ``mask`` has ones."""
    folded = np.zeros(16, dtype=np.uint8)
    for number in range(10_000_000, 100_000_000):
        rest = number
        for k in range(7, -1, -1):
            folded[k] = 48 + rest % 10
            rest //= 10
        if token_key(folded, np.uint64(0), np.uint64(8))[2] & mask == np.uint64(0):
            return number
    return 0


def test_a_hash_of_zeros_is_no_empty_slot():
    # Where the part of a hash that a slot keeps is zero, an empty slot agrees with it.
    tokens = [f"t{i}" for i in range(3000)]
    alphabet = word_alphabet(tokens, [], r"\w", 1, True)
    token = str(number_with_a_hash_of_zeros(np.uint64(0xFFFFFFFF & ~alphabet.number_mask)))
    assert token != "0"
    assert look_up(*padded(token), alphabet) == 0
    found, _ = look_up_in_bucket(*padded(token), alphabet)
    assert found == 0
    for at in (0, 1500, 3000):
        some = [*tokens[:at], token, *tokens[at:]]
        alphabet = word_alphabet(some, [], r"\w", 1, True)
        assert look_up(*padded(token), alphabet) == at + 1
        found, decided = look_up_in_bucket(*padded(token), alphabet)
        assert found == (at + 1 if decided else 0)


@given(texts, texts)
def test_what_follows_a_token_does_not_matter(token, rest):
    alphabet = word_alphabet([token], [], r"\w", 1, True)
    length = np.uint64(len(utf8(token)))
    if length:
        assert look_up(padded(token + rest)[0], length, alphabet) == 1
        assert key_of(padded(token + rest)[0], length) == key_of(*padded(token))
