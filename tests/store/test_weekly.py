"""What came between two moments: recordings, the model's answers, people's answers."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import sqlalchemy as sa
from labelled import answer, keep_clips, music

from core import store
from core.features import EXTRACTOR
from core.schema import GENRE
from core.store import Event, EventKind, Way, weekly
from core.store.schema import clips, feedback

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(weeks=1)


def came(opened, clip_ids, moment: datetime) -> None:
    with opened.engine.begin() as c:
        c.execute(clips.update().where(clips.c.id.in_(list(clip_ids))).values(created_at=moment))


def test_one_measured_clip_of_each_recording_of_the_week(opened):
    frame = music(3)  # 12 clips
    keep_clips(opened, frame[:6])
    keep_clips(opened, frame[6:8], origin="demo")
    made = store.add_track(opened, artist="A", title="Ezgi", source="s", genre=GENRE)
    keep_clips(opened, frame[8:9], origin="library", track_id=made)  # a piece of the demo library
    came(opened, frame.index[:5], MONDAY)
    came(opened, frame.index[5:], MONDAY + WEEK)
    store.delete_clip(opened, frame.index[4])
    track = store.add_track(opened, artist="A", title="B", source="s")
    with opened.engine.begin() as c:
        c.execute(clips.update().where(clips.c.id.in_(list(frame.index[:2]))).values(track_id=track))
    found = weekly.recordings_between(opened, MONDAY, MONDAY + WEEK, EXTRACTOR, limit=100)
    assert found == sorted([min(frame.index[:2]), *frame.index[2:4]])
    assert weekly.count_recordings(opened, MONDAY, MONDAY + WEEK, EXTRACTOR) == 3
    assert weekly.recordings_between(opened, MONDAY, MONDAY + WEEK, EXTRACTOR, limit=2) == found[:2]
    assert weekly.count_recordings(opened, MONDAY, MONDAY + 2 * WEEK, EXTRACTOR) == 4  # the synthetic ones never count
    assert weekly.count_recordings(opened, MONDAY, MONDAY + WEEK, "another extractor") == 0


def scored(clip_id: str, decision: str, *, unlike: bool = False, days: float = 1.0, **more: object) -> Event:
    facts = {"decision": decision, "unlike": unlike, **more}
    return Event(EventKind.SCORED, Way.PAGE, clip_id=clip_id, about=facts, at=MONDAY + timedelta(days=days))


def test_the_windows_of_a_whole_recording_count_as_one(opened):
    windows = [scored(f"w{k}", "review", unlike=k > 0, recording="first time") for k in range(30)]
    again = [scored(f"w{k}", "review", unlike=k > 0, recording="second time") for k in range(30)]
    store.record_events(opened, *windows, *again, scored("a", "choose"))
    assert weekly.answered_between(opened, MONDAY, MONDAY + WEEK) == weekly.Answered(clips=2, unlike=0, unsure=2)


def test_each_clip_that_the_model_answered_counts_once(opened):
    store.record_events(
        opened,
        scored("later", "review", days=7),
        scored("a", "accept"),
        scored("a", "accept", days=2),
        scored("b", "choose", days=0),
        scored("c", "review"),
        scored("d", "review", unlike=True),
        scored("", "review"),  # erased
        Event(EventKind.REFUSED, Way.PAGE, at=MONDAY),
    )
    assert weekly.answered_between(opened, MONDAY, MONDAY + WEEK) == weekly.Answered(clips=4, unlike=1, unsure=2)
    assert weekly.answered_between(opened, MONDAY - WEEK, MONDAY) == weekly.Answered(0, 0, 0)


def test_answers_of_people_by_time(opened):
    assert weekly.last_label_and_first_clip(opened, MONDAY) == (None, None)
    frame = music(1)
    keep_clips(opened, frame)
    answer(opened, frame[:2])
    now = datetime.now(UTC) + timedelta(minutes=1)
    last, first = weekly.last_label_and_first_clip(opened, now)
    assert first <= last <= now
    assert weekly.last_label_and_first_clip(opened, MONDAY) == (None, None)  # the clock was set back
    assert weekly.count_answers(opened, now - timedelta(hours=1), now) == 4
    an_hour_ago = now - timedelta(hours=1)
    store.record_events(opened, Event(EventKind.SCORED, Way.PAGE, at=an_hour_ago))  # of a clip that is not stored
    assert weekly.last_label_and_first_clip(opened, now) == (last, an_hour_ago)
    times = weekly.last_answers(opened, list(frame.index))
    assert sorted(times.index) == sorted(frame.index[:2])
    with opened.engine.connect() as c:
        newest = c.execute(sa.select(sa.func.max(feedback.c.created_at, type_=clips.c.created_at.type))).scalar_one()
    assert times.max() == pd.Timestamp(newest)
    assert weekly.last_answers(opened, []).empty
