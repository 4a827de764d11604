"""scikit-learn's trees, forests and boosted trees."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import ensemble
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from ..._composites import unsampled
from ...kernels.trees._columns import (
    AS_IS,
    FINITE_CATEGORIES,
    KNOWN_CATEGORY,
    NAN_LEFT,
    PLAIN,
    SINGLE,
    SINGLE_OR_NAN,
    UNKNOWN,
)
from .._registry import refuse_replaced_methods, register
from .._unsupported import Unsupported, check_unchanged, private
from ._coded_trees import CodedTrees
from ._several_labels import LabelModel
from ._tree_answers import EXP, IDENTITY, SIGMOID, SOFTMAX
from ._tree_layout import Tree, pack
from ._trees import TreeModel

_TREES = (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor)


@register(
    *_TREES,
    ensemble.ExtraTreesClassifier,
    ensemble.ExtraTreesRegressor,
    ensemble.RandomForestClassifier,
    ensemble.RandomForestRegressor,
    gives=TreeModel,
    or_gives=(LabelModel,),
)
def compile_forest(model: Any) -> TreeModel | LabelModel:
    """Read a tree, or a forest of trees."""
    is_tree = isinstance(model, _TREES)
    members = [model] if is_tree else list(model.estimators_)
    for member in members:
        if type(member) not in _TREES:
            raise Unsupported(f"one of its trees is a {type(member).__name__}")
        refuse_replaced_methods(member)
    trees = _mean_of(model, members, is_mean=not is_tree)
    if model.n_outputs_ == 1 or not hasattr(model, "classes_"):
        return trees
    return LabelModel.of(trees, is_certain=trees.is_certain)


@register(ensemble.BaggingClassifier, ensemble.BaggingRegressor, gives=TreeModel)
def compile_bagging(model: Any) -> TreeModel:
    """Read bagged trees."""
    # It divides by the parameter.
    check_unchanged("n_estimators", model.n_estimators, len(model.estimators_))
    # It adds up the logarithms of its members.
    return _mean_of(
        model, trees_of(model), model.estimators_features_, is_mean=True, gives_logs=False
    )


def _mean_of(
    model: Any,
    members: list[Any],
    chosen: Sequence[np.ndarray] | None = None,
    *,
    is_mean: bool,
    gives_logs: bool = True,
) -> TreeModel:
    """Return the mean of trees as one model.

    Parameters
    ----------
    model : estimator
    members : list of tree
        Its trees, or the model itself, which is then no mean.
    chosen : sequence of ndarray of int, optional
        The features that each of them reads; all of them by default.
    is_mean, gives_logs : bool
        As in `TreeModel`.
    """
    classes = _classes(model) if members[0].n_outputs_ == 1 else None
    leaves = [_values(member) for member in members]
    n_outputs = leaves[0].shape[1]
    if any(values.shape[1] != n_outputs for values in leaves):
        raise Unsupported("one of its trees knows other classes")
    trees: list[Tree] = []
    first = 0
    for member, values in zip(members, leaves, strict=True):
        # With one output the value itself is at the leaf, else the row of it.
        value = values[:, 0] if n_outputs == 1 else first + np.arange(len(values), dtype=float)
        trees.append(read_tree(member.tree_, value, None if chosen is None else chosen[len(trees)]))
        first += len(values)
    # Sums of whole numbers are the same in any order, others where trees are added in theirs.
    reached = [values[tree.left < 0] for tree, values in zip(trees, leaves, strict=True)]
    whole = all(np.array_equal(values, np.rint(values)) for values in reached)
    packed = pack(
        trees,
        np.zeros(n_outputs),
        SINGLE_OR_NAN if members[0].__sklearn_tags__().input_tags.allow_nan else SINGLE,
        values=np.concatenate(leaves) if n_outputs > 1 else None,
        divisor=len(members),
    )
    return TreeModel.of(
        model,
        packed,
        classes=classes,
        link=IDENTITY,
        trees_per_round=1,
        is_mean=is_mean,
        is_certain=not is_mean or whole or model.n_jobs in (None, 1),
        gives_logs=gives_logs,
    )


@register(ensemble.AdaBoostClassifier, gives=TreeModel)
def compile_ada_boost(model: Any) -> TreeModel:
    """Read boosted trees that vote."""
    if getattr(model, "algorithm", "SAMME") not in ("SAMME", "deprecated"):
        raise Unsupported(f"algorithm={model.algorithm!r}")
    members = trees_of(model)
    classes = _classes(model)
    assert classes is not None
    if any(not np.array_equal(member.classes_, classes) for member in members):
        raise Unsupported("one of its trees knows other classes")
    n_outputs = 1 if len(classes) == 2 else len(classes)
    weights = np.asarray(model.estimator_weights_)[: len(members)]
    trees, leaves, first = [], [], 0
    for member, weight in zip(members, weights, strict=True):
        voted = member.tree_.value[:, 0, :].argmax(axis=1)
        if n_outputs == 1:
            trees.append(read_tree(member.tree_, np.where(voted == 1, weight, -weight)))
            continue
        other = -1 / (len(classes) - 1) * weight
        leaves.append(np.where(voted[:, None] == np.arange(len(classes)), weight, other))
        trees.append(read_tree(member.tree_, first + np.arange(len(voted), dtype=float)))
        first += len(voted)
    total = float(model.estimator_weights_.sum())
    packed = pack(
        trees,
        np.zeros(n_outputs),
        SINGLE,
        values=np.concatenate(leaves) if leaves else None,
        # Of two classes, the sum for one less the sum for the other.
        divisor=total if leaves else total / 2,
    )
    return TreeModel.of(
        model,
        packed,
        classes=classes,
        link=SOFTMAX if leaves else SIGMOID,
        trees_per_round=1,
        divisor=len(classes) - 1.0 if leaves else 1.0,
    )


def trees_of(model: Any) -> list[Any]:
    """Return the members of an ensemble, all of them trees of one output."""
    members = [unsampled(member) for member in model.estimators_]
    for member in members:
        if type(member) not in _TREES:
            raise Unsupported(f"one of its members is a {type(member).__name__}, no tree")
        if member.n_outputs_ != 1:
            raise Unsupported("it has several outputs")
        refuse_replaced_methods(member)
    return members


def _values(tree: Any) -> np.ndarray:
    """Return what each node answers, (n_nodes, n_values): all labels' classes side by side."""
    values = tree.tree_.value
    n_classes = np.atleast_1d(getattr(tree, "n_classes_", np.ones(tree.n_outputs_, dtype=int)))
    return np.concatenate([values[:, k, :n] for k, n in enumerate(n_classes)], axis=1)


