"""The course of a melody and its form: known scores give known rests, edges and repeats."""

import numpy as np
import pytest

from core.makam.commas import karar_height, note_name
from core.makam.form import form_of
from core.makam.melody import Melody
from core.makam.seyir import course, joined, notes_of, rests
from core.makam.synthesis import Score, true_melody
from core.makam.theory import makam_named

KARAR = 220.0
RAST = makam_named("Rast")
SCALE = np.array([0, 9, 17, 22, 31, 40, 48, 53.0])


def sung(*notes: tuple[float, float]) -> Melody:
    return true_melody(Score("Rast", KARAR, *zip(*notes, strict=True)), "blown")


def walk(seed: int, seconds: float) -> list[tuple[float, float]]:
    """A melody without a plan, which turns back at the ends of the scale."""
    rng = np.random.default_rng(seed)
    degree, notes = int(rng.integers(0, 8)), []
    while sum(length for _, length in notes) < seconds:
        notes.append((float(SCALE[degree]), float(rng.choice([0.25, 0.5, 0.75]))))
        degree = int(np.abs(degree + rng.choice([-2, -1, 1, 2])))
        degree = degree if degree < 8 else 14 - degree
    return notes


def test_a_held_note_is_a_rest_with_its_perde():
    melody = sung((0, 0.5), (9, 0.5), (31, 3.0), (22, 0.5), (17, 0.4), (0, 2.5))
    held = rests(melody, KARAR, makam=RAST)
    assert held["perde"].tolist() == ["nevâ", "rast"]
    assert held["commas"].tolist() == pytest.approx([31, 0], abs=0.5)
    assert held["start_s"].tolist() == pytest.approx([1.0, 4.9], abs=0.3)
    assert held["seconds"].tolist() == pytest.approx([3.0, 2.5], abs=0.4)


def test_the_course_names_opening_summit_and_ending():
    rising = [(float(h), 1.0) for h in SCALE]
    melody = sung(*rising, *[(53.0, 1.0)] * 12, *rising[::-1], (0, 3.0))
    way = course(melody, KARAR, makam=RAST)
    assert way.opening.last_perde == "gerdâniye"
    assert way.ending.last_perde == "rast"
    assert way.ends_on_karar
    assert np.nanargmax(way.heights) in range(3, 9)


def test_a_recording_that_ends_before_its_last_note_does_not_end_on_the_karar():
    way = course(sung(*walk(1, 20), (0, 2.0), (9, 0.5), (22, 2.0)), KARAR, makam=RAST)
    assert not way.ends_on_karar
    assert way.ending.last_perde == "çargâh"


def test_a_melody_without_notes_has_no_edges():
    way = course(Melody(np.full(500, np.nan), np.zeros(500), 0.02), KARAR)
    assert (way.opening, way.ending, way.ends_on_karar) == (None, None, False)
    assert np.isnan(way.heights).all()


def test_an_ornament_does_not_end_a_note():
    notes = notes_of(sung((0, 1.0), (float("nan"), 0.15), (0, 1.0)))
    assert len(joined(notes)) == 1
    assert len(joined(notes_of(sung((0, 1.0), (9, 1.0))))) == 2


@pytest.mark.parametrize("octave", [0, 53])
def test_a_teslim_is_found_where_it_returns(octave):
    teslim = walk(7, 15)
    again = [(height + octave, length) for height, length in teslim]
    before, between = walk(1, 20), walk(2, 25)
    melody = sung(*before, *teslim, *between, *again, *walk(3, 10))
    first = sum(length for _, length in before)
    second = first + sum(length for _, length in [*teslim, *between])
    found = form_of(melody).repeats[0]
    assert found.start_s == pytest.approx(first, abs=4)
    assert found.again_s - found.start_s == pytest.approx(second - first, abs=1)
    assert found.seconds == pytest.approx(15, abs=7)


def test_a_melody_without_a_plan_returns_to_little():
    found = form_of(sung(*walk(11, 120))).repeats
    assert sum(repeat.seconds for repeat in found) < 15


def test_a_recording_of_a_second_has_a_form():
    form = form_of(sung((0, 1.0)))
    assert form.similarity.shape == (1, 1) or len(form.similarity) == 2
    assert form.repeats == ()


def test_frequencies_have_the_names_of_tempered_notes():
    assert [note_name(hz) for hz in (440.0, 261.63, 220 * 2 ** (-12 / 1200), 466.16)] == [
        *("A4", "C4", "A3 −12 cents", "A♯4"),
    ]
    assert karar_height(220 * 2 ** (-12 / 1200)) == "A"
    assert karar_height(466.16) == "A♯"


def test_without_a_makam_no_perde_is_named():
    melody = sung((0, 0.5), (31, 3.0), (0, 2.5))
    assert rests(melody, KARAR)["perde"].tolist() == ["", ""]
    assert course(melody, KARAR).ending.last_perde == ""


def test_a_rest_has_the_name_of_the_degree_that_it_is_near():
    held = rests(sung((0, 1.0), (21.2, 3.0), (0, 1.0)), KARAR, makam=makam_named("Uşşak"))
    assert held["perde"].tolist() == ["nevâ"]  # a comma lower is dik hicaz, which Uşşak does not have
