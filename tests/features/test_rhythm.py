"""Rhythm of sounds whose answer is known, MIRtoolbox's values on the golden clips, and what holds for any sound."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from core.features import fluctuation, onsets, tempo
from core.features.frames import cut, frame_starts, hanning
from core.features.rhythm import measure
from core.schema import BY_COLUMN, SR

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
COLUMNS = [c for c, feature in BY_COLUMN.items() if feature.group == "rhythm"]
LONG = ["pulse_120bpm", "chord_changes", "noise_accelerando"]
RNG = np.random.default_rng(7)
NOISE = RNG.normal(0, 0.1, 3 * SR)


def clip(name: str) -> np.ndarray:
    return soundfile.read(GOLDEN / f"{name}.flac", dtype="int16")[0] / 32768


def golden() -> list[tuple[str, pd.Series]]:
    """The short clips, which exercise rare rules, and three long ones; test_agreement compares all clips."""
    made = pd.read_csv(GOLDEN / "made.csv").set_index("clip")
    rows = pd.concat([pd.read_csv(GOLDEN / "short.csv").set_index("clip"), made.loc[LONG]])
    return [(str(name), row[COLUMNS].astype(float)) for name, row in rows.iterrows()]


def clicks(bpm: float, duration_s: float = 12.0) -> np.ndarray:
    y = np.zeros(round(duration_s * SR))
    y[(np.arange(0.1, duration_s - 0.1, 60 / bpm) * SR).astype(int)] = 0.8
    return y


def notes(rise_s: float) -> np.ndarray:
    """Twelve notes, one a second, that rise linearly and then decay."""
    t = np.arange(12 * SR) / SR
    since = t % 1
    level = np.minimum(since / rise_s, 1) * np.exp(-4 * np.maximum(since - rise_s, 0)) * np.minimum((1 - since) * 20, 1)
    return 0.5 * level * np.sin(2 * np.pi * 440 * t)


# --- agreement --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "reference"), golden(), ids=lambda v: v if isinstance(v, str) else "")
def test_golden_clip(name: str, reference: pd.Series) -> None:
    estimated = pd.Series(measure(clip(name), SR))[COLUMNS]
    assert list(estimated.isna()) == list(reference.isna())
    error = (estimated - reference).abs() / reference.abs().clip(lower=1e-3)
    if name == "pulse_120bpm":  # its attacks are all alike: the slope is rounding noise in MIRtoolbox too
        error["_AttackTime_Slope"] *= 1e-3
    assert error.max() < 1e-9, error


def test_it_measures_the_rhythm_columns() -> None:
    assert sorted(measure(NOISE, SR)) == sorted(COLUMNS)


# --- sounds whose answer is known -------------------------------------------------------------------------------------


@pytest.mark.parametrize("bpm", [50, 75, 100, 132, 160, 195])
def test_a_metronome_has_its_tempo(bpm: int) -> None:
    found = measure(clicks(bpm), SR)
    assert found["_Tempo_Mean"] == pytest.approx(bpm, abs=0.05)
    frames = 12 * 100 - 9
    beats = len(np.arange(0.1, 11.9, 60 / bpm))
    assert found["_Eventdensity_Mean"] == pytest.approx(beats * 100 / frames)
    assert found["_Pulseclarity_Mean"] > 0.5


def test_noise_has_no_clear_pulse() -> None:
    assert measure(NOISE, SR)["_Pulseclarity_Mean"] < 0.2 < 0.9 < measure(clicks(120), SR)["_Pulseclarity_Mean"]


@pytest.mark.parametrize("rise_s", [0.05, 0.1, 0.2])
def test_attack_time_is_the_rise_of_the_notes(rise_s: float) -> None:
    """Within the 10 ms by which 30 ms frames blur the corners."""
    assert measure(notes(rise_s), SR)["_AttackTime_Mean"] == pytest.approx(rise_s, abs=0.01)


def test_attack_slope_follows_lengthening_attacks() -> None:
    second = [notes(rise)[:SR] for rise in (0.02, 0.05, 0.1, 0.15, 0.2, 0.25)]
    assert measure(np.concatenate(second), SR)["_AttackTime_Slope"] > 0.5
    assert measure(np.concatenate(second[::-1]), SR)["_AttackTime_Slope"] < 0


def test_fluctuation_is_largest_at_four_modulations_a_second() -> None:
    t = np.arange(3 * SR) / SR
    strength = {
        f: fluctuation.fluctuation_peak_mean((1 + 0.9 * np.sin(2 * np.pi * f * t)) * NOISE, SR) for f in (1, 4, 9, 20)
    }
    assert max(strength, key=lambda f: strength[f]) == 4
    assert strength[20] < strength[1]
    assert strength[20] < strength[9]


def test_the_onset_curve_is_the_power_of_the_spectrum() -> None:
    """Parseval's shortcut gives what 8192-point spectra give."""
    starts, length = frame_starts(SR, SR, length_s=0.1, hop_ratio=0.1)
    spectra = np.fft.rfft(cut(NOISE[:SR], starts, length) * hanning(length), 8192)
    curve = onsets.onset_curve(NOISE[:SR], SR)
    np.testing.assert_allclose(curve.values, (np.abs(spectra) ** 2).sum(axis=1), rtol=1e-12)
    assert curve.rate == 100
    assert curve.times_s[0] == 4409 / 2 / SR


