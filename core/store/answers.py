"""Store and read answers and adjudications. The table is append-only: an undo is a new row (``core.store.undos``)."""

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import AccessError, Action, Person, Setting, decides, require, requires
from core.errors import SentTwiceError, StoreError
from core.schema import EMOTIONS
from core.store.checks import check_choice, check_text, normalised_line, now
from core.store.clips import require_clip
from core.store.connection import Store, frame, in_parts, insert, read, write
from core.store.erasures import numbered
from core.store.events import Event, EventKind, Way, record_events
from core.store.schema import (
    DISPLAYS,
    MAX_COMMENT,
    MAX_NAME,
    REPEAT,
    SKIPS,
    SOURCES,
    TURNS,
    UNDONE,
    VERIFIED_ONLY,
    clips,
    feedback,
    predictions,
    settings,
    task_clips,
)
from core.store.synthetic import origin_of_music


@dataclass(frozen=True)
class Receipt:
    """Result of submitting a form.

    Parameters
    ----------
    feedback_id
        Id of the stored row.
    new
        False when the same form was submitted before; no row was added then.
    remark
        A sentence for the person; often empty.
    """

    feedback_id: int
    new: bool
    remark: str = ""


Stored = tuple[dict[str, Any], "Receipt"]  # a row of feedback and what its form gets back


def new_token() -> str:
    """Return a random token for one form. Submitting a form twice with the same token stores one answer."""
    return uuid.uuid4().hex


def rater_name(name: str) -> str:
    """Normalise a rater's name to one line of 1 to 80 characters; Turkish letters stay."""
    tidy = normalised_line(name, "name")
    if not 1 <= len(tidy) <= MAX_NAME:
        raise StoreError(f"A name has 1 to {MAX_NAME} characters; this one has {len(tidy)}.")
    return tidy


@dataclass(frozen=True)
class Answer:
    """One person's answer about one clip, as submitted by a form. Raises StoreError when it is invalid.

    Parameters
    ----------
    token
        Token of the form, from ``new_token()``.
    rater
        Name of the rater, 1 to 80 characters.
    label, skip_reason
        The emotion heard, or one of ``SKIPS``. Exactly one of the two is given.
    prediction_id
        Prediction on the screen, shown or hidden. Without a prediction, give ``clip_id``.
    display
        How the model's guess was displayed, one of ``DISPLAYS``.
    shown_label
        The emotion that the person saw; given exactly when display is ``"shown"``.
    source
        The page, one of ``SOURCES``.
    verified
        Whether the name comes from a login.
    adjudication
        Whether the answer settles a dispute.
    given_at
        Time of the answer, with its time zone, when it was given before it reached this database; None means now.
    answer_s, heard_s
        Seconds from the first sound to the answer, and seconds of the clip that were played; None = not measured.
    task_id, turn
        Task that asks for this answer, and how often it has asked for this clip, one of ``TURNS``.
    """

    token: str
    rater: str
    label: str | None = None
    skip_reason: str | None = None
    prediction_id: int | None = None
    clip_id: str | None = None
    display: str = "none"
    shown_label: str | None = None
    source: str = "label"
    verified: bool = False
    comment: str = ""
    adjudication: bool = False
    given_at: datetime | None = None
    answer_s: float | None = None
    heard_s: float | None = None
    task_id: int | None = None
    turn: int | None = None

    def __post_init__(self) -> None:
        check_token(self.token)
        check_choice(self.display, DISPLAYS, "way to display a guess")
        check_choice(self.source, SOURCES, "source of an answer")
        for emotion in (self.label, self.shown_label):
            if emotion is not None:
                check_choice(emotion, EMOTIONS, "emotion")
        if self.skip_reason is not None:
            check_choice(self.skip_reason, SKIPS, "reason to skip")
        if (self.label is None) == (self.skip_reason is None):
            raise StoreError("An answer is either an emotion or a reason to skip. Choose one of them.")
        if (self.display == "shown") != (self.shown_label is not None):
            raise StoreError("Give the shown guess when a guess was shown, and only then.")
        if self.prediction_id is None and self.clip_id is None:
            raise StoreError("An answer needs a clip. Give its prediction_id or its clip_id.")
        if self.given_at is not None and self.given_at.tzinfo is None:
            raise StoreError("The time of an answer needs a time zone.")
        for seconds in (self.answer_s, self.heard_s):
            if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
                raise StoreError(f"{seconds} is not a length in seconds. Give a number from 0, or leave it out.")
        if (self.task_id is None) != (self.turn is None) or self.turn not in (None, *TURNS):
            raise StoreError("An answer of a task needs the number of the task and the turn 1 or 2.")
        rater_name(self.rater)
        check_text(self.comment, "comment", longest=MAX_COMMENT)


