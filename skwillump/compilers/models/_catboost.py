"""CatBoost's models of numeric features, read from the JSON that they save themselves as.

In an oblivious tree all nodes of a level ask the same question: is the feature, as float32, above
a border? The answers are the bits of the number of a leaf, those of the last question first. Trees
of other policies of growth are told node by node. Values of leaves are added in float64.

Models with categorical, text or embedded features are left as they are: what those are hashed or
counted to is not told in full. How the library adds is no part of its interface, so a model that
was read is asked for some rows, and is left as it is if its sums are others.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from catboost import CatBoost, CatBoostClassifier, CatBoostRanker, CatBoostRegressor

from ...kernels.trees._columns import NAN_LEFT, PLAIN, SINGLE_OR_NAN
from .._registry import register
from .._unsupported import Unsupported
from ._tree_answers import EXP, IDENTITY, SIGMOID, SIGMOIDS, SOFTMAX
from ._tree_layout import Tree, pack, probe_rows
from ._trees import TreeModel

_LINKS = {
    "Logloss": SIGMOID,
    "CrossEntropy": SIGMOID,
    "MultiClass": SOFTMAX,
    "MultiClassOneVsAll": SIGMOIDS,
    "Poisson": EXP,
    "Tweedie": EXP,
    **dict.fromkeys(
        (
            "RMSE",
            "MAE",
            "MAPE",
            "Quantile",
            "Huber",
            "LogCosh",
            "Expectile",
            "Lq",
            "MultiRMSE",
            "QueryRMSE",
            "QuerySoftMax",
            "YetiRank",
            "YetiRankPairwise",
            "PairLogit",
            "PairLogitPairwise",
        ),
        IDENTITY,
    ),
}

_ROUNDING = 1e-12
"""Share of its size by which a sum in another order may differ."""


@register(CatBoostClassifier, CatBoostRanker, CatBoostRegressor, gives=TreeModel)
def compile_catboost(model: Any) -> TreeModel:
    """Read a fitted model."""
    stored = _stored(model)
    how = _missing(stored["features_info"])
    loss = stored["model_info"]["params"]["loss_function"]["type"]
    if loss not in _LINKS:
        raise Unsupported(f"loss_function={loss!r}")
    scale, bias = stored["scale_and_bias"]
    n_outputs = len(bias)
    if "oblivious_trees" in stored:
        trees = [_oblivious(tree, how, n_outputs) for tree in stored["oblivious_trees"]]
    else:
        trees = [_tree(tree, how, n_outputs) for tree in stored["trees"]]
    packed, questions = _packed(trees, scale, bias)
    link = _LINKS[loss]
    compiled = TreeModel(
        original=model,
        trees=packed,
        questions=questions,
        classes=_classes(model, link, n_outputs),
        n_features=len(model.feature_names_),
        link=link,
        trees_per_round=1,
        is_certain=False,
        by_library=library_sums,
        label_columns=isinstance(model, CatBoostClassifier) and n_outputs > 1,
    )
    _refuse_other_sums(compiled)
    return compiled


def _stored(model: Any) -> dict[str, Any]:
    """Return what a model saves itself as."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        model.save_model(str(file), format="json")
        stored: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return stored


def _missing(features: dict[str, Any]) -> dict[int, tuple[int, int]]:
    """Return for each number of a feature its position, and where its missing values go."""
    if set(features) != {"float_features"}:
        others = sorted(set(features) - {"float_features"})
        raise Unsupported(f"it has {', '.join(others)}: encode them in a step before it")
    return {
        feature["feature_index"]: (
            feature["flat_feature_index"],
            PLAIN if feature["nan_value_treatment"] == "AsTrue" else NAN_LEFT,
        )
        for feature in features["float_features"]
    }


