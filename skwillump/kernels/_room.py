"""Working arrays of kernels; inside kernels only.

numba compiles `np.empty` anew for each type, in several functions, which takes longer than many a
kernel does. Here the few instructions that it comes to are written where they are needed.
"""

from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed
from numba.core.typing.npydecl import parse_dtype
from numba.extending import intrinsic

_ALIGNMENT = 64
"""Bytes: those of a cache line, and of the longest vectors."""


def _generate_room(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kind = signature.return_type
    content = context.get_data_type(kind.dtype)
    n_bytes = ir.IntType(64)(context.get_abi_sizeof(content))
    size = builder.mul(arguments[0], n_bytes)
    memory = context.nrt.meminfo_alloc_aligned(builder, size, _ALIGNMENT)
    data = context.nrt.meminfo_data(builder, memory)
    array = context.make_array(kind)(context, builder)
    context.populate_array(
        array,
        data=builder.bitcast(data, content.as_pointer()),
        shape=cgutils.pack_array(builder, [arguments[0]]),
        strides=cgutils.pack_array(builder, [n_bytes]),
        itemsize=n_bytes,
        meminfo=memory,
    )
    return array._getvalue()


def _generate_zeros(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    made = _generate_room(context, builder, signature, arguments)
    array = context.make_array(signature.return_type)(context, builder, made)
    size = builder.mul(array.nitems, array.itemsize)
    cgutils.memset(builder, array.data, size, 0)
    return made


@intrinsic
def _room(typing_context, n, kind):
    made = numba.types.Array(parse_dtype(kind), 1, "C")
    return made(numba.types.intp, kind), _generate_room


@intrinsic
def _zeros(typing_context, n, kind):
    made = numba.types.Array(parse_dtype(kind), 1, "C")
    return made(numba.types.intp, kind), _generate_zeros


def _generate_unlocked(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return impl_ret_borrowed(context, builder, signature.return_type, arguments[0])


@intrinsic
def _unlocked(typing_context, array):
    return array.copy(readonly=False)(array), _generate_unlocked


def _generate_view(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    words = context.make_array(signature.args[0])(context, builder, arguments[0])
    kind = signature.return_type
    view = context.make_array(kind)(context, builder)
    context.populate_array(
        view,
        data=builder.bitcast(words.data, context.get_data_type(kind.dtype).as_pointer()),
        shape=words.shape,
        strides=words.strides,
        itemsize=words.itemsize,
        meminfo=words.meminfo,
        parent=words.parent,
    )
    return impl_ret_borrowed(context, builder, kind, view._getvalue())


def _generate_one_row(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    row = context.make_array(signature.args[0])(context, builder, arguments[0])
    rows = context.make_array(signature.return_type)(context, builder)
    size = builder.mul(row.nitems, row.itemsize)
    context.populate_array(
        rows,
        data=row.data,
        shape=cgutils.pack_array(builder, [row.nitems.type(1), row.nitems]),
        strides=cgutils.pack_array(builder, [size, row.itemsize]),
        itemsize=row.itemsize,
        meminfo=row.meminfo,
        parent=row.parent,
    )
    return impl_ret_borrowed(context, builder, signature.return_type, rows._getvalue())


@intrinsic
def _one_row(typing_context, row):
    return row.copy(ndim=2)(row), _generate_one_row


@intrinsic
def _as_floats(typing_context, words):
    return words.copy(dtype=numba.types.float64)(words), _generate_view


@intrinsic
def _as_ints(typing_context, singles):
    return singles.copy(dtype=numba.types.int32)(singles), _generate_view


room: Any = _room
"""`room(n, kind)`: an array of `n` elements of a kind, `np.uint32` say, like `np.empty`."""

zeros: Any = _zeros
"""`zeros(n, kind)`: the same, like `np.zeros`."""

unlocked: Any = _unlocked
"""`unlocked(array)`: an array of bytes to read, by the type of those that may be written, so that
what reads both is compiled once. Nothing may be written to it."""

one_row: Any = _one_row
"""`one_row(array)`: a contiguous array as the only row of one of two dimensions. To compile
`reshape` took a quarter of a second."""

as_floats: Any = _as_floats
"""`as_floats(words)`: an array of uint64 whose bits are those of float64."""

as_ints: Any = _as_ints
"""`as_ints(singles)`: an array of float32 as the int32 of the same bits."""
