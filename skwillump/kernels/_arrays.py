"""One type for each kernel argument.

numba compiles a kernel anew for each combination of argument types, and a writable array, a
read-only one and a memory map are three types. All that a compiled step holds is passed as plain,
read-only arrays, however it was made, unpickled or mapped.
"""

from typing import Any, TypeVar

import numpy as np

T = TypeVar("T", bound=tuple)


def frozen(array: np.ndarray) -> np.ndarray:
    """Return ``array`` as a read-only, contiguous and aligned ndarray, without a copy if it is."""
    flags = array.flags
    if not (flags.c_contiguous and flags.aligned):
        array = np.array(array, order="C")
    plain = array.view(np.ndarray)
    plain.setflags(write=False)
    return plain


def frozen_fields(record: T) -> T:
    """Return a NamedTuple with its arrays frozen."""
    return type(record)(
        *(frozen(value) if isinstance(value, np.ndarray) else value for value in record)
    )


class FrozenArrays:
    """A record whose arrays kernels read: unpickled, or mapped, they are frozen again."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({name: _refrozen(value) for name, value in state.items()})


def _refrozen(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value if value.dtype == object else frozen(value)
    if isinstance(value, tuple):
        parts = map(_refrozen, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def line_aligned(array: np.ndarray) -> np.ndarray:
    """Copy ``array`` to where a cache line begins, so that its rows straddle fewer of them."""
    line = 64
    buffer = np.empty(array.nbytes + line, dtype=np.uint8)
    start = -buffer.ctypes.data % line
    aligned = buffer[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    aligned[...] = array
    return frozen(aligned)
