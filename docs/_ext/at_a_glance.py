"""Directives of the home page and of the page of guarantees: figures drawn from kept results.

``cascade-figure`` shows a hundred rows on their way through a cascade, ``measured-figures`` three
measured figures with what they compare with, ``benchmark-figure`` bars of all pipelines of the
benchmark, ``guarantee-figure`` a step of a certificate. They are
SVG inside the page, narrow enough for a phone, and take its colours, light or dark.
"""

import json
from html import escape
from math import log10

from docutils import nodes
from figures import ROOT
from sphinx.util.docutils import SphinxDirective

PIPELINE = "product"
"""The pipeline of ``docs/results/paper_benchmarks.json`` that is shown."""

WIDTH = 360
"""Units of a figure, which are pixels on a phone."""

EARLY = "var(--pst-color-primary, #0a7d91)"
LATE = "var(--pst-color-accent, #c25700)"
MUTED = 'opacity="0.72"'
BOLD = 'font-weight="bold"'
MIDDLE = 'text-anchor="middle"'


def results():
    """Return the rows of the results of the paper's figures."""
    path = ROOT / "docs" / "results" / "paper_benchmarks.json"
    return json.loads(path.read_text(encoding="utf-8"))["rows"]


def measured(figure, way, pipeline=PIPELINE):
    """Return the row of the results of a figure of the paper, by its number, and a way."""
    wanted = {"figure": figure, "way": way, "pipeline": pipeline}
    return next(row for row in results() if all(row[key] == value for key, value in wanted.items()))


# Drawing ------------------------------------------------------------------------------------


def _text(x, y, text, style=""):
    return f'<text x="{x:g}" y="{y:g}" {style}>{escape(text)}</text>'


def _box(x, y, width, height, colour="currentColor"):
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{colour}" '
        f'fill-opacity="0.08" stroke="{colour}" stroke-opacity="0.7"/>'
    )


def _arrow(path, colour="currentColor"):
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5" '
        'marker-end="url(#glance-tip)"/>'
    )


def _dots(x, y, kinds, a_line, step=13.0):
    """Dots for rows, in lines; a kind is a colour."""
    return [
        f'<circle cx="{x + step * (i % a_line):g}" cy="{y + step * (i // a_line):g}" r="4.2" '
        f'fill="{colour}"/>'
        for i, colour in enumerate(kinds)
    ]


def _svg(height, title, parts):
    tip = (
        '<defs><marker id="glance-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto" markerUnits="userSpaceOnUse">'
        '<path d="M0 0 L8 4 L0 8 z" fill="currentColor"/></marker></defs>'
    )
    return (
        f'<svg class="glance" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}" '
        'style="width: 100%; max-width: 30rem; height: auto; font: 14px sans-serif; '
        f'fill: currentColor"><title>{escape(title)}</title>{tip}{"".join(parts)}</svg>'
    )


# Home ---------------------------------------------------------------------------------------


def cascade_svg():
    """Return a hundred rows on their way through a cheap model and the full one."""
    late = round(100 * measured(6, "cascade")["full_share"])
    early = 100 - late
    parts = [_text(4, 16, "100 rows to classify", BOLD)]
    parts += _dots(10, 34, [EARLY] * early + [LATE] * late, 25)
    parts += [
        _arrow("M70 84 V106"),
        _box(4, 108, 200, 52),
        _text(16, 130, "Cheap model", BOLD),
        _text(16, 150, "a few cheap features", MUTED),
        _arrow("M206 134 H226", EARLY),
        _text(232, 126, f"sure: {early} rows", f'{BOLD} fill="{EARLY}"'),
        _text(232, 144, "answered now"),
        _arrow("M70 162 V194", LATE),
        _text(84, 184, f"not sure: {late} rows", f'{BOLD} fill="{LATE}"'),
        _box(4, 196, 200, 52),
        _text(16, 218, "Your own model", BOLD),
        _text(16, 238, "all features", MUTED),
        _arrow("M206 222 H226", LATE),
        _text(232, 214, f"{late} rows", f'{BOLD} fill="{LATE}"'),
        _text(232, 232, "as without skwillump"),
    ]
    title = f"Of 100 rows a cheap model answers {early}, the full model the other {late}"
    return _svg(256, title, parts)


