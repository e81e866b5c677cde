"""Suggestions of the makam: from composed melodies, and from published ones."""

from collections import Counter

import numpy as np
import pytest
from composed import KARAR_HZ, composed, cut, melody_of_cents

from core.makam.commas import cents_of_hz
from core.makam.description import circular
from core.makam.karar import karar_candidates
from core.makam.learning import learn
from core.makam.lessons import lessons_of_tracks
from core.makam.melody import Melody
from core.makam.recognition import suggest_makams
from core.makam.scores import compose
from core.makam.synthesis import true_melody
from core.makam.templates import shipped_templates
from core.makam.theory import Makam, key_of, makam_named

FAR_APART = ("Hicaz", "Mahur", "Saba", "Segah")  # makams whose scales differ


@pytest.mark.parametrize("name", ["Hicaz", "Rast", "Segâh", "Saba", "Acemkürdi"])
def test_the_makam_of_a_composed_melody_is_among_three(name):
    found = suggest_makams(composed(name), shipped_templates())
    assert name in [s.name for s in found.three]
    assert len(found.three) == 3


def test_shipped_templates_never_call_a_suggestion_clear():
    found = suggest_makams(composed("Hicaz"), shipped_templates())
    assert found.kind == "unsure"
    assert "never call a suggestion clear. About 50 % of the first suggestions are right." in found.reason
    assert "Only 20 makams are known here: Acemaşiran, " in found.reason
    assert "A makam is more than that" in found.reason


@pytest.mark.parametrize("name", ["Uşşak", "Kürdi", "Buselik"])
def test_shipped_templates_are_not_surer_than_they_are_right(name):
    kurdi, buselik = (4, 9, 9, 9, 4, 9, 9), (9, 4, 9, 9, 4, 9, 9)  # makams that the templates do not know
    steps = {"Uşşak": makam_named("Uşşak").steps, "Kürdi": kurdi, "Buselik": buselik}[name]
    makam = Makam(name, "dügâh", ("nevâ",), steps, "ascending")
    melody = true_melody(compose(makam, 220.0, seconds=90, seed=4), "bowed")
    assert suggest_makams(melody, shipped_templates()).three[0].probability <= shipped_templates().trust.most < 0.8


def test_thirty_seconds_are_not_enough():
    found = suggest_makams(cut(composed("Hicaz"), 60, 90), shipped_templates())
    assert (found.kind, found.three) == ("not enough", ())
    assert "Use the whole recording." in found.reason


@pytest.mark.parametrize("cents", [np.full(6000, np.nan), np.full(6000, -300.0)], ids=["silence", "one long tone"])
def test_what_is_no_melody_gets_no_suggestion(cents):
    assert suggest_makams(melody_of_cents(cents), shipped_templates()).kind == "not enough"


def test_a_transposed_melody_has_the_same_suggestions():
    melody = composed("Rast")
    higher = Melody(melody.cents + 641.0, melody.confidence, melody.hop_s)
    names = [[s.name for s in suggest_makams(m, shipped_templates()).three] for m in (melody, higher)]
    assert names[0] == names[1]


def test_the_karar_of_a_person_is_the_karar_of_each_suggestion():
    found = suggest_makams(composed("Uşşak"), shipped_templates(), karar_hz=2 * KARAR_HZ)
    assert [s.karar_hz for s in found.three] == [2 * KARAR_HZ] * 3
    wrong = suggest_makams(composed("Uşşak"), shipped_templates(), karar_hz=KARAR_HZ * 2 ** (9 / 53))
    assert {s.name for s in wrong.three} != {s.name for s in found.three}


@pytest.fixture(scope="module")
def recordings(shared):
    """Melodies of published recordings: 15 of each of four makams."""
    counts = Counter()
    chosen = []
    for lesson in lessons_of_tracks(shared / "makam"):
        counts[lesson.makam] += 1
        if lesson.makam in FAR_APART and counts[lesson.makam] <= 15:
            chosen.append(lesson)
    return chosen


def test_published_recordings_have_the_right_karar_and_makam_with_learned_templates(recordings):
    learned = learn([lesson for k, lesson in enumerate(recordings) if k % 3]).templates
    left_out = recordings[::3]
    karars = [karar_candidates(lesson.melody, templates=learned)[0].hz for lesson in left_out]
    off = [
        abs(circular(cents_of_hz(a) - cents_of_hz(lesson.karar_hz))) for a, lesson in zip(karars, left_out, strict=True)
    ]
    names = [suggest_makams(lesson.melody, learned).three[0].name for lesson in left_out]
    right = [key_of(a) == key_of(lesson.makam) for a, lesson in zip(names, left_out, strict=True)]
    assert len(left_out) == 20
    assert np.mean(np.array(off) <= 25) >= 0.9
    assert np.mean(right) >= 0.8


def test_published_recordings_have_the_right_karar_among_three_with_shipped_templates(recordings):
    three = [[k.hz for k in karar_candidates(lesson.melody)] for lesson in recordings[::4]]
    known = [cents_of_hz(lesson.karar_hz) for lesson in recordings[::4]]
    near = [min(abs(circular(cents_of_hz(a) - k)) for a in found) <= 25 for found, k in zip(three, known, strict=True)]
    assert np.mean(near) >= 0.85
