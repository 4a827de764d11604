"""Texts to partial scores, or to the rows of a sparse matrix.

Scores are the fused path: a text's n-grams are counted, weighted, multiplied with the
coefficients and normalised at once. What is read a term at a time is laid out by slot, so that
a term's number is never needed. The rows of the matrix itself are written by scikit-learn's
operations in scikit-learn's order, so that values are equal to the last bit.
"""

import math
from typing import NamedTuple

import numpy as np

from .._arrays import frozen
from .._bits import lesser
from .._jit import inline, jit
from .._room import room
from .._sparse_rows import L1, L2, NO_NORM
from .._words import FOUR, ONE, THREE, TWO, ZERO
from ._counts import (
    WORD,
    ask_for_rows,
    count_padded_words,
    count_row,
    longest_text,
    make_scratch,
)
from ._order import bitmap_in_kernel, mark, read_marked
from ._tokens import block_symbols, make_token_scratch


class Weighting(NamedTuple):
    """How counts become values."""

    frequencies: np.ndarray  # float64 (n,): the frequency that stands for each small count
    binary: bool
    sublinear: bool
    norm: int  # NO_NORM, L1 or L2


_NO_TERMS = frozen(np.empty(0, dtype=np.int32))

NO_MATRIX = _NO_TERMS, _NO_TERMS, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
"""The last arguments of the kernels where scores are asked for."""


def make_weighting(binary: bool, sublinear: bool, norm: int) -> Weighting:
    """Tabulate what small counts become, by the functions that scikit-learn applies to them."""
    frequencies = np.arange(512, dtype=np.float64)
    if binary:
        frequencies[1:] = 1.0
    if sublinear:
        np.log(frequencies[1:], out=frequencies[1:])
        frequencies[1:] += 1.0
    return Weighting(frequencies, binary, sublinear, norm)


@inline
def frequency_of(count, weighting):
    """Return what stands for a count before the inverse document frequency."""
    if count < len(weighting.frequencies):
        return weighting.frequencies[np.uint64(count)]
    if weighting.binary:
        count = 1
    return 1.0 + math.log(count) if weighting.sublinear else float(count)


@jit
def weigh_texts(
    text,
    starts,
    stops,
    alphabet,
    ngrams,
    weighting,
    slots,
    weights,
    counter,
    out,
    term_of_slot,
    slot_of_term,
    indptr,
    indices,
):
    """Write each text's partial score, or its row of a CSR matrix.

    One kernel does both, for one output and several: to compile the walk over the texts for each
    of them would take as long as for the first.

    Parameters
    ----------
    text : uint8 array
        UTF-8 bytes of all texts.
    starts, stops : int64 arrays of shape (n_rows,)
        Where each text begins and ends.
    alphabet : Alphabet
    ngrams : NGrams
        Of words or of characters.
    weighting : Weighting
    slots : uint64 array of shape (n_slots,)
    weights : float64 array of shape (n_slots, width), or (n_terms, 1) for a matrix
        For each slot the inverse document frequency, then its product with each coefficient;
        zeros where no term ends. The width is 2 for one output, else a multiple of 4.
        For a matrix the inverse document frequency of each term.
    counter : int32 array of at least n_slots
        All zero, before and after.
    out : float64 array of shape (n_rows, n_outputs), or (1, capacity) for the data of a matrix
        Receives normalised values times the coefficients, or the values.
    term_of_slot : int32 array of shape (n_slots,)
    slot_of_term : int32 array of shape (n_terms,)
    indptr : int64 array of shape (n_rows + 1,)
        The first is given, the others are written. Empty where scores are asked for.
    indices : int32 array of shape (capacity,)
        Receives the terms in ascending order.

    Returns
    -------
    int
        Number of rows written. Fewer than there are if a matrix has not enough room: the caller
        makes it longer and calls again with the rows that are left.
    """
    scratch = make_scratch(longest_text(starts, stops), ngrams, len(slots))
    touched = scratch[1]
    n_words = len(starts) if ngrams.analyzer == WORD else 0
    tokens = make_token_scratch(starts[:n_words], stops[:n_words])
    found, ends = tokens[1], tokens[2]
    characters = (
        alphabet.fold,
        alphabet.kind,
        alphabet.ascii,
        alphabet.symbol_of,
        alphabet.blank,
    )
    matrix = term_of_slot, slot_of_term, indptr, indices
    of_matrix = len(indptr) > 0
    values = room(len(touched) if out.shape[1] > 1 and not of_matrix else 0, np.float64)
    bitmap = scratch[2], scratch[2], scratch[2]  # of the same types, for what is not used
    if of_matrix:
        bitmap = bitmap_in_kernel(len(slot_of_term))
    begin = end = 0
    while end < len(starts):
        begin = end
        if ngrams.analyzer == WORD:
            end = block_symbols(text, starts, stops, begin, alphabet, tokens)
            if not of_matrix:
                ask_for_rows(weights, found, ends[end - begin - 1])
        else:
            end = len(starts)
        last = ZERO
        for row in range(begin, end):
            first = last
            if ngrams.analyzer == WORD:
                last = np.uint64(ends[row - begin])
            n = count_row(
                text,
                starts[row],
                stops[row],
                characters,
                ngrams,
                slots,
                counter,
                scratch,
                found,
                first,
                last,
            )
            if of_matrix:
                if not _write_row(
                    touched, n, counter, weighting, weights, bitmap, matrix, out, row
                ):
                    return row
            elif out.shape[1] == 1:
                _score_row(touched, n, counter, weighting, weights, out, row)
            else:
                _score_row_outputs(touched, n, counter, weighting, weights, values, out, row)
    return len(starts)


