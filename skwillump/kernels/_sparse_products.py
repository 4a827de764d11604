"""Products of sparse rows with many known ones: a row adds up the known entries of its features."""

from ._jit import jit


@jit
def sparse_products(values, features, stops, known, places, known_stops, out):
    """Write the products of rows of a CSR matrix with the columns of another.

    Terms are added by the order of a row's entries, where a product of the two matrices would sort
    what it found of them.

    Parameters
    ----------
    values, features, stops : float64, int32 and int32 arrays
        Entries of the rows, their columns, and where each row begins and ends; (n_rows + 1,).
    known, places, known_stops : float64, int32 and int32 arrays
        The same of the other matrix, of shape (n_features, n_known).
    out : float64 array of shape (n_rows, n_known)
    """
    for row in range(len(out)):
        products = out[row]
        products[:] = 0.0
        for k in range(stops[row], stops[row + 1]):
            value, feature = values[k], features[k]
            for i in range(known_stops[feature], known_stops[feature + 1]):
                products[places[i]] += value * known[i]
