"""Compiled kernel for the tempo: all channels of a filterbank and their envelopes in one pass over the clip.

The result equals ``tempo.summed_envelope`` in plain scipy to 1e-12. Eight channels are computed in parallel (see
``lanes``).
"""

import numpy as np
from numba import njit, types

from core.features.frames import FloatArray
from core.features.kernels.lanes import Lanes, aligned_rows, lane_sum, load, magnitude, positive, spread, store
from core.features.kernels.types import CONTRACT, FLOAT, READ, WRITE

TINY = 1e-200  # in silence, avoids denormal numbers in the filter memory, which are slow
DECIMATION = 16
STATES = 16  # up to sixteen channels in two rows of eight


@njit(nogil=True, fastmath=CONTRACT)
def section(x: Lanes, one: Lanes, two: Lanes, a1: Lanes, a2: Lanes, c: Lanes) -> tuple[Lanes, Lanes]:
    """Compute one step of a second-order section with numerator 1 + c / z: output and new memory."""
    now = (x - a2 * two) - a1 * one
    return now + c * one, now


@njit(types.void(READ, READ, READ, FLOAT, WRITE, WRITE), cache=True, nogil=True, fastmath=CONTRACT)
def smooth_channels(
    y: FloatArray, coefficients: FloatArray, begin: FloatArray, a: float, kept: FloatArray, out: FloatArray
) -> None:
    """Add the envelopes of sixteen channels, decimated by 16, to out. Nothing is stored at the full rate.

    coefficients : rows of sixteen: four numerators, a1 and a2 of the denominator, scale of the channel.
    begin : memory of the forward low-pass filter.  kept : work space, sixteen values for each value of out.
    """
    n, count = len(y), len(out)
    for half in range(2):
        c1, c2 = load(coefficients, half), load(coefficients, 2 + half)
        c3, c4 = load(coefficients, 4 + half), load(coefficients, 6 + half)
        a1, a2, scale = load(coefficients, 8 + half), load(coefficients, 10 + half), load(coefficients, 12 + half)
        f = load(begin, half)
        p1 = q1 = p2 = q2 = p3 = q3 = p4 = q4 = spread(0.0)
        u0 = u1 = u2 = u3 = spread(0.0)
        for k in range(count):
            gathered, weight = spread(0.0), 1.0
            for i in range(DECIMATION * k, min(n, DECIMATION * (k + 1))):
                x, now = section(spread(y[i] + TINY), p1, q1, a1, a2, c1)
                p1, q1 = now, p1
                x, now = section(x, p2, q2, a1, a2, c2)
                p2, q2 = now, p2
                x, now = section(x, p3, q3, a1, a2, c3)
                p3, q3 = now, p3
                x, now = section(x, p4, q4, a1, a2, c4)
                p4, q4 = now, p4
                u0, u1, u2, u3 = magnitude(x), u0, u1, u2
                f = a * f + u0
                gathered = gathered + weight * f
                weight *= a
            store(kept, 2 * k + half, gathered)
        # Three more samples by odd extension; the backward filter starts in the steady state of the last one.
        f0 = a * f + (2.0 * u0 - u1)
        f1 = a * f0 + (2.0 * u0 - u2)
        f2 = a * f1 + (2.0 * u0 - u3)
        back = f0 + a * (f1 + a * ((1.0 / (1.0 - a)) * f2))
        decay = a ** (n - DECIMATION * (count - 1))
        for k in range(count - 1, -1, -1):
            back = load(kept, 2 * k + half) + decay * back
            decay = a**DECIMATION
            out[k] += lane_sum(scale * positive(back))


def _first_outputs(sections: FloatArray, y: FloatArray) -> FloatArray:
    """Filter the first samples of a clip with each channel: shape (channels, len(y))."""
    x = np.tile(y, (len(sections), 1))
    for b0, b1, _, _, a1, a2 in np.moveaxis(sections, 0, 2):
        out = np.zeros((len(sections), len(y) + 2))  # with two zeros in front
        for i in range(len(y)):
            before = b1 * x[:, i - 1] if i else 0.0
            out[:, i + 2] = b0 * x[:, i] + before - a1 * out[:, i + 1] - a2 * out[:, i]
        x = out[:, 2:]
    return x


def summed_envelope(y: FloatArray, sections: FloatArray, a: float) -> FloatArray:
    """Sum the envelopes of all channels, decimated by 16: shape (ceil(n / 16),).

    The backward filter is z[n] = (1 - a) f[n] + a z[n + 1]. Each output value needs only the 16 following values of f
    and the next output value, so only sums of 16 values are stored.

    Parameters
    ----------
    y
        Shape (n,), n >= 4.
    sections
        Second-order sections of up to 16 channels, shape (channels, 4, 6); numerators have no third term, and the
        denominators of a channel are equal.
    a
        Pole of the one-pole filter that smooths forwards and backwards.
    """
    channels = len(sections)
    gain = sections[..., 0].prod(axis=1)
    coefficients, begin = np.zeros((7, STATES)), np.zeros(STATES)
    coefficients[:4, :channels] = (sections[..., 1] / sections[..., 0]).T
    coefficients[4:6, :channels] = sections[:, 0, 4:].T
    coefficients[6, :channels] = gain * (1 - a) ** 2
    # The forward filter starts in the steady state of the first of three samples of odd extension.
    u = np.abs(_first_outputs(sections, y[:4])) / gain[:, None]
    ahead = 2 * u[:, :1] - u[:, :0:-1]
    begin[:channels] = (ahead[:, 0] / (1 - a) * a + ahead[:, 1]) * a + ahead[:, 2]
    count = -(-len(y) // DECIMATION)
    out = np.zeros(count)
    smooth_channels(y, coefficients.ravel(), begin, a, aligned_rows(2 * count), out)
    return out
