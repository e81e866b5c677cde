"""Figures of use from generated events and sessions: the database gives what plain Python gives."""

import secrets
import statistics
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import scipy.stats

from core import store
from core.access import AccessError, Person, Role
from core.monitoring import use
from core.store import Event, EventKind, NewSession, Way

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
SINCE, UNTIL = MONDAY - timedelta(weeks=1), MONDAY + timedelta(weeks=3)
PLAYED, SKIPPED, FINISHED, SHOWN, ANSWERED = (
    EventKind.PLAYED,
    EventKind.SKIPPED,
    EventKind.FINISHED,
    EventKind.SHOWN,
    EventKind.ANSWERED,
)


def events(kind, number, *, week=0, way=Way.MOODS, **more):
    return [Event(kind, way, at=MONDAY + timedelta(weeks=week, minutes=k), **more) for k in range(number)]


def test_a_period_has_whole_weeks_with_the_running_one():
    for day in range(7):
        since, until = use.weeks_until(MONDAY + timedelta(days=day, hours=13), 4)
        assert (since, until) == (MONDAY - timedelta(weeks=3), MONDAY + timedelta(weeks=1))


def test_plays_skips_and_finished_by_week_and_by_page(opened):
    store.record_events(
        opened,
        *events(PLAYED, 6),
        *events(FINISHED, 3),
        *events(SKIPPED, 2),
        *events(PLAYED, 1, week=1, way=Way.LABEL),
        *events(PLAYED, 9, week=3),  # after the period
        *events(SKIPPED, 9, week=-2),  # before it
    )
    weeks = use.hearings(opened, SINCE, UNTIL, by="week")
    assert weeks[["plays", "skips", "finished"]].to_numpy().tolist() == [[6, 2, 3], [1, 0, 0]]
    assert weeks["week"].tolist() == [MONDAY, MONDAY + timedelta(weeks=1)]
    assert weeks["skip_share"].tolist() == [0.25, 0]
    assert weeks["finished_share"].tolist() == [0.5, 0]
    wilson = scipy.stats.binomtest(2, 8).proportion_ci(method="wilson")
    assert weeks.loc[0, ["low", "high"]].tolist() == pytest.approx([wilson.low, wilson.high])
    pages = use.hearings(opened, SINCE, UNTIL, by="way")
    assert pages.set_index("way")["plays"].to_dict() == {"moods": 6, "label": 1}
    assert {use.PAGES[way] for way in pages["way"]} == {"Moods", "Label"}


def test_few_sounds_of_sessions_with_clients_have_no_row(opened):
    store.record_events(opened, *events(PLAYED, use.LEAST - 1, way=Way.SESSIONS), *events(PLAYED, 1))
    assert use.hearings(opened, SINCE, UNTIL, by="way")["way"].tolist() == ["moods"]
    store.record_events(opened, *events(SKIPPED, 1, way=Way.SESSIONS))
    assert use.hearings(opened, SINCE, UNTIL, by="way")["way"].tolist() == ["moods", "sessions"]


def test_answers_per_hundred_shown_and_their_median_seconds(opened):
    seconds = [2.0, 9.0, 4.0, 30.0]
    store.record_events(
        opened,
        *events(SHOWN, 10, way=Way.LABEL, value=1.0),
        *(event for s in seconds for event in events(ANSWERED, 1, way=Way.LABEL, seconds=s)),
        *events(ANSWERED, 1, way=Way.LABEL),  # its seconds were not measured
        *events(SHOWN, 1, week=1, way=Way.LABEL, value=1.0),
        *events(ANSWERED, 3, week=1, way=Way.LABEL, seconds=1.0),  # of clips that were shown before
        *events(ANSWERED, 5, way=Way.PAGE, seconds=99.0),
        *events(SHOWN, 5, value=100.0),
    )
    weeks = use.answers(opened, SINCE, UNTIL).set_index("week")
    first, second = weeks.loc[MONDAY], weeks.loc[MONDAY + timedelta(weeks=1)]
    assert (first["shown"], first["answers"], first["per_100"], first["measured"]) == (10, 5, 50, 4)
    assert first["seconds"] == statistics.median(seconds)
    wilson = scipy.stats.binomtest(5, 10).proportion_ci(method="wilson")
    assert [first["low"], first["high"]] == pytest.approx([100 * wilson.low, 100 * wilson.high])
    assert second["per_100"] == 300
    assert np.isnan(second["low"])
    assert use.median_answer_s(opened, SINCE, UNTIL) == (7, statistics.median([*seconds, 1.0, 1.0, 1.0]))


