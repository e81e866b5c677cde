"""Which answer of a person counts, and which clips need no further answer."""

import pytest

from core import store
from core.labelling import agreement, truth
from core.labelling.queue import answer_and_comment, desk
from core.labelling.truth import set_raters_needed, stored_truth


def say(db, clip_id, rater="Ece", label="sad", **more):
    return store.add_feedback(db, token=store.new_token(), rater=rater, label=label, clip_id=clip_id, **more)


def test_agreed_and_adjudicated_clips_are_settled_and_no_others(opened, put):
    for name in ("agreed", "open", "disputed", "skipped", "adjudicated", "as none", "untouched"):
        put(name)
    for rater in ("Ece", "Can"):
        say(opened, "agreed", rater)
    say(opened, "open")
    for name in ("disputed", "adjudicated", "as none"):
        say(opened, name, "Ece", "sad"), say(opened, name, "Can", "relax")
    say(opened, "skipped", label=None, skip_reason="ambiguous")
    say(opened, "adjudicated", "Boss", "relax", adjudication=True)
    say(opened, "as none", "Boss", None, skip_reason="none of the four", adjudication=True)
    found = stored_truth(opened)
    settled = {"agreed", "adjudicated", "as none"}
    assert truth.settled_clips(found) == settled
    assert set(found.index[truth.is_settled(found)]) == settled
    asked = {item.clip_id for item in desk(opened, rater="Naz", verified=False).items}
    assert asked == {"open", "disputed", "skipped", "untouched"}
    assert desk(opened, rater="Naz", verified=False).progress.settled == 3


def test_nothing_said_settles_nothing(opened):
    assert truth.settled_clips(stored_truth(opened)) == set()


def test_the_latest_answer_counts_and_a_skip_is_one(opened, put):
    put("a")

    def table():
        return store.feedback_table(opened, rater="Ece", verified=False, clip_id="a")

    assert truth.latest_answer(table()) is None
    say(opened, "a", label="relax")
    say(opened, "a", label=None, skip_reason="ambiguous")
    assert truth.latest_answer(table()) == "ambiguous"
    store.undo(opened, token=store.new_token(), rater="Ece")
    assert truth.latest_answer(table()) == "relax"
    say(opened, "a", label="angry", adjudication=True)  # as an analyst: no answer of a rater
    assert truth.latest_answer(table()) == "relax"
    store.undo(opened, token=store.new_token(), rater="Ece")
    assert truth.latest_answer(table()) is None


def test_of_each_clip_the_latest_answer_is_listed_the_newest_clip_first_also_when_it_was_deleted(opened, put):
    for name in ("a", "b", "c"):
        put(name)
    say(opened, "a", label="relax")
    say(opened, "b")
    say(opened, "a", label="happy")
    say(opened, "c", label="angry")
    store.undo(opened, token=store.new_token(), rater="Ece")  # nothing stands of c
    say(opened, "b", label="relax", adjudication=True)
    store.delete_clip(opened, "b")
    table = truth.latest_answers(store.feedback_table(opened, rater="Ece", verified=False))
    assert table[["clip_id", "label", "deleted"]].to_numpy().tolist() == [["a", "happy", False], ["b", "sad", True]]
    assert truth.latest_answers(table.head(0)).empty


def test_the_page_of_a_prediction_and_the_desk_agree_on_what_counts(opened, put):
    put("a")
    say(opened, "a", label="relax")
    assert answer_and_comment(opened, "a", rater="Ece", verified=False) == ("relax", "")
    assert answer_and_comment(opened, "a", rater="Ece", verified=True) == (None, "")
    store.delete_clip(opened, "a")  # what is said of a deleted clip still comes back on the desk
    assert answer_and_comment(opened, "a", rater="Ece", verified=False) == ("relax", "")


def test_people_without_a_name_have_one_voice(opened, put):
    put("a")
    for name in ("anonymous 1f3a9c", "anonymous 2b", "Anonymous"):
        say(opened, "a", name)
    assert truth.settled_clips(stored_truth(opened)) == set()
    say(opened, "a", "Ece")
    assert truth.settled_clips(stored_truth(opened)) == {"a"}
    feedback = store.feedback_table(opened)
    assert agreement.current_answers(feedback)["rater"].tolist() == ["Anonymous", "Ece"]


def test_the_newest_settlement_is_found_also_when_it_was_taken_back(opened, put):
    put("a")
    say(opened, "a")
    assert truth.newest_settlement(store.feedback_table(opened)) is None
    assert truth.standing_settlement(store.feedback_table(opened)) is None
    first = say(opened, "a", "Boss", adjudication=True).feedback_id
    second = say(opened, "a", "Boss", "relax", adjudication=True).feedback_id
    store.undo(opened, token=store.new_token(), rater="Boss", feedback_id=second)
    feedback = store.feedback_table(opened)
    assert truth.newest_settlement(feedback) == second
    assert truth.standing_settlement(feedback)["feedback_id"] == first


@pytest.mark.parametrize("needed", [1, 3])
def test_how_many_have_to_agree_is_a_setting(opened, put, needed):
    put("a")
    set_raters_needed(opened, needed)
    say(opened, "a"), say(opened, "a", "Can")
    asked = desk(opened, rater="Naz", verified=False).items
    assert [item.clip_id for item in asked] == ([] if needed == 1 else ["a"])
