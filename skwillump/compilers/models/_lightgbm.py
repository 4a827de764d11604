"""LightGBM's models, read from the text that the booster saves itself as.

The text has every threshold and leaf value with 17 digits, which is enough to get the same float64
back. Decisions are those of LightGBM's ``Tree::Decision``; outputs those of its objectives'
``ConvertOutput``.
"""

from typing import Any

import numpy as np
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor

from ...kernels.trees._columns import (
    CATEGORY,
    NAN_IS_ZERO,
    NAN_LEFT,
    PLAIN,
    TINY_IS_ZERO,
    ZERO_LEFT,
    ZERO_RIGHT,
)
from .._registry import register
from .._unsupported import Unsupported
from ._category_input import KnownCategories
from ._tree_answers import EXP, IDENTITY, LOG1P_EXP, SIGMOID, SIGMOIDS, SIGNED_SQUARE, SOFTMAX
from ._tree_layout import Tree, pack
from ._trees import TreeModel

_HOW = np.array(
    [
        *(NAN_IS_ZERO, NAN_IS_ZERO),  # no missing values
        *(ZERO_RIGHT, ZERO_LEFT),  # zero is missing
        *(PLAIN, NAN_LEFT),  # NaN is missing
    ]
)
"""By the bits of a node's decision: default left, and the kind of missing value."""

_LINKS = {
    "binary": SIGMOID,
    "cross_entropy": SIGMOID,
    "cross_entropy_lambda": LOG1P_EXP,
    "multiclass": SOFTMAX,
    "multiclassova": SIGMOIDS,
    "poisson": EXP,
    "gamma": EXP,
    "tweedie": EXP,
    **dict.fromkeys(
        (
            "regression",
            "regression_l1",
            "huber",
            "fair",
            "quantile",
            "mape",
            "lambdarank",
            "rank_xendcg",
        ),
        IDENTITY,
    ),
}


