"""Eight float64 side by side, as one value inside compiled kernels.

numba vectorises a loop only where LLVM can prove that it may, which it rarely can for a Fourier transform or a
recursive filter. A value of ``Lanes`` is one vector register (two or four on older processors) and knows + - * and the
few functions below, so a kernel says what runs side by side, and the same code runs on any processor.

A product that feeds a sum may be fused with it (one rounding instead of two); nothing is reordered.
numba's cache looks at the kernel's own file only: change a kernel's file too when this one changes.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

LANES = 8
Lanes = Any  # in signatures: eight float64 side by side

_DOUBLE, _INDEX = ir.DoubleType(), ir.IntType(32)
_VECTOR, _BITS = ir.VectorType(_DOUBLE, LANES), ir.VectorType(ir.IntType(64), LANES)
_FUSE = ("contract",)


class LanesType(types.Type):
    """numba's type of eight float64 side by side."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{LANES}")


lanes = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: types.Type) -> None:
        super().__init__(manager, numba_type, _VECTOR)


def _intrinsic(typed: Callable[..., Any]) -> Any:
    """numba's ``intrinsic``, whose own annotation miscounts the arguments."""
    return intrinsic(typed)


def _operation(emit: Callable[..., Any], arity: int) -> Any:
    """A function of ``arity`` lanes to lanes; ``emit(builder, *vectors)`` writes its instructions."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit(builder, *args)

    if arity == 1:
        return _intrinsic(lambda typing, a: (lanes(lanes), code))
    return _intrinsic(lambda typing, a, b: (lanes(lanes, lanes), code))


def _constant(value: float | int, vector: Any = _VECTOR) -> Any:
    return ir.Constant(vector, [ir.Constant(vector.element, value)] * LANES)


def _library(name: str, *args: Any) -> Callable[..., Any]:
    """Call of one of LLVM's own functions, with the lanes and further fixed arguments."""

    def emit(builder: Any, vector: Any) -> Any:
        signature = ir.FunctionType(_VECTOR, [_VECTOR] * (1 + len(args)))
        function = cgutils.get_or_insert_function(builder.module, signature, f"llvm.{name}.v{LANES}f64")
        return builder.call(function, [vector, *args])

    return emit


def _first_guess(builder: Any, vector: Any) -> Any:
    """1 / sqrt within 4 %: half the exponent, by arithmetic on the bits of the number (Lomont, 2003)."""
    halved = builder.lshr(builder.bitcast(vector, _BITS), _constant(1, _BITS))
    return builder.bitcast(builder.sub(_constant(0x5FE6EB50C7B537A9, _BITS), halved), _VECTOR)


_add = _operation(lambda builder, a, b: builder.fadd(a, b, flags=_FUSE), 2)
_subtract = _operation(lambda builder, a, b: builder.fsub(a, b, flags=_FUSE), 2)
_multiply = _operation(lambda builder, a, b: builder.fmul(a, b, flags=_FUSE), 2)
_inverse_root = _operation(_first_guess, 1)
magnitude = _operation(_library("fabs"), 1)
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
    """Row ``row`` of a flat float64 array that holds rows of eight; not checked against its end."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_place(context, builder, signature, args), align=8)

    return lanes(array, row), code


@_intrinsic
def store(typing: Any, array: Any, row: Any, value: Any) -> Any:
    """Put eight numbers into row ``row`` of a flat float64 array; not checked against its end."""

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
    """Let ``symbol`` stand between lanes and lanes, and between a number and lanes."""

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


@njit
def root(x: Lanes) -> Lanes:
    """Square root of every lane to the last digit or two; x must not be negative.

    A guess and two steps of Householder's method: the divider that computes square roots has a fifth of this
    throughput, and the attack curve needs fifty million of them.
    """
    r = _inverse_root(x)
    error = 1.0 - (x * r) * r
    r = r + r * (error * (0.5 + error * (0.375 + 0.3125 * error)))
    s = x * r
    error = 1.0 - s * r
    return s + s * (error * (0.5 + 0.375 * error))
