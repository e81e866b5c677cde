"""The pulse of a recording: its shortest regular step, the level it is counted at, and its doubles.

A tempo of 60 can be a slow song, or an aksak cycle whose bars are slow and whose notes are fast. So the pulse comes
with the step that everything is counted in (one unit, an eighth), and an uneven (aksak) cycle is counted in units.
"""

from dataclasses import dataclass
from math import isnan, nan

import numpy as np
import scipy.fft
import soxr

from core.features.frames import FloatArray
from core.wording import counted

SR, HOP, WINDOW = 11025, 64, 256  # 172 values a second
SMOOTH = 9  # values: peaks so wide that their height between two values is known
SHORTEST_S, LONGEST_S = 0.09, 0.6  # of a unit
MULTIPLES = 8  # of a unit at which the curve must repeat
GAPS = (1 / 2, 1 / 3, 2 / 3, 1 / 5, 2 / 5, 2 / 7)  # what is 2, 3, 5 or 7 / 2 units long repeats there
CYCLES = (5, 7, 9, 10)  # units of an uneven cycle
UNEVEN = 0.1  # by how much the curve repeats better after such a cycle than after any even number of units near it
STEADY = 0.28  # correlation after some units: free rhythm has up to 0.25, a metre at least 0.3
SLOWEST, FASTEST = 50.0, 200.0  # beats a minute that people tap


@dataclass(frozen=True)
class Pulse:
    """The pulse of a recording.

    bpm : beats a minute; units a minute in an aksak cycle; NaN where there is no steady pulse.
    unit_bpm : units a minute.  units : units in one beat; 1 in an aksak cycle, whose beats are not equal.
    cycle : units of the aksak cycle, 0 where there is none.  clarity : 0 to 1, how exactly the curve repeats.
    """

    bpm: float
    unit_bpm: float
    units: int
    cycle: int
    clarity: float

    @property
    def in_words(self) -> str:
        """The pulse in one or two sentences, with its level and its doubles."""
        if isnan(self.bpm):
            return "The recording has no steady pulse."
        if self.cycle:
            return (
                f"{self.unit_bpm:.0f} units a minute. An aksak cycle of {self.cycle} units: "
                f"it returns {self.unit_bpm / self.cycle:.0f} times a minute, and its beats are not equal."
            )
        return (
            f"{self.bpm:.0f} beats a minute, each of {counted(self.units, 'unit')}. "
            f"Other people may count {self.bpm / 2:.0f} or {self.bpm * 2:.0f}."
        )


NO_PULSE = Pulse(nan, nan, 1, 0, 0.0)


def pulse_of(y: np.ndarray, sr: int) -> Pulse:
    """Measure the pulse of mono samples y, shape (n,); use a part of 20 s or more of a long recording."""
    repeats, step_s = repetition(strokes(y, sr))
    if repeats.size == 0:
        return NO_PULSE
    units_s = np.arange(SHORTEST_S, min(LONGEST_S, repeats.size * step_s / (MULTIPLES + 1)), 0.0005)
    if units_s.size == 0:
        return NO_PULSE
    scores = np.array([_unit_score(repeats, unit / step_s) for unit in units_s])
    unit = _exact(repeats, float(units_s[scores.argmax()]) / step_s) * step_s
    clarity = float(np.clip(max(_at(repeats, np.arange(1, MULTIPLES + 1) * unit / step_s)), 0, 1))
    if clarity < STEADY:
        return NO_PULSE
    cycle = _uneven_cycle(repeats, unit / step_s)
    units = 1
    while not cycle and 60 / (unit * units) > FASTEST:
        units *= 2
    return Pulse(60 / (unit * units), 60 / unit, units, cycle, clarity)


def strokes(y: np.ndarray, sr: int) -> FloatArray:
    """How much louder each moment is than the one before, summed over the spectrum in logarithms: shape (t,)."""
    sound = np.concatenate([np.zeros(WINDOW, np.float32), soxr.resample(y.astype(np.float32), sr, SR, quality="MQ")])
    if sound.size < 2 * WINDOW:
        return np.empty(0)
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP]
    window = np.hanning(WINDOW).astype(np.float32)
    rise = np.empty(len(frames))
    last = np.zeros(WINDOW // 2 + 1, np.float32)
    top = max(float(np.abs(sound).max()), 1e-9) * window.sum() / 2
    for first in range(0, len(frames), 4096):
        level = np.log1p(1000 * np.abs(scipy.fft.rfft(frames[first : first + 4096] * window, axis=1)) / top)
        rise[first : first + len(level)] = np.maximum(np.diff(level, axis=0, prepend=last[None]), 0).sum(axis=1)
        last = level[-1]
    return np.convolve(rise, np.hanning(SMOOTH + 2)[1:-1], mode="same")


def repetition(curve: FloatArray) -> tuple[FloatArray, float]:
    """Autocorrelation of a curve for lags up to 6 s, 1 at lag 0, and the seconds of one lag; empty for a flat curve."""
    step_s = HOP / SR
    s = curve - curve.mean() if curve.size else curve
    energy = float((s**2).sum())
    if not energy > 0:
        return np.empty(0), step_s
    size = scipy.fft.next_fast_len(2 * s.size)
    power = np.abs(scipy.fft.rfft(s, size)) ** 2
    lags = min(s.size // 2, round(6 / step_s))
    share = 1 - np.arange(lags) / s.size  # of the curve that overlaps with itself
    return scipy.fft.irfft(power, size)[:lags] / energy / share, step_s


def _at(repeats: FloatArray, lags: np.ndarray) -> FloatArray:
    return np.interp(lags, np.arange(repeats.size), repeats)


def _unit_score(repeats: FloatArray, unit: float) -> float:
    """How much better the curve repeats after whole units than between them, where a shorter unit would show."""
    whole = np.arange(1, MULTIPLES + 1)
    gaps = [_at(repeats, (whole - part) * unit).mean() for part in GAPS]
    return float(_at(repeats, whole * unit).mean() - max(gaps))


def _exact(repeats: FloatArray, unit: float) -> float:
    """Move a unit, in lags, by up to 2 % to where the curve repeats best after 1, 2, 3 ... units."""
    near = unit * np.linspace(0.98, 1.02, 81)
    after = np.arange(1, min(16, int(repeats.size / near[-1])) + 1)
    return float(near[np.argmax([_at(repeats, after * each).mean() for each in near])])


def _uneven_cycle(repeats: FloatArray, unit: float) -> int:
    """Units of the cycle where the curve repeats best after an odd number of units, not after even ones; else 0."""
    after = _at(repeats, np.arange(0, 17) * unit)
    best = max(CYCLES, key=lambda c: after[c])
    even = max(after[[2, 4, 6, 8]])
    return best if after[best] > even + UNEVEN else 0