@decides(Action.ANSWER, Action.EXCHANGE_LABELS)
def add_feedback(store: Store, *, token: str, rater: str, **given: Any) -> Receipt:
    """Store one answer; the arguments are those of ``Answer``.

    Raises StoreError when the answer is invalid, the clip is unknown, or the form was submitted with another answer.
    """
    (receipt,) = add_answers(store, [Answer(token, rater, **given)])
    return receipt


@decides(Action.ANSWER, Action.EXCHANGE_LABELS)
def add_answers(store: Store, answers: Sequence[Answer]) -> list[Receipt]:
    """Store many answers in one transaction, all or none, and return their receipts in the same order.

    Other writers wait for the transaction, so clips and predictions are looked up in batches, not one by one.
    """
    for answer in answers:
        _check_answer(store.by, answer)
    moment = now()
    rows = [_row(answer, moment) for answer in answers]

    def work(c: sa.Connection) -> list[Stored]:
        about = _about_clips(c, rows)
        return list(zip(about, insert_answers(c, about), strict=True))

    stored = write(store, work)
    _note_answers(store, stored)
    return [receipt for _, receipt in stored]


@requires(Action.SETTLE)
def add_settlement(store: Store, answer: Answer, *, seen: int | None) -> Receipt:
    """Store the answer that settles a clip, unless somebody else settled the clip after this person opened it.

    The check runs in the transaction that stores the answer, so the second of two simultaneous settlements is refused.

    Parameters
    ----------
    answer
        Answer of the person who settles the clip; stored as an adjudication.
    seen
        feedback_id of the newest adjudication that the person saw; None when there was none.

    Raises
    ------
    StoreError
        When somebody else settled the clip since then, even if they undid their settlement.
    """
    check_own(store.by, answer.rater, answer.verified)
    row = _row(replace(answer, adjudication=True), now())

    def work(c: sa.Connection) -> Stored:
        (about,) = _about_clips(c, [row])
        # In PostgreSQL this row lock makes settlements of one clip wait for each other; SQLite has one writer anyway.
        c.execute(sa.select(clips.c.id).where(clips.c.id == about["clip_id"]).with_for_update(key_share=True))
        others = sa.or_(feedback.c.rater != row["rater"], feedback.c.verified != row["verified"])
        newest = c.execute(
            sa.select(sa.func.max(feedback.c.id)).where(
                feedback.c.clip_id == about["clip_id"], feedback.c.kind == "adjudication", others
            )
        ).scalar()
        if newest is not None and (seen is None or newest > seen):
            raise StoreError("Someone else settled this clip after you opened it. Look at it again.")
        (receipt,) = insert_answers(c, [about])
        return about, receipt

    stored = write(store, work)
    _note_answers(store, [stored])
    return stored[1]


def _note_answers(store: Store, stored: Sequence[Stored]) -> None:
    """Note the answers that people gave now. An import brings answers that were given elsewhere before."""
    given = [row for row, receipt in stored if receipt.new and row["source"] != "import"]
    by_program = not store.by.session and store.by.setting is not Setting.COMMAND  # pages have a session
    record_events(
        store,
        *(
            Event(
                EventKind.ANSWERED,
                Way.API if by_program else Way.LABEL if row["source"] == "label" else Way.PAGE,
                clip_id=row["clip_id"],
                seconds=row["answer_s"],
                about={"source": row["source"], "skipped": row["label"] is None},
            )
            for row in given
        ),
    )


