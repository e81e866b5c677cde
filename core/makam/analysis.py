"""Everything that is measured from one melody: karar, suggestions of the makam, and comma features."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.makam.columns import ANALYSER, COMMA_FEATURES
from core.makam.commas import CENTS, cents_of_hz, commas_over, perde_name
from core.makam.karar import KararCandidate, karar_candidates
from core.makam.melody import REFERENCE_HZ, Melody
from core.makam.profile import CommaProfile, Degree, comma_profile, smooth_curve
from core.makam.recognition import Suggestions, suggest_makams
from core.makam.templates import Templates
from core.makams import COMMAS

_FINE = 3  # bins of a profile for one comma
_MOST_DRIFT = 2.5  # commas; a larger difference is another scale and no drift
_EDGE = 0.05


@dataclass(frozen=True, eq=False)
class Analysis:
    """The results of one recording.

    duration_s, voiced_s : seconds of the recording, and of its melody.
    candidates : karars, the best first; empty when none was found.  karar_hz : the karar in use, from a person or the
    first candidate.  suggestions : of the makam.  profile : over the karar in use; None without one.
    features : values of ``COMMA_FEATURES``; NaN = not measurable.  analyser : what measured, with its templates.
    """

    duration_s: float
    voiced_s: float
    candidates: tuple[KararCandidate, ...]
    karar_hz: float | None
    suggestions: Suggestions
    profile: CommaProfile | None
    features: dict[str, float]
    analyser: str = ANALYSER


def analyse(melody: Melody, templates: Templates, *, karar_hz: float | None = None) -> Analysis:
    """Measure a melody.  karar_hz : the karar that a person chose; None uses the first candidate."""
    candidates = karar_candidates(melody, templates=templates)
    used = karar_hz if karar_hz is not None else (candidates[0].hz if candidates else None)
    suggestions = suggest_makams(melody, templates, karar_hz=karar_hz)
    heights = commas_over(melody.cents[melody.voiced], REFERENCE_HZ)
    profile = comma_profile(melody, used) if used is not None and heights.size else None
    return Analysis(
        melody.duration_s,
        float(heights.size * melody.hop_s),
        candidates,
        used,
        suggestions,
        profile,
        _features(melody, heights, profile),
        templates.analyser,
    )


def _features(melody: Melody, heights: np.ndarray, profile: CommaProfile | None) -> dict[str, float]:
    if heights.size < 2:
        return dict.fromkeys(COMMA_FEATURES, float("nan"))
    low, high = np.quantile(heights, [_EDGE, 1 - _EDGE])
    shares = np.bincount(np.round(heights).astype(int) % COMMAS, minlength=COMMAS) / heights.size
    known = shares[shares > 0]
    return {
        "range_commas": float(high - low),
        "drift_commas": _drift(melody),
        "karar_share": float("nan") if profile is None else float(profile.shares[[0, 1, -1]].sum()),
        "evenness": float(-(known * np.log(known)).sum() / np.log(COMMAS)),
    }


def _drift(melody: Melody) -> float:
    """Shift in commas that makes the profile of the first half most like that of the second."""
    halves = np.array_split(melody.cents, 2)
    commas = [commas_over(half[~np.isnan(half)], REFERENCE_HZ) for half in halves]
    if min(half.size for half in commas) < 2:
        return float("nan")
    first, second = (smooth_curve(half) for half in commas)
    most = round(_MOST_DRIFT * _FINE)
    shifts = np.arange(-most, most + 1)
    fit = np.array([float(np.sqrt(np.roll(first, shift) * second).sum()) for shift in shifts])
    best = int(fit.argmax())
    if 0 < best < fit.size - 1:  # a parabola through three points finds the top between the bins
        before, top, after = fit[best - 1 : best + 2]
        return float((shifts[best] + 0.5 * (before - after) / (before - 2 * top + after)) / _FINE)
    return float(shifts[best] / _FINE)


def profile_to_json(profile: CommaProfile) -> dict[str, Any]:
    """Return what ``profile_from_json`` reads."""
    return {
        "karar_hz": profile.karar_hz,
        "seconds": profile.seconds,
        "notes": profile.notes,
        "curve": [round(value, 7) for value in profile.curve.tolist()],
        "degrees": [[round(d.commas, 3), round(d.share, 4), d.n] for d in profile.degrees],
    }


def profile_from_json(stored: dict[str, Any], *, karar_hz: float) -> CommaProfile:
    """Return a stored profile over a karar, which need not be the karar that it was measured with."""
    moved = cents_of_hz(karar_hz) / CENTS - cents_of_hz(float(stored["karar_hz"])) / CENTS
    curve = np.roll(np.array(stored["curve"], dtype=float), -round(moved * _FINE))
    shares = np.roll(curve, _FINE // 2).reshape(COMMAS, _FINE).sum(axis=1)
    nan = float("nan")
    degrees = []
    for commas, share, n in stored["degrees"]:
        height = (commas - moved + 1) % COMMAS - 1  # a karar that is a little low stays near 0
        degrees.append(Degree(height, nan, nan, perde_name(height, "rast"), nan, nan, share, n))
    degrees.sort(key=lambda degree: degree.commas)
    return CommaProfile(karar_hz, "rast", shares, curve, tuple(degrees), stored["seconds"], stored["notes"])
