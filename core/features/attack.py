"""Attack times: detect the attacks of notes on a coarse energy curve and measure their length on a fine one."""

from bisect import bisect_right

import numpy as np

from core.features.frames import FloatArray, IntArray, centres_s, cut, frame_starts, hanning, magnitude_spectra
from core.features.kernels import rhythm as kernels
from core.features.onsets import OnsetCurve
from core.features.peaks import find_peaks, find_valleys
from core.features.statistics import Trend, trend
from core.schema import SR

FRAME_S, HOP_RATIO = 0.03, 0.02  # about 1,700 values per second
CONTRAST = 0.05  # contrast of the peaks of the fine curve and of the valleys of the coarse curve
VALLEY_HEIGHT = 0.5  # a valley must be in the lower half of the range of the coarse curve
BLOCK = 256  # number of spectra in memory at once
FAMILY, FAMILY_HOP = 50, 1323  # at 44.1 kHz, 50 hops of 26.46 samples are exactly 1323 samples

END_SLOPE = 0.075  # the attack ends after the last step steeper than this share of its steepest step
START_SLOPE = 0.1  # the attack starts at the first step steeper than this share of its steepest step
SHORT_OF_PEAK = 1 / 5  # above this share of the height, a pause in the rise ends the attack


def fine_curve(y: FloatArray, sr: float) -> tuple[FloatArray, FloatArray]:
    """Compute the spectral magnitude of 30 ms frames every 0.6 ms, scaled to a maximum of 1.

    y : shape (n,).  Returns the values (all 0 in silence) and the centres of the frames in seconds, both shape (t,).
    Source: MIRtoolbox 1.7.1 `mirattacks`; spec. section 10, step 1.
    """
    starts, length = frame_starts(len(y), sr, length_s=FRAME_S, hop_ratio=HOP_RATIO)
    if sr == SR:
        values = kernels.magnitude_sums(y, len(starts), offsets=starts[:FAMILY], hop=FAMILY_HOP, window=hanning(length))
    else:
        values = magnitude_sums(y, starts, length)
    top = values.max(initial=0.0)
    return values / top if top > 0 else values, centres_s(starts, length, sr)


def magnitude_sums(y: FloatArray, starts: IntArray, length: int) -> FloatArray:
    """Sum the magnitude spectrum of each frame, with a Hann window: shape (t,)."""
    values = np.empty(len(starts))
    window = hanning(length)
    for first in range(0, len(starts), BLOCK):
        frames = cut(y, starts[first : first + BLOCK], length)
        values[first : first + BLOCK] = magnitude_spectra(frames * window).sum(axis=1)
    return values


def attack_times(fine: FloatArray, fine_s: FloatArray, coarse: OnsetCurve) -> FloatArray:
    """Compute the duration of each attack in seconds, in the order of the clip; shape (k,), possibly empty.

    As in MIRtoolbox, start and end times are sorted separately before the subtraction, so a duration can be slightly
    negative. Source: MIRtoolbox 1.7.1 `mirattacks`; spec. section 10.

    Parameters
    ----------
    fine, fine_s
        Values and times of ``fine_curve``.
    coarse
        The onset curve.
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
    """Match each valley with the next peak, and trim the rise between them to the attack.

    tops : peaks of the fine curve.  lows_s : times of the valleys.
    Returns the first and the last sample of each attack on the fine curve. Source: spec. section 10, step 6 a-e.
    """
    top, low = tops.tolist(), lows_s.tolist()
    top_s = fine_s[tops].tolist()
    onsets: list[int] = []
    ends: list[int] = []
    i = 0
    while i < len(low) and i < len(top):
        passed = bisect_right(top_s, low[i], i) - i
        if i + passed < len(top):  # drop peaks before the valley, unless they are the last ones
            del top[i : i + passed], top_s[i : i + passed]
        after = bisect_right(low, top_s[i], i)
        if i + 2 <= after < len(low):
            del low[i : after - 1]  # only the last valley before the peak is used
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
    """Return the first and the last sample of the attack between a valley and a peak; d must rise between them.

    Source: spec. section 10, step 6 e-h.
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
    if len(steps) == 0:  # the peak is lower than the valley, so there is no rise
        return start + 1, start - 1
    steepest = int(steps.argmax())
    still_rising = np.flatnonzero(steps[:steepest:-1] > END_SLOPE * steps[steepest])
    rising = np.flatnonzero(steps[:steepest] > START_SLOPE * steps[steepest])
    end = start + len(steps) - (int(still_rising[0]) + 1 if len(still_rising) else 1)
    return start + (int(rising[0]) + 1 if len(rising) else 1), end


def attack_time(y: FloatArray, sr: float, coarse: OnsetCurve) -> Trend:
    """Compute mean (s) and slope (standard deviations per clip) of the attack times; NaN if there is no attack.

    Source: MIRtoolbox 1.7.1 `mirattacktime`; spec. section 10.
    """
    fine, fine_s = fine_curve(y, sr)
    return trend(attack_times(fine, fine_s, coarse))
