"""Bit operations that numba has no name for; inside kernels only."""

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


#: Position of the lowest bit that is set in a uint64; 64 for zero.
trailing_zeros: Any = _trailing_zeros
#: Number of bits that are set in a uint64.
population: Any = _population
