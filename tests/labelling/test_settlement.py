"""Who may settle a dispute, who may overrule a settlement, and which press counts."""

import pytest

from core import store
from core.errors import CoreError, StoreError
from core.labelling import settlement, truth
from core.labelling.settlement import Pace
from core.labelling.truth import stored_truth
from core.store import Rater

BOSS, CHIEF = Rater("Boss", False, "analyst"), Rater("Chief", False, "analyst")


@pytest.fixture
def clip(opened, put):
    """A clip on which two raters differ."""
    put("a")
    for rater, label in (("Ece", "sad"), ("Can", "relax")):
        store.add_feedback(opened, token=store.new_token(), rater=rater, label=label, clip_id="a")
    return "a"


def settle(db, clip, person=BOSS, verdict="sad", *, seen=None, token=None, **more):
    return settlement.settle(db, person, clip, verdict, token=token or store.new_token(), seen=seen, **more)


def label(db, clip):
    return stored_truth(db).loc[clip, "label"]


@pytest.mark.parametrize("verdict", settlement.VERDICTS)
def test_a_settlement_decides_also_that_it_is_none_of_the_four(opened, clip, verdict):
    settle(opened, clip, verdict=verdict, comment="the tempo decides")
    found = stored_truth(opened).loc[clip]
    assert found["status"] == "adjudicated"
    row = store.feedback_table(opened).iloc[-1]
    assert (row["kind"], row["rater"], row["comment"]) == ("adjudication", "Boss", "the tempo decides")
    assert verdict in (row["label"], row["skip_reason"])


def test_a_clip_cannot_be_settled_as_something_else(opened, clip):
    with pytest.raises(StoreError, match="reason to skip"):
        settle(opened, clip, verdict="perhaps")
    assert len(store.feedback_table(opened)) == 2


def test_a_rater_settles_nothing_and_takes_no_settlement_back(opened, clip):
    settle(opened, clip)
    former = Rater("Boss", False, "rater")
    with pytest.raises(CoreError, match="Boss is no longer an analyst"):
        settle(opened, clip, former, "relax")
    with pytest.raises(CoreError, match="Boss is no longer an analyst"):
        settlement.take_back_settlement(opened, former)
    assert label(opened, clip) == "sad"


def test_the_same_settlement_sent_twice_is_one(opened, clip):
    token = store.new_token()
    first = settle(opened, clip, token=token)
    again = settle(opened, clip, token=token)
    assert (first.new, again.new, again.feedback_id) == (True, False, first.feedback_id)
    with pytest.raises(StoreError, match="already sent with the answer 'sad'"):
        settle(opened, clip, verdict="relax", token=token)


def test_nobody_overrules_a_settlement_that_they_have_not_seen(opened, clip):
    first = settle(opened, clip, CHIEF, "relax").feedback_id
    with pytest.raises(StoreError, match="Someone else settled this clip after you opened it"):
        settle(opened, clip, BOSS, "sad", seen=None)
    assert label(opened, clip) == "relax"
    settle(opened, clip, BOSS, "sad", seen=first)  # knowing of it, an analyst may
    assert label(opened, clip) == "sad"
    with pytest.raises(StoreError, match="Someone else settled this clip"):
        settle(opened, clip, CHIEF, "angry", seen=first)


def test_a_settlement_that_was_taken_back_meanwhile_has_to_be_seen_as_well(opened, clip):
    settle(opened, clip, CHIEF, "relax")
    settlement.take_back_settlement(opened, CHIEF)
    with pytest.raises(StoreError, match="Someone else settled this clip"):
        settle(opened, clip, BOSS, seen=None)
    settle(opened, clip, BOSS, seen=truth.newest_settlement(store.feedback_table(opened)))


def test_ones_own_settlement_is_no_surprise(opened, clip):
    settle(opened, clip, BOSS, "sad")
    settle(opened, clip, BOSS, "relax", seen=None)  # in a second tab
    assert label(opened, clip) == "relax"


def test_the_same_name_with_a_login_is_somebody_else(opened, clip):
    settle(opened, clip, Rater("Boss", True, "analyst"), "relax")
    with pytest.raises(StoreError, match="Someone else settled this clip"):
        settle(opened, clip, BOSS, "sad")


def test_a_settlement_of_another_clip_is_no_matter(opened, clip, put):
    settle(opened, put("b"), CHIEF, "relax")
    settle(opened, clip, BOSS, "sad")
    assert label(opened, clip) == "sad"


def test_whoever_settles_first_wins_also_when_the_other_is_about_to_write(opened, clip, monkeypatch):
    """Chief's settlement is stored between the press of Boss and the transaction that stores it."""
    write = store.answers.write

    def later(db, work):
        monkeypatch.setattr(store.answers, "write", write)
        settle(db, clip, CHIEF, "relax")
        return write(db, work)

    monkeypatch.setattr(store.answers, "write", later)
    with pytest.raises(StoreError, match="Someone else settled this clip"):
        settle(opened, clip, BOSS, "sad")
    assert label(opened, clip) == "relax"
    assert store.feedback_table(opened)["kind"].tolist() == ["answer", "answer", "adjudication"]


# taking a settlement back


def test_the_newest_own_settlement_is_taken_back_and_no_answer(opened, clip, put):
    settle(opened, clip), settle(opened, put("b"), verdict="angry")
    store.add_feedback(opened, token=store.new_token(), rater="Boss", label="happy", clip_id=put("c"))
    settle(opened, put("d"), CHIEF)
    assert settlement.take_back_settlement(opened, BOSS) == "b.wav"
    assert settlement.take_back_settlement(opened, BOSS) == "a.wav"
    assert settlement.take_back_settlement(opened, BOSS) is None
    found = stored_truth(opened)["status"].to_dict()
    assert found == {"a": "disputed", "c": "open", "d": "adjudicated"}


# which press counts


def test_a_press_counts_on_a_machine_that_was_just_booted_only_after_the_clip_was_heard(clock):
    pace = Pace(clock)
    assert settlement.accept_press(pace, settles=False)  # half a second after the boot, and nothing before
    clock.wait()
    settlement.show_clip(pace, "a")
    clock.wait(0.9)
    settlement.show_clip(pace, "a")  # drawn again
    assert not settlement.accept_press(pace, settles=True)
    clock.wait(0.9)
    assert not settlement.accept_press(pace, settles=True)  # the press before was a moment ago
    clock.wait(1.0)
    assert settlement.accept_press(pace, settles=True)


def test_a_key_that_is_held_down_settles_one_clip(clock):
    pace = Pace(clock)
    settlement.show_clip(pace, "a")
    clock.wait()
    counts = []
    for _ in range(30):
        counts.append(settlement.accept_press(pace, settles=True))
        settlement.show_clip(pace, "b")
        clock.wait(0.1)
    assert counts == [True] + [False] * 29


def test_undo_needs_no_time_to_hear_the_clip_that_came(clock):
    pace = Pace(clock)
    settlement.show_clip(pace, "a")
    clock.wait(0.1)
    assert settlement.accept_press(pace, settles=False)
    clock.wait(0.1)
    assert not settlement.accept_press(pace, settles=False)