def cascade_caption():
    """Return what the figure of the cascade is of."""
    plain, compiled = measured(6, "scikit-learn"), measured(6, "compiled")
    cascade = measured(6, "cascade")
    return (
        "Measured: titles of products in ten classes, TF-IDF of words first, counts of characters "
        f"only for the rows that are left. On {cascade['n_rows']:,} test rows the cascade has "
        f"{cascade['speed_up']:.0f} times the speed of the scikit-learn pipeline, and "
        f"{cascade['speed_up'] / compiled['speed_up']:.1f} times that of the compiled pipeline "
        f"alone. Accuracy {plain['score']:.4f} without, {cascade['score']:.4f} with it; asked for "
        "were 99.5 % of it."
    )


def measured_html():
    """Return three measured figures, each with what it compares with."""
    batch, row, top = measured(6, "cascade"), measured(7, "cascade"), measured(8, "top-K")
    plain_row = measured(7, "scikit-learn")
    found = [
        (
            f"{batch['speed_up']:.0f}x",
            "in batches",
            "a cascade, against the plain scikit-learn pipeline",
        ),
        (
            f"{row['p50_us']:.0f} us",
            "for one row",
            f"a cascade; {plain_row['p50_us']:,.0f} us with the plain pipeline (medians)",
        ),
        (
            f"{top['speed_up']:.0f}x",
            f"to find the {top['k']} best of {top['n_rows']:,}",
            "against scoring every row with the plain pipeline; all of them were found"
            if top["score"] == 1
            else f"against scoring every row with the plain pipeline; {top['score']:.0%} found",
        ),
    ]
    cards = "".join(
        f'<div class="glance-card"><strong>{value}</strong><span>{escape(what)}</span>'
        f"<small>{escape(against)}</small></div>"
        for value, what, against in found
    )
    return f'<div class="glance-cards">{cards}</div>'


# Benchmarks ---------------------------------------------------------------------------------

GREY = "var(--pst-color-text-muted, #777777)"

BARS = {
    6: {"compiled": EARLY, "cascade": LATE},
    7: {"scikit-learn": GREY, "compiled": EARLY, "cascade": LATE},
    8: {"compiled": EARLY, "top-K": LATE},
}
"""Ways that are drawn, by figure of the paper, and their colours."""


def bars_svg(figure):
    """Return a bar for each pipeline and way: speed over the plain pipeline, or time of a row."""
    ways = BARS[figure]
    value = "p50_us" if figure == 7 else "speed_up"
    rows = [row for row in results() if row["figure"] == figure and row.get(value)]
    plain = {row["pipeline"]: row["score"] for row in rows if row["way"] == "scikit-learn"}
    rows = [row for row in rows if row["way"] in ways]
    most = log10(max(row[value] for row in rows))
    parts, x = [], 4
    for way, colour in ways.items():
        parts += [f'<rect x="{x}" y="4" width="12" height="12" fill="{colour}"/>']
        parts += [_text(x + 18, 15, way)]
        x += 36 + 8 * len(way)
    y = 30
    for pipeline in dict.fromkeys(row["pipeline"] for row in rows):
        parts.append(_text(4, y + 12, pipeline, BOLD))
        y += 18
        for row in (row for row in rows if row["pipeline"] == pipeline):
            width = 230 * log10(max(row[value], 1)) / most
            parts += [
                f'<rect x="4" y="{y}" width="{width:.1f}" height="13" rx="2" '
                f'fill="{ways[row["way"]]}"/>',
                _text(width + 10, y + 11, _bar_text(row, plain), 'font-size="12.5"'),
            ]
            y += 17
        y += 8
    title = "Microseconds of one row" if figure == 7 else "Speed over the plain pipeline"
    return _svg(y, f"{title}, by pipeline and way to answer; logarithmic", parts)


def _bar_text(row, plain):
    if row["figure"] == 7:
        return f"{row['p50_us']:,.3g} us" if row["p50_us"] < 1000 else f"{row['p50_us']:,.0f} us"
    text = f"{row['speed_up']:.3g}x"
    if row["way"] == "compiled":
        return text
    if row["way"] == "top-K":
        return f"{text}, {row['score']:.0%} found"
    return f"{text}, {plain[row['pipeline']]:.3f} to {row['score']:.3f}"


