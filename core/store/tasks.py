"""Store and read tasks: clips that an analyst asks named raters to label."""

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, decides, require, requires
from core.errors import StoreError
from core.store.answers import rater_name
from core.store.checks import check_text, normalised_line, now
from core.store.clips import require_clip
from core.store.connection import Store, by_clip, frame, in_parts, read, write
from core.store.label_queue import queue_query
from core.store.library import not_replaced
from core.store.schema import (
    MAX_NAME,
    TRACK,
    TURNS,
    UNDONE,
    clips,
    feedback,
    predictions,
    task_clips,
    task_raters,
    tasks,
    tracks,
)
from core.store.synthetic import is_synthetic


@requires(Action.MAKE_TASK)
def add_task(
    store: Store,
    *,
    name: str,
    seed: int,
    chosen: str,
    items: Sequence[tuple[str, int]],
    raters: Collection[tuple[str, bool]],
) -> int:
    """Store a task in one transaction, all or nothing, and return its number.

    Parameters
    ----------
    seed
        Seed of the order of the clips.
    chosen
        Sentence that says how the clips were chosen.
    items
        Clip and turn (one of ``TURNS``), in the order of asking.
    raters
        Name of each rater, and whether the name comes from a login.

    Raises
    ------
    StoreError
        The name is empty or too long, there are no clips or no raters, or a clip is unknown.
    """
    title = normalised_line(name, "name of the task")
    if not 1 <= len(title) <= MAX_NAME:
        raise StoreError(f"The name of a task has 1 to {MAX_NAME} characters; this one has {len(title)}.")
    people = sorted({(rater_name(rater), bool(verified)) for rater, verified in raters})
    if not items or not people:
        raise StoreError("A task needs at least one clip and one rater. Choose them.")
    if any(turn not in TURNS for _, turn in items):
        raise StoreError("A clip comes once or twice in a task.")
    row = {
        "name": title,
        "seed": seed,
        "chosen": check_text(chosen, "description of the task"),
        "made_by": store.by.mark,
        "created_at": now(),
    }

    def work(c: sa.Connection) -> int:
        ids = [clip_id for clip_id, _ in items]
        stored = sa.select(clips.c.id)
        known = {i for part in in_parts(ids) for i in c.execute(stored.where(clips.c.id.in_(part))).scalars()}
        for missing in set(ids) - known:
            require_clip(c, missing)
        (task_id,) = c.execute(sa.insert(tasks).values(row).returning(tasks.c.id)).one()
        asked = [
            {"task_id": task_id, "place": place, "clip_id": clip_id, "turn": turn}
            for place, (clip_id, turn) in enumerate(items)
        ]
        c.execute(sa.insert(task_clips), asked)
        c.execute(sa.insert(task_raters), [{"task_id": task_id, "rater": r, "verified": v} for r, v in people])
        return int(task_id)

    return write(store, work)


@requires(Action.MAKE_TASK)
def end_task(store: Store, task_id: int) -> None:
    """Stop asking for a task. Its answers stay. A task that ended before keeps its first end."""
    ended = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.ended_at.is_(None)).values(ended_at=now())
    write(store, lambda c: c.execute(ended))


def _can_be_heard() -> sa.ColumnElement[bool]:
    """Condition: the audio of a clip is stored, and its library file was not replaced by another one."""
    return clips.c.path.is_not(None) & not_replaced()


def _standing() -> sa.Subquery:
    """The items that a rater has answered, each once: task_id, clip_id, turn, rater, verified, last_at."""
    named = [feedback.c[n] for n in ("task_id", "clip_id", "turn", "rater", "verified")]
    return (
        sa.select(*named, sa.func.max(feedback.c.created_at, type_=feedback.c.created_at.type).label("last_at"))
        .where(feedback.c.task_id.is_not(None), feedback.c.kind == "answer", ~UNDONE)
        .group_by(*named)
        .subquery("standing")
    )


