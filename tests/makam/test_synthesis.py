import numpy as np
import pytest

from core.errors import AudioError
from core.makam.melody import HOP_S
from core.makam.synthesis import INSTRUMENTS, PEAK, VOICES, Score, drum, play, render, true_melody

SR = 16000
NOTES = Score("Rast", 200.0, (0.0, 31.0, float("nan"), 53.0), (0.5, 0.5, 0.2, 0.5))


def strongest_hz(y: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(y * np.hanning(y.size), 1 << 18))
    return float(np.argmax(spectrum)) * SR / (1 << 18)


def test_a_string_sounds_the_frequencies_of_the_score() -> None:
    y = play(NOTES, VOICES["plucked"], sr=SR)
    second = SR // 2
    assert strongest_hz(y[:second]) == pytest.approx(200, abs=0.5)
    assert strongest_hz(y[second : 2 * second]) == pytest.approx(200 * 2 ** (31 / 53), abs=0.5)
    assert np.abs(y[round(1.02 * SR) : round(1.18 * SR)]).max() == 0


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_every_instrument_plays_the_whole_score_at_full_level(instrument: str) -> None:
    y = render(NOTES, instrument, sr=SR)
    assert y.shape == (round(1.7 * SR),)
    assert np.abs(y).max() == pytest.approx(PEAK)
    np.testing.assert_array_equal(y, render(NOTES, instrument, sr=SR))


def test_the_true_melody_has_the_notes_and_the_rest() -> None:
    cents = true_melody(NOTES, "plucked").cents
    at = {s: round(s / HOP_S) for s in (0.25, 0.75, 1.1, 1.45)}
    np.testing.assert_allclose(cents[at[0.75]] - cents[at[0.25]], 31 * 1200 / 53)
    np.testing.assert_allclose(cents[at[1.45]] - cents[at[0.25]], 1200)
    assert np.isnan(cents[at[1.1]])


def test_a_voice_swings_around_its_note() -> None:
    cents = true_melody(Score("Rast", 220.0, (0.0,), (3.0,)), "sung").cents[20:-5]
    assert np.mean(cents) == pytest.approx(-1200, abs=3)
    assert np.ptp(cents) == pytest.approx(2 * VOICES["sung"].vibrato_cents, rel=0.1)


def test_the_strokes_of_a_drum_follow_the_cycle() -> None:
    y = drum(2 * SR, SR, unit_s=0.25, strokes="D...T...")
    level = np.sqrt((y.reshape(8, -1) ** 2).mean(axis=1))
    assert (level[[0, 4]] > 0.02).all()
    assert (level[[1, 2, 3, 5, 6, 7]] < 1e-3).all()


def test_a_score_without_durations_is_refused() -> None:
    with pytest.raises(AudioError, match="one duration for each note: 2, 1"):
        Score("Rast", 200.0, (0.0, 1.0), (1.0,))
