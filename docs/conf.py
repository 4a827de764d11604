"""How the documentation is built: ``sphinx-build -W -b html docs docs/_build/html``.

Nothing is downloaded in the build: the extension ``scikit_learn`` links without an inventory.
"""

import sys
from pathlib import Path

import skwillump

sys.path.insert(0, str(Path(__file__).resolve().parent / "_ext"))

project = "skwillump"
author = "skwillump developers"
copyright = author
version = release = skwillump.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "api_reference",
    "at_a_glance",
    "figures",
    "rows_needed",
    "scikit_learn",
    "supported",
]

exclude_patterns = ["_build", "_ext", "results"]
templates_path = ["_templates"]
default_role = "py:obj"
add_module_names = False
toc_object_entries_show_parents = "hide"

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc has the types
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    # Short ones run in the build. Studies and servers are shown; the tests run their quick form.
    "filename_pattern": r"/(plot_\w+|quickstart)\.py",
    "ignore_pattern": r"^_",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "remove_config_comments": True,
    "within_subsection_order": "gallery_order.QuickstartFirst",
}

html_theme = "pydata_sphinx_theme"
html_title = "skwillump"
html_static_path = ["_static"]
html_css_files = ["skwillump.css"]
html_js_files = ["copy.js"]
html_show_sphinx = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_depth": 2,
    "show_prev_next": False,
    "show_toc_level": 2,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"quickstart": []}
