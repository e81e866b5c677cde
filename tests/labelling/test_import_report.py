"""What an import says of the words of a file before it is stored, and of the result afterwards."""

import pandas as pd
import pytest
from answers import stored_answers

from core import store
from core.labelling.files import read_labels
from core.labelling.import_plan import apply_import, plan_from_store, plan_import
from core.labelling.import_report import what_was_stored, words_read, words_unknown

CLIPS = ("id-x", "id-y", "id-z")


@pytest.fixture
def empty(opened):
    """Three clips of which nobody has said anything."""
    for clip_id in CLIPS:
        store.add_clip(opened, clip_id, file_name=f"{clip_id}.wav", duration_s=30, sr=44100)
    return opened


def planned(db, data):
    rows, importer = read_labels(data), store.Rater("Deniz", False, "analyst")
    found = plan_from_store(db, rows, importer=importer)
    whole = plan_import(
        rows, store.clips_table(db), store.feedback_table(db), store.raters_table(db), importer=importer
    )
    pd.testing.assert_frame_equal(found, whole)
    return found


def what_stands(db):
    """Clip, rater and label of each answer that counts."""
    return stored_answers(db)[["clip_id", "rater", "label"]].to_numpy().tolist()


def settlement(label):
    return f"clip_id,label,rater,kind\nid-x,{label},Ece,adjudication\nid-y,sad,Ece,adjudication\n".encode()


@pytest.mark.parametrize("taken_back", [False, True])
def test_a_settlement_that_a_person_made_after_the_plan_stays(empty, taken_back):
    """Deniz plans an import; before it is stored, Boss settles one of the clips."""
    plan = planned(empty, settlement("happy"))
    assert plan["action"].tolist() == ["add", "add"]
    boss = store.Answer(store.new_token(), "Boss", "sad", clip_id="id-x")
    made = store.add_settlement(empty, boss, seen=None)
    if taken_back:
        store.undo(empty, token=store.new_token(), rater="Boss", feedback_id=made.feedback_id)
    imported = apply_import(empty, plan, token="one upload")
    assert (imported.rows, imported.overtaken) == ((2,), (1,))
    by_boss = [] if taken_back else [["id-x", "Boss", "sad"]]
    assert what_stands(empty) == [*by_boss, ["id-y", "Ece", "sad"]]
    told = what_was_stored(plan, imported)
    assert told.startswith("1 settlement was stored, of Ece (1). Not stored, because somebody answered or settled the")
    assert "row 1. Check these rows" in told


def test_an_answer_that_its_rater_gave_after_the_plan_stays(empty):
    plan = planned(empty, b"clip_id,label,rater\nid-x,happy,Ece\nid-y,happy,Ece\nid-x,happy,Can\n")
    store.add_feedback(empty, token=store.new_token(), rater="Ece", label="sad", clip_id="id-x")
    imported = apply_import(empty, plan, token="one upload")
    assert (imported.rows, imported.overtaken) == ((2, 3), (1,))
    assert what_stands(empty) == [["id-x", "Ece", "sad"], ["id-y", "Ece", "happy"], ["id-x", "Can", "happy"]]
    assert apply_import(empty, plan, token="one upload").rows == ()


def test_an_answer_and_a_settlement_of_one_person_are_both_stored(empty):
    data = b"clip_id,label,rater,kind\nid-x,sad,Ece,answer\nid-x,sad,Ece,adjudication\n"
    plan = planned(empty, data)
    assert apply_import(empty, plan, token="one upload").rows == (1, 2)
    assert planned(empty, data)["action"].tolist() == ["same", "same"]


def test_words_that_are_read_as_an_emotion_are_named_before_storing(empty):
    words = ["furious", "FURIOUS", "Sad", "üzgün", "angry", "calm", "excited", "Excited", "hapy", "happy;sad"]
    rows = "".join(f"{CLIPS[k % 3]},{word},R{k}\n" for k, word in enumerate(words))
    plan = planned(empty, f"clip_id,label,rater\n{rows}".encode())
    assert words_read(plan) == [
        "'furious' is read as angry (2 answers).",
        "'calm' is read as relax (1 answer).",
        "'üzgün' is read as sad (1 answer).",
    ]
    assert words_unknown(plan).startswith(
        "3 rows cannot be stored, because the program does not know the word for the emotion: 'excited' (2), 'hapy' (1)"
    )
    imported = apply_import(empty, plan, token="one upload")
    assert set(store.feedback_table(empty)["label"]) == {"angry", "relax", "sad"}
    told = what_was_stored(plan, imported)
    assert told.startswith("6 answers were stored, of R0 (1), R1 (1)")
    assert "Refused: 4 rows: " in told
    assert told.endswith("Settle a clip under Disputes if its label is wrong.")


def test_a_file_without_other_words_needs_no_sentence(empty):
    plan = planned(empty, b"clip_id,label\nid-x,SAD\nid-y, relax \nid-z,bad audio\n")
    assert words_read(plan) == []
    assert words_unknown(plan) == ""
