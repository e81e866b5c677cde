"""Frames, windows and spectra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.features.frames import (
    bin_frequencies,
    centres_s,
    cut,
    frame_starts,
    hamming,
    hanning,
    magnitude_spectra,
    next_pow2,
)
from core.features.spectrum import LONG, clip_spectrum
from core.schema import SR
from tests.features.clips import AWKWARD, noise


def test_a_real_hop_gives_starts_that_differ_by_one_sample():
    starts, length = frame_starts(2205 + 3 * 1103, SR, length_s=0.05, hop_ratio=0.5)
    assert length == 2205
    assert starts.tolist() == [0, 1102, 2205, 3307]


def test_the_hop_follows_the_unrounded_length():
    starts, length = frame_starts(SR, SR, length_s=0.743, hop_ratio=0.1)
    assert length == 32766
    assert starts.tolist() == [0, 3276, 6553, 9829]  # multiples of 3276.63


def test_a_rate_in_hertz():
    starts, length = frame_starts(3000, SR, length_s=0.023, rate_hz=80)
    assert length == 1014
    assert starts.tolist() == [0, 551, 1102, 1653]


@pytest.mark.parametrize(("n", "frames"), [(0, 0), (2204, 0), (2205, 1), (3307, 1), (3308, 2)])
def test_no_frame_is_padded(n, frames):
    starts, length = frame_starts(n, SR, length_s=0.05, hop_ratio=0.5)
    assert len(starts) == frames
    assert cut(np.arange(n, dtype=float), starts, length).shape == (frames, 2205)


@pytest.mark.parametrize("given_hop", [{}, {"hop_ratio": 0.5, "rate_hz": 80}])
def test_a_hop_is_given_once(given_hop):
    with pytest.raises(ValueError, match="either hop_ratio or rate_hz"):
        frame_starts(5000, SR, length_s=0.05, **given_hop)


@given(n=st.integers(0, 60_000), length_s=st.floats(0.001, 0.8), hop_ratio=st.floats(0.05, 1.0))
def test_frames_lie_inside_the_clip_and_no_further_one_would(n, length_s, hop_ratio):
    starts, length = frame_starts(n, SR, length_s=length_s, hop_ratio=hop_ratio)
    if n < length:
        assert len(starts) == 0
        return
    assert starts[0] == 0
    assert starts[-1] + length <= n
    assert len(starts) * hop_ratio * (length_s * SR) + length > n


def test_cut_and_centres():
    starts, length = np.array([0, 3]), 4
    assert cut(np.arange(10.0), starts, length).tolist() == [[0, 1, 2, 3], [3, 4, 5, 6]]
    assert centres_s(starts, length, 10).tolist() == pytest.approx([0.15, 0.45])


@pytest.mark.parametrize(("n", "power"), [(1, 1), (2, 2), (3, 4), (2205, 4096), (32766, 32768), (1 << 20, 1 << 20)])
def test_next_power_of_two(n, power):
    assert next_pow2(n) == power


def test_windows():
    k = np.arange(7)
    np.testing.assert_allclose(hamming(7), 0.54 - 0.46 * np.cos(2 * np.pi * k / 6), rtol=1e-14)
    np.testing.assert_allclose(hanning(7), 0.5 * (1 - np.cos(2 * np.pi * (k + 1) / 8)), rtol=1e-14)


def test_magnitudes_are_padded_and_not_scaled():
    x = noise(3000)
    magnitude = magnitude_spectra(x)
    assert magnitude.shape == bin_frequencies(4096, SR).shape == (2049,)
    energy = magnitude[0] ** 2 + 2 * (magnitude[1:-1] ** 2).sum() + magnitude[-1] ** 2
    assert energy == pytest.approx(4096 * (x**2).sum(), rel=1e-12)  # Parseval
    assert magnitude[0] == pytest.approx(abs(x.sum()))


def test_bin_frequencies_reach_from_zero_to_half_the_rate():
    freqs = bin_frequencies(1 << 21, SR)
    assert freqs[0] == 0
    assert freqs[-1] == SR / 2
    np.testing.assert_array_equal(freqs[:1000], np.arange(1000) * (SR / (1 << 21)))


@pytest.mark.parametrize("n", [1, 2, 1000, LONG // 2, LONG // 2 + 1, LONG, 3 * LONG + 17])
def test_spectrum_of_a_clip_is_that_of_the_definition(n):
    y = noise(n) + 0.1
    spectrum = clip_spectrum(y, SR)
    bins = np.fft.rfft(y * hamming(n), next_pow2(n))
    scale = np.abs(bins).max()
    np.testing.assert_allclose(spectrum.magnitude, np.abs(bins), rtol=0, atol=1e-14 * scale)
    np.testing.assert_allclose(spectrum.low, bins[: len(spectrum.low)], rtol=0, atol=1e-14 * scale)
    np.testing.assert_array_equal(spectrum.low_freqs, spectrum.freqs[: len(spectrum.low)])


def test_spectrum_of_silence_is_zero():
    assert not clip_spectrum(np.zeros(LONG), SR).magnitude.any()
    assert not clip_spectrum(AWKWARD["silence"], SR).magnitude.any()
