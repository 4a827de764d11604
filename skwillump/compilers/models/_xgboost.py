"""XGBoost's models of trees, read from the JSON that the booster saves itself as.

Everything is float32: features, thresholds, the values of leaves, and their sums, which are rounded
after each tree. A feature goes left if it is *below* the threshold, so that the threshold here is
the float32 before it. Numbers in the JSON have as many digits as are needed to get the same
float32 back.

How the library adds and rounds is no part of its interface. So a model that was read is asked for
the sums of some rows, and is left as it is if they are not those of the library to the last bit.
"""

import json
from typing import Any

import numpy as np
from xgboost import XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier, XGBRFRegressor

from ...kernels.trees._columns import CODE_OR_NAN, NAN_LEFT, PLAIN, SINGLE_OR_NAN
from .._registry import register
from .._unsupported import Unsupported
from ._tree_answers import EXP, IDENTITY, SIGMOID, SOFTMAX
from ._tree_layout import Tree, pack, probe_rows
from ._trees import TreeModel
from ._xgboost_categories import code_counts, code_sets, column_categories

_LINKS = {
    "binary:logistic": SIGMOID,
    "reg:logistic": SIGMOID,
    "multi:softprob": SOFTMAX,
    "count:poisson": EXP,
    "reg:gamma": EXP,
    "reg:tweedie": EXP,
    **dict.fromkeys(
        (
            "reg:squarederror",
            "reg:squaredlogerror",
            "reg:absoluteerror",
            "reg:pseudohubererror",
            "reg:quantileerror",
            "rank:ndcg",
            "rank:map",
            "rank:pairwise",
        ),
        IDENTITY,
    ),
}

_LEAST_SHARE = np.float32(1e-6)
"""The library moves a base score that is a probability this far from zero and one."""


@register(XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier, XGBRFRegressor, gives=TreeModel)
def compile_xgboost(model: Any) -> TreeModel:
    """Read a fitted model."""
    booster = model.get_booster()
    stored = json.loads(booster.save_raw("json"))["learner"]
    params, objective = stored["learner_model_param"], stored["objective"]["name"]
    link = _link(model, objective)
    n_outputs = max(int(params["num_class"]), int(params["num_target"]), 1)
    classes = _classes(model, link, n_outputs)
    base = _base(params["base_score"], link, n_outputs)
    stored_trees = _model_of(stored["gradient_booster"])["trees"]
    n_codes = code_counts(stored_trees)
    trees, weights, outputs = _trees(stored["gradient_booster"], _n_rounds(model), n_codes)
    categories = column_categories(_model_of(stored["gradient_booster"]).get("cats", {}))
    missing = np.nan if model.missing is None else float(model.missing)
    if n_codes and missing == missing:
        raise Unsupported(f"categories, and missing={model.missing}")
    order = _in_turn(outputs, n_outputs)
    is_dart = stored["gradient_booster"]["name"] == "dart"
    for base_passes in (True, False) if is_dart else (False,):
        values = [
            _leaf_values(tree, weight, base[output] if base_passes else np.float32(0.0))
            for tree, weight, output in zip(trees, weights, outputs, strict=True)
        ]
        packed, questions = pack(
            [trees[at]._replace(value=values[at]) for at in order],
            base,
            SINGLE_OR_NAN,
            n_codes=n_codes,
        )
        compiled = TreeModel(
            original=model,
            trees=packed._replace(single_sums=True),
            questions=questions,
            classes=classes,
            n_features=model.n_features_in_,
            link=link,
            trees_per_round=n_outputs,
            dtype=np.dtype(np.float32),
            missing=missing,
            absent_is_missing=True,
            categories=categories,
        )
        if _adds_as_the_library(compiled, booster):
            return compiled
    raise Unsupported("this version of XGBoost adds trees in another way")


def _link(model: Any, objective: str) -> int:
    """Return how sums become predictions."""
    if callable(model.objective) or objective not in _LINKS:
        raise Unsupported(f"objective={model.objective!r}")
    link = _LINKS[objective]
    is_classifier = isinstance(model, XGBClassifier)
    if is_classifier and not (link == SOFTMAX or objective == "binary:logistic"):
        raise Unsupported(f"objective={objective!r} gives no probabilities of classes")
    if not is_classifier and link == SOFTMAX:
        raise Unsupported(f"objective={objective!r} of a {type(model).__name__}")
    return link


