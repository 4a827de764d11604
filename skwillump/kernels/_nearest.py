"""The smallest of many numbers in each row, as distances to the rows of a fit.

Most numbers are larger than all that were kept. Some at a time are only counted where they are
smaller, which the processor does for several at once; those of a count of none are passed over.
"""

from ._jit import jit

_AT_ONCE = 64


@jit
def take_nearest(products, squares, places, distances):
    """Write the least ``squares - 2 * products`` of each row, least first.

    Parameters
    ----------
    products : ndarray of float64 of shape (n_rows, n_known)
        Of rows with the known ones.
    squares : ndarray of float64 of shape (n_known,)
        Squared lengths of the known ones.
    places : ndarray of intp of shape (n_rows, n_least)
        Is filled with positions of the known ones; at most `n_known`.
    distances : ndarray of float64 of shape (n_rows, n_least)
        Is filled with the numbers: squared distances, less the row's own squared length. They are
        infinite where fewer are below infinity.
    """
    n_known, n_least = products.shape[1], places.shape[1]
    for row in range(len(products)):
        values, kept, found = products[row], distances[row], places[row]
        kept[:] = float("inf")
        found[:] = 0
        for start in range(0, n_known, _AT_ONCE):
            some, lengths = values[start : start + _AT_ONCE], squares[start : start + _AT_ONCE]
            worst = kept[n_least - 1]
            n_less = 0
            for j in range(len(some)):
                n_less += 1 if lengths[j] - 2.0 * some[j] < worst else 0
            if n_less == 0:
                continue
            for j in range(len(some)):
                number = lengths[j] - 2.0 * some[j]
                if number < kept[n_least - 1]:
                    at = n_least - 1
                    while at > 0 and number < kept[at - 1]:
                        kept[at], found[at] = kept[at - 1], found[at - 1]
                        at -= 1
                    kept[at], found[at] = number, start + j
