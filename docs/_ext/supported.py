"""Directives ``supported-transformers``, ``supported-models`` and ``folded-transformers``.

Their tables come from the registry of compilers, and what the tables say is what
`compile_pipeline` does when the page is built: each class is fitted as in
``tests/fitted_examples.py``, each option as in its `FALLBACKS`, and the reason that is shown is the
reason that it gives.
"""

import re
import sys
import warnings
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from skwillump import compile_pipeline
from skwillump.compilers import (
    REGISTRY,
    LinearModel,
    OriginalStep,
    TreeModel,
    compile_step,
    registered_types,
)

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
import scikit_learn
from fitted_examples import FALLBACKS, data_of, fit, make


def why_not_compiled(estimator, X):
    """Fit an estimator; return why it is left as it is, or "" if it is compiled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, of what is made of so few rows
        fitted = fit(estimator, X)
        if type(estimator) in registered_types():
            step = compile_step(fitted)
            return step.reason if isinstance(step, OriginalStep) else ""
        report = compile_pipeline(fitted).explain()[-1]
        return "" if report.compiled else report.reason


def public_name(kind):
    """Return the name of a class as users import it."""
    module = re.sub(
        r"\._.*|(?<=^lightgbm)\.sklearn|(?<=^xgboost)\.sklearn|(?<=^catboost)\.core"
        r"|(?<=^skwillump)\..*|(?<=^category_encoders)\..*",
        "",
        kind.__module__,
    )
    return f"{module}.{kind.__name__}"


def _link(kind):
    name = public_name(kind)
    if name.startswith("sklearn."):
        return f"`{kind.__name__} <{scikit_learn.address(name)}>`__"
    if name.startswith("lightgbm."):
        page = "https://lightgbm.readthedocs.io/en/stable/pythonapi"
        return f"`{kind.__name__} <{page}/lightgbm.{kind.__name__}.html>`__"
    if name.startswith("catboost."):
        page = "https://catboost.ai/docs/en/concepts/python-reference_"
        return f"`{kind.__name__} <{page}{kind.__name__.lower()}>`__"
    if name.startswith("xgboost."):
        page = "https://xgboost.readthedocs.io/en/stable/python/python_api.html"
        return f"`{kind.__name__} <{page}#{name}>`__"
    if name.startswith("category_encoders."):
        return f"`{kind.__name__} <https://contrib.scikit-learn.org/category_encoders/>`__"
    if name.startswith("imblearn."):
        page = "https://imbalanced-learn.org/stable/references/generated"
        return f"`{kind.__name__} <{page}/{name}.html>`__"
    return f":class:`~{name}`"


def _escaped(text):
    return re.sub(r"([\\*`|_])", r"\\\1", text)


def limits_of(kind):
    """Return pairs of an option and why it is not compiled, of a class, the defaults first."""
    estimator = make(kind)
    found = [("any options", why_not_compiled(estimator, data_of(estimator)))]
    for option, params, X in FALLBACKS.get(kind, ()):
        found.append((option, why_not_compiled(kind(**params), X)))
    return [(option, reason) for option, reason in found if reason]


def _shown(option, reason):
    """Return the text of a limit; the reason alone where it names the option."""
    if option == "any options" or reason.startswith(f"{option.partition('=')[0]}="):
        return _escaped(reason)
    return f"``{option}``: {_escaped(reason)}"


def table(kinds):
    """Return the lines of a table of classes; those with the same limits share a row."""
    rows = {}
    for kind in sorted(kinds, key=lambda kind: public_name(kind).lower()):
        package = public_name(kind).rpartition(".")[0]
        limits = tuple(_shown(*limit) for limit in limits_of(kind))
        rows.setdefault((package, limits), []).append(_link(kind))
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 24 34 42",
        "",
        "   * - Package",
        "     - Classes",
        "     - Not compiled with",
    ]
    for (package, limits), links in rows.items():
        lines += [f"   * - {package}", f"     - {', '.join(links)}", "     -"]
        for number, limit in enumerate(limits):
            lines.append(f"       | {limit}")
            if number == 0:
                lines[-2:] = [f"     - | {limit}"]
    return lines


class _Generated(SphinxDirective):
    """A directive that is replaced by lines of RST."""

    def lines(self):
        raise NotImplementedError

    def run(self):
        container = nodes.container()
        content = StringList(self.lines(), source=self.get_source_info()[0])
        self.state.nested_parse(content, self.content_offset, container)
        return container.children


def families():
    """Types of models by the name of their family."""
    linear, trees = REGISTRY.types(LinearModel), REGISTRY.types(TreeModel)
    known = {*registered_types(), *linear, *trees}
    others = tuple(kind for kind in REGISTRY.types() if kind not in known)
    return {"linear": linear, "trees": trees, "others": others}


class SupportedTransformers(_Generated):
    """The table of transformers."""

    def lines(self):
        return table(registered_types())


class SupportedModels(_Generated):
    """The table of models of one family: ``linear``, ``trees`` or ``others``."""

    required_arguments = 1

    def lines(self):
        return table(families()[self.arguments[0]])


class FoldedTransformers(_Generated):
    """The list of transformers that become part of a linear model."""

    def lines(self):
        return [", ".join(_link(kind) for kind in REGISTRY.types(are_linear=True)) + "."]


def setup(app):
    """Register the directives."""
    app.add_directive("supported-transformers", SupportedTransformers)
    app.add_directive("supported-models", SupportedModels)
    app.add_directive("folded-transformers", FoldedTransformers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
