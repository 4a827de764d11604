"""Directive ``rows-needed``: how many rows certify a target, by the package's own tests.

The table is computed when the page is built, by the functions that plan a cascade.
"""

import numpy as np
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from skwillump.planning import Evidence
from skwillump.planning._p_values import binomial_p_value
from skwillump.stages._folds import PREFIT_TRAIN_SHARE, SELECT_SHARE

TARGETS = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
USED = (0.0, 0.25, 0.5)
CONFIDENCE = 0.95
FULL_ACCURACY = 0.9
MOST_ROWS = 200_000

WAYS = {
    'cv="prefit"': ("prefit", 1 - PREFIT_TRAIN_SHARE, 1.0),
    "cv=5": ("cross-fitted", 1 - round(5 * SELECT_SHARE) / 5, 0.8),
}
"""Basis of the evidence, share of the rows that certify, share of them that a model is fitted
on."""


def rows_needed(target, used, way):
    """Return the rows to give to `fit` so that about this many harms are certified.

    Parameters
    ----------
    target : float
        The ``accuracy_target``.
    used : float
        The share of the allowed loss that the cascade loses; it rescues no row.
    way : str
        A key of `WAYS`.
    """
    basis, certifying, train_share = WAYS[way]
    evidence = Evidence(basis=basis, train_share=train_share)
    level = 1 - evidence.tested_confidence(CONFIDENCE)
    tested_target = 1 - evidence.tested_loss(1 - target)
    n_right = np.arange(1, MOST_ROWS)
    n_harms = np.ceil(used * (1 - target) * n_right)
    p_values = binomial_p_value(n_right - n_harms, n_harms, tested_target)
    return int(np.ceil(n_right[p_values <= level][0] / FULL_ACCURACY / certifying))


def _share(used):
    return "no harm" if used == 0 else f"{100 * used:g} % used"


class RowsNeeded(SphinxDirective):
    """The table."""

    def run(self):
        head = ["Target"] + [f"``{way}``, {_share(used)}" for way in WAYS for used in USED]
        rows = [
            [
                f"{target:g}",
                *(f"{rows_needed(target, used, way):,}" for way in WAYS for used in USED),
            ]
            for target in TARGETS
        ]
        lines = [".. list-table::", "   :header-rows: 1", ""]
        for row in [head, *rows]:
            lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
        container = nodes.container()
        content = StringList(lines, source=self.get_source_info()[0])
        self.state.nested_parse(content, self.content_offset, container)
        return container.children


def setup(app):
    """Register the directive."""
    app.add_directive("rows-needed", RowsNeeded)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
