"""The options every kernel is compiled with, and the reason for each.

``nogil``
    Kernels run in ordinary threads over blocks of rows, so they must release the lock.
``cache``
    Compiled code is kept on disk, so that a new process does not compile again. Where neither the
    package's folder nor the user's cache folder can be written, numba refuses at decoration; the
    kernel is then compiled in each process instead.
``parallel`` (never)
    numba's own thread pool aborts the process when two threads enter it at once.
``fastmath`` (never)
    Sums are taken in a stated order; results must not depend on the compiler's mood.
``error_model="numpy"``
    Kernels test divisors themselves; the Python model would add a branch to each division.
"""

import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.options import DefaultOptions

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_INLINED: dict[str, Any] = {"forceinline": True}
#: Counts no references. The option is not a documented one: without it, code is only slower.
_BORROWING: dict[str, Any] = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}

_FOLDER = Path(__file__).parent
_IMPORTED = re.compile(r"^from skwillump\.kernels\.(\w+) import", re.MULTILINE)


@cache
def _digest(file: str) -> str:
    """Return a digest of the source of a module and of the modules of kernels that it imports."""
    known: dict[Path, bytes] = {}
    pending = [Path(file)]
    while pending:
        path = pending.pop()
        if path not in known:
            source = path.read_bytes()
            known[path] = source
            pending += [_FOLDER / f"{name}.py" for name in _IMPORTED.findall(source.decode())]
    return hashlib.sha256(b"".join(known[path] for path in sorted(known))).hexdigest()[:12]


def jit(function: F) -> F:
    """Compile ``function`` lazily, at its first call."""
    # numba looks whether the file of a kernel has changed, but not the files of the functions
    # that were inlined into it. The name of what it keeps comes from this attribute.
    function.__qualname__ += f"_{_digest(function.__code__.co_filename)}"
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # no folder to keep compiled code in
        return numba.njit(**_OPTIONS)(function)


def inline(function: F) -> F:
    """Compile ``function`` for use inside other kernels only; it makes and returns no arrays.

    LLVM is told to inline it: numba passes every array as seven arguments, so that a call for each
    token or character would cost more than what it does. Its arrays are those of its caller, and
    no references to them are counted: that takes an atomic instruction for each of them.
    """
    return numba.njit(**_OPTIONS, **_INLINED, **_BORROWING)(function)


def inline_allocating(function: F) -> F:
    """Compile a function that makes or returns arrays for use inside other kernels only."""
    return numba.njit(**_OPTIONS, **_INLINED)(function)
