"""The rules of the label desk, with a clock that starts half a second after the machine was booted."""

import pytest
from answers import stored_answers

from core import store
from core.errors import StoreError
from core.labelling import desk, queue
from core.labelling.desk import Outcome, Seat


def rows(db, *columns):
    table = store.feedback_table(db)
    return [tuple(None if v != v else v for v in row) for row in table[list(columns)].itertuples(index=False)]


def on_desk(seat):
    return None if seat.form is None else seat.form.item.clip_id


def draw(seat, db, *, wanted=True):
    """What the page does when it shows the desk."""
    desk.refresh(seat, db)
    if seat.form is not None:
        desk.show_guess(seat, seat.form, wanted=wanted)
        desk.mark_drawn(seat, seat.form)
    desk.catch_up(seat, db)


def say(seat, db, label, clock, **more):
    """Listen, answer, and look at the next clip."""
    clock.wait()
    outcome = desk.answer(seat, db, seat.form, label=label, **more)
    draw(seat, db)
    return outcome


def undo(seat, db, clock):
    clock.wait()
    outcome = desk.take_back(seat, db, seat.undo_token)
    draw(seat, db)
    return outcome


@pytest.fixture
def hidden(monkeypatch):
    """Clips whose guess the coin hides; a test adds to it."""
    clips = set()
    monkeypatch.setattr("core.labelling.agreement.hides_guess", lambda clip_id, rater, **_: clip_id in clips)
    return clips


# too soon


@pytest.mark.parametrize(
    ("now_s", "events_s", "early"),
    [
        (0.5, (None,), False),  # just booted, and nothing ever happened
        (0.5, (None, None), False),
        (0.0, (), False),
        (1.4, (0.5,), True),
        (1.5, (0.5,), False),
        (10.0, (None, 9.5), True),
        (10.0, (9.5, 1.0), True),
        (10.0, (0.0, 9.0), False),
        (0.5, (0.0,), True),  # zero is a moment like any other
    ],
)
def test_a_press_is_too_soon_only_after_something_that_happened(now_s, events_s, early):
    assert desk.too_fast(now_s, *events_s) is early


def test_a_machine_that_was_just_booted_takes_the_first_undo(opened, put, clock):
    put("a")
    store.add_feedback(opened, token=store.new_token(), rater="Ece", label="sad", clip_id="a")
    seat = Seat(store.Rater("Ece", False, "rater"), clock=clock)
    draw(seat, opened)
    assert clock.now_s == 0.5
    assert desk.take_back(seat, opened, seat.undo_token).kind == "taken back"


def test_a_clip_needs_time_to_be_heard_from_the_moment_it_is_drawn(opened, put, clock, seat):
    put("a")
    desk.refresh(seat, opened)
    clock.wait(20)  # loading the page takes long
    draw(seat, opened)
    clock.wait(0.9)
    assert desk.answer(seat, opened, seat.form, label="sad") == Outcome("too soon")
    assert (rows(opened, "label"), on_desk(seat)) == ([], "a")
    clock.wait(0.9)  # more than a second after the clip came, but less after the press before
    assert desk.answer(seat, opened, seat.form, label="sad") == Outcome("too soon")
    clock.wait(1.0)
    assert desk.answer(seat, opened, seat.form, label="sad") == Outcome("stored", answer="sad")


def test_a_clip_that_is_drawn_again_keeps_its_moment(opened, put, clock, seat):
    put("a")
    draw(seat, opened)
    clock.wait(0.9)
    draw(seat, opened)
    clock.wait(0.1)
    assert desk.answer(seat, opened, seat.form, label="sad").kind == "stored"


def test_a_key_for_an_answer_that_is_held_down_is_one_answer(opened, put, clock, seat):
    for name in "abc":
        put(name)
    draw(seat, opened)
    kinds = [say(seat, opened, "sad", clock).kind]
    for _ in range(40):  # the key repeats for four seconds
        clock.wait(0.1)
        kinds.append(desk.answer(seat, opened, seat.form, label="sad").kind)
        draw(seat, opened)
    assert kinds == ["stored"] + ["too soon"] * 40
    assert len(rows(opened, "label")) == 1


