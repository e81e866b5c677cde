"""Names compared: spellings of one name, people without one, and names on the screen that tell raters apart."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.labelling import raters
from core.turkish import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ece", "ECE"),
        ("Işıl", "IŞIL"),
        ("Işıl", "ışıl"),
        ("İnci", "inci"),
        ("İnci", "INCI"),
        ("Ayşe", "Ayse"),
        ("Hüseynî", "HUSEYNI"),
        ("Ayşe", unicodedata.normalize("NFD", "Ayşe")),
        ("𝐄𝐜𝐞", "Ece"),
    ],
)
def test_spellings_of_one_name_are_one(one, other):
    assert one != other
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("Ece", "Efe"), ("Can", "Cane"), ("Ali Can", "Alican"), ("Ece 1", "Ece 2")])
def test_different_names_stay_different(one, other):
    assert fold(one) != fold(other)


def test_names_of_files_keep_their_marks_and_nothing_else():
    assert fold("GÜL.WAV", marks=True) == fold("gu\u0308l.wav", marks=True) == "gül.wav"
    assert fold("IŞIL", marks=True) == fold("işil", marks=True) == fold("İŞİL", marks=True)
    assert fold("Gül", marks=True) != fold("Gul", marks=True)


@given(st.text(), st.booleans())
def test_folded_again_a_text_stays_what_it_is(text, marks):
    folded = fold(text, marks=marks)
    assert fold(folded, marks=marks) == folded


@pytest.mark.parametrize(
    ("name", "none"),
    [
        ("anonymous", True),
        ("Anonymous", True),
        ("anonymous 1f3a9c", True),
        ("ANONYMOUS 1F3A9C", True),
        ("anonymous Bosch", False),
        ("anonymously", False),
        ("Ece", False),
    ],
)
def test_a_name_that_is_none_is_known(name, none):
    assert raters.nameless(name) == none
    assert raters.person(name, verified=False) == ("anonymous" if none else name)
    assert raters.person(name, verified=True) == name


RATERS = st.tuples(st.sampled_from(["a@x", "b"]), st.text(" (loginno)", max_size=12), st.booleans())


@given(RATERS, RATERS)
def test_no_two_raters_look_the_same(one, other):
    """Also not those whose names end in what is put behind a name."""
    first, second = ((name + end, verified) for name, end, verified in (one, other))
    assert (raters.shown(*first) == raters.shown(*second)) == (first == second)


def test_a_login_shows():
    assert raters.shown("a@x", verified=True) == "a@x (login)"
    assert raters.shown("a@x", verified=False) == "a@x"
    assert raters.shown("a@x (login)", verified=False) == "a@x (login) (no login)"
