"""Scored clips in groups: the database counts, on SQLite and PostgreSQL alike."""

from datetime import timedelta

import numpy as np
import pytest
from monitored import NOW, add_clips, scored

from core.access import AccessError, Person, Role, Setting
from core.features import EXTRACTOR
from core.store import Event, EventKind, record_events
from core.store.drifted_clips import extreme_clips
from core.store.scored_events import GROUPS, NOT_STORED, SECONDS_EDGES, scored_groups, stage_means

SINCE, UNTIL = NOW - timedelta(days=30), NOW
LONG_AGO = NOW - timedelta(days=50)


def groups(db, *by):
    table = scored_groups(db, by, SINCE, UNTIL, extractor=EXTRACTOR)
    return {tuple(row[:-1]) if len(by) > 1 else row[0]: row[-1] for row in table.itertuples(index=False, name=None)}


def test_each_group_of_seconds_is_the_one_between_its_edges(opened):
    edges = [0.01, 0.25, 0.5, 1.0, 2.0, 10.0, 120.0]
    seconds = [*edges, 0.0, 0.004, 0.0101, 0.555, 0.9999, 1.0001, 1.55, 9.99, 10.5, 119.5, 120.5, 9999.0, None]
    record_events(opened, *(scored(1, seconds=s) for s in seconds))
    table = scored_groups(opened, ["bucket"], SINCE, UNTIL)
    expected = np.searchsorted(SECONDS_EDGES, [s for s in seconds if s is not None], side="left")
    assert sorted(np.repeat(table["bucket"], table["n"])) == sorted([-1, *expected])


def test_a_clip_that_is_unlike_the_training_music_is_no_review_of_another_kind(opened):
    record_events(
        opened,
        scored(1, decision="accept", label="sad"),
        scored(2, decision="review"),
        scored(3, decision="review", unlike=True),
        scored(4, decision="choose"),
        scored(40, decision="choose"),
        scored(-1, decision="choose"),
        Event(EventKind.FAILED, at=NOW - timedelta(days=1)),
    )
    assert groups(opened, "decision", "label") == {
        ("accept", "sad"): 1, ("choose", ""): 1, ("review", ""): 1, ("unlike", ""): 1,
    }  # fmt: skip


def test_facts_of_the_music_come_from_the_stored_clip(opened):
    add_clips(
        opened,
        [
            {"id": "a", "makam": "Hicaz", "usul": "Sofyan", "year": 1957, "length_s": 20.0, "tempo": 79.9},
            {"id": "b", "makam": "", "year": None, "length_s": 360.0, "tempo": 140.0, "origin": "upload"},
        ],
    )
    record_events(opened, *(scored(1, clip_id=clip) for clip in ("a", "a", "b", "gone", "")))
    assert groups(opened, "makam") == {"Hicaz": 2, "": 1, NOT_STORED: 2}
    assert groups(opened, "usul") == {"Sofyan": 2, "": 1, NOT_STORED: 2}
    assert groups(opened, "era") == {"1950": 2, "": 1, NOT_STORED: 2}
    assert groups(opened, "length") == {"0": 2, "4": 1, NOT_STORED: 2}
    assert groups(opened, "tempo") == {"0": 2, "3": 1, NOT_STORED: 2}
    assert groups(opened, "source") == {"library": 2, "upload": 1, NOT_STORED: 2}


def test_groups_with_no_clip_at_all_are_an_empty_table(opened):
    for name in GROUPS:
        table = scored_groups(opened, [name, "decision"] if name != "decision" else [name], SINCE, UNTIL)
        assert table.empty
        assert list(table.columns)[-1] == "n"


def test_an_unknown_group_is_refused(opened):
    with pytest.raises(ValueError, match="not grouped by 'clip_id'"):
        scored_groups(opened, ["clip_id"], SINCE, UNTIL)


def test_the_most_extreme_clips_of_the_period_come_first(opened):
    add_clips(
        opened,
        [{"id": name, "tempo": tempo, "path": "x"} for name, tempo in (("a", 60.0), ("b", 200.0), ("c", 120.0))]
        + [{"id": "practice", "tempo": 300.0, "origin": "demo"}, {"id": "old", "tempo": 400.0, "stored_at": LONG_AGO}],
    )
    record_events(opened, scored(1, clip_id="old"))  # scored again
    where = {"extractor": EXTRACTOR}
    found = extreme_clips(opened, "_Tempo_Mean", SINCE, UNTIL, highest=True, limit=2, **where)
    assert list(found["clip_id"]) == ["b", "c"]
    assert list(found["value"]) == [200.0, 120.0]
    lowest = extreme_clips(opened, "_Tempo_Mean", SINCE, UNTIL, highest=False, **where)
    assert list(lowest["clip_id"]) == ["a", "c", "b"]
    with pytest.raises(ValueError, match="not one of the 50 features"):
        extreme_clips(opened, "id", SINCE, UNTIL, highest=True, **where)


def test_the_mean_seconds_of_each_stage(opened):
    facts = ({"decode": 0.1, "features": 0.5, "model": 0.2}, {"decode": 0.3, "features": 0.7}, {})
    events = [Event(EventKind.SCORED, seconds=1.0, about={"stages": f}, at=NOW - timedelta(days=1)) for f in facts]
    record_events(opened, *events, Event(EventKind.SCORED, about={"stages": {"model": 99}}, at=NOW - timedelta(days=1)))
    table = stage_means(opened, SINCE, UNTIL, most=100).set_index("stage")
    assert table["clips"].to_dict() == {"decode": 2, "features": 2, "model": 1}
    assert table["mean_s"].to_dict() == pytest.approx({"decode": 0.2, "features": 0.6, "model": 0.2})
    assert stage_means(opened, NOW, NOW, most=1)["mean_s"].isna().all()


def test_only_who_may_see_monitoring_counts(opened):
    rater = opened.asked_by(lambda: Person(Role.RATER, "Ayşe", True, setting=Setting.LOGIN))
    with pytest.raises(AccessError, match="It needs the role of an analyst"):
        scored_groups(rater, ["way"], SINCE, UNTIL)
    with pytest.raises(AccessError, match="It needs the role of an analyst"):
        extreme_clips(rater, "_Tempo_Mean", SINCE, UNTIL, extractor=EXTRACTOR, highest=True)
