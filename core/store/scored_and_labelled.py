"""Read the predictions that came before the answers of people: they measure how good a model is on new clips."""

from collections.abc import Mapping
from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.schema import EMOTIONS
from core.store.connection import Store, by_clip, frame, read
from core.store.one_recording import same_recordings
from core.store.schema import clips, events, feedback, predictions
from core.store.scored_events import MUSIC, fact_of_music, with_music
from core.store.synthetic import is_synthetic
from core.store.weekly import recording


@requires(Action.SEE_MONITORING)
def answered_predictions(store: Store, since: datetime, until: datetime, *, extractor: str) -> pd.DataFrame:
    """Return the champion's predictions of a period whose clips people answered about later, and only later.

    A model that was trained with an answer about a clip predicts the recording after the answer. Such a prediction is
    not here, so every row is a clip of a recording that its model did not know. Files that people or the program call
    the same recording are one. Deleted and synthetic clips are left out.

    Returns
    -------
    pandas.DataFrame
        Columns: clip_id, recording, model_version, at (of the prediction), p_*, way (of the first time that it was
        scored; empty for clips from before events were noted), and those of ``MUSIC``; oldest first.
    """
    answer, known = feedback.alias("answer"), clips.alias("known")
    answered = sa.exists().where(answer.c.clip_id == predictions.c.clip_id, answer.c.kind != "undo")
    of_known = recording(known)  # one expression: PostgreSQL does not see that two with parameters are equal
    first = (
        sa.select(
            of_known.label("recording"),
            sa.func.min(feedback.c.created_at, type_=feedback.c.created_at.type).label("at"),
        )
        .join(known, known.c.id == feedback.c.clip_id)
        .where(feedback.c.kind != "undo")
        .group_by(of_known)
        .subquery("first")
    )
    way = (
        sa.select(events.c.way)
        .where(events.c.clip_id == predictions.c.clip_id, events.c.kind == "scored")
        .order_by(events.c.event_id)  # the index of clips has this order; by time, SQLite would search all events
        .limit(1)
        .scalar_subquery()
    )
    query = (
        sa.select(
            predictions.c.clip_id,
            clips.c.content_hash,
            recording().label("recording"),
            predictions.c.model_version,
            predictions.c.created_at.label("at"),
            *(predictions.c[f"p_{emotion}"] for emotion in EMOTIONS),
            sa.func.coalesce(way, "").label("way"),
            *(fact_of_music(name).label(name) for name in MUSIC),
        )
        .select_from(
            with_music(predictions, predictions.c.clip_id, extractor).join(first, first.c.recording == recording())
        )
        .where(
            predictions.c.role == "champion",
            predictions.c.created_at >= since,
            predictions.c.created_at < until,
            clips.c.deleted_at.is_(None),
            sa.not_(is_synthetic()),
            answered,
            predictions.c.created_at < first.c.at,
        )
        .order_by(predictions.c.created_at, predictions.c.id)
    )
    table, same = read(store, lambda c: frame(c, query)), same_recordings(store)
    name = table.pop("content_hash").map(same.named)
    first_of_name = name.map(_first_answers(store, same.named).to_dict())
    known_before = table["at"] >= pd.to_datetime(first_of_name, utc=True)  # a missing time is never reached
    return table[~known_before].assign(recording=table["recording"].where(name.isna(), name))


def _first_answers(store: Store, named: Mapping[str, str]) -> pd.Series:
    """When somebody first answered about each recording, index: its name. named : content -> name of the recording."""
    first = sa.func.min(feedback.c.created_at, type_=feedback.c.created_at.type).label("at")
    query = sa.select(clips.c.content_hash.label("clip_id"), first).join(clips, clips.c.id == feedback.c.clip_id)
    query = query.where(feedback.c.kind != "undo").group_by(clips.c.content_hash)
    found = by_clip(store, query, clips.c.content_hash, named)["at"]
    return found.groupby(found.index.map(named)).min()