def test_every_gammatone_filter_has_gain_one_at_its_centre() -> None:
    from scipy.signal import sosfreqz

    sections = tempo.gammatone(SR)
    centres = []
    for channel in sections:
        f, response = sosfreqz(channel, worN=2**15, fs=SR)
        centres.append(f[np.abs(response).argmax()])
        assert np.abs(response).max() == pytest.approx(1, abs=1e-3)
    assert centres[-1] == pytest.approx(50, abs=2)
    assert np.all(np.diff(centres) < 0)


def test_periodicity_of_a_wave_peaks_at_its_period() -> None:
    rate = 200.0
    c, lags = tempo.periodicity(np.cos(2 * np.pi * 2 * np.arange(4000) / rate), rate)
    assert lags[0] == 0.3
    assert lags[-1] == 1.5
    assert lags[c.argmax()] == 0.5
    assert c.max() == pytest.approx(1, abs=0.05)


def test_enhancement_removes_the_echo_at_twice_the_period() -> None:
    lags = np.arange(827, 4136) / 2756.25
    c = 0.8 * np.exp(-(((lags - 0.5) / 0.03) ** 2)) + 0.9 * np.exp(-(((lags - 1.0) / 0.06) ** 2))
    best = lags[tempo.enhanced(c, lags).argmax()]
    assert lags[c.argmax()] == pytest.approx(1.0, abs=1e-3)
    assert best == pytest.approx(0.5, abs=1e-3)


def test_a_curve_below_zero_everywhere_has_no_tempo() -> None:
    """Its hills do not count as peaks, so nothing stands out."""
    lags = np.arange(827, 4136) / 2756.25
    c = -1 + 0.5 * np.exp(-(((lags - 0.5) / 0.03) ** 2))
    assert np.isnan(tempo.best_lag(tempo.enhanced(c, lags), lags))


def test_best_lag_is_refined_by_a_parabola() -> None:
    lags = np.linspace(0.3, 1.5, 121)
    assert tempo.best_lag(2 - (lags - 0.7037) ** 2, lags) == pytest.approx(0.7037, abs=1e-12)


def test_of_two_equal_peaks_the_shorter_lag_counts() -> None:
    c = np.array([0, 0, 1, 0, 0, 1, 0, 0.0])
    assert tempo.best_lag(c, np.arange(8.0)) == 2


def test_bark_bands_partition_the_bins_up_to_15500_hz() -> None:
    f = np.linspace(0, SR / 2, 513)
    edges = fluctuation.bark_bands(f)
    assert len(edges) == 25
    assert f[edges[0] - 1] == 0
    assert np.all(f[edges[1:] - 1] <= fluctuation.BARK_EDGES)
    assert np.all(f[edges[1:]] > fluctuation.BARK_EDGES)
    assert len(fluctuation.bark_bands(np.linspace(0, 8000, 513))) == 23  # up to the band that ends at 9500 Hz