@pytest.mark.parametrize("day", range(7))
def test_a_week_begins_on_monday(opened, day):
    at = MONDAY + timedelta(days=day, hours=23, minutes=59)
    store.record_events(opened, Event(ANSWERED, Way.LABEL, seconds=3.0, at=at))
    found = store.median_seconds(opened, ANSWERED, SINCE, UNTIL, weekly=True)
    assert (found["week"].tolist(), found["n"].tolist(), found["seconds"].tolist()) == ([MONDAY], [1], [3.0])


def test_a_visit_lasts_from_its_first_to_its_last_event(opened):
    def visit(name, *minutes, heard=True):
        kinds = [SHOWN] * (len(minutes) - 1) + [PLAYED if heard else SHOWN]
        return [
            Event(kind, Way.MOODS, session_id=name, at=MONDAY + timedelta(minutes=m))
            for kind, m in zip(kinds, minutes, strict=True)
        ]

    store.record_events(
        opened, *visit("a", 0, 30), *visit("b", 5, 7, 10), *visit("c", 90), *visit("d", 0, 300, heard=False)
    )
    store.record_events(opened, *events(PLAYED, 3))  # of no visit
    number, seconds = use.visits(opened, SINCE, UNTIL)
    assert (number, seconds) == (3, pytest.approx(5 * 60, abs=0.01))


def test_an_empty_product_has_empty_tables(opened):
    assert use.hearings(opened, SINCE, UNTIL, by="week").empty
    assert use.hearings(opened, SINCE, UNTIL, by="way").empty
    assert use.answers(opened, SINCE, UNTIL).empty
    assert use.satisfaction(opened).empty
    for number, seconds in (use.visits(opened, SINCE, UNTIL), use.median_answer_s(opened, SINCE, UNTIL)):
        assert number == 0
        assert np.isnan(seconds)


# --- sessions with clients


@pytest.fixture
def ece(opened):
    return opened.asked_by(lambda: Person(Role.THERAPIST, "ece@example.org", True, "abcdef123"))


def held(by, client, *, day=0, minutes=30, **outcome):
    new = NewSession("Relax", {"way": ["relax"]}, [{"piece_id": "p", "title": "P"}], "{}", "program 1")
    number = store.add_session(by, client.id, new, token=secrets.token_hex(8))
    ended = MONDAY + timedelta(days=day, minutes=minutes)
    store.note_outcome(by, number, began_at=MONDAY + timedelta(days=day), ended_at=ended, **outcome)
    return number


def test_satisfaction_is_the_mean_of_each_quarter_with_its_interval(opened, ece):
    ratings = [5, 4, 4, 2, 5]
    clients = [store.add_client(ece, f"K-{k}") for k in range(5)]
    for k, (client, rating) in enumerate(zip(clients, ratings, strict=True)):
        held(ece, client, day=k, minutes=20 + k, rating=rating, valence_before=-1 / 3, valence_after=1 / 3 * (k % 2))
    table = use.satisfaction(opened).set_index("measure")
    assert set(table.index) == {"rating", "valence", "minutes"}  # nobody entered how strong the mood was
    assert set(table["quarter"]) == {"2026, quarter 1"}
    row = table.loc["rating"]
    assert (row["n"], row["clients"], row["mean"]) == (5, 5, 4)
    assert row["high"] == 5  # no rating is higher
    low, high = scipy.stats.t.interval(0.95, 4, np.mean(ratings), scipy.stats.sem(ratings))
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(min(high, 5)))
    assert table.loc["minutes", "mean"] == pytest.approx(22)
    assert use.MEASURES["valence"].text(table.loc["valence", "mean"]) == "+1.4 steps"


def test_figures_of_sessions_say_nothing_about_one_client(opened, ece):
    clients = [store.add_client(ece, f"K-{k}") for k in range(5)]
    for client in clients[:4]:
        for day in range(3):
            held(ece, client, day=day, rating=3)
    assert use.satisfaction(opened).empty  # twelve sessions, but four clients
    held(ece, clients[4], day=80, rating=1)  # another quarter
    assert use.satisfaction(opened).empty
    last = held(ece, clients[4], rating=3)
    held(ece, clients[4], rating=3)
    held(ece, clients[4], rating=3)
    before = use.satisfaction(opened)
    assert before.set_index("measure").loc["rating", ["n", "mean"]].tolist() == [15, 3]
    held(ece, clients[0], day=9, rating=1)
    assert use.satisfaction(opened).equals(before)  # one more session changes nothing
    store.delete_session(ece, last)
    assert use.satisfaction(opened).set_index("measure").loc["rating", "n"] == 15


def test_figures_of_sessions_are_for_analysts(ece):
    with pytest.raises(AccessError):
        use.satisfaction(ece)