def test_the_key_for_undo_that_is_held_down_takes_back_one_answer(opened, put, clock, seat):
    for name in "abc":
        put(name)
    draw(seat, opened)
    for _ in range(3):
        say(seat, opened, "sad", clock)
    kinds = [undo(seat, opened, clock).kind]
    for _ in range(40):
        clock.wait(0.1)
        kinds.append(desk.take_back(seat, opened, seat.undo_token).kind)
    assert kinds == ["taken back"] + ["held down"] * 40
    assert [kind for (kind,) in rows(opened, "kind")] == ["answer"] * 3 + ["undo"]


def test_an_undo_may_follow_an_answer_at_once_but_no_answer_an_undo(opened, put, clock, seat):
    put("a"), put("b")
    draw(seat, opened)
    say(seat, opened, "sad", clock)
    clock.wait(0.1)
    assert desk.take_back(seat, opened, seat.undo_token).kind == "taken back"
    clock.wait(0.9)
    assert desk.answer(seat, opened, seat.form, label="happy").kind == "too soon"
    clock.wait(1.0)
    assert desk.answer(seat, opened, seat.form, label="happy").kind == "stored"


# answers


def test_a_press_that_comes_late_answers_the_clip_that_it_was_drawn_with(opened, put, clock, seat):
    put("a", first=0.4), put("b", first=0.5), put("c")
    draw(seat, opened)
    old = seat.form
    desk.place_on_desk(seat, opened, "c")
    clock.wait()
    assert desk.answer(seat, opened, old, label="relax").kind == "stored"
    assert rows(opened, "clip_id", "label") == [("a", "relax")]
    assert on_desk(seat) == "c"


def test_the_same_form_sent_twice_is_one_answer_and_another_one_is_refused(opened, put, clock, seat):
    put("a"), put("b", first=0.9)
    draw(seat, opened)
    form = seat.form
    say(seat, opened, "sad", clock)
    clock.wait()
    outcome = desk.answer(seat, opened, form, label="sad")
    assert outcome.remark == "This answer was already stored."
    clock.wait()
    with pytest.raises(StoreError, match="already sent with the answer 'sad'"):
        desk.answer(seat, opened, form, label="angry")
    assert rows(opened, "clip_id", "label") == [("a", "sad")]
    assert (on_desk(seat), seat.desk.progress.answered) == ("b", 1)


def test_a_press_on_a_form_whose_answer_was_taken_back_answers_its_clip_on_the_desk(opened, put, clock, seat):
    put("a"), put("b", first=0.9)
    draw(seat, opened)
    form = seat.form
    say(seat, opened, "angry", clock)
    undo(seat, opened, clock)
    clock.wait()
    assert desk.answer(seat, opened, form, skip="ambiguous") == Outcome("stored", answer="ambiguous")
    assert stored_answers(opened)[["clip_id", "skip_reason"]].to_numpy().tolist() == [["a", "ambiguous"]]
    assert on_desk(seat) == "b"
    undo(seat, opened, clock)
    desk.place_on_desk(seat, opened, "b")
    clock.wait()
    with pytest.raises(StoreError, match="'angry', which was taken back. Reload the page"):
        desk.answer(seat, opened, form, skip="ambiguous")


def test_a_draft_of_a_comment_stays_with_its_clip_until_it_is_answered(opened, put, clock, seat):
    put("a"), put("b", first=0.9)
    draw(seat, opened)
    say(seat, opened, "sad", clock, comment="slow")
    desk.hold_draft(seat, "a fine ney")  # beside b
    undo(seat, opened, clock)
    assert (on_desk(seat), seat.form.comment) == ("a", "slow")
    say(seat, opened, "sad", clock)
    assert (on_desk(seat), seat.form.comment) == ("b", "a fine ney")
    say(seat, opened, "happy", clock, comment="a fine ney")
    assert seat.drafts == {}


@pytest.mark.parametrize("reason", ["bad audio", "ambiguous", "none of the four"])
def test_a_clip_is_skipped_with_a_reason(opened, put, clock, seat, reason):
    put("a"), put("b")
    draw(seat, opened)
    clock.wait()
    assert desk.answer(seat, opened, seat.form, skip=reason) == Outcome("stored", answer=reason)
    assert rows(opened, "label", "skip_reason") == [(None, reason)]
    assert seat.desk.progress.answered == 1


