"""Chroma and harmonic change."""

import warnings
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.features import tonality
from core.features.frames import bin_frequencies, cut
from core.features.spectrum import clip_spectrum
from core.features.statistics import mirstat
from core.schema import SR
from tests.features.clips import AGREEMENT, AWKWARD, REFERENCE, golden, noise, out_of_range, tone, worst

HCDF = "_HarmonicChangeDetectionFunction_"
FIELDS = {"Mean": "mean", "Std": "std", "Slope": "slope"} | {
    "PeriodFreq": "period_freq",
    "PeriodAmp": "period_amp",
    "PeriodEntropy": "period_entropy",
}
SOME = ("tone_0p9s", "dc_offset_6s", "irregular_hits_7s", "single_note_2s")


def plain(y: np.ndarray) -> dict[str, float]:
    """The chapter by its definitions."""
    measured = {f"_Chromagram_Mean_{i}": v for i, v in enumerate(tonality.chroma(y, SR), 1)}
    vectors, starts = tonality.frame_chroma(y, SR)
    change = mirstat(tonality.harmonic_change(vectors), starts[1:] / SR)
    return measured | {HCDF + column: getattr(change, field) for column, field in FIELDS.items()}


def clip_chroma(y: np.ndarray) -> np.ndarray:
    return tonality.clip_chroma(y, clip_spectrum(y, SR))


@pytest.mark.parametrize("name", SOME)
def test_definitions_agree_with_mirtoolbox(name):
    assert worst(plain(golden(name)), REFERENCE.loc[name]) < AGREEMENT


@pytest.mark.parametrize("name", REFERENCE.index)
def test_compiled_loops_agree_with_mirtoolbox(name):
    assert worst(tonality.measure(golden(name), SR), REFERENCE.loc[name]) < AGREEMENT


@pytest.mark.parametrize("name", AWKWARD)
def test_compiled_loops_are_the_definitions_on_awkward_clips(name):
    y = AWKWARD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measured, defined = tonality.measure(y, SR), plain(y)
        vectors, frames = tonality.frame_chroma_compiled(y, SR)[0], tonality.frame_chroma(y, SR)[0]
    assert out_of_range(measured) == []
    assert vectors.shape == frames.shape
    np.testing.assert_allclose(vectors, frames, atol=1e-12)
    if not y.any():
        defined |= dict.fromkeys((HCDF + column for column in FIELDS), np.nan)
    if name == "click":  # harmony that does not change but for rounding: its trend and period are noise
        measured = {c: v for c, v in measured.items() if not c.startswith(HCDF) or c == HCDF + "Mean"}
    assert worst(measured, defined) < 1e-9


@pytest.mark.parametrize("name", ["chord_changes", "tone_then_silence"])
def test_chroma_of_every_frame(name):
    y = golden(name)[-8 * SR :]
    np.testing.assert_allclose(tonality.frame_chroma_compiled(y, SR)[0], tonality.frame_chroma(y, SR)[0], atol=1e-12)


# -- which bins --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "n_fft", "lowest_hz", "highest_hz", "count", "semitones"),
    [
        (1_323_000, 1 << 21, 100.01163, 3200.3723, 147_437, (-17, 43)),
        (32_766, 1 << 15, 100.93689, 3229.98047, 2326, (-16, 44)),
    ],
)
def test_five_octaves_are_counted(length, n_fft, lowest_hz, highest_hz, count, semitones):
    freqs = bin_frequencies(n_fft, SR)
    first, heard, counted = tonality.chroma_bins(freqs, length, SR)
    assert freqs[[first, counted - 1]].tolist() == pytest.approx([lowest_hz, highest_hz], rel=1e-6)
    assert freqs[heard - 2] < 6400 <= freqs[heard - 1]
    assert counted - first == count
    bounds, lowest = tonality.semitone_bounds(freqs[first:counted])
    assert (lowest, lowest + len(bounds) - 1) == semitones


def test_short_clips_begin_where_semitones_can_be_told_apart():
    freqs = bin_frequencies(8192, SR)
    first, _, _ = tonality.chroma_bins(freqs, 8000, SR)
    limit = SR / 8000 / (0.85 * (2 ** (1 / 12) - 1))  # 109 Hz
    assert freqs[first - 1] < limit <= freqs[first]
    assert tonality.chroma_bins(bin_frequencies(128, SR), 100, SR) == (0, 0, 0)
    assert np.isnan(tonality.chroma(noise(100), SR)).all()


def test_semitones_do_not_overlap_and_leave_out_their_bounds():
    freqs = np.linspace(100, 3200, 20_001)
    bounds, lowest = tonality.semitone_bounds(freqs)
    assert (bounds[1:, 0] >= bounds[:-1, 1]).all()
    a4 = 9 - lowest
    inside = freqs[bounds[a4, 0] : bounds[a4, 1]]
    assert inside[0] > (415.3047 + 440) / 2 - 0.16
    assert inside[-1] < (440 + 466.1638) / 2


def test_decibels_span_twenty():
    np.testing.assert_allclose(tonality.decibels(np.array([1.0, 10.0, 0.99, 5.0])), [0, 20, 0, 13.9794], atol=1e-5)
    assert tonality.decibels(np.full(3, np.nan)).tolist() == [0, 0, 0]