def _oblivious(
    stored: dict[str, Any], how: dict[int, tuple[int, int]], n_outputs: int
) -> tuple[Tree, np.ndarray]:
    """Return an oblivious tree, and the values of its nodes (n_nodes, n_outputs)."""
    splits = list(reversed(stored["splits"]))
    n_leaves = 1 << len(splits)
    n_inner = n_leaves - 1
    # As a heap: the children of node i are 2 i + 1 and 2 i + 2; leaves are in their own order.
    left = np.full(n_inner + n_leaves, -1, dtype=np.int64)
    left[:n_inner] = 2 * np.arange(n_inner) + 1
    feature, missing = np.zeros_like(left), np.zeros_like(left)
    threshold, weight = np.zeros(len(left)), np.zeros(len(left))
    for level, split in enumerate(splits):
        nodes = slice((1 << level) - 1, (2 << level) - 1)
        feature[nodes], missing[nodes] = _asked(split, how)
        threshold[nodes] = split["border"]
    weight[n_inner:] = stored.get("leaf_weights", np.zeros(n_leaves))
    for node in range(n_inner - 1, -1, -1):
        weight[node] = weight[2 * node + 1] + weight[2 * node + 2]
    values = np.zeros((len(left), n_outputs))
    values[n_inner:] = np.array(stored["leaf_values"], dtype=np.float64).reshape(-1, n_outputs)
    right = np.where(left < 0, -1, left + 1)
    tree = Tree(
        left=left,
        right=right,
        feature=feature,
        how=missing,
        threshold=threshold,
        value=values[:, 0],
        weight=weight,
    )
    return tree, values


def _tree(
    stored: dict[str, Any], how: dict[int, tuple[int, int]], n_outputs: int
) -> tuple[Tree, np.ndarray]:
    """Return a tree that is told node by node, and the values of its nodes."""
    nodes = [stored]
    left: list[int] = []
    for node in nodes:  # which grows: children follow their parents
        left.append(len(nodes) if "split" in node else -1)
        nodes.extend((node["left"], node["right"]) if "split" in node else ())
    children = np.array(left, dtype=np.int64)
    asked = [_asked(node["split"], how) if "split" in node else (0, 0) for node in nodes]
    feature, missing = np.array(asked, dtype=np.int64).T
    borders = [node["split"]["border"] if "split" in node else 0.0 for node in nodes]
    values = np.zeros((len(nodes), n_outputs))
    for at in np.flatnonzero(children < 0).tolist():
        values[at] = nodes[at]["value"]
    tree = Tree(
        left=children,
        right=np.where(children < 0, -1, children + 1),
        feature=feature,
        how=missing,
        threshold=np.array(borders, dtype=np.float64),
        value=values[:, 0],
        weight=np.array([float(node.get("weight", 0.0)) for node in nodes]),
    )
    return tree, values


def _asked(split: dict[str, Any], how: dict[int, tuple[int, int]]) -> tuple[int, int]:
    if split["split_type"] != "FloatFeature":
        raise Unsupported(f"a split of type {split['split_type']}")
    return how[split["float_feature_index"]]


def _packed(trees: list[tuple[Tree, np.ndarray]], scale: float, bias: list[float]) -> Any:
    """Lay out trees with the values of their nodes."""
    if len(bias) == 1:
        one = [tree._replace(value=scale * values[:, 0]) for tree, values in trees]
        return pack(one, bias, SINGLE_OR_NAN)
    placed, start = [], 0
    for tree, values in trees:
        placed.append(tree._replace(value=start + np.arange(float(len(values)))))
        start += len(values)
    every = scale * np.concatenate([values for _, values in trees])
    return pack(placed, bias, SINGLE_OR_NAN, values=every)


def _classes(model: Any, link: int, n_outputs: int) -> np.ndarray | None:
    if not isinstance(model, CatBoostClassifier):
        return None
    classes = np.array(model.classes_)
    if classes.dtype.kind == "U":  # labels that it predicts are objects
        classes = classes.astype(object)
    fitting = len(classes) == 2 if link == SIGMOID else len(classes) == n_outputs > 1
    if not fitting or link not in (SIGMOID, SOFTMAX, SIGMOIDS):
        raise Unsupported(f"{n_outputs} outputs for {len(classes)} classes")
    if link == SIGMOID and model.get_probability_threshold() != 0.5:
        raise Unsupported("it has a threshold of probability other than one half")
    return classes


def library_sums(model: Any, features: np.ndarray, n_threads: int) -> np.ndarray:
    """Return the sums as the library adds them: for many rows its own kernels are faster."""
    sums = CatBoost.predict(  # a ranker's own has no such parameter
        model, features, prediction_type="RawFormulaVal", thread_count=n_threads
    )
    return np.asarray(sums, dtype=np.float64).reshape(len(features), -1)


def _refuse_other_sums(compiled: TreeModel) -> None:
    """Raise `Unsupported` unless the sums for some rows are those of the library."""
    rows = probe_rows(compiled.trees, compiled.n_features)
    told = library_sums(compiled.original, rows, 1)
    sums = compiled.raw(rows.astype(np.float64))
    size = np.abs(told).max(initial=1.0)
    if not np.allclose(sums, told, rtol=_ROUNDING, atol=_ROUNDING * size):
        raise Unsupported("this version of CatBoost adds trees in another way")
