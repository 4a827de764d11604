"""What a cascade decided, why, and what is promised, as text."""

from collections.abc import Callable

import numpy as np

from ..planning import LEARNED, Guarantee, Plan
from ..planning._growth import LEAST_EXPONENT
from ..stages._report import StageWords, whole_report


def promise_text(guarantee: Guarantee) -> list[str]:
    """What is promised, in sentences."""
    if guarantee.kind == "exact":
        return ["Every row is answered by the full model: nothing is approximated."]
    lines = _LINES[guarantee.kind](guarantee)
    if guarantee.basis == "cross-fitted" and guarantee.kind != "plug-in":
        lines += _cross_fitted_lines(guarantee)
    return lines


def _share_text(guarantee: Guarantee) -> str:
    return f"{100 * guarantee.accuracy_target:g} %"


def _tested_lines(guarantee: Guarantee) -> list[str]:
    """Of a test, with labels or without."""
    evidence, share = guarantee.evidence, _share_text(guarantee)
    how = {"certified": "Certified", "cross-fitted": "Cross-fitted, not certified"}[guarantee.kind]
    seen = {
        "prefit": "rows that the models have not seen, other than those that chose",
        "held-out": "held-out rows",
        "fresh": "fresh rows",
        "cross-fitted": "rows other than those that chose",
    }[guarantee.basis or ""]
    within = evidence.get("within", [])
    what = "accuracy"
    if within:
        what = (
            "recall of each class, and so of its balanced accuracy,"
            if evidence["of_classes"]
            else f"accuracy in each of {len(within)} subgroups,"
        )
    lines = [
        f"{how}: at least {share} of the full model's {what} on new data of the same "
        f"distribution, with confidence {guarantee.confidence:g}."
    ]
    if "n_disagreements" in evidence:
        return [
            *lines,
            f"Evidence: {guarantee.n_rows:,} {seen} without labels; on "
            f"{evidence['n_disagreements']:,} the cascade does not answer as the full model; "
            f"p-value {evidence['p_value']:.3g}. It holds for a full model with an accuracy of at "
            f"least {evidence['full_accuracy']:.4f}, a lower bound from the rows of fit.",
        ]
    return [
        *lines,
        f"Evidence: {guarantee.n_rows:,} {seen}; on {evidence['n_harms']:,} only the full model is "
        f"right, on {evidence['n_rescues']:,} only the cascade; "
        f"p-value {evidence['p_value']:.3g}.",
        *(
            f"  {each['label']}: {each['n_rows']:,} rows, {each['n_harms']:,} and "
            f"{each['n_rescues']:,}; p-value {each['p_value']:.3g}."
            for each in within
        ),
    ]


def _estimate_lines(guarantee: Guarantee) -> list[str]:
    evidence = guarantee.evidence
    return [
        f"Estimate, not a guarantee: at least {_share_text(guarantee)} of the full model's score, "
        f"with confidence {guarantee.confidence:g}, by a bootstrap lower bound on "
        f"{guarantee.n_rows:,} rows.",
        f"Score of the cascade {evidence['score']:.4f}, of the full model "
        f"{evidence['full_score']:.4f}.",
    ]


def _plug_in_lines(guarantee: Guarantee) -> list[str]:
    evidence = guarantee.evidence
    return [
        f"No guarantee (confidence=None): on the {guarantee.n_rows:,} rows that chose the "
        f"threshold the cascade scores {evidence['score']:.4f}, the full model "
        f"{evidence['full_score']:.4f}.",
    ]


_LINES: dict[str, Callable[[Guarantee], list[str]]] = {
    "certified": _tested_lines,
    "cross-fitted": _tested_lines,
    "estimate": _estimate_lines,
    "plug-in": _plug_in_lines,
}


