"""What two models say about the clips that both have scored: the database counts, and no table is read whole."""

from collections.abc import Collection
from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.store.connection import Store, frame, read
from core.store.schema import clips, feedback, predictions
from core.store.synthetic import is_synthetic, origin_of_music

_THERE = clips.c.deleted_at.is_(None)


@requires(Action.SEE_ANSWERS)
def guesses_table(store: Store, *, versions: Collection[str]) -> pd.DataFrame:
    """Return the newest guess of each of these models about each clip of music that all of them have scored.

    Columns: prediction_id, clip_id, model_version, guess, file_name, origin. Deleted clips are left out.
    """
    one, several = predictions.alias("one"), predictions.alias("several")
    scored = (
        sa.select(several.c.clip_id)
        .where(several.c.model_version.in_(versions))
        .group_by(several.c.clip_id)
        .having(sa.func.count(several.c.model_version.distinct()) == len(set(versions)))
    )
    newest = (
        sa.select(sa.func.max(one.c.id))
        .where(one.c.model_version.in_(versions), one.c.clip_id.in_(scored))
        .group_by(one.c.clip_id, one.c.model_version)
    )
    query = (
        sa.select(predictions.c.id.label("prediction_id"), *(predictions.c[n] for n in ("clip_id", "model_version")))
        .add_columns(predictions.c.guess, clips.c.file_name, origin_of_music())
        .join(clips, clips.c.id == predictions.c.clip_id)
        .where(predictions.c.id.in_(newest), _THERE, sa.not_(is_synthetic()))
        .order_by(predictions.c.id)
    )
    return read(store, lambda c: frame(c, query))


@requires(Action.SEE_ANSWERS)
def first_predicted(store: Store, *, role: str, model_version: str, music: bool = False) -> pd.Timestamp | None:
    """Return when a model first scored a clip that is not deleted, in this role; None when it never did.

    music : synthetic clips do not count.
    """
    query = (
        sa.select(sa.func.min(predictions.c.created_at, type_=predictions.c.created_at.type))
        .join(clips, clips.c.id == predictions.c.clip_id)
        .where(predictions.c.role == role, predictions.c.model_version == model_version, _THERE)
    )
    if music:
        query = query.where(sa.not_(is_synthetic()))
    found = read(store, lambda c: c.execute(query).scalar())
    return None if found is None else pd.Timestamp(found)


@requires(Action.SEE_ANSWERS)
def unsure_answers(store: Store, *, model_version: str, since: datetime) -> tuple[int, int]:
    """Return how many champion's predictions of this model about music accept no emotion, and their whole number.

    since : only predictions from this moment on.
    """
    query = (
        sa.select(sa.func.count().filter(predictions.c.decision.is_(None)), sa.func.count())
        .select_from(predictions)
        .join(clips, clips.c.id == predictions.c.clip_id)
        .where(predictions.c.role == "champion", predictions.c.model_version == model_version)
        .where(predictions.c.created_at >= since, _THERE, sa.not_(is_synthetic()))
    )
    unsure, every = read(store, lambda c: c.execute(query).one())
    return int(unsure), int(every)


@requires(Action.SEE_ANSWERS)
def answered_before(store: Store, moment: pd.Timestamp | None) -> set[str]:
    """Return the clips that somebody answered or settled before this moment; none without a moment."""
    if moment is None or pd.isna(moment):
        return set()
    query = sa.select(feedback.c.clip_id).where(
        feedback.c.kind != "undo", feedback.c.created_at < moment.to_pydatetime()
    )
    return set(read(store, lambda c: c.execute(query.distinct()).scalars().all()))