def test_an_answer_that_cannot_be_stored_leaves_the_clip_where_it_is(opened, put, clock, seat, monkeypatch):
    put("a"), put("b", first=0.9)
    draw(seat, opened)
    form = seat.form

    def full(*_args, **_more):
        raise StoreError("The disk is full: nothing was stored.")

    with monkeypatch.context() as broken:
        broken.setattr(desk, "add_feedback", full)
        clock.wait()
        with pytest.raises(StoreError, match="disk is full"):
            desk.answer(seat, opened, seat.form, label="sad")
    assert seat.form is form
    assert seat.desk.progress.answered == 0
    clock.wait()
    assert desk.answer(seat, opened, form, label="sad").kind == "stored"


def test_the_comment_is_stored_with_the_answer_and_comes_back_with_the_clip(opened, put, clock, seat):
    put("a")
    draw(seat, opened)
    say(seat, opened, "sad", clock, comment="a fine ney")
    undo(seat, opened, clock)
    assert (seat.form.comment, seat.form.before) == ("a fine ney", None)


def test_an_answer_from_elsewhere_is_named_when_it_is_replaced(opened, put, clock, seat):
    put("a"), put("b", first=0.9)
    draw(seat, opened)
    store.add_feedback(opened, token=store.new_token(), rater="Ece", label="relax", clip_id="a")
    assert say(seat, opened, "sad", clock) == Outcome("stored", answer="sad", before="relax")
    assert seat.desk.progress.answered == 1  # one voice: it is still one clip
    assert undo(seat, opened, clock) == Outcome("taken back", answer="relax")
    assert (on_desk(seat), seat.form.before) == ("a", "relax")


def test_an_answer_that_the_person_knows_of_is_changed_without_a_word(opened, put, clock, seat):
    put("a")
    draw(seat, opened)
    say(seat, opened, "sad", clock)
    assert desk.place_on_desk(seat, opened, "a")
    assert seat.form.before == "sad"
    assert say(seat, opened, "happy", clock) == Outcome("stored", answer="happy")
    assert stored_answers(opened)["label"].tolist() == ["happy"]


def test_an_earlier_answer_stays_when_the_person_goes_on(opened, put, clock, seat):
    put("a", first=0.4), put("b")
    draw(seat, opened)
    say(seat, opened, "sad", clock)
    desk.place_on_desk(seat, opened, "a")
    desk.advance(seat, opened)
    assert on_desk(seat) == "b"
    assert rows(opened, "kind", "label") == [("answer", "sad")]


def test_a_clip_that_was_heard_before_needs_no_time(opened, put, clock, seat):
    put("a")
    store.add_feedback(opened, token=store.new_token(), rater="Ece", label="relax", clip_id="a")
    desk.place_on_desk(seat, opened, "a")
    draw(seat, opened)
    assert desk.answer(seat, opened, seat.form, label="sad").kind == "stored"


# undo


def test_undo_takes_back_one_answer_after_the_other_also_in_a_new_session(opened, put, clock, seat):
    for name, first in (("a", 0.3), ("b", 0.4), ("c", 0.5)):
        put(name, first=first)
    draw(seat, opened)
    say(seat, opened, "sad", clock), say(seat, opened, "relax", clock)
    assert on_desk(seat) == "c"
    assert undo(seat, opened, clock) == Outcome("taken back")
    assert on_desk(seat) == "b"
    assert (seat.desk.progress.answered, seat.desk.progress.left) == (1, 2)
    again = Seat(seat.person, clock=clock)
    draw(again, opened)
    assert undo(again, opened, clock).kind == "taken back"
    assert on_desk(again) == "a"
    assert undo(again, opened, clock).kind == "nothing to take back"
    assert [kind for (kind,) in rows(opened, "kind")] == ["answer", "answer", "undo", "undo"]


def test_after_undo_the_clip_that_waited_comes_next(opened, put, clock, seat):
    put("a", first=0.3), put("b", first=0.4)
    draw(seat, opened)
    say(seat, opened, "sad", clock)
    undo(seat, opened, clock)
    assert on_desk(seat) == "a"
    say(seat, opened, "happy", clock)
    assert on_desk(seat) == "b"
    assert stored_answers(opened)["label"].tolist() == ["happy"]


