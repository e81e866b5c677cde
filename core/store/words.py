"""Answers by what they are about: a whole piece or one window of it; and the clip that stands for a piece.

A *subject* is the hash of a file's content for a whole piece, and the id of the clip for a window. The clip that
answers for a file is about the piece: its id is the hash, or further windows serve its prediction. All other clips are
windows with a start and an end.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.errors import StoreError
from core.store.clips import insert_clips
from core.store.connection import Store, frame, read, write
from core.store.erasures import erasures
from core.store.schema import TURNS, UNDONE, VERIFIED_ONLY, clips, feedback, predictions, settings

_window = clips.alias("window")
_OF_PIECE = sa.or_(
    clips.c.id == clips.c.content_hash,
    sa.exists().where(_window.c.content_hash == clips.c.content_hash, _window.c.part_of == clips.c.id),
)


@dataclass(frozen=True)
class PieceClip:
    """The clip under which answers about a whole piece are stored.

    prediction_id : newest prediction of this clip; None for a piece that was scored only in windows.
    """

    clip_id: str
    prediction_id: int | None


@requires(Action.SEE_ANSWERS)
def answers_by_subject(store: Store) -> pd.DataFrame:
    """Return all answers and settlements that were not taken back, oldest first, in one query.

    Columns: feedback_id, kind, clip_id (of the subject), deleted (always False), target_id, rater, verified, label,
    skip_reason and counts, as in ``store.feedback_table``. Answers about deleted clips are left out.
    """
    return read(store, lambda c: frame(c, _answers()))


@requires(Action.ANSWER)
def own_answers_by_subject(store: Store) -> pd.DataFrame:
    """Return the rows of ``answers_by_subject`` of the person who asks, also those of this session without a name."""
    by = store.by
    named = (feedback.c.rater == by.name) & (feedback.c.verified == by.verified) if by.name else sa.false()
    nameless = (feedback.c.rater == by.anonymous) & ~feedback.c.verified if by.session else sa.false()
    return read(store, lambda c: frame(c, _answers().where(sa.or_(named, nameless))))


def _answers() -> sa.Select[Any]:
    only_verified = sa.exists().where(settings.c.key == VERIFIED_ONLY, settings.c.value == "true")
    return (
        sa.select(
            feedback.c.id.label("feedback_id"),
            feedback.c.kind,
            sa.case((_OF_PIECE, clips.c.content_hash), else_=clips.c.id).label("clip_id"),
            sa.false().label("deleted"),
            *(feedback.c[n] for n in ("target_id", "rater", "verified", "label", "skip_reason")),
            sa.or_(feedback.c.verified, sa.not_(only_verified)).label("counts"),
        )
        .join(clips, clips.c.id == feedback.c.clip_id)
        .where(feedback.c.kind != "undo", feedback.c.turn.is_distinct_from(TURNS[1]), ~UNDONE)
        .where(clips.c.deleted_at.is_(None))
        .order_by(feedback.c.id)
    )


@requires(Action.ANSWER)
def words_cache_key(store: Store) -> tuple[object, ...]:
    """Return a cache key that changes whenever an answer, a deleted or erased clip or a rule about answers changes.

    Answers are append-only, so the newest id and the number of erasures suffice.
    """
    query = sa.select(
        sa.select(sa.func.max(feedback.c.id)).scalar_subquery(),
        sa.select(sa.func.count(clips.c.deleted_at)).scalar_subquery(),
        sa.select(sa.func.max(settings.c.changed_at)).scalar_subquery(),
        erasures(),
    )
    return tuple(map(str, read(store, lambda c: c.execute(query).one())))


@requires(Action.ANSWER)
def clip_of_piece(store: Store, content_hash: str) -> PieceClip:
    """Return the clip under which answers about a whole piece are stored.

    A piece that was scored only in windows has no such clip yet. It gets one without features and predictions, so that
    an answer about the piece trains the model on no single window.

    Raises
    ------
    StoreError
        When no clip of this content is stored, or an analyst deleted the piece.
    """

    def work(c: sa.Connection) -> PieceClip:
        known = c.execute(
            sa.select(clips.c.id, clips.c.deleted_at)
            .where(clips.c.content_hash == content_hash, _OF_PIECE)
            .order_by(clips.c.deleted_at.is_not(None), _has_prediction().desc(), clips.c.id)
        ).first()
        if known is not None and known.deleted_at is not None:
            raise StoreError("An analyst deleted this piece, so your answer was not stored. Reload the page.")
        clip_id = str(known.id) if known is not None else _insert_piece(c, content_hash)
        newest = sa.select(sa.func.max(predictions.c.id))
        of_clip = (predictions.c.clip_id == clip_id) & (predictions.c.role == "champion")
        return PieceClip(clip_id, c.execute(newest.where(of_clip)).scalar())

    return write(store, work)


def _has_prediction() -> sa.ColumnElement[bool]:
    return sa.exists().where(predictions.c.clip_id == clips.c.id, predictions.c.role == "champion")


def _insert_piece(c: sa.Connection, content_hash: str) -> str:
    """Insert the clip of a piece that has only windows. Its start and length are those of the whole file."""
    window = c.execute(
        sa.select(clips).where(clips.c.content_hash == content_hash, clips.c.deleted_at.is_(None)).order_by(clips.c.id)
    ).first()
    if window is None:
        raise StoreError("This piece is no longer in the library, so your answer was not stored. Reload the page.")
    end_s = window.start_s + window.duration_s
    whole = {"id": content_hash, "start_s": 0.0, "duration_s": window.file_duration_s or end_s, "part_of": None}
    known = {n: v for n, v in window._asdict().items() if n not in ("created_at", "deleted_at", "lufs")}
    insert_clips(c, [{**known, **whole, "lufs": None}])
    return content_hash
