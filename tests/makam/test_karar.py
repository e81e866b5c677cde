"""The karar of a melody."""

import numpy as np
import pytest
from composed import KARAR_HZ, composed, cut, held, melody_of_cents

from core.makam.commas import cents_of_hz
from core.makam.description import circular
from core.makam.karar import CUT, exact_pitch, karar_candidates, karar_caution
from core.makam.melody import Melody
from core.makam.notes import heights_in_use, steady_notes
from core.makam.recognition import suggest_makams
from core.makam.templates import shipped_templates


def off(hz, karar_hz=KARAR_HZ):
    return abs(float(circular(cents_of_hz(hz) - cents_of_hz(karar_hz))))


@pytest.mark.parametrize("name", ["Rast", "Uşşak", "Hicaz", "Hüzzam", "Kürdilihicazkâr", "Saba"])
def test_the_karar_of_a_composed_melody_is_found(name):
    first = karar_candidates(composed(name))[0]
    assert off(first.hz) <= 1200 / 53 / 3
    assert first.probability > 0.5


def test_a_transposed_melody_has_a_transposed_karar():
    melody = composed("Rast")
    higher = Melody(melody.cents + 317.0, melody.confidence, melody.hop_s)
    for a, b in zip(karar_candidates(melody), karar_candidates(higher), strict=True):
        assert cents_of_hz(b.hz) - cents_of_hz(a.hz) == pytest.approx(317, abs=1)
        assert b.probability == pytest.approx(a.probability, abs=0.05)


def test_probabilities_fall_and_do_not_exceed_1():
    given = [k.probability for k in karar_candidates(composed("Hüseyni"), n=20)]
    assert given == sorted(given, reverse=True)
    assert sum(given) == pytest.approx(1)


def test_a_melody_without_a_steady_note_has_no_karar():
    assert karar_candidates(melody_of_cents(np.full(2000, np.nan))) == ()
    assert karar_candidates(melody_of_cents(np.zeros(0))) == ()
    glide = melody_of_cents(np.tile(np.linspace(-900, 900, 40), 60))  # 2,250 cents a second
    assert karar_candidates(glide) == ()


def test_speech_like_pitches_get_no_confident_karar():
    random = np.random.default_rng(3)
    steps = np.cumsum(random.normal(0, 14, 4000)) % 700 - 600
    steps[random.random(4000) < 0.2] = np.nan
    assert all(k.probability < 0.6 for k in karar_candidates(melody_of_cents(steps)))


def test_two_notes_are_not_stated_with_confidence():
    assert all(k.probability < 0.3 for k in karar_candidates(held((31, 0.8), (0, 0.8))))


def test_a_clip_is_less_sure_than_the_whole_and_says_so():
    whole = composed("Rast")
    clip = cut(whole, 60, 90)
    assert karar_candidates(clip)[0].probability < karar_candidates(whole)[0].probability
    assert "Less than 2 minutes" in karar_caution(clip)
    assert karar_caution(whole) == CUT
    silence = np.zeros(100)
    ended = Melody(np.append(whole.cents, silence + np.nan), np.append(whole.confidence, silence), whole.hop_s)
    assert karar_caution(ended) == ""


def test_a_recording_that_may_be_cut_is_less_sure():
    whole = composed("Rast")
    silence = np.zeros(100)
    ended = Melody(np.append(whole.cents, silence + np.nan), np.append(whole.confidence, silence), whole.hop_s)
    assert karar_candidates(whole)[0].probability < karar_candidates(ended)[0].probability


def test_a_drum_with_a_pitch_and_a_hum_have_no_karar():
    drum = held(*[(0, 0.4), (np.nan, 0.2)] * 200)
    strokes = held(*[(0, 0.4), (22, 0.2), (31, 0.2), (np.nan, 0.2)] * 120)
    for melody in (drum, strokes):
        assert karar_candidates(melody) == ()
        assert suggest_makams(melody, shipped_templates()).kind == "not enough"
    assert heights_in_use(steady_notes(strokes)) == 3
    assert heights_in_use(steady_notes(composed("Rast"))) >= 5


def test_candidates_are_two_commas_apart():
    found = [cents_of_hz(k.hz) for k in karar_candidates(composed("Hüzzam"), n=20)]
    apart = [abs(float(circular(a - b))) for i, a in enumerate(found) for b in found[:i]]
    assert min(apart) >= 2 * 1200 / 53


def test_a_minute_and_a_half_is_not_rounded_up():
    assert "1:41 of melody" in karar_caution(held(*[(0, 50.5), (9, 50.5)]))


def test_the_reason_names_the_end_and_the_share_of_the_melody():
    first = karar_candidates(composed("Rast"))[0]
    assert first.reason.startswith("The last steady note is on this pitch. ")
    assert "% of the melody" in first.reason


def test_the_exact_pitch_follows_the_end_of_a_performer_who_sinks():
    notes = steady_notes(held((0.5, 1.0), (31, 1.0), (0.2, 1.0), (22, 1.0), (0.0, 2.0)))
    assert exact_pitch(notes, cents_of_hz(KARAR_HZ) + 8) == pytest.approx(cents_of_hz(KARAR_HZ), abs=2)


def test_the_octave_is_the_one_that_is_played_at_the_end():
    notes = steady_notes(held((53, 2.0), (31, 1.0), (22, 1.0), (0, 2.0)))
    assert exact_pitch(notes, cents_of_hz(KARAR_HZ) % 1200) == pytest.approx(cents_of_hz(KARAR_HZ), abs=1)