@jit
def weigh_padded_words(
    text,
    starts,
    stops,
    alphabet,
    ngrams,
    weighting,
    slots,
    weights,
    counter,
    out,
    term_of_slot,
    slot_of_term,
    indptr,
    indices,
):
    """Do the same for n-grams of padded words."""
    longest = longest_text(starts, stops)
    scratch = make_scratch(longest, ngrams, len(slots))
    touched = scratch[1]
    short = room(longest + 2, np.int64)
    matrix = term_of_slot, slot_of_term, indptr, indices
    of_matrix = len(indptr) > 0
    values = room(len(touched) if out.shape[1] > 1 and not of_matrix else 0, np.float64)
    bitmap = scratch[2], scratch[2], scratch[2]  # of the same types, for what is not used
    if of_matrix:
        bitmap = bitmap_in_kernel(len(slot_of_term))
    for row in range(len(starts)):
        n = count_padded_words(
            text, starts[row], stops[row], alphabet, ngrams, slots, counter, scratch, short
        )
        if of_matrix:
            if not _write_row(touched, n, counter, weighting, weights, bitmap, matrix, out, row):
                return row
        elif out.shape[1] == 1:
            _score_row(touched, n, counter, weighting, weights, out, row)
        else:
            _score_row_outputs(touched, n, counter, weighting, weights, values, out, row)
    return len(starts)


@inline
def _score_row(touched, n, counter, weighting, weights, out, row):
    """Write the score of a row whose terms were counted, and clear the counter."""
    # Two sums each: a sum waits for its last addition.
    size = size_1 = score = score_1 = 0.0
    for k in range(ZERO, n & ~ONE, TWO):
        slot, slot_1 = touched[k], touched[k + ONE]
        # Zero, and so is all that follows from it, for a slot that was listed before.
        frequency = frequency_of(counter[slot], weighting)
        counter[slot] = 0
        frequency_1 = frequency_of(counter[slot_1], weighting)
        counter[slot_1] = 0
        value = frequency * weights[slot, ZERO]
        value_1 = frequency_1 * weights[slot_1, ZERO]
        size += abs(value) if weighting.norm == L1 else value * value
        size_1 += abs(value_1) if weighting.norm == L1 else value_1 * value_1
        score += frequency * weights[slot, ONE]
        score_1 += frequency_1 * weights[slot_1, ONE]
    if n & ONE:
        slot = touched[n - ONE]
        frequency = frequency_of(counter[slot], weighting)
        counter[slot] = 0
        value = frequency * weights[slot, ZERO]
        size += abs(value) if weighting.norm == L1 else value * value
        score += frequency * weights[slot, ONE]
    size += size_1
    score += score_1
    if weighting.norm != NO_NORM and size > 0.0:
        score /= math.sqrt(size) if weighting.norm == L2 else size
    out[row, 0] = score


