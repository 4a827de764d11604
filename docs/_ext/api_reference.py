"""Writes ``api.rst``: the public names of the package, whatever they are when it is built.

A page for each name is made by autosummary from the list. Nothing is listed by hand, so that no
public name is missing from the reference and nothing private is in it.
"""

import re
from pathlib import Path

import skwillump
import skwillump.dask
import skwillump.datasets
import skwillump.spark

HEADINGS = {
    "Estimators": ("Classifier", "Ranker"),
    "Compiled pipelines": ("compile_pipeline", "CompiledPipeline"),
    "Transformers": ("Lookup",),
    "Plots": ("Display",),
    "Storing": ("trusted_types",),
    "Warnings": ("Warning",),
}

TEMPLATE = """\
.. currentmodule:: skwillump

API reference
=============

What ``import skwillump`` exposes, functions for Dask and Spark, and the data sets.
All else is private.

{sections}
"""


def section(title, module, names):
    """Return the lines of a section."""
    lines = [title, "-" * len(title), "", f".. currentmodule:: {module}", ""]
    lines += [".. autosummary::", "   :toctree: api", "   :nosignatures:", ""]
    return "\n".join([*lines, *(f"   {name}" for name in names), ""])


def api_page():
    """Return the text of ``api.rst``."""
    left = sorted(skwillump.__all__)
    sections = []
    for title, endings in HEADINGS.items():
        names = [name for name in left if name.endswith(endings)]
        left = [name for name in left if name not in names]
        if names:
            sections.append(section(title, "skwillump", names))
    if left:
        sections.append(section("More", "skwillump", left))
    sections.append(section("Dask data frames", "skwillump.dask", skwillump.dask.__all__))
    sections.append(section("Spark data frames", "skwillump.spark", skwillump.spark.__all__))
    sections.append(section("Data sets", "skwillump.datasets", skwillump.datasets.__all__))
    return TEMPLATE.format(sections="\n".join(sections))


def write(app, config):
    """Write the page, unless it is there already as it should be."""
    path = Path(app.srcdir) / "api.rst"
    text = api_page()
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def without_labels(app, what, name, obj, options, lines):
    """Leave the texts of references that are to pages of scikit-learn's own documentation.

    Methods that are inherited from it have such references, which lead nowhere here.
    """
    for at, line in enumerate(lines):
        line = re.sub(r":(?:ref|term):`([^`<]+?)\s*<[^`>]*>`", r"\1", line)
        lines[at] = re.sub(r":(?:ref|term):`([^`<>]+)`", r"\1", line)


def setup(app):
    """Write before Sphinx looks for pages."""
    app.connect("config-inited", write)
    app.connect("autodoc-process-docstring", without_labels)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
