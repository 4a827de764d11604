"""Directives ``layers`` and ``journey``: figures of the architecture, drawn when the page is built.

The figure of the layers is drawn from the contract in ``pyproject.toml`` that is checked, so that
it cannot be out of date. Figures are SVG inside the page: they take its colours, light or dark.
"""

import tomllib
from html import escape
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]

WIDTH = 680
ROW = 44
MUTED = 'opacity="0.65"'

KNOWS = {
    "dask": "data frames of Dask and Spark; kernels ahead of time",
    "_partitioned": "one query whose rows lie in partitions",
    "cascade": "the two estimators: parameters, methods, reports",
    "stages": "what both share: cross-fitting, costs, passes, displays",
    "_compiled": "compiled twins as estimators; look-ups as a transformer",
    "planning": "thresholds, tests, candidate sets, plans: numbers only",
    "blocks": "how an estimator splits, and running some of its blocks",
    "compilers": "a fitted object becomes a compiled step or model",
    "_one_row": "every form of one row",
    "kernels": "numba functions over plain arrays",
    "datasets": "data for examples and tests",
    "_composites": "drop, passthrough, empty selections, weights, nesting",
    "_containers": "every question to pandas, polars, Arrow, NumPy, SciPy",
    "_compat": "private names of scikit-learn; versions of pickles; warnings",
    "_version": "the version",
}
"""What is said of a layer, by the first module in it."""


class Stop(NamedTuple):
    """A place on a journey: what is called, in which module, and what it hands on."""

    does: str
    module: str
    gives: str


JOURNEYS = {
    "fit": [
        Stop("fit(X, y): the full model is fitted as it is", "stages/_estimator.py", "FitData"),
        Stop("the pipeline is split into blocks", "blocks/_graph.py", "BlockGraph"),
        Stop("all is fitted on folds and timed", "stages/_cross_fitting.py", "CrossFitted"),
        Stop("answers become numbers", "cascade/_calibration.py", "Calibration"),
        Stop("rows that choose choose; others test", "planning/_cascade_plan.py", "Plan"),
        Stop("stages and promise are set", "stages/_planned_estimator.py", "stages_, guarantee_"),
    ],
    "batch": [
        Stop("predict(X): rows in chunks", "cascade/_answering.py", "rows"),
        Stop("first stage: its blocks, for all rows", "stages/_passes.py", "ModelInput, Held"),
        Stop("confidence against thresholds", "planning/_confidence.py", "positions of open rows"),
        Stop("missing blocks, for open rows only", "stages/_passes.py", "ModelInput"),
        Stop("rows within rounding of a tie: the original", "cascade/_answering.py", "labels"),
    ],
}


def layers() -> list[list[str]]:
    """Return the modules of each layer of the contract, from the top."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    contract = next(found for found in contracts if found["type"] == "layers")
    return [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


def _box(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" fill="currentColor" '
        'fill-opacity="0.06" stroke="currentColor" stroke-opacity="0.45"/>'
    )


def _svg(height: float, title: str, parts: list[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}" '
        'style="max-width: 100%; height: auto; font: 14px sans-serif; fill: currentColor">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def layers_svg() -> str:
    """Return the stack of layers: each imports those below it."""
    parts = []
    found = layers()
    for row, names in enumerate(found):
        y = row * ROW
        parts.append(_box(1, y + 1, WIDTH - 2, ROW - 8))
        parts.append(_text(14, y + 24, "   ".join(names), 'font-family="monospace"'))
        parts.append(_text(250, y + 24, KNOWS.get(names[0], ""), MUTED))
    return _svg(len(found) * ROW, "Layers of the package, the top one first", parts)


def journey_svg(name: str) -> str:
    """Return the places of a journey from top to bottom; arrows have the names of records."""
    parts = [
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="currentColor"/>'
        "</marker></defs>"
    ]
    stops, step = JOURNEYS[name], 84
    for row, stop in enumerate(stops):
        y = row * step
        parts.append(_box(1, y + 1, 440, 46))
        parts.append(_text(14, y + 20, stop.does))
        parts.append(_text(14, y + 38, stop.module, f'font-family="monospace" {MUTED}'))
        end = y + step - 2
        parts.append(
            f'<path d="M220 {y + 49} V{end}" stroke="currentColor" marker-end="url(#tip)"/>'
        )
        parts.append(_text(234, y + 70, stop.gives, 'font-weight="bold"'))
    return _svg(len(stops) * step + 2, f"The journey of a {name}", parts)


class Layers(SphinxDirective):
    """The figure of the layers."""

    def run(self):
        return [nodes.raw("", layers_svg(), format="html")]


class Journey(SphinxDirective):
    """The figure of a journey."""

    required_arguments = 1

    def run(self):
        return [nodes.raw("", journey_svg(self.arguments[0]), format="html")]


def setup(app):
    """Register the directives."""
    app.add_directive("layers", Layers)
    app.add_directive("journey", Journey)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
