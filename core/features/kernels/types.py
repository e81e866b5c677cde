"""numba types of the kernels' arguments: contiguous arrays, of which those that are only read may be read-only."""

from numba import types

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
