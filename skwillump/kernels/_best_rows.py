"""The best rows of a query, and which of them lie too close to be told apart.

The best rows that were met are kept in a heap, with the worst of them on top, so that a row that is
no better costs one comparison. In a small query NumPy's calls would cost more than their work:
about twenty of them are two kernels here.
"""

import numpy as np

from ._jit import inline, jit

FEW_MORE = 4
"""Rows beyond those that are asked for that are put in order at first."""


@inline
def _is_worse(number, row, other, other_row):
    """Say whether a row comes after another: its number is less, or the same and it is later."""
    return number < other or (number == other and row > other_row)


@inline
def _sink(numbers, rows, place, stop):
    """Move the row at a place of the heap down to where none below it is worse."""
    number, row = numbers[place], rows[place]
    below = 2 * place + 1
    while below < stop:
        beside = below + 1
        if beside < stop and _is_worse(numbers[beside], rows[beside], numbers[below], rows[below]):
            below = beside
        if not _is_worse(numbers[below], rows[below], number, row):
            break
        numbers[place], rows[place] = numbers[below], rows[below]
        place = below
        below = 2 * place + 1
    numbers[place], rows[place] = number, row


@inline
def _fill_best(raw, rows, numbers):
    """See `take_best`."""
    n_best = len(rows)
    largest = 0.0
    for row in range(n_best):
        if raw[row] != raw[row]:
            return raw[row]
        largest = max(largest, abs(raw[row]))
        rows[row], numbers[row] = row, raw[row]
    for place in range(n_best // 2 - 1, -1, -1):
        _sink(numbers, rows, place, n_best)
    for row in range(n_best, len(raw)):
        number = raw[row]
        if number > numbers[0]:  # of the same number, this row is the later one
            numbers[0], rows[0] = number, row
            _sink(numbers, rows, 0, n_best)
        elif number != number:
            return number
        largest = max(largest, abs(number))
    for last in range(n_best - 1, 0, -1):
        number, row = numbers[0], rows[0]
        numbers[0], rows[0] = numbers[last], rows[last]
        numbers[last], rows[last] = number, row
        _sink(numbers, rows, 0, last)
    return largest


@jit
def take_best(raw, rows, numbers):
    """Write the rows with the largest numbers, best first, as a stable sort gives them.

    Parameters
    ----------
    raw : ndarray of float64 of shape (n_rows,)
    rows : ndarray of intp of shape (n_best,)
        Is filled with their positions; at most `n_rows`, at least one.
    numbers : ndarray of float64 of shape (n_best,)
        Is filled with their numbers.

    Returns
    -------
    float
        The largest number of all by its size; NaN if one is NaN: nothing is said then.
    """
    return _fill_best(raw, rows, numbers)


@jit
def close_pairs(numbers, scores, k, n_rows, reach, step, pairs):
    """Find neighbours among the best rows that are not plainly apart.

    Rows of one number are of equal features, and no pair.

    Parameters
    ----------
    numbers, scores : ndarray of float64 of shape (n_best,)
        Best first; scores rise with numbers.
    k : int
        Rows whose order is asked for.
    n_rows : int
        Rows of which these are the best; of all of them, none is left to change places with.
    reach, step : float
        Numbers and scores that differ by more are apart.
    pairs : ndarray of intp of shape (2 * n_best,)
        Is filled with the places of both rows of each pair.

    Returns
    -------
    end : int
        The first `k` rows, and what may change places with them, are those before `end`; 0 if all
        may, or if the scores do not rise with the numbers.
    n_places : int
        Those that `pairs` was filled with.
    """
    n_places = 0
    for place in range(len(numbers) - 1):
        raw_gap = numbers[place] - numbers[place + 1]
        gap = scores[place] - scores[place + 1]
        if raw_gap > reach and gap > step:
            if place + 1 >= k:
                return place + 1, n_places
        elif raw_gap != 0.0:
            if not gap >= 0.0:
                return 0, 0
            pairs[n_places], pairs[n_places + 1] = place, place + 1
            n_places += 2
    if len(numbers) == n_rows:
        return n_rows, n_places
    return 0, 0


@jit
def take_best_of_each(scores, raw, starts, n_best, doubt, last_bits, best, heap_rows, heap):
    """Write the best rows of each of many queries, best first, as stable sorts give them.

    Parameters
    ----------
    scores, raw : ndarray of float64 of shape (n_rows,)
        Scores, and the numbers that they follow from, of queries that lie one after the other.
    starts : ndarray of intp of shape (n_queries + 1,)
        Where each query begins, and the last one ends.
    n_best : ndarray of intp of shape (n_queries,)
        Rows that are asked for of each query; at most those that it has, at least one.
    doubt, last_bits : float
        Numbers that differ by more than this share of the largest are apart, and so are scores
        that differ by more than this share of the better one.
    best : ndarray of intp of shape (n_best.sum(),)
        Is filled with positions, query by query; with -1 for a query whose order is not plain to
        see: rows that are close and not equal, or have no score.
    heap_rows, heap : ndarray of intp and of float64 of the shape (n_most,)
        For the work. More rows than these are not put in order.
    """
    first = 0
    for query in range(len(n_best)):
        start, stop, n_wanted = starts[query], starts[query + 1], n_best[query]
        largest = 0.0
        for row in range(start, stop):
            largest = max(largest, abs(raw[row]))
        # Few rows more tell where the best ones end, most often.
        n_first = min(stop - start, n_wanted + FEW_MORE)
        n_most = min(stop - start, len(heap))
        is_plain = n_first <= n_most and largest < np.inf
        ends = False
        while is_plain and not ends:
            rows, numbers = heap_rows[:n_first], heap[:n_first]
            is_plain = _fill_best(scores[start:stop], rows, numbers) < np.inf
            ends = n_first == stop - start
            for place in range(n_first - 1):
                raw_gap = raw[start + rows[place]] - raw[start + rows[place + 1]]
                gap = numbers[place] - numbers[place + 1]
                if abs(raw_gap) > doubt * largest and gap > last_bits * abs(numbers[place]):
                    if place + 1 >= n_wanted:
                        ends = True
                        break
                elif raw_gap != 0.0:
                    is_plain = False
                    break
            if not ends and n_first == n_most:
                is_plain = False
            n_first = n_most
        for place in range(n_wanted):
            best[first + place] = start + heap_rows[place] if is_plain else -1
        first += n_wanted
