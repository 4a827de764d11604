"""Kernels that read UTF-8: offsets, tokens and their verification."""

import numpy as np
from hypothesis import given
from strategies import documents, texts

from skwillump.kernels._jit import jit
from skwillump.kernels._tokens import find_token, token_key, word_at
from skwillump.kernels._utf8 import (
    count_characters,
    decode,
    encode,
    flag_irregular_case,
)
from skwillump.kernels._vocabulary import word_alphabet


def utf8(text):
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)


def words(text):
    """Return UTF-8 bytes as eight-byte words, with two more words of noise."""
    raw = text.encode("utf-8", "surrogatepass")
    padded = raw + b"\xee" * (24 - len(raw) % 8)
    return np.frombuffer(padded, dtype=np.uint64), np.uint64(len(raw))


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
def look_up(words, length, alphabet):
    return find_token(words, np.uint64(0), length, alphabet)


@jit
def key_of(words, length):
    return token_key(words, np.uint64(0), length)


@jit
def read_word(words, at):
    return word_at(words, np.uint64(at))


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
    for at in range(24):
        expected = int.from_bytes(data[at : at + 8].tobytes(), "little")
        assert read_word(data.view(np.uint64), at) == expected


def test_every_token_is_found_and_its_neighbours_are_not():
    stems = ("a", "token", "fifteen-bytes", "a token of more than sixteen bytes ", "ü")
    tokens = [f"{stem}{i}" for stem in stems for i in range(2000)]
    alphabet = word_alphabet(tokens, [], r"\w", 1, True)
    for symbol, token in enumerate(tokens, start=1):
        assert look_up(*words(token), alphabet) == symbol
        assert look_up(*words(token + "x"), alphabet) == 0
        assert look_up(*words(token[:-1] + "x"), alphabet) == 0


@given(texts, texts)
def test_what_follows_a_token_does_not_matter(token, rest):
    alphabet = word_alphabet([token], [], r"\w", 1, True)
    length = np.uint64(len(utf8(token)))
    if length:
        assert look_up(words(token + rest)[0], length, alphabet) == 1
        assert key_of(words(token + rest)[0], length) == key_of(*words(token))


def test_a_hash_that_collides_is_not_taken_for_the_token():
    token = "of the same length"
    alphabet = word_alphabet([token], [], r"\w", 1, True)
    assert look_up(*words(token), alphabet) == 1
    others = ("of the same lengtH", "Of the same length", "of the sAme length", token + "en", "x")
    for other in others:
        # Put the token where the other one is looked for, under the other one's fingerprint.
        state = int(key_of(*words(other))[2])
        slots = np.zeros_like(alphabet.token_slots)
        mask = alphabet.number_mask
        slots[(state >> 32) & (len(slots) - 1)] = (state & 0xFFFFFFFF & ~mask) | 1
        assert look_up(*words(other), alphabet._replace(token_slots=slots)) == 0
