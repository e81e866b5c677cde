"""Answers by what they are about: a whole piece or one window of it; and the clip that stands for a piece.

A *subject* is the hash of a file's content for a whole piece, and the id of the clip for a window. The clip that
answers for a file is about the piece: its id is the hash, or further windows serve its prediction. All other clips are
windows with a start and an end.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.errors import StoreError
from core.store.answer_log import AnswerLog, answers_key, category, current_log
from core.store.clips import insert_clips
from core.store.connection import Store, in_parts, read, remembered, write
from core.store.erasures import erasures
from core.store.one_recording import same_state
from core.store.schema import BY_ITSELF, clips, feedback, predictions, settings

_SAID = (  # columns of ``answers_by_subject``
    *("feedback_id", "kind", "clip_id", "deleted", "target_id", "rater", "verified", "label", "skip_reason", "counts"),
)
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
    """Return all answers and settlements that were not taken back, oldest first.

    Columns: feedback_id, kind, clip_id (of the subject), deleted (always False), target_id, rater, verified, label,
    skip_reason and counts, as in ``store.feedback_table``. Answers about deleted clips are left out.
    """
    log = current_log(store)
    return _said(store, log, np.ones(len(log), dtype=bool))


@requires(Action.ANSWER)
def own_answers_by_subject(store: Store) -> pd.DataFrame:
    """Return the rows of ``answers_by_subject`` of the person who asks, also those of this session without a name."""
    by, log = store.by, current_log(store)
    own = [
        bool(by.name and (name, login) == (by.name, by.verified))
        or bool(by.session and not login and name == by.anonymous)
        for name, login in log.people
    ]
    return _said(store, log, np.array(own, dtype=bool)[log.columns["person"]])


@requires(Action.ANSWER)
def subjects_key(store: Store) -> tuple[object, ...]:
    """Return a cache key for ``answers_by_subject``: also a new window can decide what an answer is about."""
    log = current_log(store)
    return (*answers_key(store), None if log.clip_ids == log.content else _clips_stored(store))


def _clips_stored(store: Store) -> int:
    return int(read(store, lambda c: c.execute(sa.select(sa.func.count()).select_from(clips)).scalar_one()))


def _said(store: Store, log: AnswerLog, rows: np.ndarray) -> pd.DataFrame:
    """The answers and settlements among these rows that count for a subject."""
    kinds = log.is_kind("answer") | log.is_kind("adjudication")
    rows = rows & kinds & ~log.undone & ~log.deleted[log.columns["clip"]]
    numbers, subjects = _subjects(store, log)
    clip_id = category(numbers[log.columns["clip"][rows]], subjects)
    return log.table(rows).assign(clip_id=clip_id, deleted=False)[list(_SAID)]


def _subjects(store: Store, log: AnswerLog) -> tuple[np.ndarray, pd.Index]:
    """The number of the subject of each clip of the log, and the subjects."""

    def find(c: sa.Connection) -> tuple[np.ndarray, pd.Index]:
        pairs = list(zip(log.clip_ids, log.content, strict=True))
        query = sa.select(clips.c.id).where(_OF_PIECE)
        others = in_parts(clip for clip, content in pairs if clip != content)
        of_piece = {i for part in others for i in c.execute(query.where(clips.c.id.in_(part))).scalars()}
        names = [content if clip == content or clip in of_piece else clip for clip, content in pairs]
        numbers, subjects = pd.factorize(np.array(names, dtype=object))
        return numbers, pd.Index(subjects, dtype=object)

    key = (subjects_key(store)[-1], log.key[:2], log.clip_ids)  # a log that was read again can number clips anew
    return remembered(store, "subjects", key, lambda: read(store, find))


@requires(Action.ANSWER)
def words_cache_key(store: Store) -> tuple[object, ...]:
    """Return a cache key that changes whenever an answer, a deleted or erased clip or a rule about answers changes.

    It also changes when files become one recording, or two. Answers are append-only, so the newest id and the number
    of erasures suffice.
    """
    query = sa.select(
        sa.select(sa.func.max(feedback.c.id)).scalar_subquery(),
        sa.select(sa.func.count()).where(clips.c.deleted_at.is_not(None)).scalar_subquery(),
        sa.select(sa.func.max(settings.c.changed_at)).where(settings.c.key.not_in(BY_ITSELF)).scalar_subquery(),
        erasures(),
        *same_state(),
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