def test_a_button_for_undo_that_is_sent_twice_takes_back_one_answer(opened, put, clock, seat):
    for name in "abc":
        put(name)
    draw(seat, opened)
    say(seat, opened, "sad", clock), say(seat, opened, "sad", clock)
    token = seat.undo_token
    for _ in range(2):
        clock.wait()
        desk.take_back(seat, opened, token)
    assert [kind for (kind,) in rows(opened, "kind")] == ["answer", "answer", "undo"]
    assert seat.undo_token != token


def test_undo_leaves_other_people_other_pages_and_settlements_alone(opened, put, clock, seat):
    put("a"), put("b")
    store.add_feedback(opened, token=store.new_token(), rater="Can", label="sad", clip_id="a")
    for more in ({"source": "predict"}, {"adjudication": True}):
        store.add_feedback(opened, token=store.new_token(), rater="Ece", label="angry", clip_id="b", **more)
    store.add_feedback(opened, token=store.new_token(), rater="Ece", label="angry", clip_id="b", verified=True)
    put("c")
    desk.place_on_desk(seat, opened, "c")
    say(seat, opened, "happy", clock)
    store.add_feedback(opened, token=store.new_token(), rater="Ece", label="sad", clip_id="a", source="predict")
    assert undo(seat, opened, clock) == Outcome("taken back")  # not what was said last, but what was said here
    assert rows(opened, "kind", "clip_id")[-1] == ("undo", "c")
    assert undo(seat, opened, clock) == Outcome("nothing to take back")


def test_undo_of_an_answer_about_a_clip_that_is_gone_says_so(opened, put, clock, seat):
    put("a", first=0.3), put("b")
    draw(seat, opened)
    say(seat, opened, "sad", clock)
    store.delete_clip(opened, "a")
    assert undo(seat, opened, clock) == Outcome("taken back, clip is gone")
    assert on_desk(seat) == "b"
    assert rows(opened, "kind")[-1] == ("undo",)


# what was shown


def test_a_guess_that_was_shown_is_stored_as_shown(opened, put, clock, seat, hidden):
    put("a")
    draw(seat, opened)
    say(seat, opened, "happy", clock)
    assert rows(opened, "display", "shown_label") == [("shown", "sad")]


def test_a_guess_that_was_seen_counts_as_shown_though_it_was_switched_off_after(opened, put, clock, seat, hidden):
    put("a"), put("b")
    draw(seat, opened)
    draw(seat, opened, wanted=False)
    say(seat, opened, "happy", clock, wanted=False)
    assert rows(opened, "display", "shown_label") == [("shown", "sad")]


def test_a_guess_that_was_seen_counts_as_shown_though_the_coin_hides_it_now(opened, put, clock, seat, hidden):
    put("a")
    draw(seat, opened)
    hidden.add("a")
    say(seat, opened, "happy", clock)
    assert rows(opened, "display", "shown_label") == [("shown", "sad")]


def test_a_guess_that_the_coin_hides_is_stored_as_hidden_at_random(opened, put, clock, seat, hidden):
    hidden.add(put("a"))
    draw(seat, opened)
    assert desk.show_guess(seat, seat.form, wanted=True) == "hidden at random"
    say(seat, opened, "happy", clock, wanted=True)
    assert rows(opened, "display", "shown_label") == [("hidden at random", None)]


def test_guesses_that_are_switched_off_are_hidden_by_choice(opened, put, clock, seat, hidden):
    hidden.add(put("a", first=0.3))
    put("b")
    for _ in range(2):  # of both clips: where the person chose, no coin decided
        draw(seat, opened, wanted=False)
        clock.wait()
        desk.answer(seat, opened, seat.form, label="happy", wanted=False)
    assert rows(opened, "clip_id", "display") == [("a", "hidden by choice"), ("b", "hidden by choice")]


def test_a_guess_that_was_switched_on_and_not_drawn_yet_was_not_seen(opened, put, clock, seat, hidden):
    put("a")
    draw(seat, opened, wanted=False)
    clock.wait()
    desk.answer(seat, opened, seat.form, label="happy", wanted=True)
    assert rows(opened, "display", "shown_label") == [("hidden by choice", None)]


