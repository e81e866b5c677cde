"""The drawn spectrograms: tones at their notes and frequencies, sounds at their times, and clips of any length."""

import warnings

import numpy as np
import pytest

from core.audio import spectrograms
from core.audio.decoding import Clip
from core.schema import SR

SCALES = [spectrograms.mel, spectrograms.constant_q]


def tone(hz: float, seconds: float = 2.0, *, silent_s: float = 0.0) -> Clip:
    y = 0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * SR)) / SR)
    y[: round(silent_s * SR)] = 0
    return Clip("tone", y, SR)


def loudest(picture: spectrograms.Spectrogram) -> int:
    return int(picture[2].mean(axis=1).argmax())


@pytest.mark.parametrize(
    ("hz", "note"),
    [
        (440.0, "A4"),
        (440 * 2 ** (1 / 36), "A4 +33 ct"),
        (440 * 2 ** (-1 / 36), "A4 -33 ct"),
        (65.41, "C2"),
        (4186.0, "C8"),
    ],
)
def test_a_tone_stands_at_its_note(hz, note):
    _, bands, level = picture = spectrograms.constant_q(tone(hz))
    assert spectrograms.note_names(bands)[loudest(picture)] == note
    assert level.max() == 0


@pytest.mark.parametrize("hz", [300.0, 1000.0, 5000.0])
def test_a_tone_stands_in_its_mel_band(hz):
    _, bands, _ = picture = spectrograms.mel(tone(hz))
    assert abs(loudest(picture) - np.abs(bands - hz).argmin()) <= 1  # two bands share a tone between them


@pytest.mark.parametrize("scale", SCALES)
def test_a_sound_stands_at_its_time(scale):
    times, _, level = picture = scale(tone(1000.0, 4.0, silent_s=2.0))
    of_tone = level[loudest(picture)]
    assert of_tone[times < 1.8].max() == -80
    assert of_tone[(times > 2.2) & (times < 3.8)].min() > -3


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("seconds", [0.5, 0.7, 1.0, 30.02])
def test_clips_of_any_length_fill_the_picture(scale, seconds):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        times, hz, level = scale(tone(440.0, seconds))
    assert level.shape == (hz.size, times.size)
    assert level.min() >= -80
    assert times.size <= spectrograms.MAX_COLUMNS
    assert 0 <= times[0] < 0.1
    assert seconds - 0.1 < times[-1] <= seconds


def test_notes_are_named_from_low_to_high():
    assert spectrograms.note_names(np.array([261.63, 277.18, 880.0])) == ["C4", "C♯4", "A5"]
