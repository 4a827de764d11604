"""Which files of this folder hold no doctests, and which need an extra that is not installed."""

from importlib.util import find_spec

collect_ignore = ["_build", "_ext", "api", "auto_examples", "conf.py"]
if not find_spec("skops"):
    collect_ignore.append("persistence.rst")
