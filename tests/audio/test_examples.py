"""Each pair of sound examples moves its feature in the direction that the words say."""

from functools import cache

import numpy as np
import pytest

from core.audio.examples import PAIRS, PEAK, example_pair
from core.features import dynamics, rhythm, timbre, tonality
from core.features.spectrum import clip_spectrum
from core.musical_words import FEATURE_WORDS, explained
from core.schema import BY_COLUMN, FEATURES, SR

ROOMS = {"dynamics": dynamics, "rhythm": rhythm, "timbre": timbre, "tonality": tonality}


@cache
def sounds(column: str) -> tuple[np.ndarray, np.ndarray]:
    return example_pair(column)


def measured(column: str, which: int) -> float:
    """The value of the feature in one sound of its pair."""
    y = sounds(column)[which]
    room = dynamics if column.startswith("_Zero") else ROOMS[BY_COLUMN[column].group.split(":")[0]]
    if room in (dynamics, rhythm):
        return room.measure(y, SR)[column]
    return room.measure(y, SR, clip_spectrum(y, SR))[column]


@pytest.mark.parametrize("column", [f.column for f in FEATURES])
def test_the_second_sound_has_the_higher_value(column):
    low, high = measured(column, 0), measured(column, 1)
    assert np.isfinite([low, high]).all()
    assert high - low > 0.1 * max(abs(low), abs(high))
    for y in sounds(column):  # both are audible, and neither is too loud
        assert 0.01 < np.abs(y).max() <= PEAK + 1e-12


def test_each_feature_has_words_and_a_pair():
    assert list(FEATURE_WORDS) == list(PAIRS) == [f.column for f in FEATURES]
    assert len({words.turkish for words in FEATURE_WORDS.values()}) == len(FEATURES)


def test_a_tooltip_has_the_meaning_and_the_turkish_name():
    text = explained(BY_COLUMN["_Chromagram_Mean_10"])
    assert "not relative to the karar" in text
    assert text.endswith("Turkish: kroma la (tampere, la = 440 Hz).")
