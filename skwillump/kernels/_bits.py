"""Operations on whole numbers that numba has no name for, or a dear one; inside kernels only."""

from typing import Any

import numba
from llvmlite import ir
from numba.extending import intrinsic


def _generate_cttz(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))


def _generate_ctpop(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.ctpop(arguments[0])


@intrinsic
def _trailing_zeros(typing_context, value):
    return numba.types.uint64(numba.types.uint64), _generate_cttz


@intrinsic
def _population(typing_context, value):
    return numba.types.uint64(numba.types.uint64), _generate_ctpop


def _lesser_of(builder: Any, kind: Any, first: Any, second: Any) -> Any:
    compare = builder.icmp_signed if kind.signed else builder.icmp_unsigned
    return compare("<", first, second)


def _generate_lesser(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    first, second = arguments
    return builder.select(_lesser_of(builder, signature.args[0], first, second), first, second)


def _generate_greater(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    first, second = arguments
    return builder.select(_lesser_of(builder, signature.args[0], first, second), second, first)


@intrinsic
def _lesser(typing_context, first, second):
    kind = typing_context.unify_types(first, second)
    return kind(kind, kind), _generate_lesser


@intrinsic
def _greater(typing_context, first, second):
    kind = typing_context.unify_types(first, second)
    return kind(kind, kind), _generate_greater


lesser: Any = _lesser
"""`lesser(first, second)`: what `min` gives for two integers, both with or both without a sign.
numba compiles `min` and `max` as functions of their own, for each type."""

greater: Any = _greater
"""`greater(first, second)`: the same for `max`."""

trailing_zeros: Any = _trailing_zeros
"""Position of the lowest bit that is set in a uint64; 64 for zero."""

population: Any = _population
"""Number of bits that are set in a uint64."""


_BYTE = ir.IntType(8)
_WORD = ir.IntType(64)
_BYTES = ir.VectorType(_BYTE, 64)
_WORDS = ir.VectorType(_WORD, 8)


def _generate_load_word(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    word = builder.load(_place(context, builder, signature, arguments, 0, _WORD))
    word.align = 1
    return word


def _generate_equal_bytes(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    one = _load_block(context, builder, signature, arguments, 0)
    other = _load_block(context, builder, signature, arguments, 2)
    return builder.bitcast(builder.icmp_unsigned("==", one, other), _WORD)


def _generate_equal_words(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    words = builder.load(_place(context, builder, signature, arguments, 0, _WORDS))
    words.align = 8
    low, high = (_splat(builder, argument, _WORDS) for argument in arguments[2:])
    halves = ir.Constant(ir.VectorType(ir.IntType(32), 8), [0, 1, 2, 3, 8, 9, 10, 11])
    both = builder.shuffle_vector(low, high, halves)
    equal = builder.icmp_unsigned("==", words, both)
    return builder.zext(builder.bitcast(equal, _BYTE), _WORD)


def _generate_bits_in_range(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    block = _load_block(context, builder, signature, arguments, 0)
    first, span = (_splat(builder, argument, _BYTES) for argument in arguments[2:])
    inside = builder.icmp_unsigned("<", builder.sub(block, first), span)
    return builder.bitcast(inside, _WORD)


def _generate_lower_block(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    block = _load_block(context, builder, signature, arguments, 0)
    first, n_letters = (_splat(builder, argument, _BYTES) for argument in arguments[4:])
    inside = builder.icmp_unsigned("<", builder.sub(block, first), n_letters)
    case = builder.shl(builder.zext(inside, _BYTES), ir.Constant(_BYTES, [5] * 64))
    place = _place(context, builder, signature, arguments, 2, _BYTES)
    builder.store(builder.or_(block, case), place).align = 1
    return context.get_dummy_value()


def _generate_prefetch(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    pointer, number = _BYTE.as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
    function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
    place = _place(context, builder, signature, arguments, 0, _BYTE)
    # For reading, to be kept in all caches, of data.
    builder.call(function, [place, number(0), number(3), number(1)])
    return context.get_dummy_value()


def _place(
    context: Any, builder: Any, signature: Any, arguments: Any, k: int, kind: ir.Type
) -> Any:
    """Return a pointer into the array of argument ``k`` at the position after it."""
    array = context.make_array(signature.args[k])(context, builder, arguments[k])
    return builder.bitcast(builder.gep(array.data, [arguments[k + 1]]), kind.as_pointer())


def _load_block(context: Any, builder: Any, signature: Any, arguments: Any, k: int) -> Any:
    block = builder.load(_place(context, builder, signature, arguments, k, _BYTES))
    block.align = 1
    return block


def _splat(builder: Any, value: Any, kind: ir.VectorType) -> Any:
    """Return a vector of which each element is the lowest bits of an integer."""
    nothing = ir.Constant(kind, ir.Undefined)
    element = value if kind.element == _WORD else builder.trunc(value, kind.element)
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), 0)
    return builder.shuffle_vector(
        builder.insert_element(nothing, element, ir.IntType(32)(0)), nothing, zeros
    )


@intrinsic
def _load_word(typing_context, data, at):
    return numba.types.uint64(data, numba.types.uint64), _generate_load_word


@intrinsic
def _equal_bytes(typing_context, data, at, other, to):
    word = numba.types.uint64
    return word(data, word, other, word), _generate_equal_bytes


@intrinsic
def _equal_words(typing_context, data, at, low, high):
    word = numba.types.uint64
    return word(data, word, word, word), _generate_equal_words


@intrinsic
def _bits_in_range(typing_context, data, at, first, span):
    word = numba.types.uint64
    return word(data, word, word, word), _generate_bits_in_range


@intrinsic
def _lower_block(typing_context, data, at, out, to, first, n_letters):
    word = numba.types.uint64
    return numba.types.none(data, word, out, word, word, word), _generate_lower_block


@intrinsic
def _prefetch(typing_context, data, at):
    return numba.types.none(data, numba.types.uint64), _generate_prefetch


load_word: Any = _load_word
"""`load_word(data, at)`: the eight bytes of a uint8 array that begin at a position, wherever that
is. This and the next ones look at no bounds."""

equal_bytes: Any = _equal_bytes
"""`equal_bytes(data, at, other, to)`: a bit for each of 64 bytes: is the one of `data` from `at` on
the one of `other` from `to` on?"""

equal_words: Any = _equal_words
"""`equal_words(data, at, low, high)`: a bit for each of the eight elements of a uint64 array from
`at` on: is it `low`, for the first four, or `high`, for the last four?"""

bits_in_range: Any = _bits_in_range
"""`bits_in_range(data, at, first, span)`: a bit for each of the 64 bytes from `at` on: is it one of
the `span` values from `first` on?"""

lower_block: Any = _lower_block
"""`lower_block(data, at, out, to, first, n_letters)`: write the 64 bytes from `at` on to
`out[to:]`, and set bit 5 of those that are one of the `n_letters` values from `first` on."""

prefetch: Any = _prefetch
"""`prefetch(data, at)`: ask for the cache line of the element that is `at` places after the first
one of an array, and do not wait for it."""
