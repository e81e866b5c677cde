"""What the browser measured: only plausible numbers count, and answers that came early are marked."""

import io

import pandas as pd
import pytest

from core import store
from core.labelling import desk, files, listening
from core.labelling.listening import Listening, read_listening

SENT = {"form": "f1", "answer_s": 12.5, "heard_s": 10.0, "guess_seen": True}


@pytest.mark.parametrize(
    ("change", "read"),
    [
        ({}, Listening(12.5, 10.0, True)),
        ({"heard_s": 31.0}, Listening(12.5, 30.0, True)),  # a rounding in the browser; a clip has no more
        ({"heard_s": 0, "answer_s": None}, Listening(None, 0.0, True)),
        ({"form": "f2"}, Listening()),
        ({"heard_s": -1, "answer_s": float("nan")}, Listening(None, None, True)),
        ({"heard_s": "10", "answer_s": True, "guess_seen": "yes"}, Listening()),
        ({"heard_s": 1e9}, Listening(12.5, None, True)),
    ],
)
def test_what_is_missing_or_impossible_is_not_measured(change, read):
    assert read_listening({**SENT, **change}, form="f1", duration_s=30.0) == read


@pytest.mark.parametrize("sent", [None, "text", 5, [], {}])
def test_anything_else_from_outside_is_nothing(sent):
    assert read_listening(sent, form="f1", duration_s=30.0) == Listening()


def feedback(*rows):
    """rows : clip, rater, kind, seconds heard."""
    table = pd.DataFrame(rows, columns=["clip_id", "rater", "kind", "heard_s"])
    return table.assign(verified=False, clip_s=30.0)


def test_an_answer_is_hasty_below_the_share_and_only_where_it_was_measured():
    table = feedback(("a", "e", "answer", 9.9), ("b", "e", "answer", 10.0), ("c", "e", "answer", None))
    assert listening.hasty(table, 1 / 3).tolist() == [True, False, False]
    assert listening.hasty(table, 0.0).tolist() == [False, False, False]


def test_who_heard_the_clip_before_may_change_the_answer_quickly_but_not_in_a_second_turn():
    table = feedback(
        ("a", "e", "answer", 20.0), ("a", "e", "answer", 2.0), ("a", "f", "answer", 2.0), ("a", "e", "repeat", 2.0)
    )
    assert listening.hasty(table, 0.5).tolist() == [False, False, True, True]


def test_an_answer_with_its_listening_is_stored_marked_and_exported(opened, put, clock, seat):
    put("a"), put("b")
    for heard_s in (3.0, 20.0):
        desk.refresh(seat, opened)
        desk.mark_drawn(seat, seat.form)
        clock.wait()
        desk.answer(seat, opened, seat.form, label="sad", listening=Listening(heard_s + 1, heard_s))
    table = store.feedback_table(opened)
    assert table[["answer_s", "heard_s", "clip_s"]].to_numpy().tolist() == [[4.0, 3.0, 30.0], [21.0, 20.0, 30.0]]
    exported = pd.read_csv(io.BytesIO(files.to_csv(table)))
    assert exported[["answer_s", "heard_s", "hasty"]].to_numpy().tolist() == [[4.0, 3.0, True], [21.0, 20.0, False]]
    assert files.read_label_file(files.audit_csv(table)).unread == ()
    (row,) = listening.by_rater(table).to_dict("records")
    assert row == {"rater": "Ece", "measured": 2, "hasty": 1, "answer_s": 12.5, "heard_share": pytest.approx(23 / 60)}


def test_a_guess_that_was_never_in_sight_is_not_stored_as_shown(opened, put, clock, seat, monkeypatch):
    monkeypatch.setattr("core.labelling.agreement.hides_guess", lambda clip_id, rater, **_: False)
    for name in "abc":
        put(name)
    for seen in (False, True, None):
        desk.refresh(seat, opened)
        desk.show_guess(seat, seat.form, wanted=True)
        desk.mark_drawn(seat, seat.form)
        clock.wait()
        desk.answer(seat, opened, seat.form, label="sad", wanted=True, listening=Listening(guess_seen=seen))
    assert store.feedback_table(opened)["display"].tolist() == ["none", "shown", "shown"]
