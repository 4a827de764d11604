"""What a cascade decided, why, and what is promised, as text."""

from __future__ import annotations

import numpy as np

from ..planning import Guarantee, Plan
from ..stages._report import StageWords, block_lines, cost_lines, stage_lines


def promise_text(guarantee: Guarantee) -> list[str]:
    """What is promised, in sentences."""
    target, evidence = guarantee.accuracy_target, guarantee.evidence
    share = f"{100 * target:g} %"
    if guarantee.kind == "exact":
        return ["Every row is answered by the full model: nothing is approximated."]
    if guarantee.kind == "certified":
        how = "Certified"
        if guarantee.basis == "cross-fitted":
            how += " on models fitted on parts of the data"
        lines = [
            f"{how}: at least {share} of the full model's accuracy on new data of the same "
            f"distribution, with confidence {guarantee.confidence:g}.",
            f"Evidence: {guarantee.n_rows} rows other than those that chose, "
            f"{evidence['n_harms']} on which only the full model is right, "
            f"{evidence['n_rescues']} on which only the cascade is; "
            f"p-value {evidence['p_value']:.3g}.",
        ]
    elif guarantee.kind == "estimate":
        lines = [
            f"Estimate, not a guarantee: at least {share} of the full model's score, with "
            f"confidence {guarantee.confidence:g}, by a bootstrap lower bound on "
            f"{guarantee.n_rows} rows.",
            f"Score of the cascade {evidence['score']:.4f}, of the full model "
            f"{evidence['full_score']:.4f}.",
        ]
    else:
        lines = [
            f"No guarantee (confidence=None): on the {guarantee.n_rows} rows that chose the "
            f"threshold the cascade scores {evidence['score']:.4f}, the full model "
            f"{evidence['full_score']:.4f}.",
        ]
    if guarantee.basis == "cross-fitted" and guarantee.kind != "plug-in":
        lines.append(
            "The models that answer were fitted in the same way on all of the data. What was shown "
            f"of those on parts of it is {100 * guarantee.tested_target:g} % with confidence "
            f"{guarantee.tested_confidence:g}, which leaves room for the models that answer to be "
            "worse. That they stay within it is an assumption; cv='prefit' makes none."
        )
    return lines


def cascade_report(cascade, plan: Plan) -> str:
    """Report of a fitted `CascadeClassifier`."""
    lines = [f"CascadeClassifier, accuracy_target={cascade.accuracy_target:g}", ""]
    lines += promise_text(plan.guarantee)
    if plan.guarantee.reason:
        lines.append(f"No cascade: {plan.guarantee.reason}.")
    needed = plan.guarantee.rows_needed
    if needed is not None:
        lines.append(
            f"About {needed} calibration rows would probably certify a cascade, if "
            "harms and rescues keep the shares seen here."
        )
    lines += cost_lines(cascade, plan)
    lines += stage_lines(cascade.stages_, stage_words(cascade.classes_))
    return "\n".join([*lines, *block_lines(cascade.blocks_)])


def stage_words(classes) -> StageWords:
    """What the stages of a cascade do."""
    return StageWords(
        without="no cascade",
        share=lambda stage: f"answers {100 * stage.share:.1f} % of rows",
        rule=lambda stage: answered_text(stage, classes),
        rest="answers all rows that are left",
        everything="answers every row",
    )


def answered_text(stage, classes) -> str:
    """Which rows a first stage answers: those that reach a threshold, or one for each class."""
    threshold = stage.threshold
    if np.all(np.isneginf(threshold)):
        return "every row"
    if np.ndim(threshold) == 0:
        return f"rows with {stage.measure} >= {threshold:.6g}"
    pairs = (f"{label}: {value:.6g}" for label, value in zip(classes, threshold, strict=True))
    return f"rows with {stage.measure} >= {{{', '.join(pairs)}}} by predicted class"
