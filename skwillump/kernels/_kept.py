"""Compiled code that was kept by a process that could write, read by one that cannot.

numba uses a folder only if it can write to it. On a read-only file system, or as a user without
rights, it would compile every kernel again in each process: seconds, before a service is ready.
Where it finds no folder, a kernel looks at the same ones, in its order, for one that exists.
"""

import os
from contextlib import suppress
from typing import Any

from numba.core import caching


def _reader(locator: Any) -> Any:
    """A locator of numba's that takes a folder which exists, and makes none."""

    class Reader(locator):
        def ensure_cache_path(self) -> None:
            if not os.path.isdir(self.get_cache_path()):
                raise FileNotFoundError(self.get_cache_path())

    return Reader


class _Kept(caching.CompileResultCacheImpl):
    _locator_classes = [_reader(one) for one in caching.CompileResultCacheImpl._locator_classes]


class _KeptFunctions(caching.FunctionCache):
    _impl_class = _Kept

    def save_overload(self, sig: Any, data: Any) -> None:
        """Nothing: there is no place for it."""


def read_only(kernel: Any) -> None:
    """Let a kernel load what was compiled before, if there is a folder of it."""
    with suppress(RuntimeError):  # no such folder either
        kernel._cache = _KeptFunctions(kernel.py_func)
