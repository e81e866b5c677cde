"""Beats of a clip, and a second opinion on its tempo: by librosa, for people to look at.

No feature and no prediction depends on what is found here. The tempo among the 50 features is MIRtoolbox's.
Source: Ellis (2007), "Beat tracking by dynamic programming", as librosa has it.
"""

from dataclasses import dataclass
from math import isnan, nan

import numpy as np

from core.audio.decoding import Clip

RATE_HZ, HOP = 22_050, 512  # librosa's own: 23 ms from frame to frame
LEAST_BEATS = 4  # fewer say nothing about a tempo
UNEVEN = 0.05  # of the interval: white noise gives 0.055, clicks at a fixed tempo give at most 0.035
SAME = 0.05  # two tempi that differ by no more are one; both are measured, and MIREX allows 8 % for one
RELATIONS = {  # beats that librosa counts while MIRtoolbox counts one, and what that is in words
    1: "",
    1 / 2: "the same pulse, counted at half speed",
    2: "the same pulse, counted at double speed",
    1 / 3: "perhaps the same pulse, counted at a third of the speed",
    3: "perhaps the same pulse, counted at three times the speed",
    2 / 3: "perhaps the same pulse, two beats where MIRtoolbox counts three",
    3 / 2: "perhaps the same pulse, three beats where MIRtoolbox counts two",
}


@dataclass(frozen=True, eq=False)
class Beats:
    """What librosa hears.

    times_s : shape (n,), of the beats, from the beginning of the clip.
    bpm : from the mean interval between beats; NaN with fewer than ``LEAST_BEATS`` of them.
    unevenness : standard deviation of the intervals as a share of their mean; NaN where bpm is.
    """

    times_s: np.ndarray
    bpm: float
    unevenness: float


@dataclass(frozen=True)
class SecondOpinion:
    """How librosa's tempo relates to MIRtoolbox's.

    ratio : librosa's divided by MIRtoolbox's, where it is one of ``RELATIONS``; NaN where it is none.
    doubtful : the two differ, or one of them hears no steady pulse.  words : the opinion for a person.
    """

    ratio: float
    doubtful: bool
    words: str


def track(clip: Clip) -> Beats:
    """Find the beats of a clip. Costs some 0.1 CPU-seconds for 30 s, and 4 once to load librosa."""
    import librosa

    y = librosa.resample(clip.y.astype(np.float32), orig_sr=clip.sr, target_sr=RATE_HZ)
    onsets = librosa.onset.onset_strength(y=y, sr=RATE_HZ, hop_length=HOP)
    _, times = librosa.beat.beat_track(onset_envelope=onsets, sr=RATE_HZ, hop_length=HOP, units="time")
    if len(times) < LEAST_BEATS:
        return Beats(times, nan, nan)
    # librosa's own figure moves in steps of 5 % near 120 bpm; the beats it places are more precise.
    intervals = np.diff(times)
    return Beats(times, float(60 / intervals.mean()), float(intervals.std() / intervals.mean()))


def second_opinion(bpm: float, heard: Beats) -> SecondOpinion:
    """Compare the tempo among the features with librosa's.

    bpm : the feature; NaN where it could not be measured.
    """
    measured = "MIRtoolbox finds no tempo." if isnan(bpm) else f"MIRtoolbox's tempo: {bpm:.0f} bpm."
    if isnan(heard.bpm):
        return SecondOpinion(nan, True, f"{measured} librosa finds too few beats for a tempo.")
    ratio = nan if isnan(bpm) else _ratio(heard.bpm / bpm)
    uneven = heard.unevenness > UNEVEN
    if ratio == 1:
        words = f"{measured} librosa hears {heard.bpm:.0f} bpm as well"
    elif isnan(ratio):
        words = f"{measured} librosa hears {heard.bpm:.0f} bpm"
        words += "" if isnan(bpm) else ": another pulse, so the tempo is uncertain"
    else:
        words = f"{measured} librosa hears {heard.bpm:.0f} bpm: {RELATIONS[ratio]}"
    words += ". Its beats are uneven: the music may have no steady pulse." if uneven else "."
    return SecondOpinion(ratio, ratio != 1 or uneven, words)


def _ratio(found: float) -> float:
    """The simple ratio that a ratio of two tempi is, within ``SAME``; NaN when it is none."""
    return next((ratio for ratio in RELATIONS if abs(found / ratio - 1) <= SAME), nan)


def warm() -> None:
    """Load librosa and let it compile: half a CPU-minute the first time on a machine, then 4 CPU-seconds a process."""
    clicks = np.zeros(RATE_HZ * 3)
    clicks[:: RATE_HZ // 2] = 1.0
    track(Clip("warm", clicks, RATE_HZ))