# Guarantee ----------------------------------------------------------------------------------


def split_svg():
    """Return how the rows of fit divide."""
    parts = [_text(4, 16, "Rows given to fit", BOLD)]
    shares = [(4, 170, "fit the models", EARLY), (178, 80, "choose", "currentColor")]
    shares.append((262, 94, "test", LATE))
    for x, width, text, colour in shares:
        parts += [_box(x, 26, width, 44, colour), _text(x + width / 2, 53, text, MIDDLE)]
    parts += [
        _text(4, 94, "No row is in two of them. The rows that test the"),
        _text(4, 112, "choice were not looked at when it was made."),
    ]
    return _svg(120, "Rows that fit, rows that choose and rows that test are different rows", parts)


def counts_svg():
    """Return the four things that can happen to a row that is answered early."""
    cells = [
        (4, 4, "both right", "makes no difference", "currentColor"),
        (184, 4, "both wrong", "makes no difference", "currentColor"),
        (4, 68, "harm", "only the full model is right", LATE),
        (184, 68, "rescue", "only the cheap one is right", EARLY),
    ]
    parts = []
    for x, y, title, text, colour in cells:
        parts += [
            _box(x, y, 172, 56, colour),
            _text(x + 86, y + 24, title, f"{BOLD} {MIDDLE}"),
            _text(x + 86, y + 44, text, f'{MIDDLE} {MUTED} font-size="12.5"'),
        ]
    return _svg(128, "A row answered early is harmed, rescued, or it makes no difference", parts)


def sequence_svg():
    """Return the thresholds that are tested in order until a test fails."""
    n, failing = 8, 5
    parts = [_text(4, 16, "Thresholds, from the safest to the boldest", BOLD)]
    for i in range(n):
        x, height = 14 + 42 * i, 14 + 9 * i
        colour = EARLY if i < failing else LATE
        opacity = "0.85" if i < failing else ("0.85" if i == failing else "0.2")
        parts.append(
            f'<rect x="{x}" y="{112 - height}" width="30" height="{height}" rx="3" '
            f'fill="{colour}" fill-opacity="{opacity}"/>'
        )
        mark = "passes" if i < failing else "fails" if i == failing else ""
        parts.append(_text(x + 15, 128, mark, f'{MIDDLE} font-size="10.5"'))
    at = 14 + 42 * (failing - 1) + 15
    parts += [
        _text(at, 44, "this one is used", f'text-anchor="end" fill="{EARLY}" {BOLD}'),
        _arrow(f"M{at} 48 V58", EARLY),
        _text(4, 150, "Height: the share of rows that is answered early.", MUTED),
    ]
    return _svg(158, "Thresholds are tested in order; the last that passes is used", parts)


STEPS = {"split": split_svg, "counts": counts_svg, "sequence": sequence_svg}


# Directives ---------------------------------------------------------------------------------


class CascadeFigure(SphinxDirective):
    """The figure of the home page with what it is of."""

    def run(self):
        caption = f"<figcaption>{escape(cascade_caption())}</figcaption>"
        html = f'<figure class="glance-figure">{cascade_svg()}{caption}</figure>'
        return [nodes.raw("", html, format="html")]


class MeasuredFigures(SphinxDirective):
    """Three measured figures."""

    def run(self):
        return [nodes.raw("", measured_html(), format="html")]


class BenchmarkFigure(SphinxDirective):
    """A figure of the paper, by its number."""

    required_arguments = 1

    def run(self):
        html = f'<figure class="glance-figure">{bars_svg(int(self.arguments[0]))}</figure>'
        return [nodes.raw("", html, format="html")]


class GuaranteeFigure(SphinxDirective):
    """A step of a certificate."""

    required_arguments = 1

    def run(self):
        html = f'<figure class="glance-figure">{STEPS[self.arguments[0]]()}</figure>'
        return [nodes.raw("", html, format="html")]


def setup(app):
    """Register the directives."""
    app.add_directive("cascade-figure", CascadeFigure)
    app.add_directive("measured-figures", MeasuredFigures)
    app.add_directive("benchmark-figure", BenchmarkFigure)
    app.add_directive("guarantee-figure", GuaranteeFigure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
