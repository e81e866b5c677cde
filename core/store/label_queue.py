"""Queries behind the label queue."""

from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.same_recording import SameRecordings
from core.schema import EMOTIONS
from core.store.answer_log import AnswerLog, answers_key, current_log
from core.store.answers import rater_name
from core.store.connection import IDS_AT_ONCE, Store, frame, read, remembered
from core.store.erasures import erasures
from core.store.library import not_replaced
from core.store.one_recording import same_key, same_recordings
from core.store.prediction_log import PredictionLog, prediction_log
from core.store.predictions import newest_prediction
from core.store.schema import clip_owners, clips, files, jobs, predictions, raters
from core.store.synthetic import origin_of_music


@requires(Action.LABEL)
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
    pair: Collection[str] = (),
) -> pd.DataFrame:
    """Return the clips that this rater should label next, most informative first (uncertainty sampling).

    Clips on which champion and challenger differ come first, ordered by id. Ids are hashes, so the answered clips are
    a random sample of them, and a comparison of the two models favours neither. Then come the clips whose two most
    probable emotions are the pair, if one is given. The other clips follow. Both groups are ordered by the champion's
    margin, smallest first. Clips are left out when this rater has answered them or another file of the same recording,
    when they are settled or deleted, or when they have no prediction. Of a recording with several files, the first one
    is asked about.

    Parameters
    ----------
    settled
        Clips that need no more answers (``core.labelling.truth.settled_clips``).
    champion
        Version of the model in use. For clips that it has not scored, and for all clips with None, the newest
        prediction of any champion is used.
    challenger
        Version of the challenger; None takes each clip's newest prediction in that role.
    with_audio
        Only clips whose audio is stored, and whose library file was not replaced by another one.
    pair
        Two emotions; clips between them come before other clips. Empty: no pair comes first.

    Returns
    -------
    DataFrame
        Columns clip_id, file_name, path, origin, start_s, duration_s, prediction_id, p_*, extractor, guess, decision,
        margin, challenger_guess, differs.
    """
    answered = _answered(current_log(store), rater_name(rater), verified)
    same = same_recordings(store)
    done = same.members(answered) | set(settled)  # one answer counts for all files of a recording
    log = prediction_log(store)
    order = _order(store, log, champion, challenger, pair)
    query = queue_query(champion, challenger).where(origin_of_music().in_(origins))
    if with_audio:
        query = query.where(clips.c.path.is_not(None), not_replaced())

    def first(c: sa.Connection) -> pd.DataFrame:  # a retried read begins with the first candidate again
        waiting = (log.clip_ids[k] for k in order)
        return _first_of(c, query, (clip_id for clip_id in waiting if clip_id not in done), limit, same)

    return read(store, first)


def _first_of(
    c: sa.Connection, query: sa.Select[Any], candidates: Iterator[str], limit: int, same: SameRecordings
) -> pd.DataFrame:
    """The first clips among the candidates that the query returns, one of each recording, in their order.

    The candidates are asked about in parts, a small one first, because nearly all of them are returned.
    """
    size, tables = 2 * limit + 1, []
    first: dict[str, str] = {}  # recording -> clip
    while len(first) < limit and (part := list(islice(candidates, size))):
        table = frame(c, query.where(clips.c.id.in_(part))).set_index("clip_id")
        there = [clip_id for clip_id in part if clip_id in table.index]
        chosen = [clip_id for clip_id in there if first.setdefault(same.name(clip_id), clip_id) == clip_id]
        tables.append(table.loc[chosen].reset_index())
        size = min(4 * size, IDS_AT_ONCE)
    tables = tables or [frame(c, query.where(clips.c.id == ""))]  # an empty table with its columns
    return pd.concat(tables).head(limit).reset_index(drop=True)


def _answered(log: AnswerLog, rater: str, verified: bool) -> set[str]:
    """The clips that this rater has answered, also in a second turn of a task, and did not take back."""
    if (rater, verified) not in log.people:
        return set()
    own = log.columns["person"] == log.people.index((rater, verified))
    said = np.unique(log.columns["clip"][own & ~log.is_kind("undo") & ~log.undone])
    return {log.clip_ids[k] for k in said}


