"""Words for emotions in three languages, in every spelling."""

import unicodedata

import pytest

from core.emotion_words import WORDS, read_emotion
from core.schema import EMOTIONS
from core.turkish import fold

READ = {
    "angry": "angry Angry kızgın KIZGIN Kizgin öfkeli ÖFKELİ ofkeli sinirli enojado Enojada enfadado ENFADADA",
    "happy": "happy HAPPY mutlu Mutlu MUTLU neşeli NEŞELİ feliz Feliz alegre",
    "relax": "relax Relaxed RELAXED relaxing calm rahat RAHAT sakin SAKİN SAKIN huzurlu relajado tranquilo TRANQUILA",
    "sad": "sad SAD üzgün Üzgün ÜZGÜN uzgun hüzünlü HÜZÜNLÜ huzunlu triste Triste",
}


@pytest.mark.parametrize(("emotion", "words"), READ.items())
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_word_is_read_in_any_case_and_form(emotion, words, form):
    for word in words.split():
        written = unicodedata.normalize(form, word)
        assert read_emotion(written) == emotion, word
        assert read_emotion(f"\ufeff {written}\u00a0\t") == emotion, word


@pytest.mark.parametrize(
    "other", ["", " ", "0", "1", "happy sad", "happy/sad", "unhappy", "mutsuz", "infeliz", "neutral", "hap", "r"]
)
def test_other_text_is_no_emotion(other):
    assert read_emotion(other) is None


def test_the_words_are_folded_and_none_means_two_emotions():
    words = [word for of_one in WORDS.values() for word in of_one]
    assert len(words) == len(set(words))
    assert words == [fold(word) for word in words]
    assert tuple(WORDS) == EMOTIONS
    assert all(read_emotion(emotion) == emotion for emotion in EMOTIONS)
