"""The rule for plays and skips, and reports of a browser that must not be believed."""

import math

import pytest

from core.monitoring.listening import Player, event_of_report
from core.monitoring.play_rule import needed_s
from core.store import EventKind, Way

MOODS = Player(Way.MOODS, "clip")


def sent(kind, heard_s, length_s):
    return {"kind": kind, "heard_s": heard_s, "length_s": length_s}


def test_half_of_a_sound_or_four_minutes_make_a_play():
    assert [needed_s(length) for length in (10, 30, 480, 3600)] == [5, 15, 240, 240]


@pytest.mark.parametrize(
    ("kind", "heard_s", "length_s", "counts"),
    [
        ("played", 15, 30, True),
        ("played", 14, 30, False),
        ("played", 240, 3600, True),
        ("played", 239, 3600, False),
        ("skipped", 14, 30, True),
        ("skipped", 16, 30, False),
        ("finished", 30, 30, True),
        ("finished", 3, 30, False),
    ],
)
def test_a_report_that_contradicts_the_rule_does_not_count(kind, heard_s, length_s, counts):
    event = event_of_report(sent(kind, heard_s, length_s), MOODS)
    assert (event is not None) == counts
    if event is not None:
        assert (event.kind, event.way, event.clip_id) == (kind, Way.MOODS, "clip")
        assert (event.seconds, event.value) == (heard_s, heard_s / length_s)


@pytest.mark.parametrize(
    "report",
    [
        None,
        "played",
        {},
        {"kind": "played"},
        sent("scored", 15, 30),
        sent(["played"], 15, 30),
        sent("played", math.nan, 30),
        sent("played", "15", 30),
        sent("played", True, 1),
        sent("played", -15, 30),
        sent("played", 40, 30),
        sent("skipped", 0, 30),
        sent("skipped", 0.2, 0),
        sent("played", 10**400, 30),
        sent("skipped", 1, 0),
        sent("finished", 1e9, 1e9),
        sent("played", math.inf, math.inf),
    ],
)
def test_an_impossible_report_does_not_count(report):
    assert event_of_report(report, MOODS) is None


def test_an_answer_in_label_ends_a_sound_and_is_no_skip():
    player = Player(Way.LABEL, "clip")
    assert event_of_report(sent("skipped", 3, 30), player) is None
    assert event_of_report(sent("played", 15, 30), player).kind is EventKind.PLAYED


def test_an_event_of_a_session_with_a_client_does_not_name_the_clip():
    event = event_of_report(sent("played", 15, 30), Player(Way.SESSIONS, "clip"))
    assert (event.way, event.clip_id) == (Way.SESSIONS, "")
