"""The karar and the makam of pieces: a correction wins, is undone once, and needs a right."""

from dataclasses import replace

import numpy as np
import pytest

from core import store
from core.access import AccessError, Person, Role, Setting
from core.errors import StoreError
from core.makam.analysis import Analysis
from core.makam.columns import ANALYSER
from core.makam.karar import KararCandidate
from core.makam.recognition import Suggestion, Suggestions

FEATURES = {"range_commas": 40.0, "drift_commas": float("nan"), "karar_share": 0.2, "evenness": 0.7}


def found(hz: float = 220.0, makam: str = "Uşşak") -> Analysis:
    suggestions = Suggestions("unsure", (Suggestion(makam, 0.5, hz),), "")
    return Analysis(180.0, 150.0, (KararCandidate(hz, 0.8, "The last note."),), hz, suggestions, None, FEATURES)


def by(opened, name, role=Role.THERAPIST):
    return opened.asked_by(lambda: Person(role, name, True, setting=Setting.LOGIN))


def test_results_come_back_and_are_replaced(opened):
    store.save_makam(opened, "abc", found())
    store.save_makam(opened, "abc", found(makam="Beyati"))
    row = store.makam_table(opened, ["abc"]).loc["abc"]
    assert row[["karar_hz", "karar_from", "makam", "makam_kind"]].tolist() == [220.0, "measured", "Beyati", "unsure"]
    assert np.isnan(row["drift_commas"])
    assert row["range_commas"] == 40.0
    assert store.makam_table(opened, ["other"]).empty


def test_a_piece_without_a_karar_is_stored(opened):
    nothing = Suggestions("not enough", (), "")
    store.save_makam(opened, "noise", Analysis(30, 0, (), None, nothing, None, dict.fromkeys(FEATURES, np.nan)))
    row = store.makam_table(opened).loc["noise"]
    assert np.isnan(row["karar_hz"])
    assert row[["karar_from", "makam"]].tolist() == ["", ""]


def test_a_correction_wins_and_each_undo_goes_one_step_back(opened):
    store.save_makam(opened, "abc", found())
    first = store.correct_karar(by(opened, "ayşe@x.org"), "abc", 293.7, name="Şarkı.mp3", measured_hz=220.0)
    second = store.correct_karar(by(opened, "ece@x.org"), "abc", 294.0)
    assert store.makam_table(opened).loc["abc", ["karar_hz", "karar_from"]].tolist() == [294.0, "person"]
    assert store.karar_word(opened, "abc").said_by == "ece@x.org (login)"
    assert store.undo_karar(by(opened, "ece@x.org"), second)
    assert not store.undo_karar(by(opened, "ece@x.org"), second)
    assert store.karar_word(opened, "abc").karar_hz == 293.7
    assert store.karar_words_table(opened)["name"].tolist() == ["Şarkı.mp3"]
    assert store.undo_karar(by(opened, "ece@x.org"), first)
    assert store.karar_word(opened, "abc") is None
    assert store.makam_table(opened).loc["abc", ["karar_hz", "karar_from"]].tolist() == [220.0, "measured"]


def test_a_correction_counts_for_a_piece_without_results(opened):
    store.correct_karar(opened, "new", 196.0)
    row = store.makam_table(opened).loc["new"]
    assert row[["karar_hz", "karar_from", "makam"]].tolist() == [196.0, "person", ""]
    assert store.without_makam(opened, ["new", "new", "other"], ANALYSER) == ["new", "other"]


def test_pieces_are_measured_again_with_other_templates_and_have_one_result(opened):
    store.save_makam(opened, "abc", replace(found(), analyser=f"{ANALYSER} one"))
    assert store.without_makam(opened, ["abc"], f"{ANALYSER} one") == []
    assert store.without_makam(opened, ["abc"], f"{ANALYSER} two") == ["abc"]
    store.save_makam(opened, "abc", replace(found(makam="Saba"), analyser=f"{ANALYSER} two"))
    assert store.makam_table(opened)["makam"].tolist() == ["Saba"]
    store.save_makam(opened, "abc", replace(found(), analyser="an older program"))
    assert store.makam_table(opened).empty


@pytest.mark.parametrize("hz", [0.0, -1.0, 19.9, 2001.0, float("nan"), float("inf")])
def test_what_can_be_no_karar_is_refused(opened, hz):
    with pytest.raises(StoreError, match="was not stored"):
        store.correct_karar(opened, "abc", hz)
    assert store.karar_words_table(opened).empty


def test_raters_may_not_correct(opened):
    number = store.correct_karar(opened, "abc", 220.0)
    rater = by(opened, "rater@x.org", Role.RATER)
    for ask in (lambda: store.correct_karar(rater, "abc", 230.0), lambda: store.undo_karar(rater, number)):
        with pytest.raises(AccessError):
            ask()
    assert store.karar_word(opened, "abc").karar_hz == 220.0
