"""How a fitted estimator is drawn in notebooks: stages, and the blocks that each computes.

scikit-learn draws what ``_sk_visual_block_`` returns. An estimator that is not fitted has no such
method, and is drawn as any other that wraps an estimator.
"""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

from sklearn.pipeline import Pipeline

from .._compat import DiagramLabel, VisualBlock
from .._composites import parameter_path
from ..blocks import BlockGraph, locate_blocks
from ._report import StageWords, blocks_text, model_text, seconds_text, trees_text

MOST_CHARACTERS = 72
"""Characters in a line of a box, at most."""


def stage_diagram(estimator, graph: BlockGraph | None, words: StageWords):
    """Diagram of a fitted estimator: stages below each other.

    Parameters
    ----------
    estimator : CascadeClassifier or ApproxTopKRanker
    graph : BlockGraph or None
        Its full model in blocks; None if it has none.

    Returns
    -------
    object
        What ``_sk_visual_block_`` returns.
    """
    why = f"{words.without}: {estimator.guarantee_.reason}"
    if graph is None:
        full = estimator.estimator_
        named = f"estimator: {type(full).__name__}"
        box = VisualBlock("serial", [full], names=[named], name_details=[str(full)])
        label = DiagramLabel("full model: answers every row")
        return VisualBlock("serial", [box], names=[label], name_details=[_lines([why])])
    drawn = [_steps_before(graph)] if graph.prefix else []
    known: tuple[str, ...] = ()
    for position, stage in enumerate(estimator.stages_):
        last = position == len(estimator.stages_) - 1
        names = [name for name in stage.blocks if name not in known]
        of_user = not last and estimator.approx_estimator is not None
        boxes: list[Any] = [_model(graph, stage)]
        labels: list[Any] = [_model_label(graph, stage, of_user=of_user)]
        if names:
            boxes = [blocks_diagram(graph, estimator.blocks_, names), *boxes]
            labels = [None, *labels]
        title = f"stage {position}: {words.share(stage)}"
        if stage.cost_seconds == stage.cost_seconds:  # not NaN
            title += f", {seconds_text(stage.cost_seconds)} {'more ' if known else ''}a row"
        said = [
            words.when(estimator.stages_, position),
            f"its {_kind(stage)} uses {_read(stage)}",
        ]
        if len(estimator.stages_) == 1:
            said.append(why)
        drawn.append(
            (DiagramLabel(title), _lines(said), VisualBlock("serial", boxes, names=labels))
        )
        known = (*known, *names)
    titles, details, stages = zip(*drawn, strict=True)
    return VisualBlock("serial", stages, names=titles, name_details=details)


def blocks_diagram(graph: BlockGraph, blocks: Iterable[Any], names: Sequence[str]):
    """Some blocks beside each other.

    Parameters
    ----------
    blocks : iterable of Block
        What is known of the blocks of the graph.
    names : sequence of str
        Those to draw.

    Returns
    -------
    object
        A box of scikit-learn's diagram.
    """
    located = locate_blocks(graph)
    by_name: Mapping[str, Any] = {block.name: block for block in blocks}
    labels, details = [], []
    for name in names:
        block = by_name[name]
        how = "compiled" if block.compiled else "not compiled"
        text = f"{name}: {how}, {seconds_text(block.cost_seconds)} a row"
        parameter = parameter_path("estimator", located[name].parameter)
        labels.append(DiagramLabel(text, parameter))
        details.append(_block_details(block, located[name].columns))
    return VisualBlock(
        "parallel",
        [located[name].transformer for name in names],
        names=labels,
        name_details=details,
    )


def _steps_before(graph: BlockGraph):
    """Label, details and box of the steps before the blocks."""
    steps = VisualBlock(
        "serial",
        [step for _, step in graph.prefix],
        names=[f"{name}: {type(step).__name__}" for name, step in graph.prefix],
        dash_wrapped=False,
    )
    return DiagramLabel("before the blocks: all rows", "estimator"), None, steps


def _model(graph: BlockGraph, stage):
    """The model of a stage, as an estimator or a box."""
    if stage.is_surrogate and not stage.blocks:
        # Its steps are no parameters.
        name, details = model_text(stage), f"a linear model on {blocks_text(())}"
        return VisualBlock("single", stage.model, names=name, name_details=details)
    if stage.n_trees is None:
        return stage.model
    whole = type(graph.model).__name__
    return VisualBlock(
        "single",
        stage.model,
        names=trees_text(stage.n_trees),
        name_details=f"the first {stage.n_trees} rounds of the full model's {whole}, calibrated",
    )


def _model_label(graph: BlockGraph, stage, *, of_user: bool) -> DiagramLabel:
    model = stage.model
    if stage.is_surrogate:
        return DiagramLabel(f"model: {type(model).__name__}")  # no parameter
    if of_user:
        parameter = "approx_estimator"
    elif isinstance(model, Pipeline):
        parameter = "estimator"  # its steps say their own names
    else:
        parameter = f"estimator__{graph.model_steps[-1][0]}"
    return DiagramLabel(f"model: {type(model).__name__}", parameter)


def _read(stage) -> str:
    """What a stage reads."""
    return f"the blocks {', '.join(stage.blocks)}" if stage.blocks else blocks_text(())


def _kind(stage) -> str:
    """What the model of a stage is."""
    return f"{model_text(stage)} in the place of the full one" if stage.is_surrogate else "model"


def _block_details(block, columns) -> str:
    lines = []
    if block.importance is not None:
        lines.append(f"importance {block.importance:.4f}")
    if block.n_features is not None:
        lines.append(f"{block.n_features} feature{'s' * (block.n_features != 1)}")
    if not block.compiled:
        lines.append(f"not compiled: {block.reason}")
    if columns is not None:
        lines.append(f"columns {columns}")
    return _lines(lines)


def _lines(texts: Iterable[str]) -> str:
    """Texts below each other; long ones are broken, as a box is as wide as its longest line."""
    return "\n".join(line for text in texts for line in wrap(text, MOST_CHARACTERS))
