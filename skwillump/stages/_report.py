"""What was decided, why, and what is promised, as text: what all reports share."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np

from ..planning import CheaperModel

LINE_LENGTH = 99
"""Of a report, in characters, so that it can be read in a terminal and in a log."""

_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


@dataclass(frozen=True, kw_only=True)
class StageWords:
    """What the stages of an estimator do, in its words."""

    without: str  # that there is a single stage
    share: Callable[[Any], str]  # ``share(stage)``: the rows that a stage works on
    rule: Callable[[Any], str]  # ``rule(stage)``: which rows the first stage settles
    # `rest`, `everything`: what the last stage does, behind another one or alone.
    rest: str
    everything: str
    # What the first stage does with the rows of its rule, where the rule does not say it.
    verb: str = ""

    def when(self, stages: Sequence[Any], position: int) -> str:
        """On which rows a stage works, and when."""
        if position < len(stages) - 1:
            return f"{self.verb} {self.rule(stages[position])}".strip()
        return self.rest if position else self.everything


def seconds_unit(seconds: float) -> tuple[float, str]:
    """The unit that suits a time: its length in seconds, and its name."""
    for scale, unit in _SECONDS:
        if abs(seconds) >= scale:
            return scale, unit
    return _SECONDS[-1]


def seconds_text(seconds: float) -> str:
    """Seconds in a unit that suits them."""
    scale, unit = seconds_unit(seconds)
    return f"{seconds / scale:.3g} {unit}"


def trees_text(n_trees: int) -> str:
    """How a truncated ensemble is called."""
    return f"first {n_trees} trees"


def model_text(stage: CheaperModel) -> str:
    """How the model of a stage is called; empty where it is like the full one."""
    if stage.n_trees is not None:
        return trees_text(stage.n_trees)
    return "linear model" if stage.is_surrogate else ""


def blocks_text(blocks: Sequence[str]) -> str:
    """What a first stage reads: blocks, or rows as they come."""
    return ", ".join(blocks) or "rows as they come"


def _folded(lines: Iterable[str]) -> str:
    """Lines as a text of lines that are not too long; the rest of one is set in further."""
    folded: list[str] = []
    for line in lines:
        margin = line[: len(line) - len(line.lstrip())]
        folded += wrap(
            line,
            LINE_LENGTH,
            subsequent_indent=margin and margin + "  ",
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return "\n".join(folded)


def whole_report(estimator: Any, promise: Iterable[str], notes: Iterable[str] = ()) -> str:
    """Report of a fitted estimator.

    Parameters
    ----------
    promise : iterable of str
        What is promised, or why nothing is approximated.
    notes : iterable of str
        What there is to say of costs besides.
    """
    return _folded(
        [
            *promise,
            *_cost_lines(estimator, estimator._plan),
            *notes,
            *_stage_lines(estimator.stages_, estimator._stage_words()),
            *_block_lines(estimator.blocks_),
            *_left_out_lines(estimator),
            *_fit_lines(estimator),
        ]
    )


def _cost_lines(estimator: Any, plan: Any) -> list[str]:
    """What a plan costs, beside the full model."""
    if plan.candidate is None:
        return []
    full = estimator._calibrated.calibration.full_seconds
    alone = f"the {'compiled' if estimator.compile else 'plain'} pipeline alone"
    return [
        f"Expected cost: {seconds_text(plan.expected_seconds)} a row, "
        f"{full / plan.expected_seconds:.1f} times as fast as {alone} ({seconds_text(full)})."
    ]


def _stage_lines(stages: Sequence[Any], words: StageWords) -> list[str]:
    """The stages, one a line."""
    lines = ["", "Stages"]
    for position, stage in enumerate(stages):
        read = blocks_text(stage.blocks) if stage.is_surrogate else ", ".join(stage.blocks) or "all"
        text = f"  {position}: {words.share(stage)} from {read}"
        if model_text(stage):
            text += f" with {'a' if stage.n_trees is None else 'the'} {model_text(stage)}"
        if not np.isnan(stage.cost_seconds):
            text += f", {seconds_text(stage.cost_seconds)} a row"
        if position < len(stages) - 1:
            text += f": {words.rule(stage)}"
        lines.append(text)
    return lines


def _width_text(n_features: int | None) -> str:
    return "" if n_features is None else f"{n_features:,} features, "


def _importance_text(importance: float | None) -> str:
    return "" if importance is None else f"importance {importance:.4f}, "


def _left_out_lines(estimator: Any) -> list[str]:
    """Approximate models that could not be made, and why, one a line; none where all could."""
    calibrated = estimator._calibrated
    if calibrated is None or not calibrated.left_out:
        return []
    lines = ["", "Left out"]
    return lines + [f"  {spec.in_words()}: {why.reason}" for spec, why in calibrated.left_out]


def _fit_lines(estimator: Any) -> list[str]:
    """Where the time of `fit` went, the longest tasks first; none where that is not known."""
    times = estimator.__dict__.get("_fit_seconds", ())
    if not times:
        return []
    total = sum(seconds for _, seconds in times)
    lines = ["", f"Time of fit: {seconds_text(total)}"]
    for name, seconds in sorted(times, key=lambda item: -item[1]):
        lines.append(f"  {seconds_text(seconds)} ({seconds / max(total, 1e-12):.0%}) to {name}")
    return lines


def _block_lines(blocks: Sequence[Any]) -> list[str]:
    """The feature blocks, one a line; no lines where there are none."""
    lines = [
        f"  {block.name}: {seconds_text(block.cost_seconds)} a row, "
        f"{_importance_text(block.importance)}{_width_text(block.n_features)}"
        + ("compiled" if block.compiled else f"not compiled ({block.reason})")
        for block in blocks
    ]
    if not lines:
        return []
    told = any(block.importance is not None for block in blocks)
    title = "Blocks (importance: what the full model's score loses when the block is shuffled)"
    return ["", title if told else "Blocks", *lines]