@decides(Action.LABEL, Action.SEE_TASKS)
def tasks_table(store: Store, *, rater: str | None = None, verified: bool = False) -> pd.DataFrame:
    """Return each task of each rater with its progress, oldest task first.

    A person may read the own tasks, with rater and verified. The tasks of all raters need a right of their own.
    Clips that nobody can hear any more are not counted: deleted, no longer shared, or replaced by another file.

    Returns
    -------
    DataFrame
        Columns task_id, name, chosen, made_by, created_at, ended_at, rater, verified, clips (how many answers the task
        asks for), answered, last_at (time of the last answer).
    """
    own = rater is not None and store.by.owns(rater_name(rater), verified)
    require(store.by, Action.LABEL if own else Action.SEE_TASKS)
    done = _standing()
    same = [done.c[n] == task_clips.c[n] for n in ("task_id", "clip_id", "turn")]
    same += [done.c[n] == task_raters.c[n] for n in ("rater", "verified")]
    facts = [tasks.c[n] for n in ("name", "chosen", "made_by", "created_at", "ended_at")]
    query = (
        sa.select(
            tasks.c.id.label("task_id"),
            *facts,
            task_raters.c.rater,
            task_raters.c.verified,
            sa.func.count(clips.c.id).label("clips"),
            sa.func.count(done.c.clip_id).filter(clips.c.id.is_not(None)).label("answered"),
            sa.func.max(done.c.last_at, type_=feedback.c.created_at.type).label("last_at"),
        )
        .select_from(tasks)
        .join(task_raters, task_raters.c.task_id == tasks.c.id)
        .join(task_clips, task_clips.c.task_id == tasks.c.id)
        .outerjoin(clips, sa.and_(clips.c.id == task_clips.c.clip_id, clips.c.deleted_at.is_(None), _can_be_heard()))
        .outerjoin(done, sa.and_(*same))
        .group_by(tasks.c.id, *facts, task_raters.c.rater, task_raters.c.verified)
        .order_by(tasks.c.id, task_raters.c.rater, task_raters.c.verified)
    )
    if rater is not None:
        query = query.where(task_raters.c.rater == rater_name(rater), task_raters.c.verified == verified)
    return read(store, lambda c: frame(c, query))


@requires(Action.LABEL)
def task_items(
    store: Store,
    task_id: int,
    *,
    rater: str,
    verified: bool = False,
    champion: str | None = None,
    challenger: str | None = None,
    limit: int = 20,
) -> pd.DataFrame:
    """Return the items of a task that this rater has not answered, in the order of asking.

    Columns: those of ``clips_to_label``, and turn. Clips that nobody can hear any more are left out.
    """
    done = _standing()
    answered = sa.exists().where(
        done.c.task_id == task_id,
        done.c.clip_id == task_clips.c.clip_id,
        done.c.turn == task_clips.c.turn,
        done.c.rater == rater_name(rater),
        done.c.verified == verified,
    )
    query = (
        queue_query(champion, challenger)
        .add_columns(task_clips.c.turn)
        .join(task_clips, task_clips.c.clip_id == clips.c.id)
        .where(task_clips.c.task_id == task_id, ~answered, _can_be_heard())
        .order_by(task_clips.c.place)
        .limit(limit)
    )
    return read(store, lambda c: frame(c, query))


@requires(Action.MAKE_TASK)
def files_for_tasks(store: Store) -> pd.DataFrame:
    """Return where the clips of ``clips_for_tasks`` come from, each place once: source (of the track), file_name.

    The file name is empty where it names no folder, so that a library in folders of its own needs few rows.
    """
    name = clips.c.file_name
    in_folder = sa.or_(name.contains("/", autoescape=True), name.contains("\\", autoescape=True))
    scored = sa.exists().where(predictions.c.clip_id == clips.c.id, predictions.c.role == "champion")
    query = (
        sa.select(tracks.c.source, sa.case((in_folder, name), else_="").label("file_name"))
        .select_from(clips.outerjoin(tracks, tracks.c.id == clips.c.track_id))
        .where(clips.c.deleted_at.is_(None), scored, sa.not_(is_synthetic()), _can_be_heard())
        .distinct()
    )
    return read(store, lambda c: frame(c, query))


@requires(Action.MAKE_TASK)
def clips_for_tasks(
    store: Store,
    *,
    raters: Collection[tuple[str, bool]],
    champion: str | None = None,
    clip_ids: Collection[str] | None = None,
) -> pd.DataFrame:
    """Return the clips of music with audio that none of these raters has answered, the least certain first.

    clip_ids : only these clips, and in any order.
    Columns: those of ``clips_to_label``, and the columns of the track in ``TRACK``.
    """
    query = queue_query(champion, None).add_columns(*(tracks.c[n] for n in TRACK))
    query = query.outerjoin(tracks, tracks.c.id == clips.c.track_id)
    query = query.where(sa.not_(is_synthetic()), _can_be_heard())
    for rater, verified in raters:
        said: list[Any] = [feedback.c.rater == rater_name(rater), feedback.c.verified == verified]
        answered = sa.select(feedback.c.clip_id).where(*said, feedback.c.kind == "answer", ~UNDONE)
        query = query.where(clips.c.id.not_in(answered))
    ordered = query.order_by(query.selected_columns["margin"], clips.c.id)
    if clip_ids is None:
        return read(store, lambda c: frame(c, ordered))
    return by_clip(store, query, clips.c.id, clip_ids).reset_index()
