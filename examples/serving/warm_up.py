"""Compile all kernels that a fitted classifier needs, while an image of a container is built.

``python warm_up.py cascade.joblib '"import os.path"'`` loads the classifier and answers a row,
given in JSON. What numba compiles for that is kept in ``NUMBA_CACHE_DIR``; a process that finds it
there writes nothing, so that the file system may be read-only when the service runs.
"""

import json
import sys

import joblib
from app import warm_up


def main(model, row):
    """Answer a row by all stages, alone and in a batch."""
    for answers in warm_up(joblib.load(model), json.loads(row)):
        print(*answers, sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