def _cross_fitted_lines(guarantee: Guarantee) -> list[str]:
    """What is assumed of models that were fitted on all rows, from evidence of others."""
    growth = guarantee.growth
    if growth is None or (not growth.n_harms and growth.exponent <= LEAST_EXPONENT):
        grows = "no faster than their number"
    elif not growth.n_harms:
        grows = f"no faster than their number to the power {growth.exponent:.2g} (not measured)"
    else:
        grows = (
            f"like their number to the power {growth.exponent:.2g} (measured: "
            f"{growth.estimate:.2g}, standard error {growth.error:.2g}, from {growth.n_harms:,} "
            "lost rows)"
        )
    lines = [
        "The evidence is of models fitted in the same way on folds of the data: they keep "
        f"{100 * guarantee.tested_target:g} %, with confidence {guarantee.tested_confidence:g}. "
        "That those fitted on all of it, which answer, keep the target is an assumption: what is "
        f"lost grows with the rows {grows}. refit=False, cv='prefit' and certify assume nothing."
    ]
    if growth is None:
        return lines
    if growth.is_steep:
        lines.append(
            "What is lost grows steeply with the rows: use refit=False, or certify on fresh rows."
        )
    elif not growth.is_told:
        lines.append(
            "Too few harms were seen to tell how they grow with the rows: refit=False, or certify "
            "on fresh rows, does not depend on it."
        )
    return lines


def _refused_lines(cascade, guarantee: Guarantee) -> list[str]:
    """How many rows models of folds refused, where the evidence is of these."""
    n_refused = 0 if cascade._calibrated is None else cascade._calibrated.calibration.n_refused
    if not n_refused or guarantee.basis == "fresh":
        return []
    return [
        f"{n_refused:,} calibration rows hold a value that the full model which was to answer them "
        "was not fitted on and refused: it is taken to be right there, so that where a first stage "
        "is wrong that is a harm."
    ]


def _taught_lines(cascade, guarantee: Guarantee) -> list[str]:
    """How many held-out rows were fitted on, where the evidence is of held-out rows."""
    n_taught = 0 if cascade._calibrated is None else cascade._calibrated.calibration.n_taught
    if not n_taught or guarantee.basis == "fresh":
        return []
    return [
        f"{n_taught:,} held-out rows are of classes that no row to fit on has: the models are "
        "fitted on them too, so that they know these classes, and each counts as a harm."
    ]


def cascade_report(cascade, plan: Plan) -> str:
    """Report of a fitted `CascadeClassifier`."""
    lines = [f"CascadeClassifier, accuracy_target={cascade.accuracy_target:g}", ""]
    lines += promise_text(plan.guarantee)
    if plan.guarantee.basis == "cross-fitted" and cascade._is_settled:
        lines.append(
            "The models on folds have the parameters that the search chose on all rows: it was not "
            "repeated on each fold. refit=False and certify do not depend on that."
        )
    lines += _refused_lines(cascade, plan.guarantee)
    lines += _taught_lines(cascade, plan.guarantee)
    if plan.guarantee.reason:
        lines.append(f"No cascade: {plan.guarantee.reason}.")
    needed = plan.guarantee.rows_needed
    if needed is not None:
        lines.append(
            f"About {needed:,} calibration rows would probably certify a cascade, if "
            "harms and rescues keep the shares seen here."
        )
    return whole_report(cascade, lines)


def stage_words(classes) -> StageWords:
    """What the stages of a cascade do."""
    return StageWords(
        without="no cascade",
        share=lambda stage: f"answers {100 * stage.share:.1f} % of rows",
        rule=lambda stage: answered_text(stage, classes),
        verb="answers",
        rest="answers all rows that are left",
        everything="answers every row",
    )


def answered_text(stage, classes) -> str:
    """Which rows a first stage answers: those that reach a threshold, or one for each class."""
    threshold = stage.threshold
    if np.all(np.isneginf(threshold)):
        return "every row"
    if np.ndim(threshold) == 0:
        learned = ", learned from all of its probabilities" if stage.measure == LEARNED else ""
        return f"rows with {stage.measure} >= {threshold:.6g}{learned}"
    pairs = (f"{label}: {value:.6g}" for label, value in zip(classes, threshold, strict=True))
    return f"rows with {stage.measure} >= {{{', '.join(pairs)}}} by predicted class"
