"""Describe a melody relative to a karar, so that melodies in any height can be compared.

A description is the square roots of several distributions, one after another. The product of two descriptions is then
the Bhattacharyya coefficient of their distributions. The distributions are: where the melody stays (whole, first and
last quarter, first 10 s, last 30 s and last 3 s), where its steady notes and its phrase ends are, the same with the
octaves apart (seyir), and which height follows which after 0.3 s. Source of the last one: Gulati et al., *Time-delayed
melody surfaces for raga recognition* (2016).
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from core.features.frames import FloatArray
from core.makam.melody import Melody
from core.makam.notes import Notes

VERSION = "tme-makam 2"  # key of stored templates; change it whenever a description changes
FINE = 159  # bins of an octave: thirds of a comma
_REGISTER = 160  # bins of one comma, from one octave below the karar to two above
_SURFACE = 40  # bins of an octave in the surface
_DELAY_S = 0.3
_LONGEST_S = 1.4  # a longer note counts as one of this length
_PHRASE_GAP_S = 0.23
_WEIGHTS = {"notes": 1.4, "all": 1.0, "first": 1.0, "last": 1.0, "end30": 0.7, "end3": 0.5, "begin10": 0.5, "ends": 0.5}
_REGISTER_WEIGHT, _SURFACE_WEIGHT = 0.5, 1.4
SIZE = len(_WEIGHTS) * FINE + 2 * _REGISTER + _SURFACE**2
MERGED = 18.0  # cents: candidates that are nearer are one candidate


def circular(cents: FloatArray | float) -> FloatArray:
    """Return differences of pitches without their octaves: -600 to 600."""
    return (np.asarray(cents) + 600) % 1200 - 600


def folded(cents: FloatArray, weights: FloatArray | None = None) -> FloatArray:
    """Return the distribution over one octave in thirds of a comma, from La = 440 Hz up, smoothed; it adds up to 1."""
    at = (cents / 1200 * FINE) % FINE
    below = np.floor(at).astype(int)
    part = at - below
    given = np.ones(cents.size) if weights is None else weights
    counts = np.bincount(below % FINE, given * (1 - part), FINE)
    counts += np.bincount((below + 1) % FINE, given * part, FINE)
    smooth = gaussian_filter1d(counts, 2.0, mode="wrap")
    return smooth / max(smooth.sum(), 1e-9)


def candidate_pitches(melody: Melody, notes: Notes) -> FloatArray:
    """Return the pitches that can be the karar, in cents over 440 Hz without their octaves.

    They are the peaks of the whole melody, the last steady notes, and the peaks of the last 30 s.
    """
    pitches = melody.cents[melody.voiced]
    if pitches.size == 0:
        return np.zeros(0)
    found = [*_peaks(folded(pitches), 7)]
    long = notes.cents[notes.seconds >= 0.18]
    found += (long[::-1][:3] % 1200).tolist()
    found += _peaks(folded(_last(pitches, 30, melody.hop_s)), 3)
    chosen: list[float] = []
    for pitch in found:
        if all(abs(circular(pitch - other)) > MERGED for other in chosen):
            chosen.append(pitch)
    return np.array(chosen)


def describe(melody: Melody, notes: Notes, karars: FloatArray) -> FloatArray:
    """Describe a melody relative to each of several karars: shape (karars, ``SIZE``), float64.

    karars : in cents over 440 Hz; the octave does not matter. The melody has voiced values.
    """
    pitches = melody.cents[melody.voiced]
    octave = _folded_parts(melody, notes, pitches)
    rows = [
        np.concatenate(
            [
                *(_WEIGHTS[name] * np.sqrt(_turned(octave[name], karar)) for name in _WEIGHTS),
                _REGISTER_WEIGHT * np.sqrt(_register(pitches, karar, pitches.size)),
                _REGISTER_WEIGHT * np.sqrt(_register(pitches, karar, max(int(0.3 * pitches.size), 1))),
                _SURFACE_WEIGHT * np.sqrt(_surface(melody, karar)),
            ]
        )
        for karar in karars
    ]
    return np.array(rows, dtype=np.float64).reshape(len(karars), SIZE)


def _folded_parts(melody: Melody, notes: Notes, pitches: FloatArray) -> dict[str, FloatArray]:
    quarter = max(pitches.size // 4, 1)
    parts = {
        "all": folded(pitches),
        "first": folded(pitches[:quarter]),
        "last": folded(pitches[-quarter:]),
        "end30": folded(_last(pitches, 30, melody.hop_s)),
        "end3": folded(_last(pitches, 3, melody.hop_s)),
        "begin10": folded(pitches[: round(10 / melody.hop_s)]),
    }
    if len(notes) == 0:
        return {**parts, "notes": parts["all"], "ends": parts["all"]}
    length = np.sqrt(np.minimum(notes.seconds, _LONGEST_S))
    rest = notes.starts_s[1:] - notes.ends_s[:-1] > _PHRASE_GAP_S
    ends = np.append(rest, True)
    return {**parts, "notes": folded(notes.cents, length), "ends": folded(notes.cents[ends], length[ends])}


def _last(pitches: FloatArray, seconds: float, hop_s: float) -> FloatArray:
    return pitches[-max(round(seconds / hop_s), 1) :]


def _turned(distribution: FloatArray, karar: float) -> FloatArray:
    """The distribution with the karar at its start."""
    at = karar / 1200 * FINE
    whole = int(np.floor(at))
    part = at - whole
    return (1 - part) * np.roll(distribution, -whole) + part * np.roll(distribution, -whole - 1)


def _register(pitches: FloatArray, karar: float, first: int) -> FloatArray:
    """Distribution of the first values with octaves apart. Its octave of the karar is near the lowest tenth of all."""
    near = karar + 1200 * np.round((np.percentile(pitches, 10) + 150 - karar) / 1200)
    at = np.round((pitches[:first] - near) / 1200 * 53 + 53).astype(int)
    counts = np.bincount(np.clip(at, 0, _REGISTER - 1), minlength=_REGISTER).astype(float)
    smooth = gaussian_filter1d(counts, 1.0)
    return smooth / smooth.sum()


def _surface(melody: Melody, karar: float) -> FloatArray:
    """How often each height follows each height after 0.3 s, as one row; the powers make rare steps count more."""
    delay = max(round(_DELAY_S / melody.hop_s), 1)
    before, after = melody.cents[:-delay], melody.cents[delay:]
    both = ~np.isnan(before) & ~np.isnan(after)
    i, j = (np.round((x[both] - karar) / 1200 * _SURFACE).astype(int) % _SURFACE for x in (before, after))
    counts = np.bincount(i * _SURFACE + j, minlength=_SURFACE**2).reshape(_SURFACE, _SURFACE) ** 0.75
    smooth = gaussian_filter1d(gaussian_filter1d(counts, 0.8, axis=0, mode="wrap"), 0.8, axis=1, mode="wrap")
    return (smooth / max(smooth.sum(), 1e-9)).ravel()


def _peaks(distribution: FloatArray, most: int) -> list[float]:
    """Pitches of the highest peaks in cents, the highest first."""
    before, after = np.roll(distribution, 1), np.roll(distribution, -1)
    at = np.flatnonzero((distribution > before) & (distribution >= after))
    at = at[np.argsort(-distribution[at], kind="stable")][:most]
    bend = before[at] - 2 * distribution[at] + after[at]
    shift = np.divide(0.5 * (before[at] - after[at]), bend, out=np.zeros(at.size), where=bend != 0)
    return list((at + shift) * 1200 / FINE % 1200)
