"""Shape of the spectrum, MFCC, roughness."""

import warnings
from math import exp, isnan, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.features import timbre
from core.features.frames import bin_frequencies, hamming, magnitude_spectra
from core.features.spectrum import clip_spectrum
from core.features.statistics import trend
from core.schema import SR
from tests.features.clips import AGREEMENT, AWKWARD, REFERENCE, SOME, golden, noise, out_of_range, tone, worst

FREQS = bin_frequencies(1 << 14, SR)
SHAPE = set(timbre.COLUMNS.values())


def plain(y: np.ndarray) -> dict[str, float]:
    """The chapter by its definitions."""
    magnitude = magnitude_spectra(y * hamming(len(y)))
    freqs = bin_frequencies(2 * (len(magnitude) - 1), SR)
    shape = timbre.spectral_shape(magnitude, freqs)
    roughness = trend(timbre.frame_roughness(y, SR)[0])
    return (
        {column: getattr(shape, name) for name, column in timbre.COLUMNS.items()}
        | {f"_MFCC_Mean_{i}": v for i, v in enumerate(timbre.mfcc(timbre.mel_energies(magnitude, freqs)), 1)}
        | {"_Roughness_Mean": roughness.mean, "_Roughness_Slope": roughness.slope}
    )


@pytest.mark.parametrize("name", SOME)
def test_definitions_agree_with_mirtoolbox(name):
    assert worst(plain(golden(name)), REFERENCE.loc[name]) < AGREEMENT


@pytest.mark.parametrize("name", REFERENCE.index)
def test_compiled_loops_agree_with_mirtoolbox(name):
    assert worst(timbre.measure(golden(name), SR), REFERENCE.loc[name]) < AGREEMENT


@pytest.mark.parametrize("name", AWKWARD)
def test_compiled_loops_are_the_definitions_on_awkward_clips(name):
    y = AWKWARD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measured, defined = timbre.measure(y, SR), plain(y)
    assert out_of_range(measured) == []
    assert worst(measured, defined) < 1e-9


@pytest.mark.parametrize("name", [*SOME, "noise_accelerando"])
def test_roughness_of_every_frame(name):
    y = golden(name)[: 6 * SR]
    defined = timbre.frame_roughness(y, SR)[0]
    np.testing.assert_allclose(timbre.frame_roughness_compiled(y, SR), defined, rtol=1e-11, atol=1e-12 * defined.max())


# -- shape of the spectrum ---------------------------------------------------------------------------------------------


def test_a_flat_spectrum():
    shape = timbre.spectral_shape(np.ones(len(FREQS)), FREQS)
    nyquist, step = SR / 2, FREQS[1]
    assert shape.rolloff == pytest.approx(0.85 * nyquist, abs=step)
    assert shape.brightness == pytest.approx(1 - 1500 / nyquist, abs=1e-3)
    assert shape.spread == pytest.approx(nyquist / sqrt(12), rel=1e-3)
    assert shape.skewness == pytest.approx(0, abs=1e-9)
    assert shape.kurtosis == pytest.approx(9 / 5, rel=1e-3)  # of a uniform distribution
    assert shape.flatness == pytest.approx(1)
    assert shape.entropy == pytest.approx(1, abs=1e-6)
    assert isnan(shape.centroid)  # too even to have a centre


def test_two_lines():
    magnitude = np.zeros(len(FREQS))
    magnitude[[1000, 3000]] = 3.0, 1.0
    low, high = FREQS[[1000, 3000]]  # 2692 Hz and 8075 Hz
    shape = timbre.spectral_shape(magnitude, FREQS)
    assert shape.centroid == pytest.approx((3 * low + high) / 4)
    assert shape.spread == pytest.approx((high - low) * sqrt(3) / 4)
    assert shape.skewness == pytest.approx(2 / sqrt(3))  # of a coin with probability 1/4
    assert shape.kurtosis == pytest.approx(7 / 3)
    assert shape.rolloff == high
    assert shape.brightness == 1
    assert shape.flatness == 0
    assert shape.entropy == pytest.approx((log(4) - 0.75 * log(3)) / log(len(FREQS)), rel=1e-6)


def test_the_smallest_magnitude_counts_twice_in_the_moments():
    magnitude = np.array([1.0, 3.0, 1.0, 1.0, 1.0])
    weights = np.array([2.0, 4.0, 2.0, 2.0, 2.0]) / 12
    freqs = np.arange(5.0)
    assert timbre.spectral_shape(magnitude, freqs).spread == pytest.approx(
        sqrt((freqs - freqs @ weights) ** 2 @ weights)
    )


def test_brightness_leaves_out_1500_hz_itself():
    freqs = np.array([0.0, 1500.0, 3000.0])
    assert timbre.spectral_shape(np.array([1.0, 1.0, 2.0]), freqs).brightness == 0.5


def test_silence_has_no_shape_but_mfcc():
    measured = timbre.measure(np.zeros(SR), SR)
    assert all(isnan(measured[column]) for column in SHAPE)
    assert [abs(measured[f"_MFCC_Mean_{i}"]) < 1e-12 for i in range(1, 14)] == [True] * 13
    assert measured["_Roughness_Mean"] == 0
    assert isnan(measured["_Roughness_Slope"])


