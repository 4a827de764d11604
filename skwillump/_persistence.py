"""Pickles that know which version of the package made them."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

from ._version import __version__

VERSION_KEY = "_skwillump_version"
"""Where the state of a pickled object keeps the version."""


class InconsistentSkwillumpVersionWarning(InconsistentVersionWarning):
    """Warning that an object was pickled by another version of skwillump.

    It is a kind of scikit-learn's warning of the same situation, so that a filter for that one
    applies.

    Parameters
    ----------
    estimator_name : str
        The class of the object.
    current_version : str
        The version of skwillump that runs.
    original_version : str
        The version that pickled the object.
    """

    def __init__(self, *, estimator_name: str, current_version: str, original_version: str):
        self.estimator_name = estimator_name
        self.current_version = current_version
        self.original_version = original_version

    def __str__(self) -> str:
        return (
            f"Trying to unpickle a {self.estimator_name} of skwillump {self.original_version} with "
            f"skwillump {self.current_version}. Its answers may differ from those that were "
            "certified, or it may fail. Install the version that it was made with, or fit it again."
        )


class VersionedState:
    """Mixin: the state of an object names the version of the package, and loading checks it."""

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {**(state or {}), VERSION_KEY: __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        original = state.pop(VERSION_KEY, "of unknown version")
        if original != __version__:
            warnings.warn(
                InconsistentSkwillumpVersionWarning(
                    estimator_name=type(self).__name__,
                    current_version=__version__,
                    original_version=original,
                ),
                stacklevel=2,
            )
        parent: Any = super()
        if hasattr(parent, "__setstate__"):
            parent.__setstate__(state)
        else:
            self.__dict__.update(state)
