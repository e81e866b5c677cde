"""The comma profile of a recording: which heights over the karar it uses, and how they deviate from the theory.

The unit of all statistics is the steady note, because the values of a melody from one moment to the next are not
independent. Two recordings are compared by their notes, and two groups by their recordings.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.features.frames import FloatArray
from core.makam.commas import CENTS, commas_over, perde_name
from core.makam.melody import Melody
from core.makam.notes import Notes, steady_notes
from core.makam.theory import Makam
from core.makams import COMMAS

REACH = 2.5  # commas: a note belongs to a peak when it is not farther away
NEAR = 2.0  # commas: a height is compared with a degree in theory, and has its name, when it is not farther away
FEWEST = 5  # notes of a degree, or recordings of a group: below, there is no interval and no test
RESAMPLES = 2000
_LEVEL = 0.95
_FINE = 3  # bins of the smooth curve for one comma


@dataclass(frozen=True)
class Degree:
    """One perde that the recording uses.

    commas : where its notes are, over the karar, octaves put together; a karar that is a little low is below 0.
    low, high : 95 % interval; NaN for fewer than 5 notes.  theory : commas of the nearest degree of the makam; NaN
    without a makam, where no degree is near, or where another peak has this degree.  perde : name of this degree, else
    the nearest name; empty without a makam, because nobody then knows the perde of the karar.
    deviation : commas minus theory.  share : of the time of all steady notes.  n : number of notes.
    """

    commas: float
    low: float
    high: float
    perde: str
    theory: float
    deviation: float
    share: float
    n: int

    @property
    def cents(self) -> float:
        return self.commas * CENTS


@dataclass(frozen=True, eq=False)
class CommaProfile:
    """How long a recording stays at each height over the karar, octaves put together.

    shares : shape (53,), of the voiced time, one for each comma; they add up to 1.  curve : shape (159,), the same in
    thirds of a comma, smoothed.  degrees : the peaks, from low to high.  seconds : voiced time.  notes : steady notes.
    """

    karar_hz: float
    karar_perde: str | None
    shares: FloatArray
    curve: FloatArray
    degrees: tuple[Degree, ...]
    seconds: float
    notes: int

    def table(self) -> pd.DataFrame:
        """The 53 steps as a table: comma, cents, perde, share."""
        commas = np.arange(COMMAS)
        names = [perde_name(k, self.karar_perde) for k in commas.tolist()]
        return pd.DataFrame({"comma": commas, "cents": commas * CENTS, "perde": names, "share": self.shares})


def comma_profile(melody: Melody, karar_hz: float, *, makam: Makam | None = None, seed: int = 0) -> CommaProfile:
    """Measure the comma profile of a melody.

    Parameters
    ----------
    karar_hz
        The karar, in any octave.
    makam
        Its theory gives the perde of the karar and the degrees to compare with. Without it no perde has a name.

    Raises
    ------
    CoreError
        If nothing in the melody is voiced, or the karar is not a frequency.
    """
    if not (np.isfinite(karar_hz) and karar_hz > 0):
        raise CoreError(f"A karar of {karar_hz} Hz is not a frequency. Give a number above 0.")
    voiced = commas_over(melody.cents[melody.voiced], karar_hz)
    if voiced.size == 0:
        raise CoreError("This recording has no melody: no pitch was found in it.")
    karar = makam.karar if makam else None
    shares = np.bincount(np.round(voiced).astype(int) % COMMAS, minlength=COMMAS) / voiced.size
    curve = smooth_curve(voiced)
    notes = steady_notes(melody)
    found = _degrees(curve, notes, karar_hz, makam, seed)
    return CommaProfile(karar_hz, karar, shares, curve, found, voiced.size * melody.hop_s, len(notes))


def smooth_curve(commas: FloatArray, weights: FloatArray | None = None) -> FloatArray:
    """Return the distribution over one octave in thirds of a comma, smoothed over about one comma; it adds up to 1."""
    from scipy.ndimage import gaussian_filter1d

    size = COMMAS * _FINE
    at = (commas * _FINE) % size
    below = np.floor(at).astype(int)
    part = at - below
    given = np.ones(len(at)) if weights is None else weights
    counts = np.bincount(below % size, given * (1 - part), size) + np.bincount((below + 1) % size, given * part, size)
    smooth = gaussian_filter1d(counts, 2.0, mode="wrap")
    return smooth / max(smooth.sum(), 1e-12)


def _degrees(curve: FloatArray, notes: Notes, karar_hz: float, makam: Makam | None, seed: int) -> tuple[Degree, ...]:
    """The peaks of the curve, each measured on the steady notes around it."""
    heights = commas_over(notes.cents, karar_hz)
    found = []
    for peak in (peaks := peaks_of(curve)):
        away = apart(heights, peak)
        room = [abs(float(apart(other, peak))) / 2 for other in peaks if other != peak]
        near = np.abs(away) <= min([REACH, *room])
        if near.any():
            found.append(_degree(peak, away[near], notes.seconds[near], float(notes.seconds.sum()), makam, seed))
    return tuple(sorted(_one_each(found, makam), key=lambda degree: degree.commas))


def _one_each(found: list[Degree], makam: Makam | None) -> list[Degree]:
    """Leave each degree in theory to one peak: the nearest; of those within a comma, the one that is played longest."""
    best: dict[float, Degree] = {}
    for degree in sorted(found, key=lambda d: (max(abs(d.deviation) - 1, 0), -d.share)):
        best.setdefault(degree.theory, degree)
    nan = float("nan")
    return [
        degree
        if np.isnan(degree.theory) or best[degree.theory] is degree
        else replace(degree, theory=nan, deviation=nan, perde=perde_name(degree.commas, makam.karar if makam else None))
        for degree in found
    ]


def _degree(peak: float, away: FloatArray, seconds: FloatArray, of_s: float, makam: Makam | None, seed: int) -> Degree:
    """One peak. away : distance of each of its notes from the peak in commas.  of_s : seconds of all steady notes."""
    low, high = _mean_interval(away, seconds, seed)
    middle = peak + float(np.average(away, weights=seconds))
    theory = _nearest_degree(middle, makam)
    near = 0.0 if np.isnan(theory) else theory
    commas = near + float(apart(middle, near)) if abs(apart(middle, near)) <= REACH else middle % COMMAS
    return Degree(
        commas=commas,
        low=commas - middle + peak + low,
        high=commas - middle + peak + high,
        perde=name_of(commas, makam),
        theory=theory,
        deviation=commas - theory,
        share=float(seconds.sum() / of_s),
        n=away.size,
    )


def apart(commas: FloatArray | float, degree: float) -> FloatArray:
    """Return how far heights are from a degree in commas, octaves put together: -26.5 to 26.5."""
    return (np.asarray(commas) - degree + COMMAS / 2) % COMMAS - COMMAS / 2


def peaks_of(curve: FloatArray, *, least: float = 0.15) -> list[float]:
    """Return the heights of the peaks of a curve in commas, the highest peak first.

    least : peaks below this share of the highest peak are left out.
    """
    before, after = np.roll(curve, 1), np.roll(curve, -1)
    at = np.flatnonzero((curve > before) & (curve >= after) & (curve >= least * curve.max()))
    at = at[np.argsort(-curve[at], kind="stable")]
    bend = before[at] - 2 * curve[at] + after[at]  # a parabola through three points gives the place of the peak
    shift = np.divide(0.5 * (before[at] - after[at]), bend, out=np.zeros(at.size), where=bend != 0)
    return list((at + shift) / _FINE)


def _nearest_degree(commas: float, makam: Makam | None) -> float:
    """Commas of the degree of the makam that is nearest, if it is near; else NaN."""
    if makam is None:
        return float("nan")
    degrees = np.array([*makam.degrees, *makam.also], dtype=float)
    away = np.abs(apart(degrees, commas))
    return float(degrees[away.argmin()]) if away.min() <= NEAR else float("nan")


def name_of(commas: float, makam: Makam | None) -> str:
    """Name a height over the karar: the perde of a degree of the makam that is near, else the nearest perde.

    Empty without a makam: nobody then knows the perde of the karar.
    """
    if makam is None:
        return ""
    theory = _nearest_degree(commas, makam)
    return perde_name(commas if np.isnan(theory) else commas - float(apart(commas, theory)), makam.karar)


def _mean_interval(values: FloatArray, weights: FloatArray, seed: int) -> tuple[float, float]:
    """95 % interval of a weighted mean, by drawing the notes again; NaN for fewer than 5."""
    if values.size < FEWEST:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(0, values.size, (RESAMPLES, values.size))
    means = (values[drawn] * weights[drawn]).sum(axis=1) / weights[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


def karar_drift(melody: Melody, karar_hz: float, *, window_s: float = 30.0, seed: int = 0) -> pd.DataFrame:
    """Measure how the karar moves during a recording.

    Each row is a window: time_s (its middle), deviation (of the notes on the karar, in commas), low, high (95 %
    interval), n (notes). deviation is NaN for a window without a note on the karar.
    """
    notes = steady_notes(melody)
    away = apart(commas_over(notes.cents, karar_hz), 0)
    on_karar = np.abs(away) <= REACH
    middles = notes.starts_s + notes.seconds / 2
    rows = []
    for start in np.arange(0, max(melody.duration_s, window_s), window_s):
        here = on_karar & (middles >= start) & (middles < start + window_s)
        values, weights = away[here], notes.seconds[here]
        deviation = float(np.average(values, weights=weights)) if values.size else float("nan")
        low, high = _mean_interval(values, weights, seed)
        rows.append((start + window_s / 2, deviation, low, high, int(values.size)))
    return pd.DataFrame(rows, columns=["time_s", "deviation", "low", "high", "n"])
