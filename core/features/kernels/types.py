"""numba types of kernel arguments, and the compiler flags of the kernels.

All arrays are contiguous. Arguments of a READ type may be read-only arrays.
"""

from numba import types

REASSOCIATE = {"reassoc", "contract", "nsz"}  # sums may be split over vector lanes
CONTRACT = {"contract"}  # only fused multiply-add
NO_NAN = REASSOCIATE | {"nnan"}  # for values that are always finite: allows vector lanes for products too

FLOAT = types.float64
INT = types.int64
READ = types.Array(FLOAT, 1, "C", readonly=True)
READ_INT = types.Array(INT, 1, "C", readonly=True)
READ_INT_2D = types.Array(INT, 2, "C", readonly=True)
READ_COMPLEX = types.Array(types.complex128, 1, "C", readonly=True)
READ_COMPLEX_2D = types.Array(types.complex128, 2, "C", readonly=True)
WRITE = types.Array(FLOAT, 1, "C")
WRITE_2D = types.Array(FLOAT, 2, "C")
WRITE_INT = types.Array(INT, 1, "C")
WRITE_COMPLEX = types.Array(types.complex128, 1, "C")
