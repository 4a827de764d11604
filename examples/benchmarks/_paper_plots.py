"""Plots of `paper_benchmarks.py`: one SVG for each figure, readable on light and on dark."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.patches
import numpy as np
from _paper_tables import TITLES, WAYS, by_way
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

GREY = "#808080"
COLOURS = dict(
    zip(
        WAYS,
        ("#8a8a8a", "#3b82c4", "#d9822b", "#d9822b", "#c05299", "#3a9d5d", "#8c6bb1"),
        strict=True,
    )
)
STYLE = {
    "svg.hashsalt": "skwillump",  # the same results give the same file
    "font.size": 9,
    "text.color": GREY,
    "axes.labelcolor": GREY,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
}


def write_plots(results: dict, folder: Path) -> None:
    """Write ``paper_figure6.svg`` and so on for the figures that were measured."""
    for figure in TITLES:
        rows = by_way(results, figure)
        if rows:
            with matplotlib.rc_context(STYLE):
                plot(results, figure, rows).savefig(
                    folder / f"paper_figure{figure}.svg",
                    transparent=True,
                    bbox_inches="tight",
                    metadata={"Date": None},
                )


def plot(results: dict, figure: int, rows: dict) -> Figure:
    """Return bars for each pipeline and way on a logarithmic axis; lines are quartiles."""
    ways = [
        way
        for way in WAYS
        if any("reason" not in r.get(way, {"reason": ""}) for r in rows.values())
    ]
    synthetic = {s["pipeline"] for s in results["pipelines"] if s["data"] == "synthetic"}
    drawing = Figure(figsize=(7.5, 0.55 + 0.16 * (len(ways) + 1) * len(rows)))
    axes = drawing.subplots()
    key, unit = ("p50_us", 1e-6) if figure == 7 else ("rows_per_second", 1.0)
    positions = []
    lows = [r[key] * unit for w in rows.values() for r in w.values() if "reason" not in r]
    left = 10 ** np.floor(np.log10(min(lows)) - 0.05)
    top = 0.0
    for measured in rows.values():
        here = [way for way in ways if "reason" not in measured.get(way, {"reason": ""})]
        for offset, way in enumerate(here):
            row, y = measured[way], top + offset
            value = row[key] * unit
            axes.barh(y, value - left, left=left, height=0.82, color=COLOURS[way])
            low, high = (quartile * unit for quartile in row["quartiles"])
            axes.plot([low, high], [y, y], color=GREY, linewidth=1.2)
            if figure == 7:
                axes.plot(row["p99_us"] * unit, y, "|", color=COLOURS[way], markersize=7)
            note = f" {row['speed_up']:.3g}x" if way != WAYS[0] else ""
            end = max(value, row["p99_us"] * unit) if figure == 7 else value
            axes.annotate(
                note, (end, y), va="center", fontsize=7, xytext=(2, 0), textcoords="offset points"
            )
        positions.append(top + (len(here) - 1) / 2)
        top += len(here) + 1
    names = [f"{name}\n(synthetic)" if name in synthetic else name for name in rows]
    axes.set_yticks(positions, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(top - 0.5, -1)
    axes.set_xscale("log")
    right = axes.get_xlim()[1]
    axes.set_xlim(left, right * 2)
    axes.xaxis.set_major_formatter(FuncFormatter(seconds_text if figure == 7 else plain_text))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("Seconds a row: p50, and p99 as |" if figure == 7 else "Rows a second")
    axes.set_title(TITLES[figure], fontsize=10, loc="left")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color=GREY, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    handles = [matplotlib.patches.Patch(color=COLOURS[way], label=way) for way in ways]
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8
    )
    return drawing


def plain_text(value: float, _=None) -> str:
    for size, name in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{name}"
    return f"{value:g}"


def seconds_text(value: float, _=None) -> str:
    for size, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= size * 0.999:
            return f"{value / size:.4g} {name}"
    return f"{value / 1e-9:.4g} ns"