@settings(max_examples=25, deadline=None)
@given(power=st.integers(-10, 6), seed=st.integers(0, 4), hz=st.floats(60, 9000))
def test_gain_changes_neither_shape_nor_mfcc_and_roughness_by_its_square(power, seed, hz):
    y = 0.1 * noise(8192, seed) + tone(hz, 8192 / SR)
    gain = 2.0**power
    one, other = timbre.measure(y, SR), timbre.measure(gain * y, SR)
    assert other.pop("_Roughness_Mean") == pytest.approx(gain**2 * one.pop("_Roughness_Mean"), rel=1e-9)
    assert other == pytest.approx(one, rel=1e-6, abs=1e-6, nan_ok=True)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_playing_backwards_changes_neither_shape_nor_mfcc(seed):
    y = noise(6000, seed)
    one, other = (clip_spectrum(x, SR) for x in (y, y[::-1]))
    assert vars(timbre.clip_shape(one)) == pytest.approx(vars(timbre.clip_shape(other)), rel=1e-9, nan_ok=True)


def test_a_spectrum_at_hand_is_used():
    y = noise(8192)
    assert timbre.measure(y, SR, clip_spectrum(y, SR)) == timbre.measure(y, SR)


# -- MFCC --------------------------------------------------------------------------------------------------------------


def test_mel_corners():
    edges = timbre.mel_edges()
    assert edges.shape == (42,)
    np.testing.assert_allclose(edges[[0, 1, 12]], [133.3333, 200, 933.3333], rtol=1e-6)
    assert edges[41] == pytest.approx(6853.8, abs=0.1)


def test_every_mel_filter_has_unit_area():
    freqs = bin_frequencies(1 << 20, SR)
    np.testing.assert_allclose(timbre.mel_energies(np.ones(len(freqs)), freqs) * freqs[1], 1, rtol=1e-4)


@pytest.mark.parametrize("band", [0, 1, 12, 39])
def test_a_line_at_the_centre_of_a_mel_filter(band):
    edges = timbre.mel_edges()
    freqs = np.sort(np.concatenate([[0.0], edges, [7000.0]]))
    energies = timbre.mel_energies((freqs == edges[band + 1]).astype(float), freqs)
    expected = np.full(40, 1e-16)
    expected[band] += 2 / (edges[band + 2] - edges[band])
    np.testing.assert_allclose(energies, expected, rtol=1e-12)


def test_mfcc_of_one_cosine_over_the_bands():
    band = np.arange(40)
    level = 2 + 0.5 * np.cos(3 * (2 * band + 1) * np.pi / 80)
    found = timbre.mfcc(10.0**level)
    expected = np.zeros(13)
    expected[2] = 0.5 * sqrt(20)
    np.testing.assert_allclose(found, expected, atol=1e-12)


# -- roughness ---------------------------------------------------------------------------------------------------------


def test_two_partials_beat_as_sethares_fitted_it():
    scale = 0.24 / (0.0207 * 440 + 18.96)
    expected = 2 * 3 * (exp(-3.51 * scale * 30) - exp(-5.75 * scale * 30))
    assert timbre.pair_roughness(np.array([440.0, 470.0]), np.array([2.0, 3.0])) == pytest.approx(expected)


def test_one_partial_and_none_do_not_beat():
    assert timbre.pair_roughness(np.array([440.0]), np.array([2.0])) == 0
    assert timbre.pair_roughness(np.empty(0), np.empty(0)) == 0


def test_roughness_is_largest_at_a_quarter_of_the_critical_band():
    distances = np.arange(1.0, 400)
    values = [timbre.pair_roughness(np.array([440.0, 440 + d]), np.ones(2)) for d in distances]
    peak = distances[int(np.argmax(values))]
    scale = 0.24 / (0.0207 * 440 + 18.96)
    assert peak == pytest.approx(log(5.75 / 3.51) / ((5.75 - 3.51) * scale), abs=1)


def test_a_minor_second_is_rougher_than_an_octave():
    second, octave = (timbre.measure(tone(440) + tone(other), SR)["_Roughness_Mean"] for other in (466.2, 880))
    assert second > 10 * octave


def test_only_peaks_of_the_whole_clips_range_beat():
    """A soft roar after a loud one is not rough: its partials stay below 1 % of the loudest."""
    loud = tone(440) + tone(500)
    y = np.concatenate([loud, 0.005 * loud])
    values = timbre.frame_roughness_compiled(y, SR)
    assert values[:30].min() > 0
    assert not values[-30:].any()


def test_a_rising_roar_has_a_positive_slope():
    y = (tone(440) + tone(500)) * np.linspace(0, 1, SR)
    assert timbre.measure(y, SR)["_Roughness_Slope"] > 0.5
    assert timbre.measure(y[::-1].copy(), SR)["_Roughness_Slope"] < -0.5


def test_room_for_more_maxima_than_usual_changes_nothing(monkeypatch):
    y = noise(2 * SR)
    usual = timbre.frame_roughness_compiled(y, SR)
    monkeypatch.setattr(timbre, "USUAL_MAXIMA", 0)
    np.testing.assert_array_equal(timbre.frame_roughness_compiled(y, SR), usual)
    monkeypatch.setattr(timbre, "USUAL_MAXIMA", 2000)
    np.testing.assert_array_equal(timbre.frame_roughness_compiled(y, SR), usual)
