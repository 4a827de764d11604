"""Questions of many nodes to 64 rows at once, as vector instructions that numba has no name for.

Ranks of a column, and masks of 16 leaves, are int16: a common processor compares sixteen or more of
them in an instruction. Inside kernels only; nothing here looks at bounds.
"""

from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

N_LANES = 64
"""Rows that are asked together."""

WORD_LEAVES = 16
"""Leaves of a tree whose bits are one word."""

_HALF_WORD = ir.IntType(16)
_LANES = ir.VectorType(_HALF_WORD, N_LANES)
_ZEROS = ir.Constant(_LANES, [0] * N_LANES)


def _load(builder: Any, pointer: Any) -> Any:
    lanes = builder.load(builder.bitcast(pointer, _LANES.as_pointer()))
    lanes.align = 2
    return lanes


def _store(builder: Any, value: Any, pointer: Any) -> None:
    builder.store(value, builder.bitcast(pointer, _LANES.as_pointer())).align = 2


def _splat(builder: Any, value: Any) -> Any:
    """Return lanes that all hold an int16."""
    nothing = ir.Constant(_LANES, ir.Undefined)
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), N_LANES), [0] * N_LANES)
    one = builder.insert_element(nothing, value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, nothing, zeros)


def _lowest_bits(builder: Any, value: Any) -> Any:
    """Return the position of the lowest bit of each lane."""
    kind = ir.FunctionType(_LANES, [_LANES, ir.IntType(1)])
    name = f"llvm.cttz.v{N_LANES}i16"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [value, ir.IntType(1)(0)])


def _generate_find_leaves(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    ranks, columns, limits, masks, stops, crossed, leaves = (
        context.make_array(kind)(context, builder, array).data
        for kind, array in zip(signature.args[:7], arguments[:7], strict=True)
    )
    first, last, stride = arguments[7:]
    count = first.type
    crossed_out, bits, words = (cgutils.alloca_once(builder, _LANES) for _ in range(3))
    builder.store(_ZEROS, bits)
    builder.store(_ZEROS, words)
    # From the last word to the first: what is found last is the leaf that is most to the left.
    with cgutils.for_range(builder, builder.sub(last, first)) as loop:
        number = builder.sub(builder.sub(last, first), builder.add(loop.index, count(1)))
        word = builder.add(first, number)
        place = builder.mul(builder.mul(number, stride), count(N_LANES))
        builder.store(_load(builder, builder.gep(crossed, [place])), crossed_out)
        start = builder.load(builder.gep(stops, [word]))
        stop = builder.load(builder.gep(stops, [builder.add(word, count(1))]))
        with cgutils.for_range_slice(builder, start, stop, count(1), inc=True) as (node, _):
            column = builder.zext(builder.load(builder.gep(columns, [node])), count)
            rank = _load(builder, builder.gep(ranks, [builder.mul(column, count(N_LANES))]))
            limit = _splat(builder, builder.load(builder.gep(limits, [node])))
            mask = _splat(builder, builder.load(builder.gep(masks, [node])))
            right = builder.sext(builder.icmp_signed(">", rank, limit), _LANES)
            crossed_here = builder.and_(right, mask)
            builder.store(builder.or_(builder.load(crossed_out), crossed_here), crossed_out)
        alive = builder.not_(builder.load(crossed_out))
        none = builder.icmp_signed("==", alive, _ZEROS)
        here = _splat(builder, builder.trunc(number, _HALF_WORD))
        builder.store(builder.select(none, builder.load(bits), alive), bits)
        builder.store(builder.select(none, builder.load(words), here), words)
    size = ir.Constant(_LANES, [WORD_LEAVES] * N_LANES)
    before = builder.mul(builder.load(words), size)
    _store(builder, builder.add(before, _lowest_bits(builder, builder.load(bits))), leaves)
    return context.get_dummy_value()


@intrinsic
def _find_leaves(
    typing_context, ranks, columns, limits, masks, stops, crossed, leaves, first, last, stride
):
    count = numba.types.intp
    arrays = (ranks, columns, limits, masks, stops, crossed, leaves)
    return numba.types.none(*arrays, count, count, count), _generate_find_leaves


find_leaves: Any = _find_leaves
"""`find_leaves(ranks, columns, limits, masks, stops, crossed, leaves, first, last, stride)`: write
the number of the leaf that each of 64 rows reaches in a tree.

The tree's leaves are the bits of words `first` to `last`, and the nodes that cross out some of a
word's are those from `stops[word]` to `stops[word + 1]`: where the rank of the node's column is
above its limit, the bits of its mask. `crossed` holds what is crossed out before, 64 lanes for each
word, or, with a stride of zero instead of one, for all words."""