def _order(
    store: Store, log: PredictionLog, champion: str | None, challenger: str | None, pair: Collection[str]
) -> np.ndarray:
    key = (log.key, champion, challenger)
    return remembered(store, f"queue {sorted(pair)}", key, lambda: log.order(champion, challenger, pair))


@lru_cache(maxsize=8)
def queue_query(champion: str | None, challenger: str | None) -> sa.Select[Any]:
    """Return the query for clips that are not deleted, each with the predictions of both models.

    It takes as long to write as to run, and nobody can change it.
    """
    first, of_first = newest_prediction("champion", champion, or_any=True)
    second, of_second = newest_prediction("challenger", challenger)
    return (
        sa.select(
            clips.c.id.label("clip_id"),
            *(clips.c[n] for n in ("file_name", "path", "start_s", "duration_s")),
            origin_of_music(),
            first.c.id.label("prediction_id"),
            *(first.c[f"p_{emotion}"] for emotion in EMOTIONS),
            *(first.c[n] for n in ("extractor", "guess", "decision", "margin")),
            second.c.guess.label("challenger_guess"),
            sa.func.coalesce(first.c.guess != second.c.guess, sa.false()).label("differs"),
        )
        .select_from(clips)
        .join(first, of_first)
        .outerjoin(second, of_second)
        .where(clips.c.deleted_at.is_(None))
    )


@requires(Action.LABEL)
def queue_item(
    store: Store, clip_id: str, *, champion: str | None = None, challenger: str | None = None
) -> pd.DataFrame:
    """Return one clip as ``clips_to_label`` lists it, settled or not; no row when it is deleted or was never scored."""
    query = queue_query(champion, challenger)
    return read(store, lambda c: frame(c, query.where(clips.c.id == clip_id)))


@requires(Action.LABEL)
def label_pool(store: Store) -> pd.DataFrame:
    """Return the scored clips that have stored audio: clip_id, origin. All people share the table: do not change it."""
    scored = sa.exists().where(predictions.c.clip_id == clips.c.id, predictions.c.role == "champion")
    query = sa.select(clips.c.id.label("clip_id"), origin_of_music()).where(
        clips.c.deleted_at.is_(None), clips.c.path.is_not(None), scored
    )
    ordered = query.where(not_replaced()).order_by(clips.c.id)
    key = _clips_key(store)
    return remembered(store, "label pool", key, lambda: read(store, lambda c: frame(c, ordered)))


def _clips_key(store: Store) -> tuple[object, ...]:
    """Return a cache key that changes whenever clips, their files, their sharing or their predictions change."""
    deleted = clips.c.deleted_at.is_not(None)
    changes_clips = jobs.c.name != "watch"  # which looks at the alarms each hour, and changes no clip
    query = sa.select(
        *(_number_of(table) for table in (clips, predictions, files, clip_owners)),
        sa.select(sa.func.count()).where(deleted).scalar_subquery(),
        sa.select(sa.func.max(clips.c.deleted_at)).where(deleted).scalar_subquery(),
        sa.select(sa.func.max(predictions.c.id)).scalar_subquery(),
        sa.select(sa.func.max(files.c.checked_at)).scalar_subquery(),
        sa.select(sa.func.count()).where(clip_owners.c.shared).scalar_subquery(),
        sa.select(sa.func.max(jobs.c.ended_at)).where(changes_clips).scalar_subquery(),
        erasures(),
    )
    return tuple(map(str, (*read(store, lambda c: c.execute(query).one()), store.reopened)))


def _number_of(table: sa.Table) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(table).scalar_subquery()


@requires(Action.LABEL)
def labels_cache_key(store: Store) -> tuple[object, ...]:
    """Return a cache key that changes whenever clips, their files, their predictions, answers or raters change."""
    people = read(store, lambda c: c.execute(sa.select(_number_of(raters))).scalar())
    return (*answers_key(store), *_clips_key(store), *same_key(store), str(people))
