"""What blocks are worth to the full model, and sets of them worth an approximate model."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

ALL_SUBSETS_UP_TO = 4
"""With so few blocks every proper subset is a candidate: importances that hide behind one another
(two blocks that say the same have none each) cannot mislead."""

MOST_UNDOMINATED = 4096
"""Undominated sets that are kept; beyond it, they are thinned evenly along the budget."""

MOST_SETS = 8
"""Candidates at most."""

LEAST_SAVING = 0.2
"""Share of the full cost that a set must leave to be saved, even if it answered every row."""


def needs_importances(n_blocks: int) -> bool:
    """Whether importances have a say in the candidates; otherwise costs alone have."""
    return n_blocks > ALL_SUBSETS_UP_TO


def knapsack_frontier(importances, costs) -> list[tuple[int, ...]]:
    """Best set of blocks for every cost budget: the solutions of the 0/1 knapsack.

    Blocks are added one at a time to the list of undominated sets (the dominance lists of Nemhauser
    and Ullmann 1969), which gives the solutions for all budgets at once.

    Parameters
    ----------
    importances : array-like of float of shape (n_blocks,)
        What a block adds; negative values count as zero.
    costs : array-like of float of shape (n_blocks,)

    Returns
    -------
    list of tuple of int
        Positions of blocks, by increasing cost; the empty set is left out.
    """
    frontier: list[tuple[float, float, tuple[int, ...]]] = [(0.0, 0.0, ())]
    for block, (importance, cost) in enumerate(zip(importances, costs, strict=True)):
        gain = max(float(importance), 0.0)
        added = [(c + float(cost), v + gain, (*blocks, block)) for c, v, blocks in frontier]
        merged = sorted(frontier + added, key=lambda item: (item[0], -item[1], len(item[2])))
        frontier, best = [], -1.0
        for item in merged:
            if item[1] > best:
                frontier.append(item)
                best = item[1]
        if len(frontier) > MOST_UNDOMINATED:
            keep = np.unique(
                np.linspace(0, len(frontier) - 1, MOST_UNDOMINATED).round().astype(int)
            )
            frontier = [frontier[i] for i in keep]
    return [blocks for _, _, blocks in frontier if blocks]


def candidate_sets(
    names: Sequence[str],
    importances,
    costs,
    set_cost: Callable[[Sequence[str]], float],
    *,
    full_cost: float,
) -> list[tuple[str, ...]]:
    """Sets of blocks on which to fit an approximate model (Willump, section 4.2).

    Parameters
    ----------
    names : sequence of str of length n_blocks
    importances, costs : array-like of float of shape (n_blocks,)
    set_cost : callable
        Seconds a row for computing a set of blocks.
    full_cost : float
        Seconds a row of the full pipeline.

    Returns
    -------
    list of tuple of str
        By increasing cost; blocks in the order of `names`.
    """
    n_blocks = len(names)
    if not needs_importances(n_blocks):
        positions = [
            subset for size in range(1, n_blocks) for subset in combinations(range(n_blocks), size)
        ]
    else:
        positions = knapsack_frontier(importances, costs)
        # The single most valuable blocks for their cost, in case importances hide one another.
        by_value = np.argsort(-np.maximum(importances, 0) / np.maximum(costs, 1e-12))
        positions += [(int(block),) for block in by_value[:2]]
    unique = dict.fromkeys(
        tuple(names[i] for i in sorted(subset)) for subset in positions if len(subset) < n_blocks
    )
    priced = sorted(
        ((set_cost(subset), subset) for subset in unique),
        key=lambda item: (item[0], [names.index(name) for name in item[1]]),
    )
    affordable = [subset for cost, subset in priced if cost <= (1 - LEAST_SAVING) * full_cost]
    if len(affordable) > MOST_SETS:
        keep = np.linspace(0, len(affordable) - 1, MOST_SETS).round().astype(int)
        affordable = [affordable[i] for i in keep]
    return affordable


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
