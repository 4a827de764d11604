"""Which files of this folder hold no doctests."""

collect_ignore = ["_build", "_ext", "api", "auto_examples", "conf.py"]
