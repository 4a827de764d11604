"""One type for each kernel argument.

numba compiles a kernel anew for each combination of argument types, and a writable array, a
read-only one and a memory map are three types. All that a compiled step holds is passed as plain,
read-only arrays, however it was made, unpickled or mapped.
"""

from typing import TypeVar

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


def line_aligned(array: np.ndarray) -> np.ndarray:
    """Copy ``array`` to where a cache line begins, so that its rows straddle fewer of them."""
    line = 64
    buffer = np.empty(array.nbytes + line, dtype=np.uint8)
    start = -buffer.ctypes.data % line
    aligned = buffer[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    aligned[...] = array
    return frozen(aligned)
