"""Beats stand where the clip was struck, and the second opinion on a tempo says how two tempi relate."""

import warnings
from math import nan

import numpy as np
import pytest

from core.audio import beats, synthetic
from core.audio.beats import Beats
from core.audio.decoding import Clip
from core.audio.synthetic import Demo
from core.features.tempo import mean_tempo
from core.schema import SR

STEADY = 0.02


def clip(y: np.ndarray) -> Clip:
    return Clip("synthetic", y, SR)


def clicks(bpm: float, *, seconds: float = 20.0, first_s: float = 0.2) -> np.ndarray:
    """Short tones at a fixed tempo."""
    y = np.zeros(round(seconds * SR))
    t = np.arange(round(0.05 * SR)) / SR
    click = 0.5 * np.sin(2 * np.pi * 1000 * t) * np.exp(-t / 0.01)
    for at in np.arange(first_s, seconds - 0.1, 60 / bpm):
        y[round(at * SR) : round(at * SR) + click.size] += click
    return y


@pytest.mark.parametrize("bpm", [50, 60, 100, 120, 150])
def test_beats_are_where_the_clicks_are(bpm):
    found = beats.track_beats(clip(clicks(bpm)))
    assert found.bpm == pytest.approx(bpm, rel=0.01)
    away = (found.times_s - 0.2 + 30 / bpm) % (60 / bpm) - 30 / bpm
    assert np.abs(away).max() < 0.05
    assert found.unevenness < beats.UNEVEN


@pytest.mark.parametrize("unit_s", [0.25, 0.3])
@pytest.mark.parametrize("usul", ["Nim Sofyan (2/4)", "Sofyan (4/4)"])
def test_the_pulse_of_music_with_a_known_metre(usul, unit_s):
    """Strokes fall on every second unit of these metres, so the pulse is half the units."""
    music = synthetic.render(Demo("any", "Rast", usul, "saz", unit_s, 220.0, 0.7, 1.0))
    found = beats.track_beats(clip(music))
    assert found.bpm == pytest.approx(30 / unit_s, rel=0.01)
    assert beats.second_opinion(30 / unit_s, found).ratio == 1
    assert beats.second_opinion(60 / unit_s, found).ratio == 1 / 2


@pytest.mark.parametrize(("bpm", "ratio", "heard"), [(60, 1, 60), (120, 1, 120), (180, 1 / 2, 90)])
def test_the_octave_of_the_measured_tempo(bpm, ratio, heard):
    """MIRtoolbox's tempo of the same clip beside librosa's."""
    y = clicks(bpm)
    measured = mean_tempo(y, SR)
    assert measured == pytest.approx(bpm, rel=0.01)
    opinion = beats.second_opinion(measured, beats.track_beats(clip(y)))
    assert opinion.ratio == ratio
    assert opinion.doubtful == (ratio != 1)
    assert f"The tempo feature is {bpm} bpm. A second method (librosa) finds {heard} bpm" in opinion.words


def test_a_taksim_has_no_steady_pulse():
    found = beats.track_beats(clip(synthetic.render(synthetic.DEMOS["sad"])))
    opinion = beats.second_opinion(found.bpm, found)
    assert opinion.ratio == 1
    assert opinion.doubtful
    assert "its beats are uneven" in opinion.words.lower()


@pytest.mark.parametrize(
    ("bpm", "heard", "words"),
    [
        (121.0, 60.4, "A second method (librosa) finds 60 bpm: the same pulse, counted at half speed."),
        (62.0, 123.0, "A second method (librosa) finds 123 bpm: the same pulse, counted at double speed."),
        (
            180.0,
            121.0,
            "finds 121 bpm: perhaps the same pulse, two beats where the feature counts three.",
        ),
        (
            90.0,
            132.0,
            "finds 132 bpm: perhaps the same pulse, three beats where the feature counts two.",
        ),
        (180.0, 61.0, "perhaps the same pulse, counted at a third of the speed."),
        (50.0, 149.0, "perhaps the same pulse, counted at three times the speed."),
        (100.0, 120.0, "A second method (librosa) finds 120 bpm: another pulse, so the tempo is uncertain."),
    ],
)
def test_two_tempi_that_differ_are_related_in_words(bpm, heard, words):
    opinion = beats.second_opinion(bpm, Beats(np.arange(9.0), heard, STEADY))
    assert opinion.doubtful
    assert opinion.words.startswith(f"The tempo feature is {bpm:.0f} bpm. ")
    assert opinion.words.endswith(words)


@pytest.mark.parametrize(("heard", "same"), [(104.9, True), (95.1, True), (105.1, False), (94.9, False)])
def test_two_tempi_within_five_percent_are_one(heard, same):
    opinion = beats.second_opinion(100.0, Beats(np.arange(9.0), heard, STEADY))
    assert opinion.doubtful != same


def test_a_tempo_that_is_missing_is_said():
    few = beats.second_opinion(120.0, Beats(np.array([0.5]), nan, nan))
    assert few.words == "The tempo feature is 120 bpm. A second method (librosa) finds too few beats for a tempo."
    unmeasured = beats.second_opinion(nan, Beats(np.arange(9.0), 40.0, STEADY))
    assert unmeasured.words == "The tempo feature has no value. A second method (librosa) finds 40 bpm."
    assert few.doubtful
    assert unmeasured.doubtful


@pytest.mark.parametrize("seconds", [0.5, 1.0])
def test_a_clip_too_short_for_a_tempo_has_none(seconds):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = beats.track_beats(clip(clicks(120, seconds=seconds)))
    assert len(found.times_s) < beats.LEAST_BEATS
    assert np.isnan(found.bpm)