@inline
def _score_row_outputs(touched, n, counter, weighting, weights, values, out, row):
    """Write the scores of a row whose terms were counted, and clear the counter."""
    n_outputs = out.shape[1]
    size = 0.0
    # Four columns at a time, the inverse document frequency among the first, so that
    # their sums stay in registers.
    sum_1 = sum_2 = sum_3 = 0.0
    for k in range(n):
        slot = touched[k]
        frequency = frequency_of(counter[slot], weighting)
        counter[slot] = 0
        values[k] = frequency
        value = frequency * weights[slot, ZERO]
        size += abs(value) if weighting.norm == L1 else value * value
        sum_1 += frequency * weights[slot, ONE]
        sum_2 += frequency * weights[slot, TWO]
        sum_3 += frequency * weights[slot, THREE]
    _put(out, row, 0, sum_1, sum_2, sum_3, 0.0, 3)
    for column in range(FOUR, np.uint64(n_outputs + 1), FOUR):
        sum_0 = sum_1 = sum_2 = sum_3 = 0.0
        for k in range(n):
            slot = touched[k]
            value = values[k]
            sum_0 += value * weights[slot, column]
            sum_1 += value * weights[slot, column + ONE]
            sum_2 += value * weights[slot, column + TWO]
            sum_3 += value * weights[slot, column + THREE]
        _put(out, row, np.int64(column) - 1, sum_0, sum_1, sum_2, sum_3, 4)
    if weighting.norm != NO_NORM and size > 0.0:
        if weighting.norm == L2:
            size = math.sqrt(size)
        for j in range(n_outputs):
            out[row, j] /= size


@inline
def _put(out, row, at, sum_0, sum_1, sum_2, sum_3, n):
    """Write the first ``n`` sums, as far as ``out`` goes."""
    left = lesser(n, out.shape[1] - at)
    out[row, at] = sum_0
    if left > 1:
        out[row, at + 1] = sum_1
    if left > 2:
        out[row, at + 2] = sum_2
    if left > 3:
        out[row, at + 3] = sum_3


@inline
def _write_row(touched, n_touched, counter, weighting, weights, bitmap, matrix, out, row):
    """Write the terms that a row holds and their values, and clear the counter.

    Returns whether there was room for them.
    """
    term_of_slot, slot_of_term, indptr, indices = matrix
    row_start = np.uint64(indptr[row])
    if row_start + n_touched + FOUR > np.uint64(len(indices)):
        for k in range(n_touched):
            counter[touched[k]] = 0
        return False
    for k in range(n_touched):
        slot = touched[k]
        term = term_of_slot[slot]
        is_term = term >= 0  # otherwise a prefix
        counter[slot] = counter[slot] if is_term else 0
        mark(np.uint64(term) * np.uint64(is_term), bitmap, np.uint64(is_term))
    n = read_marked(bitmap, indices, row_start)
    size = 0.0
    for k in range(row_start, n):
        term = np.uint64(indices[k])
        slot = np.uint32(slot_of_term[term])
        value = frequency_of(counter[slot], weighting) * weights[term, ZERO]
        counter[slot] = 0
        out[ZERO, k] = value
        size += abs(value) if weighting.norm == L1 else value * value
    if weighting.norm != NO_NORM and size > 0.0:
        if weighting.norm == L2:
            size = math.sqrt(size)
        for k in range(row_start, n):
            out[ZERO, k] /= size
    indptr[row + 1] = n
    return True