def test_a_guess_that_was_seen_on_another_page_counts_as_shown(opened, put, clock, hidden):
    hidden |= {put("a", first=0.3), put("b", first=0.4)}
    elsewhere = set()
    seat = Seat(store.Rater("Ece", False, "rater"), clock=clock, guesses_seen=elsewhere)
    draw(seat, opened)
    elsewhere.add("b")  # while the first clip is on the desk
    say(seat, opened, "sad", clock, wanted=True), say(seat, opened, "sad", clock, wanted=True)
    assert rows(opened, "clip_id", "display", "shown_label") == [
        ("a", "hidden at random", None),
        ("b", "shown", "sad"),
    ]
    desk.place_on_desk(seat, opened, "b")
    assert seat.form.seen


# clips that go away, and counting


def test_a_clip_that_is_deleted_on_the_desk_gives_way_to_the_next(opened, put, clock, seat):
    put("a", first=0.3), put("b")
    draw(seat, opened)
    store.delete_clip(opened, "a")
    draw(seat, opened)
    assert (on_desk(seat), seat.outcome) == ("b", Outcome("clip was deleted"))


def test_an_answer_to_a_clip_that_was_just_deleted_is_stored_with_a_remark(opened, put, clock, seat):
    put("a", first=0.3), put("b")
    draw(seat, opened)
    store.delete_clip(opened, "a")
    clock.wait()
    assert "deleted while you listened" in desk.answer(seat, opened, seat.form, label="sad").remark
    assert rows(opened, "clip_id", "label") == [("a", "sad")]
    assert on_desk(seat) == "b"


def test_clips_that_wait_and_were_deleted_are_passed_over(opened, put, clock, seat):
    for name, first in (("a", 0.3), ("b", 0.4), ("c", 0.5)):
        put(name, first=first)
    draw(seat, opened)
    store.delete_clip(opened, "b")
    say(seat, opened, "sad", clock)
    assert on_desk(seat) == "c"


def test_a_clip_that_nobody_can_hear_is_not_placed_on_the_desk(opened, put, clock, seat):
    put("a"), put("silent", path=None)
    draw(seat, opened)
    assert not desk.place_on_desk(seat, opened, "silent")
    assert not desk.place_on_desk(seat, opened, "unknown")
    assert on_desk(seat) == "a"


def test_the_desk_is_empty_when_everything_is_answered_and_new_clips_come_when_asked_for(opened, put, clock, seat):
    put("a")
    draw(seat, opened)
    say(seat, opened, "sad", clock)
    assert on_desk(seat) is None
    put("b")
    draw(seat, opened)
    assert on_desk(seat) is None
    desk.advance(seat, opened)
    assert on_desk(seat) == "b"


def test_the_queue_is_counted_at_once_and_then_every_ten_seconds(opened, put, clock, seat):
    assert desk.recount_due(seat)  # half a second after the machine was booted
    put("a"), put("b")
    draw(seat, opened)
    for rater in ("Can", "Naz"):
        store.add_feedback(opened, token=store.new_token(), rater=rater, label="sad", clip_id="b")
    clock.wait(desk.RECOUNT_S)
    draw(seat, opened)
    assert seat.desk.progress.settled == 0
    clock.wait(0.1)
    draw(seat, opened)
    assert seat.desk.progress.settled == 1


def test_where_counting_takes_long_it_is_done_more_seldom(opened, put, clock, seat, monkeypatch):
    put("a")
    real = queue.desk

    def slow(*args, **more):
        clock.wait(3.0)
        return real(*args, **more)

    monkeypatch.setattr(queue, "desk", slow)
    desk.count(seat, opened)
    clock.wait(3.0 * desk.RECOUNT_SHARE)
    assert not desk.recount_due(seat)
    clock.wait(0.1)
    assert desk.recount_due(seat)


def test_a_store_that_fails_at_first_is_asked_again_the_next_time(opened, put, seat, monkeypatch):
    put("a")

    def busy(*_args, **_more):
        raise StoreError("Another program holds the database.")

    with monkeypatch.context() as broken:
        broken.setattr(queue, "desk", busy)
        with pytest.raises(StoreError, match="Another program"):
            desk.refresh(seat, opened)
    desk.refresh(seat, opened)
    assert on_desk(seat) == "a"