def _classes(model: Any) -> np.ndarray | None:
    """Return the classes of a classifier; None for a regressor."""
    classes = getattr(model, "classes_", None)
    if classes is None:
        return None
    if len(classes) < 2:
        raise Unsupported("it was fitted on rows of one class")
    return np.array(classes)


def read_tree(tree: Any, value: np.ndarray, chosen: np.ndarray | None = None) -> Tree:
    """Read a tree of scikit-learn's, of which each node answers a value.

    It reads the features that are `chosen`, or all of them.
    """
    left, feature = tree.children_left.astype(np.int64), tree.feature.astype(np.int64)
    if chosen is not None:
        feature = np.asarray(chosen, dtype=np.int64)[np.where(left < 0, 0, feature)]
    return Tree(
        left=left,
        right=tree.children_right.astype(np.int64),
        feature=feature,
        how=np.where(tree.missing_go_to_left.astype(bool), NAN_LEFT, PLAIN),
        threshold=np.asarray(tree.threshold, dtype=np.float64),
        value=np.asarray(value, dtype=np.float64),
        weight=tree.n_node_samples.astype(np.float64),
    )


@register(ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor, gives=TreeModel)
def _gradient_boosting(model: Any) -> TreeModel:
    if model.init_ != "zero" and type(model.init_) not in (DummyClassifier, DummyRegressor):
        raise Unsupported(f"init={model.init!r}: only 'zero' and None do not look at the features")
    members = [member for round_ in model.estimators_ for member in round_]
    if any(type(member) is not DecisionTreeRegressor for member in members):
        raise Unsupported("one of its trees is of another type")
    # What the initial estimator answers does not depend on the row.
    start = private(model, "_raw_predict_init")(np.zeros((1, model.n_features_in_)))
    classes = _classes(model)
    link, scale = IDENTITY, 1.0
    if classes is not None:
        link, scale = _link(model)
    rate = float(model.learning_rate)
    packed = pack(
        [read_tree(m.tree_, rate * m.tree_.value[:, 0, 0]) for m in members], start, SINGLE
    )
    return TreeModel.of(
        model,
        packed,
        classes=classes,
        link=link,
        trees_per_round=model.estimators_.shape[1],
        scale=scale,
        zero_is_positive=True,
    )


@register(
    ensemble.HistGradientBoostingClassifier,
    ensemble.HistGradientBoostingRegressor,
    gives=TreeModel,
    or_gives=(CodedTrees,),
)
def _hist_gradient_boosting(model: Any) -> TreeModel | CodedTrees:
    classes = _classes(model)
    link, scale = _link(model)
    encodes = _encodes_texts(model)
    known = _codes(model) if encodes else _known_categories(model)
    # Within the model, columns of categories go first.
    features = [*known, *(f for f in range(model.n_features_in_) if f not in known)]
    codes, place = np.zeros((0, 8), dtype=np.uint32), np.zeros(0, dtype=np.int64)
    if known:
        codes, place = private(model, "_bin_mapper").make_known_categories_bitsets()
    rounds = private(model, "_predictors")
    packed = pack(
        [
            _hist_tree(predictor, np.array(features), codes, place)
            for round_ in rounds
            for predictor in round_
        ],
        private(model, "_baseline_prediction"),
        FINITE_CATEGORIES if known else AS_IS,
        categories=known,
    )
    trees = TreeModel.of(
        model,
        packed,
        classes=classes,
        link=link,
        trees_per_round=model.n_trees_per_iteration_,
        scale=scale,
    )
    return CodedTrees.of(trees, private(model, "_preprocessor")) if encodes else trees