def _check_answer(by: Person, answer: Answer) -> None:
    """Raise AccessError unless the person may store this answer: their own one, or one from a file of labels."""
    if answer.source == "import":
        require(by, Action.EXCHANGE_LABELS)
        return
    require(by, Action.SETTLE if answer.adjudication else Action.ANSWER if answer.source == "predict" else Action.LABEL)
    check_own(by, answer.rater, answer.verified)


def check_own(by: Person, rater: str, verified: bool) -> None:
    """Raise AccessError unless answers under this name are the person's own."""
    if by.setting is not Setting.COMMAND and not by.owns(rater_name(rater), verified):
        raise AccessError(
            "This answer belongs to another person. Nothing was changed. You can change only your own answers."
        )


@decides(Action.EXCHANGE_LABELS, Action.ANSWER)
def add_planned_answers(store: Store, answers: Sequence[Answer], before: Sequence[int]) -> list[Receipt | None]:
    """Store answers that were planned from an earlier state of the store, in one transaction, all or none.

    An answer that is no longer up to date is not stored: for a settlement, somebody settled the clip after the plan;
    for another answer, its rater has a newer row about the clip. This is checked in the same transaction.

    Parameters
    ----------
    before
        For each answer the newest feedback_id that the plan knew, 0 for none: of the settlements of the clip for a
        settlement, else of the other rows of this rater about this clip.

    Returns
    -------
    list of Receipt or None
        In the order of the answers; None for an answer that is no longer up to date.
    """
    for answer in answers:
        _check_answer(store.by, answer)
    moment = now()
    rows = [_row(answer, moment) for answer in answers]

    def work(c: sa.Connection) -> list[Receipt | None]:
        about = _about_clips(c, rows)
        _lock_settled(c, about)
        sent = {token for token, _ in _rows_by_key(c, feedback.c.token, (r["token"] for r in about), feedback.c.id)}
        newest = _newest_rows(c, about)
        current = [
            row["token"] in sent or newest.get(_subject(row), 0) <= known
            for row, known in zip(about, before, strict=True)
        ]
        receipts = iter(insert_answers(c, [row for row, keeps in zip(about, current, strict=True) if keeps]))
        return [next(receipts) if keeps else None for keeps in current]

    return write(store, work)


