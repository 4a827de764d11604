"""The best rows of a query, and which of them lie too close to be told apart.

The best rows that were met are kept in a heap, with the worst of them on top, so that a row that is
no better costs one comparison. In a small query NumPy's calls would cost more than their work:
about twenty of them are two kernels here.
"""

from ._jit import inline, jit


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
def close_pairs(numbers, scores, k, reach, step, pairs):
    """Find neighbours among the best rows that are not plainly apart.

    Rows of one number are of equal features, and no pair.

    Parameters
    ----------
    numbers, scores : ndarray of float64 of shape (n_best,)
        Best first; scores rise with numbers.
    k : int
        Rows whose order is asked for.
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
    return 0, 0
