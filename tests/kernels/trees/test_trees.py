"""The kernels reach the leaves that a naive walk reaches."""

import naive_trees
import numpy as np
import pytest
import strategies  # noqa: F401 (sets the profile)
from hypothesis import given, strategies as st

from skwillump.compilers import Unsupported
from skwillump.compilers.models._tree_layout import Tree, deep_trees, pack
from skwillump.kernels._arrays import frozen
from skwillump.kernels.trees import _columns as column, _walks as kernel
from skwillump.kernels.trees._deep import predict_deep
from skwillump.kernels.trees._masks import predict_blocks
from skwillump.kernels.trees._ranks import ZERO_IS_MISSING

N_FEATURES = 4
CATEGORIES = {3: np.array([-2.5, 0.0, 1.0, 7.0])}
VALUES = (0.0, -0.0, 1e-36, -1e-35, 0.5, -0.5, 1.0, 7.0, 63.0, 64.0, 130.0, 3e9, -np.inf, np.inf)


def random_tree(rng, n_leaves, hows):
    """A tree that grew at random leaves, on features 0 to 2, and on 3 by known categories."""
    left, right = np.full(2 * n_leaves - 1, -1), np.full(2 * n_leaves - 1, -1)
    leaves, n_nodes = [0], 1
    while n_nodes < len(left):
        node = leaves.pop(rng.integers(len(leaves)))
        left[node], right[node] = n_nodes, n_nodes + 1
        leaves += [n_nodes, n_nodes + 1]
        n_nodes += 2
    feature = rng.integers(0, 3, n_nodes)
    how = rng.choice(hows, n_nodes)
    feature[how == column.KNOWN_CATEGORY] = 3
    is_set = np.isin(how, (column.CATEGORY, column.KNOWN_CATEGORY)) & (left >= 0)
    sets = {}
    for node in np.flatnonzero(is_set).tolist():
        n_words = 5 if how[node] == column.KNOWN_CATEGORY else rng.integers(1, 4)
        sets[node] = rng.integers(0, 2**64, n_words, dtype=np.uint64)
        sets[node][rng.random(n_words) < 0.3] = 0
    threshold = rng.choice(VALUES[:9], n_nodes)
    return Tree(
        left, right, feature, how, threshold, rng.normal(size=n_nodes), rng.random(n_nodes), sets
    )


def sets(packed):
    return packed.sets if packed.has_sets else None


def words(packed, questions):
    return questions.masks.word if packed.has_sets else None


def random_rows(rng, n_rows):
    rows = rng.choice((*VALUES, np.nan), (n_rows, N_FEATURES))
    plain = rng.random(rows.shape) < 0.5
    rows[plain] = rng.normal(size=plain.sum())
    rows[:, 3] = rng.choice((-2.5, 0.0, 1.0, 2.0, 7.0, np.nan), n_rows)
    return rows


@given(
    st.integers(0, 2**32),
    st.lists(st.integers(1, 40), min_size=1, max_size=20),
    st.integers(0, 150),
    st.integers(1, 3),
    st.booleans(),
)
def test_kernels_give_the_sums_of_the_naive_walk(seed, sizes, n_rows, n_outputs, with_sets):
    rng = np.random.default_rng(seed)
    hows = range(7) if with_sets else range(5)
    trees = [random_tree(rng, n_leaves, list(hows)) for n_leaves in sizes]
    rows = random_rows(rng, n_rows)
    base = rng.normal(size=n_outputs)
    expected = np.array([naive_trees.sums(trees, row, base, CATEGORIES) for row in rows])
    expected = expected.reshape(n_rows, n_outputs)
    packed, questions = pack(trees, base, column.AS_IS, categories=CATEGORIES)
    out = np.empty((n_rows, n_outputs))
    for shift in (3, 6):
        out[:] = np.nan
        assert kernel.predict_rows(frozen(rows), packed, shift, out)
        assert np.array_equal(out, expected)
    out[:] = np.nan
    assert predict_blocks(frozen(rows), packed, *questions, words(packed, questions), out)
    assert np.array_equal(out, expected)
    one = np.empty(n_outputs)
    for row, sums in zip(rows[:20], expected, strict=False):
        assert kernel.predict_row(row.copy(), sets(packed), *packed, one)
        assert np.array_equal(one, sums)


