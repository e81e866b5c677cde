"""A vector of eight float64 numbers as one value in compiled kernels.

numba vectorises a loop only if LLVM can prove that this is allowed, which is rare for a Fourier transform or a
recursive filter. A ``Lanes`` value is one vector register (two or four on older processors). It supports + - * and the
functions below, so a kernel states explicitly what runs in parallel, on every processor.

A product and a sum may be fused (one rounding instead of two); operations are not reordered.
The cache of numba checks only the file of the kernel: if you change this file, also change the files of the kernels.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

from core.features.frames import FloatArray

LANES = 8
Lanes = Any  # in signatures: a vector of eight float64

_DOUBLE, _INDEX = ir.DoubleType(), ir.IntType(32)
_VECTOR, _BITS = ir.VectorType(_DOUBLE, LANES), ir.VectorType(ir.IntType(64), LANES)
_FUSE = ("contract",)


class LanesType(types.Type):
    """numba type of a vector of eight float64."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{LANES}")


lanes = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: types.Type) -> None:
        super().__init__(manager, numba_type, _VECTOR)


def _intrinsic(typed: Callable[..., Any]) -> Any:
    """Call numba's ``intrinsic``, whose type annotation has a wrong number of arguments."""
    return intrinsic(typed)


def _operation(emit: Callable[..., Any], arity: int) -> Any:
    """Define a function from ``arity`` lanes to lanes; ``emit(builder, *vectors)`` generates its instructions."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit(builder, *args)

    if arity == 1:
        return _intrinsic(lambda typing, a: (lanes(lanes), code))
    return _intrinsic(lambda typing, a, b: (lanes(lanes, lanes), code))


def _constant(value: float | int, vector: Any = _VECTOR) -> Any:
    return ir.Constant(vector, [ir.Constant(vector.element, value)] * LANES)


def _library(name: str, *args: Any) -> Callable[..., Any]:
    """Return an emitter that calls an LLVM function with the lanes and fixed further arguments."""

    def emit(builder: Any, vector: Any) -> Any:
        signature = ir.FunctionType(_VECTOR, [_VECTOR] * (1 + len(args)))
        function = cgutils.get_or_insert_function(builder.module, signature, f"llvm.{name}.v{LANES}f64")
        return builder.call(function, [vector, *args])

    return emit


def _first_guess(builder: Any, vector: Any) -> Any:
    """Approximate 1 / sqrt within 4 % by integer arithmetic on the bits of the number. Source: Lomont (2003)."""
    halved = builder.lshr(builder.bitcast(vector, _BITS), _constant(1, _BITS))
    return builder.bitcast(builder.sub(_constant(0x5FE6EB50C7B537A9, _BITS), halved), _VECTOR)


_add = _operation(lambda builder, a, b: builder.fadd(a, b, flags=_FUSE), 2)
_subtract = _operation(lambda builder, a, b: builder.fsub(a, b, flags=_FUSE), 2)
_multiply = _operation(lambda builder, a, b: builder.fmul(a, b, flags=_FUSE), 2)
_inverse_root = _operation(_first_guess, 1)
magnitude = _operation(_library("fabs"), 1)
divider_root = _operation(_library("sqrt"), 1)
positive = _operation(_library("maxnum", _constant(0.0)), 1)


@_intrinsic
def spread(typing: Any, number: Any) -> Any:
    """The same number in every lane."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        unset = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(unset, args[0], ir.Constant(_INDEX, 0))
        return builder.shuffle_vector(first, unset, _constant(0, ir.VectorType(_INDEX, LANES)))

    return lanes(types.float64), code


def _place(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Address of ``array[row * LANES]``."""
    array = context.make_array(signature.args[0])(context, builder, value=args[0])
    row = context.cast(builder, args[1], signature.args[1], types.intp)
    start = builder.mul(row, ir.Constant(row.type, LANES))
    return builder.bitcast(builder.gep(array.data, [start], inbounds=True), _VECTOR.as_pointer())


@_intrinsic
def load(typing: Any, array: Any, row: Any) -> Any:
    """Load row ``row`` of a flat float64 array with rows of eight; no bounds check."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_place(context, builder, signature, args), align=8)

    return lanes(array, row), code


@_intrinsic
def store(typing: Any, array: Any, row: Any, value: Any) -> Any:
    """Store eight numbers in row ``row`` of a flat float64 array; no bounds check."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _place(context, builder, signature, args), align=8)
        return context.get_dummy_value()

    return types.void(array, row, lanes), code


@_intrinsic
def lane_sum(typing: Any, value: Any) -> Any:
    """Sum of the eight numbers."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_DOUBLE, [_DOUBLE, _VECTOR])
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{LANES}f64")
        return builder.call(function, [ir.Constant(_DOUBLE, -0.0), args[0]], fastmath=("reassoc",))

    return types.float64(lanes), code


def _operator(symbol: Callable[..., Any], operate: Any) -> None:
    """Define the operator ``symbol`` for two lanes values, and for a number and a lanes value."""

    @overload(symbol)
    def between(a, b):  # type: ignore[no-untyped-def]
        if a == lanes and b == lanes:
            return lambda a, b: operate(a, b)
        if a == types.float64 and b == lanes:
            return lambda a, b: operate(spread(a), b)
        return None


_operator(operator.add, _add)
_operator(operator.sub, _subtract)
_operator(operator.mul, _multiply)


def aligned_rows(rows: int) -> FloatArray:
    """Allocate uninitialised rows of eight float64, aligned to a cache line: flat, shape (8 rows,)."""
    flat = np.empty((rows + 1) * LANES)
    skip = -flat.ctypes.data // 8 % LANES
    return flat[skip : skip + rows * LANES]


@njit(nogil=True)
def root(x: Lanes) -> Lanes:
    """Compute the square root of each lane, accurate to the last one or two digits; x must not be negative.

    An approximation is refined by two steps of Householder's method. `divider_root` uses the square-root instruction,
    which takes longer but needs another part of the processor, so a kernel with many roots alternates the two. The
    attack curve needs fifty million.
    """
    r = _inverse_root(x)
    error = 1.0 - (x * r) * r
    r = r + r * (error * (0.5 + error * (0.375 + 0.3125 * error)))
    s = x * r
    error = 1.0 - s * r
    return s + s * (error * (0.5 + 0.375 * error))
