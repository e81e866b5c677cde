"""Events: added together, aggregated by the database, never in the way of an answer."""

import logging
import math
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from core import store
from core.access import AccessError, Person, Role, Setting
from core.errors import StoreError
from core.store import Event, EventKind, Way
from core.store import events as module
from core.store.schema import events

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
LATER = MONDAY + timedelta(days=60)
SCORED, REFUSED = EventKind.SCORED, EventKind.REFUSED


def scored(hours: float, seconds: float | None = 1.0, way: Way = Way.PAGE, **facts) -> Event:
    return Event(SCORED, way, seconds=seconds, at=MONDAY + timedelta(hours=hours), **facts)


def stored(opened) -> list[dict]:
    with opened.engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(events).order_by(events.c.event_id)).mappings()]


def test_events_are_stored_in_order_with_all_they_say(opened):
    facts = {"stages": {"decode": 0.25}, "label": "sad", "unlike": False}
    store.record_events(
        opened,
        Event(SCORED, Way.API, "r1", "s1", "3", "c1", 1.5, 0.75, facts, MONDAY),
        Event(REFUSED, Way.API, about={"reason": "ı and 'quotes'"}),
    )
    first, second = stored(opened)
    assert first == {
        "event_id": first["event_id"], "at": MONDAY, "kind": "scored", "way": "api", "request_id": "r1",
        "session_id": "s1", "model_version": "3", "clip_id": "c1", "seconds": 1.5, "value": 0.75, "about": facts,
    }  # fmt: skip
    assert (second["seconds"], second["about"]) == (None, {"reason": "ı and 'quotes'"})
    assert second["event_id"] > first["event_id"]
    assert abs(second["at"] - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize("facts", [{"seconds": math.nan}, {"value": math.inf}, {"way": "telepathy"}])
def test_an_event_cannot_be_wrong(facts):
    with pytest.raises(ValueError, match="finite|telepathy"):
        Event(SCORED, **facts)


def test_periods_begin_at_the_hour_the_day_the_monday_and_the_first(opened):
    sunday_before, next_month = -1, 24 * 30
    moments = (26.5, sunday_before, 0, 26.2, next_month, 24 * 7)  # out of order, as clocks and processes are
    store.record_events(opened, *(scored(h) for h in moments))

    def counted(step):
        table = store.events_by_period(opened, [SCORED], MONDAY - timedelta(days=9), LATER, step)
        return {period.strftime("%m-%d %H"): n for period, n in zip(table["period"], table["n"], strict=True)}

    assert counted("hour") == {"03-01 23": 1, "03-02 00": 1, "03-03 02": 2, "03-09 00": 1, "04-01 00": 1}
    assert counted("day") == {"03-01 00": 1, "03-02 00": 1, "03-03 00": 2, "03-09 00": 1, "04-01 00": 1}
    assert counted("week") == {"02-23 00": 1, "03-02 00": 3, "03-09 00": 1, "03-30 00": 1}
    assert counted("month") == {"03-01 00": 5, "04-01 00": 1}


def test_a_period_is_split_and_ends_before_its_end(opened):
    store.record_events(
        opened,
        scored(0, way=Way.API, model_version="3"),
        scored(1, way=Way.API, model_version="4"),
        scored(2, way=Way.PAGE, model_version="4"),
        scored(24, way=Way.PAGE, model_version="4"),
        Event(REFUSED, Way.PAGE, at=MONDAY),
    )
    until = MONDAY + timedelta(days=1)
    by = ("kind", "way", "model_version")
    table = store.events_by_period(opened, [SCORED, REFUSED], MONDAY, until, "day", by=by)
    rows = [tuple(row) for row in table[[*by, "n"]].itertuples(index=False)]
    assert rows == [("refused", "page", "", 1), ("scored", "api", "3", 1), ("scored", "api", "4", 1),
                    ("scored", "page", "4", 1)]  # fmt: skip
    assert store.event_counts(opened, [SCORED], MONDAY, until, by=()).iloc[0]["n"] == 3
    with pytest.raises(ValueError, match="not split by 'rater'"):
        store.event_counts(opened, [SCORED], MONDAY, until, by=("rater",))


def test_the_table_gives_the_newest_first(opened):
    store.record_events(opened, *(scored(h, clip_id=f"c{h}", about={"h": h}) for h in (2, 0, 1)))
    table = store.events_table(opened, SCORED, MONDAY, limit=2)
    assert table["clip_id"].tolist() == ["c2", "c1"]
    assert table["about"].tolist() == [{"h": 2}, {"h": 1}]
    empty = store.events_table(opened, REFUSED, MONDAY)
    assert sorted(empty.columns) == sorted(table.columns)
    assert empty.empty


def test_an_empty_store_gives_empty_tables(opened):
    ask = (opened, [SCORED], MONDAY, LATER)
    assert store.events_by_period(*ask, "week").columns.tolist() == ["period", "kind", "n"]
    assert store.event_counts(*ask).empty


def test_a_store_that_is_down_costs_one_line_and_no_answer(opened, monkeypatch, caplog):
    from core.errors import StoreDownError

    calls = []

    def down(*_args, **_kwargs):
        calls.append(1)
        raise StoreDownError("The server does not answer.")

    clock = 100.0
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(module, "write", down)
        patch.setattr(module.time, "monotonic", lambda: clock)
        for _ in range(3):
            store.record_events(opened, scored(0))
        assert len(calls) == 1  # the dead server is left alone for a while
        clock += 31
        store.record_events(opened, scored(0))
        assert len(calls) == 2
    assert [record.message for record in caplog.records] == [
        "1 events were not noted, and none are for 30 s: The server does not answer."
    ] * 2


def test_nothing_is_noted_without_a_store_or_when_it_is_off(opened, monkeypatch):
    store.record_events(None, scored(0))
    monkeypatch.setenv("TME_EVENTS", "off")
    store.record_events(opened, scored(0))
    assert stored(opened) == []


def test_a_large_batch_is_one_transaction(opened):
    store.record_events(opened, *(scored(k / 1000) for k in range(12_000)))
    assert store.event_counts(opened, [SCORED], MONDAY, LATER)["n"].tolist() == [12_000]


def test_old_events_are_removed_by_month(opened, monkeypatch):
    monkeypatch.setenv("TME_EVENTS_MONTHS", "2")
    today = datetime(2026, 5, 15, tzinfo=UTC)
    monkeypatch.setattr(module, "now", lambda: today)
    ages = (datetime(2026, 2, 28, 23, 59, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC), today)
    store.record_events(opened, *(Event(SCORED, at=at) for at in ages))
    assert [row["at"] for row in stored(opened)] == list(ages[1:])
    assert store.prune_events(opened, today) == 1
    assert len(stored(opened)) == 1


def test_events_are_noted_while_old_ones_cannot_be_removed(opened, monkeypatch, caplog):
    today = datetime(2026, 5, 15, tzinfo=UTC)
    monkeypatch.setattr(module, "now", lambda: today)

    def busy(*_, patience_s: float) -> int:
        raise StoreError(f"Another program has written for {patience_s:.0f} s.")

    monkeypatch.setattr(module, "_prune", busy)
    store.record_events(opened, Event(SCORED, at=datetime(2026, 4, 1, tzinfo=UTC)))
    store.record_events(opened, Event(SCORED))
    assert len(stored(opened)) == 2
    assert [record.message for record in caplog.records] == [
        "Old events were not removed; the next try is in a day: Another program has written for 2 s."
    ]


def test_a_clock_that_is_set_far_ahead_removes_nothing(opened, monkeypatch):
    store.record_events(opened, Event(SCORED))
    opened.memory.held.clear()
    monkeypatch.setattr(module, "now", lambda: datetime(2099, 1, 1, tzinfo=UTC))
    store.record_events(opened, Event(SCORED))
    assert len(stored(opened)) == 2


@pytest.mark.parametrize(
    ("months", "first"), [(0, "2026-01-01"), (1, "2025-12-01"), (12, "2025-01-01"), (24, "2024-01-01")]
)
def test_months_are_counted_back_from_the_first(months, first):
    assert module.months_ago(datetime(2026, 1, 31, 12, tzinfo=UTC), months).date().isoformat() == first


def test_an_erased_clip_and_a_deleted_session_leave_no_trace(opened):
    store.record_events(opened, scored(0, clip_id="c1"), scored(1, clip_id="c2", session_id="s1"))
    with opened.engine.begin() as connection:
        module.forget_in_events(connection, clip_ids=("c1",), session_ids=("s1",))
    assert [(row["clip_id"], row["kind"]) for row in stored(opened)] == [("", "scored")]


def test_who_may_see_the_events(opened):
    rater = opened.asked_by(lambda: Person(Role.THERAPIST, "a@x.org", True, setting=Setting.LOGIN))
    store.record_events(rater, scored(0))  # what a visitor does is noted
    for ask in (
        lambda: store.event_counts(rater, [SCORED], MONDAY, LATER),
        lambda: store.events_table(rater, SCORED, MONDAY),
        lambda: store.prune_events(rater, LATER),
    ):
        with pytest.raises(AccessError):
            ask()
    assert len(stored(opened)) == 1


def test_an_answer_is_noted_once_with_its_seconds_and_an_import_is_not(opened):
    store.add_clip(opened, "c1", file_name="c1.wav", duration_s=30, sr=44100)
    token = store.new_token()
    for _ in range(2):  # a form that is sent twice
        store.add_feedback(opened, token=token, rater="Ali", label="sad", clip_id="c1", answer_s=12.5)
    skip = {"skip_reason": "ambiguous", "source": "predict"}
    store.add_feedback(opened, token=store.new_token(), rater="Ali", clip_id="c1", **skip)
    store.add_feedback(opened, token=store.new_token(), rater="Ece", label="sad", clip_id="c1", source="import")
    rows = [(row["way"], row["clip_id"], row["seconds"], row["about"]) for row in stored(opened)]
    assert rows == [
        ("label", "c1", 12.5, {"source": "label", "skipped": False}),
        ("page", "c1", None, {"source": "predict", "skipped": True}),
    ]
    assert "Ali" not in str(stored(opened))


def test_a_visit_has_a_name_from_which_the_session_cannot_be_read(opened):
    session = "1f3a9c" + 26 * "0"
    visitor = opened.asked_by(lambda: Person(Role.VISITOR, session=session, setting=Setting.OPEN))
    store.record_events(visitor, scored(0), scored(1))
    first, second = stored(opened)
    assert first["session_id"] == second["session_id"] != ""
    assert "1f3a9c" not in first["session_id"]


def test_the_end_of_a_session_is_one_event_that_goes_with_the_session(opened):
    client = store.add_client(opened, "K-12")
    row = {"piece_id": "p1", "title": "A", "artist": "B", "file": "a.mp3"}
    new = store.NewSession(name="Morning", plan={}, rows=[row], policy="{}", program="p")
    one, two = (store.add_session(opened, client.id, new, token=store.new_token()) for _ in range(2))
    store.note_outcome(opened, one, began_at=MONDAY, mood_before="angry")
    assert stored(opened) == []
    store.note_outcome(opened, one, ended_at=MONDAY + timedelta(minutes=40))
    store.note_outcome(opened, one, mood_after="relax", rating=4)  # entered after the end
    store.note_outcome(opened, two, began_at=MONDAY, ended_at=MONDAY - timedelta(hours=1))  # the clock was set back
    first, second = stored(opened)
    assert (first["kind"], first["way"], first["seconds"]) == ("session ended", "sessions", 2400)
    assert first["about"] == {"before": "angry", "after": "relax", "rating": 4}
    assert second["seconds"] is None
    store.delete_session(opened, one)
    assert [row["event_id"] for row in stored(opened)] == [second["event_id"]]
    store.delete_client(opened, client.id)
    assert stored(opened) == []