@pytest.mark.parametrize("n_rows", [1, 8, 50, 1300])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_the_kernel_of_deep_trees_gives_the_sums_of_the_naive_walk(n_rows, n_outputs):
    rng = np.random.default_rng(n_rows)
    hows = [column.PLAIN, column.NAN_LEFT]
    trees = [random_tree(rng, n_leaves, hows) for n_leaves in (300, 1, 2, 90, 700, 5)]
    rows = random_rows(rng, n_rows)
    rows[np.isinf(rows)] = np.nan
    rows = rows.astype(np.float32).astype(np.float64)
    base = rng.normal(size=n_outputs)
    packed, _ = pack(trees, base, column.SINGLE_OR_NAN, divisor=3.0)
    out = np.full((n_rows, n_outputs), np.nan)
    assert predict_deep(frozen(rows), deep_trees(packed, N_FEATURES), out)
    checked = range(0, n_rows, max(1, n_rows // 40))
    expected = np.array([naive_trees.sums(trees, rows[i], base) for i in checked]) / 3.0
    assert np.array_equal(out[checked], expected)
    start = rng.normal(size=(n_rows, n_outputs))
    goes_on = start.copy()
    assert predict_deep(
        frozen(rows), deep_trees(packed, N_FEATURES)._replace(continues=True), goes_on
    )
    walked = start.copy()
    assert kernel.predict_rows(frozen(rows), packed._replace(continues=True), 4, walked)
    assert np.array_equal(goes_on, walked)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_sums_of_float32_are_rounded_after_each_tree(n_outputs):
    rng = np.random.default_rng(n_outputs)
    trees = [random_tree(rng, n_leaves, [column.PLAIN]) for n_leaves in (30, 5, 60, 17, 2, 44)]
    trees = [tree._replace(value=np.float64(np.float32(tree.value))) for tree in trees]
    rows = random_rows(rng, 100)
    rows[~np.isfinite(rows)] = 0.0
    rows = rows.astype(np.float32).astype(np.float64)
    base = np.float32(rng.normal(size=n_outputs))
    expected = np.repeat(base[None], len(rows), axis=0)
    for number, tree in enumerate(trees):
        leaves = [tree.value[naive_trees.leaf_of(tree, row)] for row in rows]
        expected[:, number % n_outputs] += np.float32(leaves)
    packed, questions = pack(trees, base, column.SINGLE)
    packed = packed._replace(single_sums=True)
    out = np.full((4, 100, n_outputs), np.nan)
    assert kernel.predict_rows(frozen(rows), packed, 3, out[0])
    assert predict_blocks(frozen(rows), packed, *questions, words(packed, questions), out[1])
    assert predict_deep(frozen(rows), deep_trees(packed, N_FEATURES), out[2])
    for row, sums in zip(rows, out[3], strict=True):
        assert kernel.predict_row(row.copy(), sets(packed), *packed, sums)
    assert np.array_equal(out, np.float64(np.repeat(expected[None], 4, axis=0)))


def test_leaves_of_several_values():
    rng = np.random.default_rng(0)
    trees = [random_tree(rng, n_leaves, [column.PLAIN]) for n_leaves in (200, 1, 3, 2)]
    stops = np.cumsum([0, *(len(tree.left) for tree in trees)])
    values = rng.normal(size=(stops[-1], 3))
    placed = [
        tree._replace(value=start + np.arange(float(len(tree.left))))
        for tree, start in zip(trees, stops, strict=False)
    ]
    packed, questions = pack(placed, np.zeros(3), column.AS_IS, values=values, divisor=3)
    rows = random_rows(rng, 50)
    out = np.empty((50, 3))
    assert kernel.predict_rows(frozen(rows), packed, 4, out)
    asked = np.empty((50, 3))
    assert predict_blocks(frozen(rows), packed, *questions, words(packed, questions), asked)
    assert np.array_equal(asked, out)
    for row, sums in zip(rows, out, strict=True):
        leaves = [naive_trees.leaf_of(tree, row) for tree in trees]
        expected = np.zeros(3)
        for start, leaf in zip(stops, leaves, strict=False):
            expected += values[start + leaf]
        assert np.array_equal(sums, expected / 3)


@pytest.mark.parametrize("n_leaves", [1, 2, 15, 16, 17, 33, 64, 250, 1000])
def test_questions_find_the_leaf_in_any_of_its_words(n_leaves):
    rng = np.random.default_rng(n_leaves)
    trees = [random_tree(rng, n_leaves, [column.NAN_LEFT, column.PLAIN]) for _ in range(4)]
    packed, questions = pack(trees, [0.0], column.AS_IS)
    rows = random_rows(rng, 70)
    out = np.empty((70, 1))
    assert predict_blocks(frozen(rows), packed, *questions, words(packed, questions), out)
    assert out[:, 0].tolist() == [naive_trees.sums(trees, row, [0.0])[0] for row in rows]


def test_ranks_tell_neighbouring_numbers_apart():
    rng = np.random.default_rng(0)
    thresholds = np.sort(rng.normal(size=40))
    thresholds[1::2] = np.nextafter(thresholds[::2], np.inf)
    trees = [
        random_tree(rng, 30, [column.PLAIN])._replace(threshold=rng.choice(thresholds, 59))
        for _ in range(9)
    ]
    rows = rng.choice([*thresholds, *np.nextafter(thresholds, -np.inf), np.nan], (200, N_FEATURES))
    packed, questions = pack(trees, [0.0], column.AS_IS)
    out = np.empty((200, 1))
    assert predict_blocks(frozen(rows), packed, *questions, words(packed, questions), out)
    assert out[:, 0].tolist() == [naive_trees.sums(trees, row, [0.0])[0] for row in rows]


def test_zeros_are_read_as_missing_where_a_sparse_matrix_holds_none():
    rng = np.random.default_rng(0)
    trees = [random_tree(rng, 30, [column.PLAIN, column.NAN_LEFT]) for _ in range(5)]
    packed, questions = pack(trees, [0.0], column.SINGLE_OR_NAN)
    rows = rng.choice((0.0, -0.0, 1e-60, 0.5, 1.0, np.nan), (90, N_FEATURES))
    expected, out = np.empty((90, 1)), np.empty((90, 1))
    missing = np.where(rows == 0.0, np.nan, rows)
    assert predict_blocks(frozen(missing), packed, *questions, words(packed, questions), expected)
    packed = packed._replace(reading=ZERO_IS_MISSING)
    assert predict_blocks(frozen(rows), packed, *questions, words(packed, questions), out)
    assert np.array_equal(out, expected)


def test_very_large_trees_and_few_large_ones_are_walked():
    rng = np.random.default_rng(0)
    for sizes in ([3000] * 5, [100]):
        trees = [random_tree(rng, n_leaves, [column.PLAIN]) for n_leaves in sizes]
        assert pack(trees, [0.0], column.AS_IS)[1] is None


@pytest.mark.parametrize(
    ("reading", "refused"),
    [
        (column.AS_IS, []),
        (column.TINY_IS_ZERO, []),
        (column.SINGLE, [np.nan, np.inf, -np.inf, 1e39]),
        (column.SINGLE_OR_NAN, [np.inf, -np.inf, 1e39]),
    ],
)
def test_values_that_are_refused(reading, refused):
    trees = [random_tree(np.random.default_rng(0), 5, [column.PLAIN])]
    packed, questions = pack(trees, [0.0], reading)
    out = np.empty((20, 1))
    for value in (np.nan, np.inf, -np.inf, 1e39, 3e38, 1e-40):
        rows = np.zeros((20, N_FEATURES))
        rows[17, 3] = value  # of a feature that no tree reads
        accepted = not any(value is other or value == other for other in refused)
        assert kernel.predict_rows(frozen(rows), packed, 3, out) == accepted
        assert (
            predict_blocks(frozen(rows), packed, *questions, words(packed, questions), out)
            == accepted
        )
        if reading >= column.SINGLE:
            assert predict_deep(frozen(rows), deep_trees(packed, N_FEATURES), out) == accepted
        assert kernel.predict_row(rows[17].copy(), sets(packed), *packed, out[0]) == accepted


def test_infinite_categories_are_refused_where_they_are_known():
    trees = [random_tree(np.random.default_rng(0), 5, [column.PLAIN])]
    packed, questions = pack(trees, [0.0], column.FINITE_CATEGORIES, categories=CATEGORIES)
    out = np.empty((1, 1))
    for feature, accepted in ((0, True), (3, False)):
        rows = np.zeros((1, N_FEATURES))
        rows[0, feature] = -np.inf
        assert kernel.predict_rows(frozen(rows), packed, 3, out) == accepted
        assert (
            predict_blocks(frozen(rows), packed, *questions, words(packed, questions), out)
            == accepted
        )


def test_what_cannot_be_laid_out():
    with pytest.raises(Unsupported, match="no trees"):
        pack([], [0.0], column.AS_IS)
    tree = random_tree(np.random.default_rng(0), 3, [column.PLAIN])
    with pytest.raises(Unsupported, match="NaN"):
        pack([tree._replace(value=np.full(5, np.nan))], [0.0], column.AS_IS)


@pytest.mark.parametrize("reading", [column.SINGLE, column.SINGLE_OR_NAN])
def test_deep_trees_read_codes_as_the_features_that_they_stand_for(reading):
    rng = np.random.default_rng(3)
    hows = [column.PLAIN, column.NAN_LEFT]
    trees = [random_tree(rng, n_leaves, hows) for n_leaves in (400, 30, 1, 700)]
    # Thresholds that zero and one are on one side of, or on two.
    trees = [t._replace(threshold=rng.choice([-0.5, 0.0, 0.3, 1.0], len(t.left))) for t in trees]
    packed, _ = pack(trees, [0.5], reading)
    codes = rng.integers(0, N_FEATURES + 2, 200)
    rows = (codes[:, None] == np.arange(1, N_FEATURES + 1)).astype(np.float64)
    expected = np.empty((200, 1))
    assert predict_deep(frozen(rows), deep_trees(packed, N_FEATURES), expected)
    walked = np.empty((200, 1))
    assert kernel.predict_rows(frozen(rows), packed, 4, walked)
    assert np.array_equal(expected, walked)
    columns = packed.columns.copy()
    is_read = columns[:, 1] != column.LOWEST
    columns[is_read, 1], columns[:, 2] = column.ONE_OF, columns[:, 0] + 1
    columns[:, 0] = 0
    out = np.empty((200, 1))
    coded = deep_trees(packed._replace(columns=columns), 1)
    assert predict_deep(frozen(codes[:, None].astype(np.float64)), coded, out)
    assert np.array_equal(out, expected)


def test_trees_for_which_a_word_has_no_room_are_walked_in_another_way():
    tree = random_tree(np.random.default_rng(0), 1 << 14, [column.PLAIN])
    feature = np.where(tree.left < 0, 0, np.arange(len(tree.left)) % (1 << 13))
    packed, _ = pack([tree._replace(feature=feature)], [0.0], column.SINGLE)
    assert deep_trees(packed, 1 << 13) is None