@register(LGBMClassifier, LGBMRanker, LGBMRegressor, gives=TreeModel)
def _lightgbm(model: Any) -> TreeModel:
    booster = model.booster_
    if model.get_params().get("pred_early_stop"):
        raise Unsupported("pred_early_stop=True")
    if booster.num_feature() != model.n_features_in_:
        raise Unsupported("it does not use the columns that it was fitted on")
    header, sections = _sections(booster.model_to_string(num_iteration=-1))
    n_outputs = int(header["num_tree_per_iteration"])
    n_rounds = booster.best_iteration
    if n_rounds > 0:
        sections = sections[: n_rounds * n_outputs]
    link, scale = _link(header.get("objective"))
    classes = None
    if isinstance(model, LGBMClassifier):
        if callable(model.objective_):
            raise Unsupported("an objective of your own: it gives no probabilities")
        classes = np.array(model.classes_)
        n_columns = 2 if n_outputs == 1 else n_outputs
        if len(classes) < 2 or n_columns != len(classes):
            raise Unsupported(f"{n_outputs} outputs for {len(classes)} classes")
        if link not in (SIGMOID, SOFTMAX, SIGMOIDS):
            raise Unsupported(f"objective {header.get('objective')!r} gives no probabilities")
    if len(sections) % n_outputs:
        raise Unsupported("its last round is not complete")
    packed = pack([_tree(section) for section in sections], np.zeros(n_outputs), TINY_IS_ZERO)
    return TreeModel.of(
        model,
        packed,
        classes=classes,
        link=link,
        trees_per_round=n_outputs,
        scale=scale,
        # Raw scores of random forests are sums.
        divisor=float(len(sections) // n_outputs) if "average_output" in header else 1.0,
        categories=_categories(booster),
    )


def _categories(booster: Any) -> dict[int, KnownCategories]:
    """Return the categories of each column that had some in fit, by its position.

    The booster keeps lists of categories in the order of their columns, columns by which it may
    split as categories, and what it saw in each: codes of these, "[least:greatest]" of others, as
    which it reads categories that have an order.
    """
    lists = booster.pandas_categorical
    if not lists:
        return {}
    if any({type(one) for one in known} not in ({str}, {int}, {float}) for known in lists):
        raise Unsupported("it was fitted on categories that are neither texts nor numbers")
    header = booster.model_to_string(num_iteration=1).partition("\nfeature_infos=")[2]
    infos = header.partition("\n")[0].split(" ")
    columns = sorted(map(int, booster.params.get("categorical_column", [])))
    if len(columns) != len(lists):
        # There is one way to place the lists where the first and the last are the same.
        columns = _first_places(lists, infos)
        if columns != [len(infos) - 1 - at for at in _first_places(lists[::-1], infos[::-1])][::-1]:
            raise Unsupported("it does not tell which of its columns had pandas' categories")
    elif any(
        infos[at].startswith("[") or not _may_be_of(known, infos[at])
        for at, known in zip(columns, lists, strict=True)
    ):
        # Integers that were named as categories may be of a column that has none of pandas'.
        raise Unsupported("columns without pandas' categories are split as categories")
    return {at: KnownCategories.of(known) for at, known in zip(columns, lists, strict=True)}


def _first_places(lists: list[list[Any]], infos: list[str]) -> list[int]:
    """Return the first columns, one after the other, that lists of categories may be of."""
    places: list[int] = []
    for known in lists:
        after = range(places[-1] + 1 if places else 0, len(infos))
        places += [at for at in after if _may_be_of(known, infos[at])][:1]
    return places


def _may_be_of(known: list[Any], info: str) -> bool:
    """Tell whether what was seen in a column may be positions in a list of categories."""
    seen = [] if info == "none" else [float(code) for code in info.strip("[]").split(":")]
    return all(code.is_integer() and -1 <= code < len(known) for code in seen)


def _sections(text: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Return the fields of the header and those of each tree."""
    text = text.partition("\nend of trees")[0]
    header, *trees = text.split("\nTree=")
    return _fields(header), [_fields(tree) for tree in trees]


def _fields(text: str) -> dict[str, str]:
    return {key: value for key, _, value in (line.partition("=") for line in text.splitlines())}


def _link(objective: str | None) -> tuple[int, float]:
    """Return how raw scores become predictions, and what they are multiplied by before."""
    if objective is None:  # the user's own
        return IDENTITY, 1.0
    name, *options = objective.split()
    if name not in _LINKS:
        raise Unsupported(f"objective {objective!r}")
    link, scale = _LINKS[name], 1.0
    if "sqrt" in options:
        if name != "regression":
            raise Unsupported(f"objective {objective!r}")
        link = SIGNED_SQUARE
    for option in options:
        key, _, value = option.partition(":")
        if key == "sigmoid" and name in ("binary", "multiclassova"):
            scale = float(value)
    return link, scale


def _tree(fields: dict[str, str]) -> Tree:
    if int(fields.get("is_linear", "0")):
        raise Unsupported("linear_tree=True: its leaves hold linear models")
    values = _numbers(fields["leaf_value"], np.float64)
    n_leaves = int(fields["num_leaves"])
    n_inner = n_leaves - 1
    # Nodes first, then leaves: leaf i is the child ~i.
    left, right, feature = (np.full(n_inner + n_leaves, -1, dtype=np.int64) for _ in range(3))
    how = np.zeros(n_inner + n_leaves, dtype=np.int64)
    threshold, value, weight = (np.zeros(n_inner + n_leaves) for _ in range(3))
    value[n_inner:] = values
    sets: dict[int, np.ndarray] = {}
    if n_inner:
        for child, key in ((left, "left_child"), (right, "right_child")):
            found = _numbers(fields[key], np.int64)
            child[:n_inner] = np.where(found < 0, n_inner + ~found, found)
        feature[:n_inner] = _numbers(fields["split_feature"], np.int64)
        threshold[:n_inner] = _numbers(fields["threshold"], np.float64)
        if "internal_count" in fields and "leaf_count" in fields:
            weight[:n_inner] = _numbers(fields["internal_count"], np.float64)
            weight[n_inner:] = _numbers(fields["leaf_count"], np.float64)
        decision = _numbers(fields["decision_type"], np.int64)
        is_set = (decision & 1).astype(bool)
        kind = decision >> 1
        if (kind >= len(_HOW)).any():
            raise Unsupported("a split of an unknown kind")
        how[:n_inner] = np.where(is_set, CATEGORY, _HOW[kind])
        if is_set.any():
            stops = _numbers(fields["cat_boundaries"], np.int64)
            words = _numbers(fields["cat_threshold"], np.uint32)
            for node in np.flatnonzero(is_set).tolist():
                which = int(threshold[node])
                some = words[stops[which] : stops[which + 1]].astype(np.uint64)
                if len(some) % 2:
                    some = np.append(some, np.uint64(0))
                sets[node] = some[::2] | (some[1::2] << np.uint64(32))
    return Tree(
        left=left,
        right=right,
        feature=feature,
        how=how,
        threshold=threshold,
        value=value,
        weight=weight,
        sets=sets,
    )


def _numbers(text: str, dtype: Any) -> np.ndarray:
    convert = float if dtype is np.float64 else int
    return np.array([convert(word) for word in text.split()], dtype=dtype)
