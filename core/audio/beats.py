"""Track beats with librosa and compare its tempo with the tempo feature, for display only.

No feature and no prediction depends on this module. The tempo feature follows MIRtoolbox.
Source: Ellis (2007), "Beat tracking by dynamic programming", as implemented in librosa.
"""

from dataclasses import dataclass
from math import isnan, nan

import numpy as np

from core.audio.decoding import Clip

RATE_HZ, HOP = 22_050, 512  # librosa's defaults: 23 ms between frames
LEAST_BEATS = 4  # fewer beats are not enough for a tempo
UNEVEN = 0.05  # share of the mean interval; white noise gives 0.055, clicks at a fixed tempo at most 0.035
SAME_TEMPO = 0.05  # relative difference up to which two tempi are equal (MIREX allows 8 % against ground truth)
RELATIONS = {  # tempo of librosa / tempo feature -> explanation
    1: "",
    1 / 2: "the same pulse, counted at half speed",
    2: "the same pulse, counted at double speed",
    1 / 3: "perhaps the same pulse, counted at a third of the speed",
    3: "perhaps the same pulse, counted at three times the speed",
    2 / 3: "perhaps the same pulse, two beats where the feature counts three",
    3 / 2: "perhaps the same pulse, three beats where the feature counts two",
}


@dataclass(frozen=True, eq=False)
class Beats:
    """The beats of a clip, tracked by librosa.

    Parameters
    ----------
    times_s
        Shape (n,), times of the beats in seconds from the start of the clip.
    bpm
        Tempo from the mean interval between beats; NaN for fewer than ``LEAST_BEATS`` beats.
    unevenness
        Standard deviation of the intervals divided by their mean; NaN if bpm is NaN.
    """

    times_s: np.ndarray
    bpm: float
    unevenness: float


@dataclass(frozen=True)
class SecondOpinion:
    """Comparison of the tempi of librosa and MIRtoolbox.

    Parameters
    ----------
    ratio
        Tempo of librosa divided by the tempo feature, if it is one of ``RELATIONS``; otherwise NaN.
    doubtful
        True if the two tempi differ, or if one program finds no steady pulse.
    words
        The comparison as text for the user.
    """

    ratio: float
    doubtful: bool
    words: str


def track_beats(clip: Clip) -> Beats:
    """Track the beats of a clip. A 30 s clip takes about 0.1 CPU seconds; loading librosa takes 4 more, once."""
    import librosa

    y = librosa.resample(clip.y.astype(np.float32), orig_sr=clip.sr, target_sr=RATE_HZ)
    onsets = librosa.onset.onset_strength(y=y, sr=RATE_HZ, hop_length=HOP)
    _, times = librosa.beat.beat_track(onset_envelope=onsets, sr=RATE_HZ, hop_length=HOP, units="time")
    if len(times) < LEAST_BEATS:
        return Beats(times, nan, nan)
    # librosa's own tempo has steps of 5 % near 120 bpm; the times of the beats are more precise.
    intervals = np.diff(times)
    return Beats(times, float(60 / intervals.mean()), float(intervals.std() / intervals.mean()))


def second_opinion(bpm: float, heard: Beats) -> SecondOpinion:
    """Compare the tempo feature, `bpm` (NaN = not measurable), with the beats of librosa."""
    measured = "The tempo feature has no value." if isnan(bpm) else f"The tempo feature is {bpm:.0f} bpm."
    if isnan(heard.bpm):
        return SecondOpinion(nan, True, f"{measured} A second method (librosa) finds too few beats for a tempo.")
    ratio = nan if isnan(bpm) else _ratio(heard.bpm / bpm)
    uneven = heard.unevenness > UNEVEN
    if ratio == 1:
        words = f"{measured} A second method (librosa) finds {heard.bpm:.0f} bpm as well"
    elif isnan(ratio):
        words = f"{measured} A second method (librosa) finds {heard.bpm:.0f} bpm"
        words += "" if isnan(bpm) else ": another pulse, so the tempo is uncertain"
    else:
        words = f"{measured} A second method (librosa) finds {heard.bpm:.0f} bpm: {RELATIONS[ratio]}"
    words += ". Its beats are uneven: the music may have no steady pulse." if uneven else "."
    return SecondOpinion(ratio, ratio != 1 or uneven, words)


def _ratio(measured: float) -> float:
    """Return the ratio of ``RELATIONS`` that is within ``SAME_TEMPO`` of a measured ratio; NaN if there is none."""
    return next((ratio for ratio in RELATIONS if abs(measured / ratio - 1) <= SAME_TEMPO), nan)


def warm() -> None:
    """Load and compile librosa: 30 CPU seconds the first time on a machine, then 4 CPU seconds per process."""
    clicks = np.zeros(RATE_HZ * 3)
    clicks[:: RATE_HZ // 2] = 1.0
    track_beats(Clip("warm", clicks, RATE_HZ))
