"""Compile all kernels that a fitted classifier needs, while an image of a container is built.

``python warm_up.py cascade.joblib '"import os.path"'`` loads the classifier and answers a row,
given in JSON. What numba compiles for that is kept in ``NUMBA_CACHE_DIR``; a process that finds it
there writes nothing, so that the file system may be read-only when the service runs.
"""

import json
import sys

import joblib
from app import Service


def main(model, row):
    """Answer a row, alone and in a batch."""
    service = Service(joblib.load(model))
    row = json.loads(row)
    print(service.one(row))
    print(service.many([row, row]))


if __name__ == "__main__":
    main(*sys.argv[1:])
