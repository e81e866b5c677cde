"""What the Makam page says of a recording, without opening the page."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from core.errors import CoreError
from core.makam.karar import KararCandidate
from core.makam.recognition import SCALE_ONLY, Suggestion, Suggestions
from core.makam.theory import MAKAMS
from pages.figures.makam import apart_names
from pages.views.makam import choice, compare_view, measuring, melody_view, reading, results

THREE = tuple(Suggestion(name, p, 220.0) for name, p in (("Rast", 0.96), ("Neva", 0.038), ("Mahur", 0.002)))
UNSURE = Suggestions("unsure", THREE, "Several makams fit.")


def shown(*, karar_hz=220.0, tag="", makam="rast", own_track=False):
    candidates = () if karar_hz is None else (KararCandidate(karar_hz, 0.9, ""),)
    found = SimpleNamespace(candidates=candidates, karar_hz=karar_hz, suggestions=UNSURE)
    piece = pd.Series({"makam": tag, "title": "a", "artist": "b"})
    recording = choice.Recording(SimpleNamespace(name="a.mp3", digest="d"), "abc", piece)
    return reading.Shown(recording, "own melody", found, None, own_track, MAKAMS.get(makam), None)


def test_without_a_karar_no_perde_is_named():
    lines = melody_view.perde_lines(shown(karar_hz=None), pd.Series([0.0, 31.0]))
    assert lines == [(0, "La"), (9, "+9"), (17, "+17"), (22, "+22"), (31, "+31")]
    assert melody_view.perde_lines(shown(makam=""), pd.Series([0.0, 9.0]))[0] == (0, "karar")
    assert melody_view.perde_lines(shown(), pd.Series([0.0, 9.0]))[:2] == [(0, "rast"), (9, "dügâh")]


def test_the_theory_says_whether_it_is_a_suggestion_or_a_tag():
    assert shown().makam_in_words == "Rast (suggested, 96 %)"
    assert shown(tag="RAST").makam_in_words == "Rast (in the tags; suggested, 96 %)"
    assert shown(makam="ussak").makam_in_words == "Uşşak"


def test_the_tag_and_the_suggestion_are_compared():
    assert reading.tag_in_words("Uşşak", UNSURE) == "Makam in the tags: Uşşak. The first suggestion is another one."
    assert reading.tag_in_words("rast", UNSURE).endswith("is the same.")
    assert reading.tag_in_words("Isfahan", replace(UNSURE, three=())) == "Makam in the tags: Isfahan."


def test_no_suggestion_reads_as_0_percent():
    assert [s.name for s in reading.likely(UNSURE)] == ["Rast", "Neva"]


def test_what_suggestions_are_worth_is_said_without_the_words_of_the_help():
    assert (
        reading.in_words(replace(UNSURE, reason=f"A person has to choose. {SCALE_ONLY}")) == "A person has to choose."
    )


def test_the_stored_results_come_from_the_measured_melody(monkeypatch):
    seen = []
    monkeypatch.setattr(results, "melody_of", lambda content, source: "measured melody")
    monkeypatch.setattr(results, "analyse", lambda melody, used, karar_hz: seen.append((melody, karar_hz)))
    monkeypatch.setattr(results, "save_makam", lambda store, content, found: None)
    monkeypatch.setattr(results, "templates", lambda: None)
    store = SimpleNamespace(by=SimpleNamespace(may=lambda action: True))
    results.store_again(replace(shown(own_track=True), store=store), karar_hz=230.0)
    assert seen == [("measured melody", 230.0)]


def test_zones_of_rest_are_in_the_order_of_time():
    held = pd.DataFrame({"start_s": [1.0, 20.0], "seconds": [2.0, 5.0], "commas": [-0.01, 31.0], "perde": ["", ""]})
    table = melody_view.rests_table(held)
    assert table["at"].tolist() == ["0:01", "0:20"]
    assert not np.signbit(table["commas"].iloc[0])


def test_names_of_perdes_do_not_cover_one_another():
    lines = [(0, "dügâh"), (4, "kürdî"), (5, "dik kürdî"), (53, "muhayyer"), (54, "a"), (100, "b")]
    assert apart_names(lines) == ["dügâh", "", "dik kürdî", "muhayyer", "", "b"]
    assert apart_names([]) == []


def test_a_piece_is_found_by_the_name_of_its_file():
    pieces = pd.DataFrame(
        {"title": ["Nihavend", "02_a"], "artist": ["Ece", ""], "file_name": ["01.mp3", "02_a.mp3"]}, ["p", "q"]
    )
    assert choice.with_file_names(pieces) == {"p": "Nihavend — Ece · 01.mp3", "q": "02_a"}


def test_groups_that_are_too_few_name_those_that_would_do():
    rows = pd.DataFrame({key: ["x"] * 4 for key in compare_view.BY}).assign(makam=["Rast", "Rast", "Saba", "Saba"])
    said = compare_view.too_few_groups(rows, "performer")
    assert "Grouped by performer" in said
    assert f"can be compared by: {compare_view.BY['makam']}." in said


def test_the_makam_of_one_recording_is_forgotten_for_the_next(monkeypatch):
    state = {}
    monkeypatch.setattr(reading, "st", SimpleNamespace(session_state=state))
    for content, kept in (("a", False), ("a", True), ("b", False)):
        reading._forget_theory_of_others(content)
        assert ("theory" in state) == kept
        state["theory"] = "rast"


def test_a_pulse_that_cannot_be_measured_is_a_sentence(monkeypatch):
    def full(content, source):
        raise CoreError("The line is full. Try again in a minute.")

    written = []
    monkeypatch.setattr(measuring, "pulse", full)
    monkeypatch.setattr(reading, "st", SimpleNamespace(markdown=lambda text, help: written.append(text)))
    reading._pulse(shown())
    assert [text.replace("\\", "") for text in written] == ["**Pulse** The line is full. Try again in a minute."]


def test_the_pulse_waits_in_the_line_of_the_server(monkeypatch):
    asked = []
    monkeypatch.setattr(measuring, "_remembered", measuring.Remembered)
    monkeypatch.setattr(measuring.waiting, "result", lambda task, **options: asked.append(options["what"]))
    measuring.pulse("abc", None)
    assert asked[0][:2] == ("pulse", "abc")


def test_a_file_with_a_mood_tag_is_still_the_same_recording(monkeypatch):
    file = SimpleNamespace(getvalue=lambda: b"", name="a.mp3")
    monkeypatch.setattr(choice.uploads, "file_field", lambda *args, **options: file)
    monkeypatch.setattr(choice.decoding, "inspect", lambda *args, **options: SimpleNamespace(digest="tagged"))
    monkeypatch.setattr(choice, "first_content", lambda store, digest: {"tagged": "first"}[digest])
    store = SimpleNamespace(by=SimpleNamespace(may=lambda action: True))
    assert choice._uploaded(store).content == "first"
    assert choice._uploaded(None).content == "tagged"


@pytest.mark.parametrize(("asked", "missing"), [("Yok_", True), ("p", False), ("Nihavend — Ece · 01.mp3", False)])
def test_a_piece_of_an_address_that_is_not_found_is_named(monkeypatch, asked, missing):
    said = []
    page = SimpleNamespace(
        query_params={"piece": asked}, session_state={}, selectbox=lambda *args, **options: None,
        info=lambda text, icon: said.append(text),
    )  # fmt: skip
    monkeypatch.setattr(choice, "st", page)
    pieces = pd.DataFrame({"title": ["Nihavend"], "artist": ["Ece"], "file_name": ["01.mp3"]}, ["p"])
    monkeypatch.setattr(choice, "library", lambda store: pieces)
    assert choice._of_library(None) is None
    assert any("was not found" in text for text in said) == missing