# --- any sound --------------------------------------------------------------------------------------------------------


@st.composite
def sounds(draw: st.DrawFn) -> np.ndarray:
    """One or two seconds of noise whose level changes 5 to 40 times a second."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    seconds, steps = draw(st.sampled_from([1.0, 1.5, 2.0])), draw(st.integers(5, 40))
    n = round(seconds * SR)
    level = np.interp(np.arange(n), np.linspace(0, n, steps), rng.random(steps) ** 3)
    return level * rng.uniform(-0.5, 0.5, n)


@settings(max_examples=15, deadline=None)
@given(sounds(), st.floats(-60, 20))
def test_tempo_and_pulse_clarity_do_not_depend_on_gain(y: np.ndarray, gain_db: float) -> None:
    curve, louder = (onsets.onset_curve(x, SR) for x in (y, y * 10 ** (gain_db / 20)))
    assert tempo.pulse_clarity(louder) == pytest.approx(tempo.pulse_clarity(curve), abs=1e-9, nan_ok=True)
    tempi = tempo.mean_tempo(y, SR), tempo.mean_tempo(y * 10 ** (gain_db / 20), SR)
    assert tempi[1] == pytest.approx(tempi[0], rel=1e-9, nan_ok=True)


@settings(max_examples=10, deadline=None)
@given(sounds(), st.sampled_from([-1.0, 0.25, -2.0]))
def test_only_fluctuation_depends_on_the_level(y: np.ndarray, factor: float) -> None:
    """Powers of two change no rounding, so not even a decision near its limit flips. Nor does turning the sign."""
    one, other = measure(y, SR), measure(y * factor, SR)
    if abs(factor) != 1:
        del one["_Fluctuation_Mean"], other["_Fluctuation_Mean"]
    for column, value in one.items():
        assert other[column] == pytest.approx(value, rel=1e-12, nan_ok=True), column


@settings(max_examples=10, deadline=None)
@given(sounds())
def test_values_lie_in_their_ranges(y: np.ndarray) -> None:
    for column, value in measure(y, SR).items():
        feature = BY_COLUMN[column]
        assert np.isnan(value) or feature.low - 2e-3 <= value <= feature.high, column


# --- degenerate sounds ------------------------------------------------------------------------------------------------


def test_silence_has_no_events_and_nothing_else() -> None:
    found = measure(np.zeros(2 * SR), SR)
    assert found.pop("_Eventdensity_Mean") == 0
    assert all(np.isnan(v) for v in found.values())


def single(place: int) -> np.ndarray:
    y = np.zeros(2 * SR)
    y[place] = 1.0
    return y


@pytest.mark.parametrize(
    "y",
    [
        *(NOISE[:n] for n in (0, 1, 2, 3, 15, 16, 1013, 1014, 1322, 1323, 4409, 4410, 4851, 13230, 22050)),
        single(SR),
        single(0),
        single(-1),
        np.full(2 * SR, 0.25),
        0.5 * (-1.0) ** np.arange(2 * SR),
        np.linspace(-1, 1, 2 * SR),
        NOISE * 1e-18,
        np.concatenate([np.zeros(SR), NOISE, np.zeros(SR)]),
    ],
)
def test_degenerate_sound_gives_numbers_or_nan_and_no_warning(y: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = measure(y, SR)
    assert not any(np.isinf(v) for v in found.values())


@pytest.mark.parametrize(
    ("n", "column"),
    [
        (1013, "_Fluctuation_Mean"),
        (4850, "_Eventdensity_Mean"),
        (4850, "_AttackTime_Mean"),
        (25000, "_Tempo_Mean"),
        (25000, "_Pulseclarity_Mean"),
    ],
)
def test_a_clip_shorter_than_a_feature_needs_gives_nan(n: int, column: str) -> None:
    assert np.isnan(measure(NOISE[:n], SR)[column])
    assert not np.isnan(measure(NOISE, SR)[column])


def test_a_clip_that_may_only_be_read_is_measured() -> None:
    y = NOISE[:SR].copy()
    y.setflags(write=False)
    assert measure(y, SR) == measure(NOISE[:SR], SR)
