"""Loudness against the standard's own words, and against pyloudnorm with the same coefficients."""

import io

import numpy as np
import pyloudnorm
import pytest
import soundfile

from core.audio.decoding import excerpt, inspect
from core.features.loudness import Meter, as_played, integrated, k_weighting


def music(sr: int, channels: int, seconds: float = 6.0) -> np.ndarray:
    """Noise that swells and pauses, so that the gates have something to do."""
    rng = np.random.default_rng(sr + channels)
    t = np.arange(int(seconds * sr)) / sr
    shape = np.abs(np.sin(2 * np.pi * 0.2 * t)) ** 3 * (np.sin(2 * np.pi * 0.33 * t) > -0.5)
    return 0.3 * shape[:, None] * rng.standard_normal((t.size, channels)) * rng.uniform(0.3, 1, channels)


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("sr", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_the_numbers_are_those_of_pyloudnorm(sr, channels):
    y = music(sr, channels)
    assert integrated(y, sr) == pytest.approx(
        pyloudnorm.Meter(sr, filter_class="DeMan").integrated_loudness(y), abs=1e-9
    )


def test_the_filters_are_those_that_the_standard_prints_for_48_khz():
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585]
    high = [1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48_000), [shelf, high], atol=1e-8)


@pytest.mark.parametrize("sr", [44_100, 48_000])
def test_a_full_scale_sine_in_one_channel_is_3_01_below_zero_and_in_two_is_zero(sr):
    y = np.sin(2 * np.pi * 997 * np.arange(10 * sr) / sr)
    assert integrated(y, sr) == pytest.approx(-3.01, abs=0.01)
    assert integrated(np.stack([y, y], 1), sr) == pytest.approx(0.0, abs=0.01)
    assert integrated(0.1 * y, sr) == pytest.approx(-23.01, abs=0.01)


def test_pauses_and_what_is_far_quieter_do_not_count():
    steady = 0.1 * np.random.default_rng(0).standard_normal(48_000 * 10)
    broken = np.concatenate([steady, np.zeros(48_000 * 20), 1e-2 * steady])  # without gates, 6 LU less
    assert integrated(broken, 48_000) == pytest.approx(integrated(steady, 48_000), abs=0.1)


def test_low_frequency_effects_do_not_count_and_more_than_six_channels_are_mixed():
    y = music(44_100, 6)
    loud = y.copy()
    loud[:, 3] *= 100
    assert integrated(loud, 44_100) == integrated(y, 44_100)
    y = music(44_100, 8)
    assert integrated(y, 44_100) == pytest.approx(integrated(y.mean(axis=1), 44_100), abs=1e-9)


@pytest.mark.parametrize("cuts", [[1], [4410, 4411], [100, 20_000, 20_001, 90_000]])
def test_blocks_of_any_size_give_the_same(cuts):
    y = music(44_100, 2)
    meter = Meter(44_100)
    for block in np.split(y, cuts):
        meter(block)
    assert meter.lufs() == pytest.approx(integrated(y, 44_100), abs=1e-12)


@pytest.mark.parametrize("y", [np.zeros(0), np.ones(17_639), np.zeros(441_000), 1e-5 * np.ones(441_000)])
def test_too_little_and_silence_have_no_loudness(y):
    assert np.isnan(integrated(y, 44_100))
    assert np.isnan(Meter(44_100).lufs())


def test_an_excerpt_is_measured_in_the_channels_and_at_the_level_of_the_file():
    """The clip itself is mono, resampled, and scaled where it was too loud; what is heard is not."""
    y = np.concatenate([np.zeros((48_000 * 10, 2)), 3 * music(48_000, 2, 30.02), np.zeros((48_000 * 10, 2))])
    buffer = io.BytesIO()
    soundfile.write(buffer, y, 48_000, format="WAV", subtype="FLOAT")
    meter = Meter(48_000)
    recording = excerpt(inspect(buffer.getvalue(), "x.wav"), listen=meter)
    assert np.abs(recording.clip.y).max() <= 1
    n = round(30.02 * 48_000)
    first = (len(y) - n) // 2
    expected = integrated(y[first : first + n].astype(np.float32).astype(float), 48_000)
    assert meter.lufs() == pytest.approx(expected, abs=1e-9)


def test_one_channel_is_played_as_loud_as_the_same_sound_in_two():
    y = 0.1 * np.random.default_rng(0).standard_normal(3 * 48_000)
    mono, dual = integrated(y, 48_000), integrated(np.stack([y, y], axis=1), 48_000)
    assert dual - mono == pytest.approx(3.01, abs=0.005)
    assert as_played(mono, 1) == pytest.approx(as_played(dual, 2), abs=1e-9)
    assert as_played(dual, np.nan) == as_played(dual, 6) == dual
