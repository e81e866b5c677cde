"""The answer form below one prediction: stored once, changed, taken back, and one voice for one person."""

from types import SimpleNamespace

import pytest
from answers import stored_answers

from core import store
from core.errors import StoreError
from core.labelling import answer_form
from core.labelling.answer_form import AnswerForm, TakenBack
from core.labelling.truth import stored_truth
from core.models.prediction import Prediction
from core.schema import EMOTIONS
from core.store import Rater

ECE = Rater("Ece", False, "rater")
SESSION = "1f3a9c77"
NAMELESS = "anonymous 1f3a9c"


@pytest.fixture
def scored(opened, put):
    """A clip whose prediction is on the screen, as far as an answer asks of it."""
    clip_id = put("a")
    number = int(store.predictions_table(opened)["prediction_id"].iloc[0])
    said = Prediction(clip_id, "m1", "x 1", {e: 0.6 if e == "sad" else 0.4 / 3 for e in EMOTIONS})
    return SimpleNamespace(clip_id=clip_id, prediction_id=number, prediction=said)


@pytest.fixture
def say(opened, scored):
    def answered(form, label, person=ECE, *, comment="", session=SESSION):
        answer_form.store_answer(form, opened, scored, person, session=session, label=label, comment=comment)

    return answered


def rows(db):
    table = store.feedback_table(db)
    return [tuple(row) for row in table[["kind", "rater"]].assign(label=table["label"].fillna("")).to_numpy().tolist()]


def test_the_guess_counts_as_shown_and_the_same_answer_sent_twice_is_one(opened, scored, say):
    form = AnswerForm()
    say(form, "happy"), say(form, "happy")
    (row,) = store.feedback_table(opened).to_dict("records")
    assert (row["display"], row["shown_label"], row["source"]) == ("shown", "sad", "predict")
    assert (row["rater"], row["label"]) == ("Ece", "happy")
    assert form.remark == "This answer was already stored."


@pytest.mark.parametrize("changed", [{"label": "angry"}, {"label": "sad", "comment": "slow"}])
def test_a_changed_answer_is_another_row(opened, say, changed):
    form = AnswerForm()
    say(form, "sad")
    say(form, **changed)
    assert [row[0] for row in rows(opened)] == ["answer", "answer"]


def test_undo_says_what_counts_then_and_takes_back_the_answer_on_the_screen_only(opened, scored, say):
    form = AnswerForm()
    say(form, "sad"), say(form, "happy")
    number = form.feedback_id
    for _ in range(2):  # pressed twice
        answer_form.take_back_answer(form, opened, scored, number)
    assert form.taken_back == TakenBack("happy", left="sad")
    assert form.given is None
    assert [row[0] for row in rows(opened)] == ["answer", "answer", "undo"]
    say(form, "happy")  # the same answer again is a new one
    assert form.taken_back is None
    assert rows(opened)[-1] == ("answer", "Ece", "happy")
    answer_form.take_back_answer(form, opened, scored, number)  # the button of the answer before
    assert stored_answers(opened)["label"].tolist() == ["happy"]


def test_when_no_answer_is_left_it_is_none(opened, scored, say):
    form = AnswerForm()
    say(form, "sad")
    answer_form.take_back_answer(form, opened, scored, form.feedback_id)
    assert form.taken_back == TakenBack("sad", left=None)


def test_an_answer_from_before_the_name_is_taken_back(opened, say):
    form = AnswerForm()
    say(form, "sad", None), say(form, "relax", None)
    assert {rater for _, rater, _ in rows(opened)} == {NAMELESS}
    say(form, "happy", ECE)
    assert form.remark == answer_form.NAME_CAME_LATER
    standing = stored_answers(opened)
    assert standing[["rater", "label"]].to_numpy().tolist() == [["Ece", "happy"]]
    say(form, "angry", ECE)
    assert form.remark == ""


def test_an_answer_of_another_session_without_a_name_is_not_taken_back(opened, say):
    say(AnswerForm(), "sad", None, session="2b2b2b2b")
    say(AnswerForm(), "happy", ECE)
    assert sorted(stored_answers(opened)["label"]) == ["happy", "sad"]


def test_two_sessions_without_a_name_are_two_in_the_trail_and_one_voice(opened, say):
    for session in ("1f3a9c77", "2b2b2b2b"):
        say(AnswerForm(), "sad", None, session=session)
    assert len({rater for _, rater, _ in rows(opened)}) == 2
    assert stored_truth(opened)[["status", "votes"]].to_numpy().tolist() == [["open", 1]]


def test_the_same_name_with_a_login_is_another_answer(opened, say):
    form = AnswerForm()
    say(form, "sad", ECE), say(form, "sad", Rater("Ece", True, "rater"))
    assert store.feedback_table(opened)["verified"].tolist() == [False, True]


def test_an_answer_that_cannot_be_stored_changes_nothing_on_the_screen(opened, scored, say):
    form = AnswerForm()
    say(form, "sad")
    scored.prediction_id = None
    with pytest.raises(StoreError, match="was not stored"):
        say(form, "happy")
    assert form.given.label == "sad"
