"""The karar of golden renderings: own scores, played and tracked. ``benchmarks.melody`` has a longer list."""

import numpy as np
import pytest
import soxr

from benchmarks.melody import MAKAMS, as_mp3, choir, off_by, speech
from core.makam.commas import CENTS
from core.makam.karar import karar_candidates
from core.makam.melody import melody_of
from core.makam.scores import compose
from core.makam.synthesis import Score, render
from core.makam.theory import makam_named

SR = 11025
VOICES = ("plucked", "bowed", "blown", "sung", "percussion")


@pytest.mark.parametrize(("i", "name"), list(enumerate(MAKAMS)), ids=MAKAMS)
def test_the_karar_of_ten_makams_is_found_within_a_third_of_a_comma(i: int, name: str) -> None:
    karar_hz = 150.0 * 2 ** (7 * i / 53)
    score = compose(makam_named(name), karar_hz, seconds=50, seed=200 + i)
    found = karar_candidates(melody_of(render(score, VOICES[i % 5], sr=SR, seed=i), SR))
    assert off_by(found, karar_hz) <= CENTS / 3


@pytest.fixture(scope="module")
def score() -> Score:
    return compose(makam_named("Hüseyni"), 220.0, seconds=50, seed=3)


@pytest.fixture(scope="module")
def piece(score: Score) -> np.ndarray:
    return render(score, "plucked", sr=SR)


@pytest.mark.parametrize(
    ("change", "ratio"),
    [
        ("none", 1.0),
        ("40 dB quieter", 1.0),
        ("MP3 128", 1.0),
        ("8000 Hz", 1.0),
        ("A = 415 Hz", 415 / 440),
        ("3 % fast", 1.03),
    ],
)
def test_a_change_of_the_recording_moves_its_karar_as_it_should(piece: np.ndarray, change: str, ratio: float) -> None:
    changed = {
        "none": lambda: (piece, SR),
        "40 dB quieter": lambda: (0.01 * piece, SR),
        "MP3 128": lambda: (as_mp3(soxr.resample(piece, SR, 44100), 44100), 44100),
        "8000 Hz": lambda: (soxr.resample(piece, SR, 8000), 8000),
        "A = 415 Hz": lambda: (soxr.resample(piece, 415.0, 440.0), SR),
        "3 % fast": lambda: (soxr.resample(piece, 1.03, 1.0), SR),
    }[change]()
    assert off_by(karar_candidates(melody_of(*changed)), 220.0 * ratio) <= CENTS / 3


def test_a_slower_performance_has_the_same_karar(score: Score) -> None:
    slow = Score(score.makam, score.karar_hz, score.commas, tuple(1.4 * s for s in score.seconds))
    assert off_by(karar_candidates(melody_of(render(slow, "plucked", sr=SR), SR)), 220.0) <= CENTS / 3


@pytest.mark.parametrize("sound", [speech, choir])
def test_speech_and_a_choir_have_no_karar_that_is_stated_with_confidence(sound) -> None:
    found = karar_candidates(melody_of(sound(30.0, SR), SR))
    assert not found or found[0].probability < 0.6


def test_a_piece_without_its_last_note_names_no_other_karar_with_confidence(piece: np.ndarray, score: Score) -> None:
    cut = piece[: round((score.duration_s - score.seconds[-1] - 0.5) * SR)]
    found = karar_candidates(melody_of(cut, SR))
    assert off_by(found, 220.0) <= CENTS / 3 or found[0].probability < 0.6
