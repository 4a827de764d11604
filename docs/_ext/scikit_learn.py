"""Links to scikit-learn's pages, as intersphinx makes them, but with nothing downloaded.

The address of a page follows from the name of what it is about. Names are looked up in the
scikit-learn that is installed, so that no link leads to a page that is not there. Estimators are
found by their class alone, as `Pipeline`.
"""

import re
from functools import cache
from inspect import isclass, ismodule
from pydoc import locate

from docutils import nodes
from sklearn.utils.discovery import all_estimators

PAGES = "https://scikit-learn.org/stable/modules/generated/"


def public_name(kind):
    """Return the name of a class or function as users import it."""
    return f"{re.sub(r'[.]_.*', '', kind.__module__)}.{kind.__name__}"


def address(name):
    """Return where a class or function is described, by the name that users import it by."""
    return f"{PAGES}{name}.html"


@cache
def _estimators():
    """Return the public names of scikit-learn's estimators, by their classes' names."""
    return {name: public_name(kind) for name, kind in all_estimators()}


@cache
def page_of(target):
    """Return the address for what a text refers to; None for what is not scikit-learn's."""
    target = _estimators().get(target, target)
    found = locate(target) if target.startswith("sklearn.") else None
    if found is None or ismodule(found):
        return None
    owner = target.rpartition(".")[0]
    # A method is described on the page of its class.
    return f"{address(owner)}#{target}" if isclass(locate(owner)) else address(target)


def resolve(app, env, node, contnode):
    """Return a link for a reference that nothing in these pages answers."""
    page = page_of(node["reftarget"]) if node.get("refdomain") == "py" else None
    if page is None:
        return None
    return nodes.reference("", "", contnode, internal=False, refuri=page, classes=["external"])


def setup(app):
    """Connect."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
