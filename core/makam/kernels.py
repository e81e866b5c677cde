"""Compiled kernels of the melody: salience of pitches in a spectrum, and the best path through candidates.

The rules are those of ``core.features.kernels``: one fixed signature, one thread, compiled once and cached.
"""

from math import log, log2, sqrt

import numpy as np
from numba import njit, types

from core.features.frames import FloatArray, IntArray
from core.features.kernels.types import FLOAT, INT, READ, REASSOCIATE, WRITE, WRITE_2D

Float32Array = np.ndarray
READ_32 = types.Array(types.float32, 2, "C", readonly=True)
ROW_32 = types.Array(types.float32, 1, "C", readonly=True)
READ_2D = types.Array(FLOAT, 2, "C", readonly=True)
PLACES = types.Array(types.int32, 2, "C", readonly=True)
NOWHERE = -1e18
NEAR = 0.004  # 7 cents
FAINT = 0.1  # root of a magnitude: -40 dB


@njit(types.void(ROW_32, PLACES, READ_2D, WRITE), cache=True, nogil=True, fastmath=REASSOCIATE)
def saliences(flat: Float32Array, places: IntArray, weights: FloatArray, salience: FloatArray) -> None:
    """Fill salience, shape (g,): the weighted sum of a spectrum at the places of each pitch; place -1 ends a row."""
    for g in range(places.shape[0]):
        total = 0.0
        for k in range(places.shape[1]):
            place = places[g, k]
            if place < 0:
                break
            total += weights[g, k] * flat[place]
        salience[g] = total


@njit(INT(READ, WRITE, types.Array(INT, 1, "C")), cache=True, nogil=True)
def strongest(salience: FloatArray, values: FloatArray, where: IntArray) -> int:
    """Find the largest local maxima, in falling order, as many as fit; return how many there are."""
    n, most = 0, values.size
    for g in range(1, salience.size - 1):
        s = salience[g]
        if s <= 0.0 or s < salience[g - 1] or s <= salience[g + 1]:
            continue
        if n == most and s <= values[most - 1]:
            continue
        i = min(n, most - 1)
        while i > 0 and values[i - 1] < s:
            values[i] = values[i - 1]
            where[i] = where[i - 1]
            i -= 1
        values[i] = s
        where[i] = g
        n = min(n + 1, most)
    return n


@njit(FLOAT(ROW_32, FLOAT), cache=True, nogil=True)
def peak_near(magnitude: Float32Array, place: float) -> float:
    """Place of the highest peak near a place, by a parabola through the logarithms; -1 where there is none."""
    reach = 2 + int(0.02 * place)
    q = max(1, int(place + 0.5) - reach)
    for i in range(q, min(magnitude.size - 2, int(place + 0.5) + reach) + 1):
        if magnitude[i] > magnitude[q]:
            q = i
    if q > magnitude.size - 2:
        return -1.0
    a, b, c = magnitude[q - 1], magnitude[q], magnitude[q + 1]
    if a <= 0.0 or c <= 0.0 or b < a or b <= c:
        return -1.0
    low, top, high = log(a), log(b), log(c)
    curvature = low - 2.0 * top + high
    return q + 0.5 * (low - high) / curvature if curvature < -1e-9 else float(q)


@njit(FLOAT(ROW_32, FLOAT, FLOAT, INT), cache=True, nogil=True)
def refined(magnitude: Float32Array, hz: float, bin_hz: float, harmonics: int) -> float:
    """Make a pitch exact: each harmonic's peak names a pitch, and the mean of those near their median counts.

    Harmonics that another voice moves are far from the median. The weights are the roots of the magnitudes.
    """
    pitches = np.empty(harmonics)
    weights = np.empty(harmonics)
    n = 0
    strongest_root = 0.0
    for h in range(1, harmonics + 1):
        place = peak_near(magnitude, h * hz / bin_hz)
        if place > 0.0:
            pitches[n] = place * bin_hz / h
            weights[n] = sqrt(magnitude[int(place + 0.5)])
            strongest_root = max(strongest_root, weights[n])
            n += 1
    if n == 0:
        return hz
    for i in range(n):  # the side lobes of a strong harmonic are no harmonics
        if weights[i] < FAINT * strongest_root:
            weights[i] = 0.0
    half = weights[:n].sum() / 2.0
    median = hz
    for i in np.argsort(pitches[:n]):
        half -= weights[i]
        if half <= 0.0:
            median = pitches[i]
            break
    total, weight = 0.0, 0.0
    for i in range(n):
        if abs(pitches[i] - median) < NEAR * median:
            total += weights[i] * pitches[i]
            weight += weights[i]
    return total / weight if weight > 0.0 else median


