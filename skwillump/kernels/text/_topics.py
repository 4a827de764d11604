"""Topics of documents: the E-step of latent Dirichlet allocation, document by document.

With the words' weights in each topic given, the topics ``gamma`` of a document are a fixed point
(Hoffman, Blei and Bach, 2010, algorithm 2). Operations are scikit-learn's; sums of a few terms may
be in another order than in its products of matrices.
"""

import numpy as np

from .._jit import inline, jit

_EULER = 0.577215664901532860606512090082402431
_EPSILON = np.finfo(np.float64).eps

NEAR = 1e-9
"""A change this near to the tolerance, as a share of it, could be on its other side by rounding."""


@inline
def _digamma(x):
    """Return the digamma function of a positive number, as scikit-learn approximates it."""
    if x <= 1e-6:
        return -_EULER - 1.0 / x
    result = 0.0
    while x < 6:
        result -= 1.0 / x
        x += 1
    r = 1.0 / x
    result += np.log(x) - 0.5 * r
    r = r * r
    return result - r * ((1.0 / 12.0) - r * ((1.0 / 120.0) - r * (1.0 / 252.0)))


@jit
def find_topics(values, words, stops, weights, prior, most, tolerance, gamma, odds, ends, doubtful):
    """Write the topics of documents, which are not normalised.

    Parameters
    ----------
    values, words, stops : float64, int32 and int32 arrays
        Entries of the rows of a CSR matrix of counts, their columns, and where each row begins and
        ends; (n_rows + 1,).
    weights : float64 array of shape (n_words, n_topics)
    prior : float
        What is added to each topic.
    most : int
        Number of rounds, at most.
    tolerance : float
        Mean change of the topics below which a document is done.
    gamma : float64 array of shape (n_rows, n_topics)
    odds, ends : float64 arrays of shape (n_topics,)
        Room for what each thread makes of a document.
    doubtful : bool array of shape (n_rows,)
        Whether rounding could change the number of rounds.
    """
    n_topics = len(odds)
    for row in range(len(gamma)):
        topics = gamma[row]
        topics[:] = 1.0
        start = np.exp(_digamma(1.0) - _digamma(np.float64(n_topics)))
        odds[:] = start
        doubtful[row] = False
        for _ in range(most):
            ends[:] = 0.0
            for i in range(stops[row], stops[row + 1]):
                own = weights[words[i]]
                total = 0.0
                for k in range(n_topics):
                    total += odds[k] * own[k]
                share = values[i] / (total + _EPSILON)
                for k in range(n_topics):
                    ends[k] += share * own[k]
            change = 0.0
            sum_of_topics = 0.0
            for k in range(n_topics):
                found = odds[k] * ends[k] + prior
                change += abs(topics[k] - found)
                sum_of_topics += found
                topics[k] = found
            of_sum = _digamma(sum_of_topics)
            for k in range(n_topics):
                odds[k] = np.exp(_digamma(topics[k]) - of_sum)
            change /= n_topics
            if abs(change - tolerance) <= NEAR * tolerance:
                doubtful[row] = True
            if change < tolerance:
                break
