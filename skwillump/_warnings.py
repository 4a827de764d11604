"""Warnings of the package, and where they point: at the line of the user's that calls it."""

import os
import sys
import warnings
from pathlib import Path

import sklearn

_INSIDE = tuple(f"{Path(file).parent}{os.sep}" for file in (__file__, sklearn.__file__))
"""How files of the package and of scikit-learn begin, which wraps `fit`."""


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of what the first line outside of the package asked for, however deep inside this is."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


class NoCascadeWarning(UserWarning):
    """Warning that `fit` ended without a cascade, or a ranker's without a filter.

    The estimator works and gives the full model's answers, compiled where that is possible; it is
    only no faster than the compiled pipeline. The text has the reason, ``report()`` has more. It is
    not given where nothing was to be approximated: with a target of 1.

    Examples
    --------
    Where that is no news, for instance in a search over targets:

    >>> import warnings
    >>> from skwillump import NoCascadeWarning
    >>> warnings.simplefilter("ignore", NoCascadeWarning)
    """
