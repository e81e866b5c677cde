"""How long notes take to rise: attacks are found on a coarse energy curve and timed on a fine one."""

from bisect import bisect_right

import numpy as np

from core.features.frames import FloatArray, IntArray, centres_s, cut, frame_starts, hanning, magnitude_spectra
from core.features.kernels import rhythm as kernels
from core.features.onsets import OnsetCurve
from core.features.peaks import find_peaks, find_valleys
from core.features.statistics import Trend, trend
from core.schema import SR

FRAME_S, HOP_RATIO = 0.03, 0.02  # about 1,700 values a second
CONTRAST = 0.05  # of the peaks of the fine curve and the valleys of the coarse one
VALLEY_HEIGHT = 0.5  # a valley lies in the lower half of the coarse curve's range
BLOCK = 256  # frames whose spectra are held in memory at once
FAMILY, FAMILY_HOP = 50, 1323  # at 44.1 kHz every 50th frame begins exactly 1323 samples later, 50 x 26.46

END_SLOPE = 0.075  # the attack ends where the rise is last steeper than this share of its steepest step
START_SLOPE = 0.1  # and starts where it is first steeper than this share
SHORT_OF_PEAK = 1 / 5  # a pause in the rise ends the attack once this share of the height is reached


def fine_curve(y: FloatArray, sr: float) -> tuple[FloatArray, FloatArray]:
    """Spectral magnitude of every 30 ms frame, a frame each 0.6 ms, scaled to a maximum of 1.

    y : shape (n,).  Returns values and the frames' centres in seconds, both of shape (t,); values are all 0 in silence.
    MIRtoolbox 1.7.1 `mirattacks`; spec. section 10, step 1.
    """
    starts, length = frame_starts(len(y), sr, length_s=FRAME_S, hop_ratio=HOP_RATIO)
    if sr == SR:
        values = kernels.magnitude_sums(y, len(starts), offsets=starts[:FAMILY], hop=FAMILY_HOP, window=hanning(length))
    else:
        values = magnitude_sums(y, starts, length)
    top = values.max(initial=0.0)
    return values / top if top > 0 else values, centres_s(starts, length, sr)


def magnitude_sums(y: FloatArray, starts: IntArray, length: int) -> FloatArray:
    """Sum of the magnitude spectrum of every frame under a Hann window: shape (t,)."""
    values = np.empty(len(starts))
    window = hanning(length)
    for first in range(0, len(starts), BLOCK):
        frames = cut(y, starts[first : first + BLOCK], length)
        values[first : first + BLOCK] = magnitude_spectra(frames * window).sum(axis=1)
    return values


def attack_times(fine: FloatArray, fine_s: FloatArray, coarse: OnsetCurve) -> FloatArray:
    """Duration of every attack in seconds, in the order of the clip; shape (k,), empty when there is none.

    fine, fine_s : values and times of ``fine_curve``.  coarse : the onset curve.
    Onset and end times are sorted each for themselves before they are subtracted, as in the original, so that a
    duration can be slightly negative.
    MIRtoolbox 1.7.1 `mirattacks`; spec. section 10.
    """
    tops = find_peaks(fine, contrast=CONTRAST, begin=False, end=False)
    lows = find_valleys(coarse.values, contrast=CONTRAST, threshold=VALLEY_HEIGHT, end=False)
    lows_s = coarse.times_s[lows]
    if len(tops) == 0 or len(lows) == 0:
        return np.empty(0)
    if lows_s[0] > fine_s[tops[0]]:
        lows_s = np.concatenate([fine_s[:1], lows_s])
    onsets, ends = pair(fine, fine_s, tops, lows_s)
    return np.sort(fine_s[ends]) - np.sort(fine_s[onsets])


def pair(fine: FloatArray, fine_s: FloatArray, tops: IntArray, lows_s: FloatArray) -> tuple[IntArray, IntArray]:
    """Match every valley with the peak that follows it, and trim the rise between them to the attack proper.

    tops : peaks of the fine curve.  lows_s : times of the valleys.
    Returns first and last sample of every attack on the fine curve. Spec. section 10, step 6 a-e.
    """
    top, low = tops.tolist(), lows_s.tolist()
    top_s = fine_s[tops].tolist()
    onsets: list[int] = []
    ends: list[int] = []
    i = 0
    while i < len(low) and i < len(top):
        passed = bisect_right(top_s, low[i], i) - i
        if i + passed < len(top):  # peaks before the valley belong to no attack, unless they are the last ones
            del top[i : i + passed], top_s[i : i + passed]
        after = bisect_right(low, top_s[i], i)
        if i + 2 <= after < len(low):
            del low[i : after - 1]  # of several valleys before the peak the latest counts
        start = int(np.searchsorted(fine_s, low[i]))
        while i < len(top) and not (np.diff(fine[start : top[i] + 1]) > 0).any():
            del top[i], top_s[i]
        if i == len(top):
            break
        onset, end = trim(fine, start, top[i])
        onsets.append(onset)
        ends.append(end)
        i += 1
    return np.array(onsets, int), np.array(ends, int)


def trim(d: FloatArray, start: int, top: int) -> tuple[int, int]:
    """First and last sample of the attack between a valley and a peak; d must rise somewhere between them.

    Spec. section 10, step 6 e-h.
    """
    start += int(np.argmax(np.diff(d[start : top + 1]) > 0))
    steps = np.diff(d[start : top + 1])
    deeper = np.flatnonzero((steps < 0) & (d[start:top] < d[start]))
    if len(deeper):
        start += int(deeper[-1])
    steps = np.diff(d[start : top + 1])
    pauses = np.flatnonzero((steps <= 0) & (d[start:top] - d[start] > (d[top] - d[start]) * SHORT_OF_PEAK))
    end = start + int(pauses[0]) if len(pauses) else top
    steps = np.diff(d[start : end + 1])
    if len(steps) == 0:  # the peak lies below the valley: nothing rises, and the rules below find nothing
        return start + 1, start - 1
    steepest = int(steps.argmax())
    still_rising = np.flatnonzero(steps[:steepest:-1] > END_SLOPE * steps[steepest])
    rising = np.flatnonzero(steps[:steepest] > START_SLOPE * steps[steepest])
    end = start + len(steps) - (int(still_rising[0]) + 1 if len(still_rising) else 1)
    return start + (int(rising[0]) + 1 if len(rising) else 1), end


def attack_time(y: FloatArray, sr: float, coarse: OnsetCurve) -> Trend:
    """Mean (s) and slope (standard deviations per clip) of the attack times of a clip; NaN where there is no attack.

    MIRtoolbox 1.7.1 `mirattacktime`; spec. section 10.
    """
    fine, fine_s = fine_curve(y, sr)
    return trend(attack_times(fine, fine_s, coarse))
