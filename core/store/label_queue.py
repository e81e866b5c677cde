"""Queries behind the label queue."""

from collections.abc import Collection
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.schema import EMOTIONS
from core.store.answers import rater_name
from core.store.connection import Store, frame, read
from core.store.predictions import newest_prediction
from core.store.schema import UNDONE, clips, feedback, files, raters


def clips_to_label(
    store: Store,
    *,
    rater: str,
    verified: bool = False,
    limit: int = 20,
    settled: Collection[str] = (),
    champion: str | None = None,
    challenger: str | None = None,
    origins: tuple[str, ...] = ("upload", "recording", "library", "import"),
    with_audio: bool = False,
) -> pd.DataFrame:
    """The clips whose answer by this rater is worth most, best first.

    First those where champion and challenger differ, in the order of their ids, which are hashes: whoever compares
    the two on the clips that were answered so far has a random part of these, and neither model is favoured. Then by
    the champion's margin, smallest first. Left out: clips that this rater has answered, that are settled, that were
    deleted, or that have no prediction.
    settled : clips about which nobody is asked any more (``core.labelling.truth.settled_clips``).
    champion : version of the model in use; of a clip that it has not scored the newest prediction counts, as for all
    clips with None.  challenger : version; None takes each clip's newest prediction in that role.
    with_audio : only clips whose audio is kept somewhere.
    Columns: clip_id, file_name, path, origin, start_s, duration_s, prediction_id, p_*, guess, decision, margin,
    challenger_guess, differs.
    """
    query, differs, margin = _queue_query(champion, challenger)
    # A list made once: asked clip by clip, the database may search all of the rater's answers for each clip.
    answered = sa.select(feedback.c.clip_id).where(
        feedback.c.rater == rater_name(rater),
        feedback.c.verified == verified,
        feedback.c.kind != "undo",
        ~UNDONE,
    )
    query = query.where(clips.c.origin.in_(origins), clips.c.id.not_in(answered))
    if with_audio:
        query = query.where(clips.c.path.is_not(None))
    drawn = sa.case((differs, clips.c.id), else_="")
    query = query.order_by(differs.desc(), drawn, margin, sa.literal_column("prediction_id"))
    # One rule, which is not SQL, says what is settled: enough rows are fetched to take the settled ones away.
    found = read(store, lambda c: frame(c, query.limit(limit + len(settled))))
    return found[~found["clip_id"].isin(list(settled))].head(limit).reset_index(drop=True)


def _queue_query(
    champion: str | None, challenger: str | None
) -> tuple[sa.Select[Any], sa.Label[Any], sa.ColumnElement[Any]]:
    """Clips with what both models say of them; by what the queue is ordered: do they differ, and the margin."""
    first, of_first = newest_prediction("champion", champion, or_any=True)
    second, of_second = newest_prediction("challenger", challenger)
    differs = sa.func.coalesce(first.c.guess != second.c.guess, sa.false()).label("differs")
    query = (
        sa.select(
            clips.c.id.label("clip_id"),
            *(clips.c[n] for n in ("file_name", "path", "origin", "start_s", "duration_s")),
            first.c.id.label("prediction_id"),
            *(first.c[f"p_{emotion}"] for emotion in EMOTIONS),
            *(first.c[n] for n in ("guess", "decision", "margin")),
            second.c.guess.label("challenger_guess"),
            differs,
        )
        .select_from(clips)
        .join(first, of_first)
        .outerjoin(second, of_second)
        .where(clips.c.deleted_at.is_(None))
    )
    return query, differs, first.c.margin


def queue_item(
    store: Store, clip_id: str, *, champion: str | None = None, challenger: str | None = None
) -> pd.DataFrame:
    """One clip as ``label_queue`` lists it, also when it is settled; no row when it is deleted or never scored."""
    query, _, _ = _queue_query(champion, challenger)
    return read(store, lambda c: frame(c, query.where(clips.c.id == clip_id)))


def label_pool(store: Store) -> pd.DataFrame:
    """The clips that people can listen to and that were scored: clip_id, origin."""
    said, of_clip = newest_prediction("champion", None)
    query = sa.select(clips.c.id.label("clip_id"), clips.c.origin).select_from(clips).join(said, of_clip)
    return read(store, lambda c: frame(c, query.where(clips.c.deleted_at.is_(None), clips.c.path.is_not(None))))


def labels_cache_key(store: Store) -> tuple[object, ...]:
    """Changes whenever clips, their files, answers or known raters do. Rows of answers are added only, so their number
    tells."""
    query = sa.select(
        sa.select(sa.func.count()).select_from(feedback).scalar_subquery(),
        sa.select(sa.func.count()).select_from(clips).scalar_subquery(),
        sa.select(sa.func.count(clips.c.deleted_at)).scalar_subquery(),
        sa.select(sa.func.max(clips.c.deleted_at)).scalar_subquery(),
        sa.select(sa.func.max(files.c.checked_at)).scalar_subquery(),
        sa.select(sa.func.count()).select_from(raters).scalar_subquery(),
    )
    return tuple(map(str, read(store, lambda c: c.execute(query).one())))
