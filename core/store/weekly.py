"""What came between two moments, for the alarms: recordings, answers of the model, answers of people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.store.connection import Store, by_clip, read
from core.store.events import EventKind
from core.store.schema import clips, events, features, feedback
from core.store.scored_events import ACCEPTED, synthetic_event
from core.store.synthetic import is_synthetic


@dataclass(frozen=True)
class Answered:
    """How many recordings the model answered between two moments, whichever version it was.

    clips : one of each recording.  unlike : unlike the training music.  unsure : of the others, those without a sure
    answer.
    """

    clips: int
    unlike: int
    unsure: int


@requires(Action.SEE_MONITORING)
def recordings_between(store: Store, since: datetime, until: datetime, extractor: str, *, limit: int) -> list[str]:
    """Return one measured clip of each recording that was stored between two moments, at most ``limit`` of them.

    The order is that of the clips' hashes, so a limit picks recordings at random, and the same ones each time.
    Synthetic and deleted clips are left out.
    """
    chosen = sa.func.min(clips.c.id)
    query = measured_clips(since, until, extractor).with_only_columns(chosen).group_by(recording()).order_by(chosen)
    return read(store, lambda c: list(c.execute(query.limit(limit)).scalars()))


@requires(Action.SEE_MONITORING)
def count_recordings(store: Store, since: datetime, until: datetime, extractor: str) -> int:
    """Return the number of recordings of ``recordings_between`` without a limit."""
    query = measured_clips(since, until, extractor).with_only_columns(sa.func.count(recording().distinct()))
    return int(read(store, lambda c: c.execute(query).scalar_one()))


def measured_clips(since: datetime, until: datetime, extractor: str) -> sa.Select[Any]:
    """Return the query of the measured clips of music that were stored between two moments."""
    measured = sa.and_(features.c.clip_id == clips.c.id, features.c.extractor == extractor)
    return (
        sa.select(clips.c.id)
        .join(features, measured)
        .where(clips.c.created_at >= since, clips.c.created_at < until, clips.c.part_of.is_(None))
        .where(clips.c.deleted_at.is_(None), sa.not_(is_synthetic()))
    )


def recording(of: sa.FromClause = clips) -> sa.ColumnElement[str]:
    """Return the name of the recording of a clip, for queries. of : the table of clips, or an alias of it."""
    return sa.func.coalesce(sa.func.nullif(of.c.track_id, ""), of.c.content_hash)


@requires(Action.SEE_MONITORING)
def answered_between(store: Store, since: datetime, until: datetime) -> Answered:
    """Return how many clips the model answered between two moments; a clip that came twice counts once.

    Of the windows of a whole recording only one counts, the one with the smallest hash: they depend on one another.
    Synthetic clips are left out: they say nothing about the music that comes.
    """
    counted = (
        *(events.c.kind == str(EventKind.SCORED), events.c.at >= since, events.c.at < until, events.c.clip_id != ""),
        sa.not_(synthetic_event(events)),
    )
    of_recording = sa.func.coalesce(events.c.about["recording"].as_string(), events.c.clip_id)
    chosen = sa.select(sa.func.min(events.c.clip_id)).where(*counted).group_by(of_recording)
    unlike = events.c.about["unlike"].as_boolean().is_(True)
    unsure = events.c.about["decision"].as_string() != ACCEPTED
    clip = events.c.clip_id.distinct()
    number = sa.func.count
    query = sa.select(
        number(clip), number(clip).filter(unlike), number(clip).filter(sa.not_(sa.func.coalesce(unlike, False)), unsure)
    ).where(*counted, events.c.clip_id.in_(chosen))
    return Answered(*map(int, read(store, lambda c: c.execute(query).one())))


@requires(Action.SEE_MONITORING)
def count_answers(store: Store, since: datetime, until: datetime) -> int:
    """Return the number of answers and settlements of people between two moments, also of those that were undone."""
    query = sa.select(sa.func.count()).select_from(feedback)
    query = query.where(feedback.c.kind != "undo", feedback.c.created_at >= since, feedback.c.created_at < until)
    return int(read(store, lambda c: c.execute(query).scalar_one()))


@requires(Action.SEE_MONITORING)
def last_answers(store: Store, clip_ids: Sequence[str]) -> pd.Series:
    """Return when each of these clips was last answered or settled, index clip_id."""
    newest = sa.func.max(feedback.c.created_at, type_=feedback.c.created_at.type).label("at")
    query = sa.select(feedback.c.clip_id, newest).where(feedback.c.kind != "undo").group_by(feedback.c.clip_id)
    return by_clip(store, query, feedback.c.clip_id, clip_ids)["at"]


@requires(Action.SEE_MONITORING)
def last_label_and_first_clip(store: Store, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return when the last label came and when the first clip was answered or stored; None where there is none.

    Only what came up to now counts, without synthetic clips. Clips of the Predict page are answered and not stored.
    """
    label = sa.func.max(feedback.c.created_at, type_=feedback.c.created_at.type)
    stored = sa.func.min(clips.c.created_at, type_=clips.c.created_at.type)
    answered = sa.func.min(events.c.at, type_=events.c.at.type)
    scored = events.c.kind == str(EventKind.SCORED)
    query = sa.select(
        sa.select(label).where(feedback.c.label.is_not(None), feedback.c.created_at <= now).scalar_subquery(),
        sa.select(stored).where(clips.c.created_at <= now, sa.not_(is_synthetic())).scalar_subquery(),
        sa.select(answered).where(scored, events.c.at <= now, sa.not_(synthetic_event(events))).scalar_subquery(),
    )
    last, *firsts = read(store, lambda c: c.execute(query).one())
    return last, min((moment for moment in firsts if moment is not None), default=None)
