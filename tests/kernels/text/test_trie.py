"""A trie finds its terms, all of them, and nothing else."""

import naive
import numpy as np
import pytest
import strategies  # noqa: F401 (sets the profile)
from hypothesis import given, strategies as st

from skwillump.kernels._jit import jit
from skwillump.kernels.text._ngrams import SEGMENT, count_ngrams
from skwillump.kernels.text._vocabulary import vocabulary_trie

symbols = st.integers(1, 6)
vocabularies = st.lists(
    st.lists(symbols, min_size=1, max_size=5).map(tuple), unique=True, max_size=40
)
streams = st.lists(st.integers(0, 6), max_size=60)


@jit
def count_stream(symbols, n, slots, min_n, max_n, counter, touched, frontier):
    return count_ngrams(symbols, n, slots, min_n, max_n, counter, touched, frontier)


def trie_of(terms):
    """Build the trie of runs of symbols, each the term of its position."""
    symbols = np.array([symbol for term in terms for symbol in term], dtype=np.int64)
    lengths = np.array([len(term) for term in terms], dtype=np.int64)
    return vocabulary_trie(symbols, lengths, np.arange(len(terms)), len(terms))


def count(stream, terms, min_n, max_n):
    """Count by the kernel; also check that it lists each touched slot once."""
    trie = trie_of(terms)
    buffer = np.zeros(len(stream) + max_n + 1, dtype=np.uint32)
    buffer[: len(stream)] = stream
    counter = np.zeros(len(trie.slots), dtype=np.int32)
    room = len(trie.slots) + (int(SEGMENT) + 1) * (max_n + 1)
    touched = np.zeros(room, dtype=np.uint32)
    frontier = np.zeros(int(SEGMENT) + 1, dtype=np.uint64)
    n_touched = int(
        count_stream(buffer, len(stream), trie.slots, min_n, max_n, counter, touched, frontier)
    )
    listed = touched[:n_touched]
    assert len(np.unique(listed)) == n_touched
    assert np.array_equal(np.sort(listed), np.flatnonzero(counter))
    found = {}
    for slot in listed:
        term = int(trie.term_of_slot[slot])
        if term >= 0:
            assert trie.slot_of_term[term] == slot
            found[term] = int(counter[slot])
    return found


@given(vocabularies, streams, st.integers(1, 5), st.integers(0, 4))
def test_counts_are_those_of_the_naive_search(terms, stream, min_n, more):
    # Symbol 0 in the stream stands for what is in no term; streams hold symbols of the terms.
    known = {symbol for term in terms for symbol in term}
    stream = [symbol if symbol in known else 0 for symbol in stream]
    max_n = min_n + more
    expected = naive.sequence_counts(
        stream, min_n, max_n, {term: i for i, term in enumerate(terms)}
    )
    assert count(stream, terms, min_n, max_n) == expected


@pytest.mark.parametrize("n_symbols", [3, 90, 5000])
def test_large_vocabularies_are_found_whole(n_symbols):
    generator = np.random.default_rng(n_symbols)
    runs = {
        tuple(run)
        for n in range(1, 5)
        for run in generator.zipf(1.3, size=(3000, n)).clip(max=n_symbols).tolist()
    }
    terms = list(runs)
    trie = trie_of(terms)
    assert (trie.slot_of_term >= 0).all()
    for number, term in enumerate(terms[:300]):
        found = count(list(term), terms, len(term), len(term))
        assert found == {number: 1}


def test_packing_leaves_few_gaps():
    generator = np.random.default_rng(0)
    terms = list(
        {tuple(run) for run in generator.zipf(1.5, size=(20_000, 4)).clip(max=80).tolist()}
    )
    trie = trie_of(terms)
    n_nodes = len({term[:n] for term in terms for n in range(1, 5)})
    assert len(trie.slots) < 1.3 * n_nodes + 200


def test_streams_longer_than_a_segment_are_counted_across_its_borders():
    stream = [1, 2, 3] * (int(SEGMENT) + 5)
    terms = [(1, 2, 3), (3, 1), (2, 3, 1, 2)]
    n = int(SEGMENT) + 5
    assert count(stream, terms, 2, 4) == {0: n, 1: n - 1, 2: n - 1}


def test_an_empty_vocabulary_matches_nothing():
    assert count([0, 0, 0], [], 1, 3) == {}
