"""The theory of the makams."""

import pandas as pd
import pytest

from core.errors import CoreError
from core.makam.commas import PERDES, perde_name
from core.makam.theory import MAKAMS, Makam, key_of, makam_named
from core.makams import COMMAS, USULS
from core.makams import MAKAMS as SYNTHETIC


def test_each_makam_of_the_reference_recordings_is_here(shared):
    named = pd.read_csv(shared / "makam" / "recordings.csv")["makam"].unique()
    assert {key_of(name) for name in named} == set(MAKAMS)


@pytest.mark.parametrize("makam", MAKAMS.values(), ids=lambda makam: makam.name)
def test_the_scale_ends_on_the_octave_and_the_guclu_is_one_of_its_degrees(makam):
    assert sum(makam.steps) == COMMAS
    assert makam.karar in PERDES
    assert {commas % COMMAS for commas in makam.guclu_commas} <= set(makam.degrees)


@pytest.mark.parametrize("makam", MAKAMS.values(), ids=lambda makam: makam.name)
def test_each_degree_is_a_perde(makam):
    numbers = {number % COMMAS for number in PERDES.values()}
    assert {(PERDES[makam.karar] + degree) % COMMAS for degree in makam.degrees} <= numbers


def test_segah_ascends_and_its_leading_note_is_kurdi():
    segah = makam_named("Segâh")
    assert segah.seyir == "ascending"
    assert perde_name(segah.degrees[-1] - COMMAS, "segâh") == "kürdî"
    assert SYNTHETIC["Segâh"] == segah.steps


def test_the_beats_of_curcuna_are_uneven():
    strokes = USULS["Curcuna (10/8)"]
    assert len(strokes) == 10
    assert [k for k, stroke in enumerate(strokes) if stroke != "."] == [0, 2, 3, 5, 7, 9]


def test_scales_and_perdes_agree():
    assert [perde_name(c, "rast") for c in makam_named("Rast").degrees[:5]] == [
        "rast",
        "dügâh",
        "segâh",
        "çargâh",
        "nevâ",
    ]
    assert perde_name(makam_named("Hicaz").degrees[1], "dügâh") == "dik kürdî"
    assert [perde_name(c, "dügâh") for c in makam_named("Saba").degrees[:4]] == ["dügâh", "segâh", "çargâh", "hicaz"]


@pytest.mark.parametrize("name", ["Kürdîlihicazkâr", "KÜRDİLİ HİCAZKÂR", "kurdili-hicazkar"])
def test_a_makam_is_found_in_each_usual_spelling(name):
    assert makam_named(name).name == "Kürdilihicazkâr"


def test_an_unknown_makam_is_refused_with_the_known_ones():
    with pytest.raises(CoreError, match="The theory of 'Dügâh' is not here. Choose one of: Acemaşiran, "):
        makam_named("Dügâh")


def test_a_scale_that_misses_the_octave_is_refused():
    with pytest.raises(ValueError, match="add up to 52 commas"):
        Makam("X", "rast", ("nevâ",), (9, 8, 5, 9, 9, 8, 4), "ascending")
