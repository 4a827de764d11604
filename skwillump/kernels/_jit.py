"""The options every kernel is compiled with, and the reason for each.

``nogil``
    Kernels run in ordinary threads over blocks of rows, so they must release the lock.
``cache``
    Compiled code is kept on disk, so that a new process does not compile again. Where no folder
    can be written, numba refuses at decoration: what was kept before is then read (`_kept`), and
    other kernels are compiled in each process.
``no_cfunc_wrapper``
    C calls no kernel.
``pipeline_class``
    Kernels are small and plain: numba's passes for the rest of Python are left out, in releases
    that this was tried with (`_pipeline`).
``parallel`` (never)
    numba's own thread pool aborts the process when two threads enter it at once.
``fastmath`` (never)
    Sums are taken in a stated order; results must not depend on the compiler's mood.
``error_model="numpy"``
    Kernels test divisors themselves; the Python model would add a branch to each division.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.options import DefaultOptions
from numba.core.types import unliteral

F = TypeVar("F", bound=Callable[..., Any])

COMPILES = not getattr(numba.config, "DISABLE_JIT", 0)
"""False where ``NUMBA_DISABLE_JIT`` is set: kernels are plain functions, and few are called."""

NEWEST_TRIED = (0, 68)
"""The last of numba's releases that was tried with passes of our own."""


def _pipeline_class(name: str) -> dict[str, Any]:
    """Return the option that names one of the compilers of `_pipeline`."""
    if tuple(numba.version_info.short) > NEWEST_TRIED:
        return {}
    from . import _pipeline

    return {"pipeline_class": getattr(_pipeline, name)}


_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
    **_pipeline_class("KernelCompiler"),
}
_CALLED: dict[str, Any] = {
    **_OPTIONS,
    "no_cpython_wrapper": True,
    **_pipeline_class("InlinedCompiler"),
}
"""Python calls none of them; to compile what it would call took as long as the function did."""

_INLINED: dict[str, Any] = {**_CALLED, "forceinline": True}

_SIMPLIFIED = _pipeline_class("SimplifiedCompiler")

_BORROWING: dict[str, Any] = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}
"""Counts no references. The option is not a documented one: without it, code is only slower."""


@cache
def source_digest(folder: Path) -> str:
    """Return a digest of the source of all modules in a folder and below it.

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def jit(function: F) -> F:
    """Compile ``function`` lazily, at its first call."""
    if not COMPILES:
        return function
    # numba looks whether the file of a kernel has changed, but not the files of the functions
    # that were inlined into it, from whatever folder and by whatever form of import. The name of
    # what it keeps comes from this attribute. To read all kernels takes less than a millisecond.
    function.__qualname__ += f"_{source_digest(Path(__file__).parent)}"
    try:
        return _for_types(numba.njit(cache=True, **_OPTIONS)(function))
    except RuntimeError:  # no folder to keep compiled code in
        return _for_types(_of_kept(numba.njit(**_OPTIONS)(function)))


def _of_kept(kernel: Any) -> Any:
    """Let a kernel load what was kept before, in releases that this was tried with."""
    if tuple(numba.version_info.short) <= NEWEST_TRIED:
        from ._kept import read_only

        read_only(kernel)
    return kernel


def is_at_hand(kernel: Any) -> bool:
    """Return whether a kernel was compiled before, by this process or for the cache on disk."""
    if kernel.signatures:
        return True
    # numba does not tell without compiling. Where its cache is another one, nothing is known.
    files = getattr(getattr(kernel, "_cache", None), "_cache_file", None)
    index = getattr(files, "_index_path", None)
    return index is None or Path(index).exists()


def inline(function: F) -> F:
    """Compile ``function`` for use inside other kernels only; it makes and returns no arrays.

    LLVM is told to inline it: numba passes every array as seven arguments, so that a call for each
    token or character would cost more than what it does. Its arrays are those of its caller, and
    no references to them are counted: that takes an atomic instruction for each of them.
    """
    return _for_kernels(function, _INLINED | _BORROWING)


def inline_allocating(function: F) -> F:
    """Compile a function that makes or returns arrays for use inside other kernels only."""
    return _for_kernels(function, _INLINED)


def called(function: F) -> F:
    """Compile a function for other kernels to call; where that pays, LLVM takes it in."""
    return _for_kernels(function, _CALLED)


def inline_simplified(function: F) -> F:
    """Compile like `inline`, but leave it to the kernels that take it in to optimise it.

    For functions of which these are as fast so: measure it.
    """
    return _for_kernels(function, _INLINED | _BORROWING | _SIMPLIFIED)


def called_simplified(function: F) -> F:
    """Compile like `called`, but leave it to the kernels that call it to optimise it."""
    return _for_kernels(function, _CALLED | _SIMPLIFIED)


def _for_types(kernel: Any) -> Any:
    """Let kernels that call this one compile it for types alone, not for each constant.

    numba infers types in passes: a counter that starts at 0 is that constant in the first, and all
    that it is given to would be compiled for it, in vain, before it is found to be an integer.
    """
    template = kernel.get_call_template

    def of_types(args: Any, kws: Any) -> Any:
        return template(
            tuple(map(unliteral, args)), {name: unliteral(kind) for name, kind in kws.items()}
        )

    kernel.get_call_template = of_types
    return kernel


def _for_kernels(function: F, options: dict[str, Any]) -> Any:
    """Compile for kernels alone: calls from Python are refused, nothing is compiled for them."""
    if not COMPILES:
        return function
    kernel: Any = numba.njit(**options)(function)

    def refuse(*args: Any, **kws: Any) -> None:
        raise TypeError(f"{kernel.py_func.__name__} is for kernels; call its py_func instead.")

    kernel._compile_for_args = refuse
    kernel._insert = lambda *args, **kws: None  # numba's table of what Python can call
    return _for_types(kernel)
