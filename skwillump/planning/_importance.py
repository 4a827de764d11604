"""What a block is worth to the full model."""

from collections.abc import Callable, Sequence

import numpy as np

N_PERMUTATIONS = 2
"""Of the rows of each block."""


def permutation_importance(
    score: Callable[[str | None, np.ndarray | None], float],
    names: Sequence[str],
    n_rows: int,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Grouped permutation importance: the score lost when a block's rows are shuffled.

    All features of a block are shuffled together (Willump, section 4.2, after Breiman 2001). The
    rows must be ones that the model was not trained on.

    Parameters
    ----------
    score : callable
        ``score(block, permutation)`` is the full model's score with the rows of one block
        permuted; ``score(None, None)`` the score as it is.
    names : sequence of str of length n_blocks

    Returns
    -------
    ndarray of float64 of shape (n_blocks,)
        In units of the score.
    """
    base = score(None, None)
    drops = [
        np.mean([base - score(name, rng.permutation(n_rows)) for _ in range(N_PERMUTATIONS)])
        for name in names
    ]
    return np.array(drops)
