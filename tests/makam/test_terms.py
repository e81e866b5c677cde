"""What one hears in the examples of makam words is what the sentences say."""

import numpy as np
import pytest

from core.makam.terms import KARAR_HZ, PEAK, TERMS, example
from core.makams import COMMAS
from core.schema import SR

BY_NAME = {term.turkish: term for term in TERMS}


def heights(term):
    return [height for height, _ in term.phrase if not np.isnan(height)]


def heard_commas(y: np.ndarray, start_s: float, seconds: float) -> float:
    """Height over the karar of the lowest partial of a part of a sound, by the peak of its spectrum."""
    part = y[round(start_s * SR) : round((start_s + seconds) * SR)]
    size = 1 << 19
    spectrum = np.abs(np.fft.rfft(part * np.hanning(part.size), size))
    return COMMAS * np.log2(spectrum.argmax() * SR / size / KARAR_HZ)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.english)
def test_each_example_plays_its_phrase(term):
    y = example(term)
    assert np.abs(y).max() == pytest.approx(PEAK)
    at = 0.0
    for height, seconds in term.phrase:
        if seconds >= 0.7 and not np.isnan(height) and not term.drone:
            assert heard_commas(y, at, seconds) == pytest.approx(height, abs=0.15)
        at += seconds
    assert bool(term.phrase) != bool(term.usul)


def test_a_comma_is_one_comma_wide():
    assert heights(BY_NAME["koma"]) == [0, 1]


@pytest.mark.parametrize(
    ("turkish", "last"), [("karar (durak)", 0), ("güçlü", 31), ("asma karar", 17), ("yeden", 0), ("tiz durak", 53)]
)
def test_a_phrase_ends_where_the_sentence_says(turkish, last):
    phrase = BY_NAME[turkish].phrase
    assert phrase[-1][0] == last
    assert phrase[-1][1] == max(seconds for _, seconds in phrase)


def test_courses_move_as_their_names_say():
    assert heights(BY_NAME["çıkıcı seyir"]) == sorted(heights(BY_NAME["çıkıcı seyir"]))
    assert heights(BY_NAME["inici seyir"]) == sorted(heights(BY_NAME["inici seyir"]), reverse=True)


def test_the_pulse_doubles():
    lengths = [seconds for _, seconds in BY_NAME["nabız (vuruş)"].phrase]
    assert lengths[0] == 2 * lengths[-1]


def test_a_drum_plays_unequal_beats_in_aksak():
    y = np.abs(example(BY_NAME["aksak"]))
    loud = [k for k in range(9) if y[round(k * 0.22 * SR) :][: round(0.1 * SR)].max() > 0.1 * PEAK]
    assert loud == [0, 2, 4, 6, 8]


def test_each_term_has_one_sentence_and_both_forms():
    assert len(BY_NAME) == len(TERMS) == len({term.english for term in TERMS})
    for term in TERMS:
        assert term.sentence.endswith(".")
        assert term.sentence.count(". ") <= 1
        assert term.turkish