def _lock_settled(c: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Let other settlements of the same clips wait. In a fixed order, so that two imports do not wait for each other.

    SQLite ignores the lock: it has one writer anyway.
    """
    settled = {row["clip_id"] for row in rows if row["kind"] == "adjudication"}
    for part in in_parts(sorted(settled)):
        query = sa.select(clips.c.id).where(clips.c.id.in_(part)).order_by(clips.c.id)
        c.execute(query.with_for_update(key_share=True)).all()


def _subject(row: Mapping[Any, Any]) -> tuple[str, str, bool]:
    """The clip, and whose answer it is; a settlement belongs to nobody, because a clip has only one."""
    return (
        (row["clip_id"], "", True) if row["kind"] == "adjudication" else (row["clip_id"], row["rater"], row["verified"])
    )


def _newest_rows(c: sa.Connection, rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str, bool], int]:
    """The newest feedback_id of each settlement and of each rater about the clips of the rows."""
    who = (feedback.c.kind, feedback.c.rater, feedback.c.verified)
    newest: dict[tuple[str, str, bool], int] = {}
    for part in in_parts({row["clip_id"] for row in rows}):
        query = sa.select(feedback.c.clip_id, *who, sa.func.max(feedback.c.id).label("newest"))
        for row in c.execute(query.where(feedback.c.clip_id.in_(part)).group_by(feedback.c.clip_id, *who)).mappings():
            subject = _subject(dict(row))
            newest[subject] = max(newest.get(subject, 0), row["newest"])
    return newest


def _row(answer: Answer, moment: datetime) -> dict[str, Any]:
    return {
        "token": answer.token,
        "kind": "adjudication" if answer.adjudication else "answer",
        "clip_id": answer.clip_id,
        "prediction_id": answer.prediction_id,
        "display": answer.display,
        "shown_label": answer.shown_label,
        "label": answer.label,
        "skip_reason": answer.skip_reason,
        "rater": rater_name(answer.rater),
        "verified": answer.verified,
        "source": answer.source,
        "comment": check_text(answer.comment, "comment", longest=MAX_COMMENT),
        "target_id": None,
        "answer_s": answer.answer_s,
        "heard_s": answer.heard_s,
        "task_id": answer.task_id,
        "turn": answer.turn,
        "created_at": answer.given_at or moment,
    }


def check_token(token: str) -> str:
    """Return the token of a form. Raises StoreError when it is missing or too short."""
    if len(check_text(token, "form's token", longest=64)) < 8:
        raise StoreError("The form has no token. Reload the page and answer again.")
    return token


def _about_clips(c: sa.Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fill clip_id of each row from its prediction. Raises StoreError when prediction and clip do not match."""
    numbers = (row["prediction_id"] for row in rows if row["prediction_id"] is not None)
    clip_of: dict[int, str] = dict(_rows_by_key(c, predictions.c.id, numbers, predictions.c.clip_id))
    return [{**row, "clip_id": _clip_of(row, clip_of)} for row in rows]


def _clip_of(row: dict[str, Any], clip_of: dict[int, str]) -> str:
    number, clip_id = row["prediction_id"], row["clip_id"]
    if number is None:
        return str(clip_id)
    if number not in clip_of:
        raise StoreError(f"There is no prediction {number}. Reload the page and answer again.")
    if clip_id not in (None, clip_of[number]):
        raise StoreError(f"Prediction {number} is about another clip. Reload the page and answer again.")
    return clip_of[number]


def _rows_by_key(
    c: sa.Connection, key: sa.Column[Any], wanted: Iterable[Any], *columns: sa.ColumnElement[Any], hold: bool = False
) -> list[Any]:
    """Select the key and these columns from the rows whose key is wanted. hold : nobody can delete them meanwhile."""
    query = sa.select(key, *columns)
    if hold:
        query = query.with_for_update(read=True, key_share=True)
    return [row for part in in_parts(wanted) for row in c.execute(query.where(key.in_(part)))]


def _check_tasks(c: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Raise StoreError unless each task asks for the clip of its answer in this turn."""
    for row in rows:
        if row.get("task_id") is None:
            continue
        same = [task_clips.c[name] == row[name] for name in ("task_id", "clip_id", "turn")]
        if c.execute(sa.select(task_clips.c.place).where(*same)).first() is None:
            raise StoreError("This task does not ask for this clip. Reload the page and answer again.")


def insert_answers(c: sa.Connection, rows: Sequence[dict[str, Any]]) -> list[Receipt]:
    """Insert the rows and return their receipts in the same order; a form submitted before adds no row."""
    _check_tasks(c, rows)
    about = {row["clip_id"] for row in rows}
    # In PostgreSQL this row lock lets an answer wait for somebody who erases the clip; SQLite has one writer anyway.
    held = _rows_by_key(c, clips.c.id, about, clips.c.deleted_at, hold=True)
    gone = {clip_id: at is not None for clip_id, at in held}
    for clip_id in about - gone.keys():
        require_clip(c, clip_id)
    new = insert(c, feedback).on_conflict_do_nothing(index_elements=["token"])
    given = numbered(c, feedback, rows)
    stored = dict(c.execute(new.returning(feedback.c.token, feedback.c.id), given).all()) if rows else {}
    numbers = [stored.pop(row["token"], None) for row in rows]  # of two rows with one token, only the first is new
    resent = [row["token"] for row, number in zip(rows, numbers, strict=True) if number is None]
    before = {
        form.token: form for form in _rows_by_key(c, feedback.c.token, resent, *feedback.c, UNDONE.label("undone"))
    }
    return [
        _same_form(before[row["token"]], row) if number is None else _new(number, gone.get(row["clip_id"], False))
        for row, number in zip(rows, numbers, strict=True)
    ]


def _new(number: int, deleted: bool) -> Receipt:
    remark = "The clip was deleted while you listened. Your answer is stored, but trains no model." if deleted else ""
    return Receipt(int(number), new=True, remark=remark)


def _same_form(before: sa.Row[Any], row: dict[str, Any]) -> Receipt:
    if any(getattr(before, n) != row[n] for n in ("kind", "clip_id", "label", "skip_reason", "rater", "target_id")):
        if before.kind == "undo":
            raise SentTwiceError("This form has already undone an answer. Reload the page and try again.")
        answer = before.label or before.skip_reason
        if before.undone:
            raise SentTwiceError(
                f"This form was already sent with the answer {answer!r}, which was taken back. Reload the page to "
                "answer again."
            )
        raise SentTwiceError(
            f"This form was already sent with the answer {answer!r}, which still counts. Undo it to answer again."
        )
    return Receipt(int(before.id), new=False, remark="This answer was already stored.")


@decides(Action.ANSWER, Action.SEE_ANSWERS)
def feedback_table(
    store: Store,
    *,
    rater: str | None = None,
    verified: bool | None = None,
    clip_id: str | None = None,
    clip_ids: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return answers, undos and adjudications, oldest first, each with its clip and its prediction.

    Columns: feedback_id, kind, undone (a later row undoes it), clip_id, file_name, origin, clip_s (length of the clip),
    deleted, prediction_id, model_version, extractor, p_* , guess, decision, display, shown_label, label, skip_reason,
    rater, verified, counts (the rater counts as one: see ``VERIFIED_ONLY``), source, comment, target_id, answer_s,
    heard_s, task_id, turn, created_at.

    The kind of an answer of a second turn is ``REPEAT``. It is a measurement and no further voice of its rater, so what
    selects answers by kind leaves it out.

    A person may read the own answers, with rater and verified. All other answers need a right of their own.

    Parameters
    ----------
    rater, verified, clip_id, clip_ids
        Only rows of this rater, and about these clips.
    """
    by = store.by
    own = rater is not None and verified is not None and by.owns(rater, verified)
    require(by, Action.ANSWER if own else Action.SEE_ANSWERS)
    repeats = sa.and_(feedback.c.kind == "answer", feedback.c.turn == TURNS[1])
    only_verified = sa.exists().where(settings.c.key == VERIFIED_ONLY, settings.c.value == "true")
    query = (
        sa.select(
            feedback.c.id.label("feedback_id"),
            sa.case((repeats, REPEAT), else_=feedback.c.kind).label("kind"),
            UNDONE.label("undone"),
            feedback.c.clip_id,
            clips.c.file_name,
            origin_of_music(),
            clips.c.duration_s.label("clip_s"),
            clips.c.deleted_at.is_not(None).label("deleted"),
            feedback.c.prediction_id,
            predictions.c.model_version,
            predictions.c.extractor,
            *(predictions.c[f"p_{emotion}"] for emotion in EMOTIONS),
            predictions.c.guess,
            predictions.c.decision,
            *(feedback.c[n] for n in ("display", "shown_label", "label", "skip_reason", "rater", "verified")),
            sa.or_(feedback.c.verified, sa.not_(only_verified)).label("counts"),
            *(feedback.c[n] for n in ("source", "comment", "target_id")),
            *(feedback.c[n] for n in ("answer_s", "heard_s", "task_id", "turn", "created_at")),
        )
        .join(clips, clips.c.id == feedback.c.clip_id)
        .outerjoin(predictions, predictions.c.id == feedback.c.prediction_id)
        .order_by(feedback.c.id)
    )
    for column, wanted in (("rater", rater), ("verified", verified), ("clip_id", clip_id)):
        if wanted is not None:
            query = query.where(feedback.c[column] == wanted)
    if clip_ids is None:
        return read(store, lambda c: frame(c, query))
    parts = in_parts(clip_ids) or [[]]
    tables = read(store, lambda c: [frame(c, query.where(feedback.c.clip_id.in_(part))) for part in parts])
    return pd.concat(tables).sort_values("feedback_id").reset_index(drop=True)