def _classes(model: Any, link: int, n_outputs: int) -> np.ndarray | None:
    if not isinstance(model, XGBClassifier):
        return None
    classes = np.array(model.classes_)
    if len(classes) != (n_outputs if link == SOFTMAX else n_outputs + 1):
        raise Unsupported(f"{n_outputs} outputs for {len(classes)} classes")
    return classes


def _n_rounds(model: Any) -> int | None:
    """Return the number of boosting rounds that predictions use; None for all."""
    try:
        return int(model.best_iteration) + 1
    except AttributeError:  # no early stopping
        return None


def _model_of(booster: dict[str, Any]) -> dict[str, Any]:
    """Return what a booster keeps of its trees."""
    name = booster["name"]
    if name not in ("gbtree", "dart"):
        raise Unsupported(f"booster={name!r} is not one of trees")
    model: dict[str, Any] = (booster["gbtree"] if name == "dart" else booster)["model"]
    return model


def _trees(
    booster: dict[str, Any], n_rounds: int | None, n_codes: dict[int, int]
) -> tuple[list[Tree], np.ndarray, np.ndarray]:
    """Return trees, the weight of each, and the output that it adds to."""
    model = _model_of(booster)
    stored = model["trees"]
    dropped = booster["weight_drop"] if booster["name"] == "dart" else [1.0] * len(stored)
    weights = np.array(dropped, dtype=np.float32)
    stop = len(stored) if n_rounds is None else model["iteration_indptr"][n_rounds]
    trees = [_tree(tree, n_codes) for tree in stored[:stop]]
    return trees, weights[:stop], np.array(model["tree_info"][:stop])


def _tree(stored: dict[str, Any], n_codes: dict[int, int]) -> Tree:
    if int(stored["tree_param"]["size_leaf_vector"]) > 1:
        raise Unsupported("multi_strategy='multi_output_tree'")
    left = np.array(stored["left_children"], dtype=np.int64)
    right = np.array(stored["right_children"], dtype=np.int64)
    how = np.where(np.array(stored["default_left"], dtype=bool), NAN_LEFT, PLAIN)
    conditions = np.array(stored["split_conditions"], dtype=np.float32)
    below = np.nextafter(conditions, np.float32(-np.inf))
    sets = code_sets(stored, n_codes)
    by_set = list(sets)
    # What is in a set goes left here.
    left[by_set], right[by_set], how[by_set] = right[by_set], left[by_set], CODE_OR_NAN
    return Tree(
        left=left,
        right=right,
        feature=np.array(stored["split_indices"], dtype=np.int64),
        how=how,
        threshold=below.astype(np.float64),
        value=conditions,
        weight=np.array(stored["sum_hessian"], dtype=np.float64),
        sets=sets,
    )


def _leaf_values(tree: Tree, weight: np.float32, base: np.float32) -> np.ndarray:
    """Return what a tree's leaves add.

    The booster "dart" multiplies by a weight, in versions before 3.3 after it has added the base
    score to the value and subtracted it, each time rounding to float32.
    """
    return ((tree.value.astype(np.float32) + base - base) * weight).astype(np.float64)


def _in_turn(outputs: np.ndarray, n_outputs: int) -> list[int]:
    """Return positions of trees so that outputs take turns; each keeps the order of its own."""
    of_output = [np.flatnonzero(outputs == output) for output in range(n_outputs)]
    if len({len(positions) for positions in of_output}) != 1:
        raise Unsupported("its outputs have different numbers of trees")
    return np.column_stack(of_output).ravel().tolist()


def _base(stored: str, link: int, n_outputs: int) -> np.ndarray:
    """Return where sums start: float32 (n_outputs,)."""
    scores = np.array(json.loads(stored), dtype=np.float32).reshape(-1)
    base = np.array(np.broadcast_to(scores, (n_outputs,)))
    if link == SIGMOID:
        share = np.clip(base, _LEAST_SHARE, np.float32(1.0) - _LEAST_SHARE)
        odds = np.float32(1.0) / share - np.float32(1.0)
        base = -np.log(odds.astype(np.float64))
    elif link == EXP:
        base = np.log(base.astype(np.float64))
    return base.astype(np.float32)


def _adds_as_the_library(compiled: TreeModel, booster: Any) -> bool:
    """Tell whether the sums for some rows are those of the library."""
    rows = probe_rows(compiled.trees, compiled.n_features)
    told = booster.inplace_predict(
        rows,
        predict_type="margin",
        iteration_range=(0, _n_rounds(compiled.original) or 0),
        missing=compiled.original.missing,
    )
    sums = compiled.raw(rows.astype(np.float64))
    return np.array_equal(sums.ravel(), told.astype(np.float64).ravel())
