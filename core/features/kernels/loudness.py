"""Compiled kernel of ``core.features.loudness`` for the samples of one channel."""

from numba import njit

from core.features.frames import FloatArray
from core.features.kernels.types import INT, READ, WRITE


@njit(INT(READ, READ, INT, WRITE, WRITE), cache=True, nogil=True, fastmath={"contract", "nsz"})
def weighted_energy(y: FloatArray, f: FloatArray, step: int, state: FloatArray, energy: FloatArray) -> int:
    """Filter y with two biquads (transposed direct form II), sum the squares of each step, return the number of steps.

    f : b0, b1, b2, a1, a2 of both filters.  state : two values per filter, sum and length of the incomplete step.
    energy : filled with the sums of the completed steps.
    """
    p1, p2, q1, q2 = state[0], state[1], state[2], state[3]
    total, length, count = state[4], int(state[5]), 0
    for i in range(y.size):
        x = y[i]
        u = f[0] * x + p1
        p1 = f[1] * x - f[3] * u + p2
        p2 = f[2] * x - f[4] * u
        v = f[5] * u + q1
        q1 = f[6] * u - f[8] * v + q2
        q2 = f[7] * u - f[9] * v
        total += v * v
        length += 1
        if length == step:
            energy[count] = total
            count += 1
            total, length = 0.0, 0
    state[0], state[1], state[2], state[3] = p1, p2, q1, q2
    state[4], state[5] = total, float(length)
    return count