_LINKS = {
    "IdentityLink": (IDENTITY, 1.0),
    "LogLink": (EXP, 1.0),
    "LogitLink": (SIGMOID, 1.0),
    "HalfLogitLink": (SIGMOID, 2.0),
    "MultinomialLogit": (SOFTMAX, 1.0),
}
"""What scikit-learn calls the links of losses, and which they are, of scores times a number."""


def _link(model: Any) -> tuple[int, float]:
    """Return the link of the loss that was fitted, whatever the parameter is now."""
    name = type(private(private(model, "_loss"), "link")).__name__
    if name not in _LINKS:
        raise Unsupported(f"loss={model.loss!r}")
    return _LINKS[name]


def _encodes_texts(model: Any) -> bool:
    """Tell whether some of the categories are no numbers, which trees could look up."""
    if model.is_categorical_ is None:
        return False
    encoder = private(model, "_preprocessor").named_transformers_["encoder"]
    return any(values.dtype.kind not in "iufb" for values in encoder.categories_)


def _codes(model: Any) -> dict[int, np.ndarray]:
    """Return the codes of each column of categories, where these are columns of codes: the first.

    A missing category, sorted last, has no code: its own encoder makes it a missing number.
    """
    encoder = private(model, "_preprocessor").named_transformers_["encoder"]
    return {
        column: np.arange(sum(value == value for value in values.tolist()), dtype=np.float64)
        for column, values in enumerate(encoder.categories_)
    }


def _known_categories(model: Any) -> dict[int, np.ndarray]:
    """Return the categories of each feature that holds some, in the order of the features."""
    is_categorical = model.is_categorical_
    if is_categorical is None:
        return {}
    encoder = private(model, "_preprocessor").named_transformers_["encoder"]
    known: dict[int, np.ndarray] = {}
    for feature, categories in zip(
        np.flatnonzero(is_categorical), encoder.categories_, strict=True
    ):
        values = categories.astype(np.float64)
        # A missing value, sorted last, is not looked up: it goes where unknown ones go.
        values = values[~np.isnan(values)]
        if not (np.diff(values) > 0).all():
            raise Unsupported("categories that are not sorted")
        known[int(feature)] = values
    return known


def _hist_tree(predictor: Any, features: np.ndarray, codes: Any, place: Any) -> Tree:
    """Return a tree, with features numbered as in the input."""
    try:
        nodes, left_sets = predictor.nodes, predictor.raw_left_cat_bitsets
        inner = nodes["is_leaf"] == 0
        is_set = (nodes["is_categorical"] != 0) & inner
        missing_left = nodes["missing_go_to_left"] != 0
        sets = {}
        for node in np.flatnonzero(is_set).tolist():
            goes_left = _bits(left_sets[nodes["bitset_idx"][node]])
            if missing_left[node]:
                goes_left |= ~_bits(codes[place[nodes["feature_idx"][node]]])
            flags = np.append(goes_left, missing_left[node])
            assert len(flags) == UNKNOWN + 1
            packed = np.packbits(flags, bitorder="little")
            sets[node] = np.append(packed, np.zeros(-len(packed) % 8, np.uint8)).view("<u8")
        how = np.where(is_set, KNOWN_CATEGORY, np.where(missing_left, NAN_LEFT, PLAIN))
        return Tree(
            left=np.where(inner, nodes["left"].astype(np.int64), -1),
            right=np.where(inner, nodes["right"].astype(np.int64), -1),
            feature=features[np.where(inner, nodes["feature_idx"], 0)],
            how=how,
            threshold=np.array(nodes["num_threshold"], dtype=np.float64),
            value=np.array(nodes["value"], dtype=np.float64),
            weight=nodes["count"].astype(np.float64),
            sets=sets,
        )
    except (AttributeError, IndexError, KeyError, ValueError) as error:
        raise Unsupported(f"scikit-learn keeps its trees in another way ({error})") from error


def _bits(words: Any) -> np.ndarray:
    """Return a set of 256 codes as flags."""
    bytes_ = np.ascontiguousarray(words, dtype="<u4").view(np.uint8)
    return np.unpackbits(bytes_, bitorder="little").astype(bool)
