import numpy as np
import pytest

from core.errors import AudioError
from core.makam.melody import HOP_S, Melody, melody_from_track


def test_a_stored_track_becomes_cents_and_silence_becomes_nan() -> None:
    melody = melody_from_track(np.array([0, -1200, -32768, 702], np.int16))
    np.testing.assert_array_equal(melody.cents, [0, -1200, np.nan, 702])
    np.testing.assert_array_equal(melody.confidence, [1, 1, 0, 1])
    np.testing.assert_allclose(melody.hz[[0, 1]], [440, 220])
    assert melody.duration_s == pytest.approx(4 * HOP_S)
    np.testing.assert_allclose(melody.times_s[-1], 3 * HOP_S)


@pytest.mark.parametrize(
    ("cents", "confidence", "hop_s", "reason"),
    [
        (np.zeros(3), np.zeros(2), HOP_S, "one confidence for each pitch"),
        (np.zeros(3, np.float32), np.zeros(3), HOP_S, "float64"),
        (np.array([np.inf]), np.zeros(1), HOP_S, "finite pitches"),
        (np.zeros(1), np.array([1.5]), HOP_S, "from 0 to 1"),
        (np.zeros(1), np.array([np.nan]), HOP_S, "from 0 to 1"),
        (np.zeros(1), np.zeros(1), 0.0, "makes no sense"),
    ],
)
def test_a_wrong_melody_is_refused(cents: np.ndarray, confidence: np.ndarray, hop_s: float, reason: str) -> None:
    with pytest.raises(AudioError, match=reason):
        Melody(cents, confidence, hop_s)