@njit(
    types.void(READ_32, READ_32, PLACES, READ_2D, READ, FLOAT, INT, FLOAT, WRITE_2D, WRITE_2D, WRITE_2D),
    cache=True,
    nogil=True,
)
def candidates(
    flat: Float32Array,
    magnitude: Float32Array,
    places: IntArray,
    weights: FloatArray,
    grid_hz: FloatArray,
    bin_hz: float,
    harmonics: int,
    width: float,
    hz: FloatArray,
    salience: FloatArray,
    share: FloatArray,
) -> None:
    """Find the most salient pitches of each frame.

    flat, magnitude : spectra with and without equal levels of all bands, shape (t, bins).
    places, weights : bins of the harmonics (even columns) and of the gaps between them (odd columns) of each pitch.
    width : number of bins over which a peak spreads.
    hz, salience, share : filled, shape (t, candidates): pitch; salience, 1 = the whole spectrum at the best places;
    the share of the spectrum's energy in the harmonics.
    """
    curve = np.zeros(grid_hz.size)
    where = np.zeros(hz.shape[1], np.int64)
    for t in range(flat.shape[0]):
        energy = 0.0
        for b in range(flat.shape[1]):
            energy += flat[t, b] * flat[t, b]
        if energy <= 0.0:
            continue
        saliences(flat[t], places, weights, curve)
        found = strongest(curve, salience[t], where)
        for i in range(found):
            g = where[i]
            inside = 0.0
            for k in range(0, places.shape[1], 2):
                if places[g, k] < 0:
                    break
                inside += flat[t, places[g, k]] ** 2
            hz[t, i] = refined(magnitude[t], grid_hz[g], bin_hz, harmonics)
            share[t, i] = min(1.0, inside * width / energy)
            salience[t, i] /= energy**0.5


@njit(
    types.Array(INT, 1, "C")(READ_2D, READ_2D, FLOAT, FLOAT, FLOAT, FLOAT),
    cache=True,
    nogil=True,
)
def best_path(
    hz: FloatArray, score: FloatArray, silence: float, per_octave: float, dearest: float, on_off: float
) -> IntArray:
    """Choose a candidate for each frame, or none (the number of candidates), so that scores less costs are highest.

    hz, score : shape (t, c), hz is 0 where there is no candidate.  silence : score of having no melody.
    per_octave, dearest : cost of a step in pitch for each octave, and its limit.  on_off : cost of a beginning or end.
    """
    frames, c = hz.shape
    back = np.zeros((frames, c + 1), np.int64)
    before = np.full(c + 1, NOWHERE)
    now = np.full(c + 1, NOWHERE)
    for t in range(frames):
        for j in range(c + 1):
            if j < c and hz[t, j] <= 0.0:
                now[j] = NOWHERE
                continue
            best, origin = (0.0 if t == 0 else NOWHERE), c
            for i in range(c + 1 if t > 0 else 0):
                if before[i] <= NOWHERE:
                    continue
                cost = 0.0
                if (i == c) != (j == c):
                    cost = on_off
                elif i < c:
                    cost = min(dearest, per_octave * abs(log2(hz[t, j] / hz[t - 1, i])))
                if before[i] - cost > best:
                    best, origin = before[i] - cost, i
            now[j] = best + (silence if j == c else score[t, j])
            back[t, j] = origin
        before[:] = now
    path = np.full(frames, c, np.int64)
    if frames:
        path[frames - 1] = np.argmax(before)
    for t in range(frames - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path


@njit(types.void(types.Array(types.boolean, 1, "C"), INT), cache=True, nogil=True)
def drop_short(voiced: np.ndarray, shortest: int) -> None:
    """Set runs of True that have fewer than ``shortest`` values to False."""
    begin = 0
    for i in range(voiced.size + 1):
        if i < voiced.size and voiced[i]:
            continue
        if 0 < i - begin < shortest:
            voiced[begin:i] = False
        begin = i + 1
