"""Totals never fall: not when events are removed, not when several processes count, not when clocks jump."""

from datetime import UTC, datetime, timedelta

import pytest

from core import store
from core.store import Event, EventKind, Way, connection, event_sums, event_totals
from core.store import events as writing

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def clip(k: int, **more) -> Event:
    stages = {"decode": 0.05, "features": 0.5 + k / 10, "model": 0.01}
    about = {"stages": stages, "decision": ("accept", "choose", "review")[k % 3], "guess": "sad", "unlike": k % 3 == 2}
    return Event(EventKind.SCORED, Way.PAGE, seconds=1.0 + k, about=about, at=MONDAY + timedelta(days=k), **more)


def expected(n: int) -> dict[tuple[str, ...], float]:
    """The totals of the clips 0 to n - 1, counted in another way."""
    seconds = [1.0 + k for k in range(n)]
    return {
        ("clips", "scored", "page"): n,
        ("decisions", "accept"): len(range(0, n, 3)),
        ("decisions", "review"): len(range(2, n, 3)),
        ("unlike",): len(range(2, n, 3)),
        ("guesses", "sad"): n,
        ("timed", "total"): n,
        ("seconds", "total"): sum(seconds),
        ("le", "total", "2.0"): sum(s <= 2 for s in seconds),
        ("le", "total", "30.0"): sum(s <= 30 for s in seconds),
        ("le", "features", "1.0"): sum(0.5 + k / 10 <= 1.0 for k in range(n)),
        ("le", "decode", "0.1"): n,
        ("seconds", "model"): 0.01 * n,
    }


def agrees(opened, n: int) -> bool:
    found = event_totals(opened)
    return {name: found[name] for name in expected(n)} == pytest.approx(expected(n))


def test_an_empty_store_has_no_totals(opened):
    assert event_totals(opened) == {}


def test_each_kind_is_counted_once_under_its_way(opened):
    store.record_events(
        opened,
        *(clip(k) for k in range(7)),
        Event(EventKind.SCORED, Way.LIBRARY, about={"decision": "accept", "guess": "happy", "unlike": False}),
        Event(EventKind.REFUSED, Way.API, seconds=0.2),
        Event(EventKind.FAILED, Way.API),
        Event(EventKind.ANSWERED, Way.LABEL, seconds=12),
        Event(EventKind.PLAYED, Way.MOODS),
        Event(EventKind.SKIPPED, Way.MOODS),
        Event(EventKind.EXPORTED, Way.PAGE),
        Event(EventKind.DRIFT, value=0.2, about={"features": {}}),
    )
    found = event_totals(opened)
    assert {name[0] for name in found} == {"clips", "decisions", "guesses", "unlike", "answers", "plays", "exports",
                                           "timed", "seconds", "le"}  # fmt: skip
    assert found["clips", "refused", "api"] == found["clips", "failed", "api"] == 1
    assert found["clips", "scored", "library"] == 1
    assert found["timed", "total"] == 7  # nobody waits for a clip of a library
    assert found["plays", "skipped", "moods"] == found["answers", "label"] == found["exports", "page"] == 1
    assert found["guesses", "happy"] == 1
    assert found["le", "total", "2.0"] == 2


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr(event_sums, "_RECENT", 3)
    monkeypatch.setattr(event_sums, "_SLICE", 4)
    monkeypatch.setattr(event_sums, "_LEAST_SLICE", 1)


def test_totals_go_on_when_old_events_are_removed(opened, small_slices):
    store.record_events(opened, *(clip(k) for k in range(20)))
    assert agrees(opened, 20)
    assert store.prune_events(opened, MONDAY + timedelta(days=12)) == 12
    assert agrees(opened, 20)
    assert store.prune_events(opened, MONDAY + timedelta(days=40)) == 8  # also rows that no total holds yet
    assert agrees(opened, 20)
    store.record_events(opened, *(clip(k) for k in range(20, 25)))
    assert agrees(opened, 25)


def test_totals_count_events_that_came_out_of_order(opened, small_slices):
    store.record_events(opened, *(clip(k) for k in (5, 19, 0, 7)))
    event_totals(opened)
    store.record_events(opened, *(clip(k) for k in range(20) if k not in (5, 19, 0, 7)))
    assert agrees(opened, 20)


def test_two_processes_count_the_same(opened, small_slices):
    other = connection.connect(opened.engine.url.render_as_string(hide_password=False))
    store.record_events(opened, *(clip(k) for k in range(9)))
    assert agrees(other, 9)
    store.record_events(other, *(clip(k) for k in range(9, 20)))
    assert agrees(opened, 20)
    assert agrees(other, 20)
    store.close_store(other)


def test_other_edges_count_all_events_anew(opened, small_slices, monkeypatch):
    store.record_events(opened, *(clip(k) for k in range(20)))
    event_totals(opened)
    monkeypatch.setattr(event_sums, "EDGES", (2.0, 30.0))
    found = event_totals(opened)
    assert found["clips", "scored", "page"] == 20
    assert found["le", "total", "2.0"] == 2
    assert ("le", "total", "1.0") not in found


def test_removing_by_month_uses_the_same_way(opened, monkeypatch):
    monkeypatch.setenv("TME_EVENTS_MONTHS", "1")
    monkeypatch.setattr(writing, "now", lambda: MONDAY + timedelta(days=100))
    store.record_events(opened, *(clip(k) for k in range(60)))
    assert store.event_counts(opened, [EventKind.SCORED], MONDAY, MONDAY + timedelta(days=99)).empty
    assert agrees(opened, 60)
