import io

import numpy as np
import pytest
import soundfile

from benchmarks.pulse import RATE, piece
from core.audio.decoding import inspect
from core.errors import AudioError
from core.makam.melody import melody_of
from core.pipeline.makam import melody_of_source, pulse_of_source


def as_wav(y: np.ndarray, sr: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, y, sr, format="WAV", subtype="DOUBLE")
    return buffer.getvalue()


def test_a_file_has_the_melody_of_its_samples_and_the_pulse_of_its_middle() -> None:
    y = piece("Aksak (9/8)", 0.19, "plucked", 0.6, seconds=18, seed=5)
    source = inspect(as_wav(np.stack([y, y], axis=1) / 2, RATE), "x.wav")
    np.testing.assert_allclose(melody_of_source(source).cents, melody_of(y / 2, RATE).cents, atol=0.01)
    assert pulse_of_source(source).cycle == 9
    assert pulse_of_source(source).unit_bpm == pytest.approx(60 / 0.19, rel=0.01)


def test_only_the_middle_of_a_file_counts_for_its_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.pipeline.makam.PULSE_S", 16.0)
    y = piece("Aksak (9/8)", 0.19, "plucked", 0.6, seconds=18, seed=5)
    noise = np.random.default_rng(0).normal(0, 0.1, 20 * RATE)
    source = inspect(as_wav(np.concatenate([noise, y / 2, noise]), RATE), "x.wav")
    assert pulse_of_source(source).cycle == 9


def test_samples_that_are_no_numbers_are_refused() -> None:
    y = np.zeros(RATE)
    y[100] = np.nan
    with pytest.raises(AudioError, match="x.wav holds samples that are not numbers"):
        pulse_of_source(inspect(as_wav(y, RATE), "x.wav"))