# -- chroma ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hz", "pitch"), [(261.63, 0), (440, 9), (1244.5, 3), (110, 9)])
def test_a_tone_is_its_pitch_class(hz, pitch):
    chroma = clip_chroma(tone(hz, 2))
    assert chroma.argmax() == pitch
    assert chroma[pitch] == pytest.approx(1, abs=1e-5)
    assert np.delete(chroma, [pitch, (pitch + 1) % 12, (pitch - 1) % 12]).max() < 0.05


def test_a_chord():
    chroma = clip_chroma(sum(tone(hz, 2, 0.2) for hz in (261.63, 329.63, 392.0)))
    assert sorted(np.argsort(chroma)[-3:]) == [0, 4, 7]


@pytest.mark.parametrize("n", [20_000, 40_000, 300_000])
def test_the_window_of_a_clip_in_closed_form(n):
    """An offset is taken out exactly, however large it is: the spectrum of the window is known."""
    y = 0.01 * noise(n)
    expected = tonality.chroma(y, SR)
    np.testing.assert_allclose(clip_chroma(y), expected, atol=1e-10)
    np.testing.assert_allclose(clip_chroma(y + 0.9), expected, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(gain=st.floats(1e-3, 1), offset=st.floats(-0.4, 0.4), seed=st.integers(0, 5))
def test_neither_gain_nor_offset_changes_chroma(gain, offset, seed):
    y = noise(12_000, seed) + tone(300, 12_000 / SR)
    np.testing.assert_allclose(clip_chroma(gain * y + offset), clip_chroma(y), atol=1e-7)


@pytest.mark.parametrize("hz", [150.0, 330.0, 700.0])
def test_a_semitone_up_turns_the_chroma(hz):
    partials = [sum(tone(k * hz * ratio, 2, 0.2 / k) for k in (1, 2, 3)) for ratio in (1, 2 ** (1 / 12))]
    one, other = map(clip_chroma, partials)
    assert np.roll(one, 1).argmax() == other.argmax()
    np.testing.assert_allclose(np.roll(one, 1), other, atol=0.15)  # semitones hold different numbers of bins


def test_silence_has_no_chroma_and_no_harmony():
    measured = tonality.measure(np.zeros(2 * SR), SR)
    assert [measured[f"_Chromagram_Mean_{i}"] for i in range(1, 13)] == [0] * 12
    assert all(isnan(measured[HCDF + column]) for column in FIELDS)


def test_a_spectrum_at_hand_is_used():
    y = noise(SR)
    assert tonality.measure(y, SR, clip_spectrum(y, SR)) == tonality.measure(y, SR)


# -- harmonic change ---------------------------------------------------------------------------------------------------


def test_axes_of_the_tonal_centroid():
    fifths, minor_thirds, major_thirds = np.split(tonality.tonal_centroid(np.eye(12)), 3, axis=1)
    np.testing.assert_allclose(np.hypot(*fifths.T), 1)
    np.testing.assert_allclose(np.hypot(*major_thirds.T), 0.5)
    np.testing.assert_allclose(minor_thirds[0], minor_thirds[4], atol=1e-12)  # a major third apart: the same place
    np.testing.assert_allclose(major_thirds[0], major_thirds[3], atol=1e-12)  # a minor third apart: the same place
    assert np.linalg.norm(fifths[0] - fifths[7]) == pytest.approx(2 * np.sin(np.pi / 12))  # C and G are neighbours


def test_a_fifth_is_a_smaller_change_than_a_semitone():
    c, c_sharp, g = np.eye(12)[[0, 1, 7]]
    fifth, semitone = (tonality.harmonic_change(np.array([c, other]))[0] for other in (g, c_sharp))
    assert 0 < fifth < semitone
    assert tonality.harmonic_change(np.array([c, c]))[0] == 0
    assert tonality.harmonic_change(np.empty((0, 12))).shape == (0,)


def test_alternating_chords_change_at_their_rate():
    c, f_sharp = (sum(tone(hz, 16, 0.2) for hz in chord) for chord in ((261.6, 329.6, 392), (370, 466.2, 554.4)))
    every_two_seconds = np.arange(16 * SR) // (2 * SR) % 2 == 0
    measured = tonality.measure(np.where(every_two_seconds, c, f_sharp), SR)
    assert measured[HCDF + "PeriodFreq"] == pytest.approx(0.5, rel=0.05)
    steady = tonality.measure(c, SR)
    assert steady[HCDF + "Mean"] < 0.1 * measured[HCDF + "Mean"]


@given(n=st.integers(400, 5000), length=st.integers(128, 400), seed=st.integers(0, 99))
def test_extremes_of_frames(n, length, seed):
    y = noise(n, seed)
    starts = np.sort(np.random.default_rng(seed).integers(0, n - length + 1, 5))
    low, high = tonality.frame_extremes(y, starts, length)
    frames = cut(y, starts, length)
    np.testing.assert_array_equal(low, frames.min(axis=1))
    np.testing.assert_array_equal(high, frames.max(axis=1))
