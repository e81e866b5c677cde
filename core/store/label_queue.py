"""Queries behind the label queue."""

from collections.abc import Collection
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.schema import EMOTIONS
from core.store.answers import rater_name
from core.store.connection import Store, frame, read
from core.store.erasures import erasures
from core.store.library import not_replaced
from core.store.predictions import newest_prediction
from core.store.schema import UNDONE, clips, feedback, files, raters


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
    margin, smallest first. Clips are left out when this rater has answered them, when they are settled or
    deleted, or when they have no prediction.

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
    query, differs, margin, between = _queue_query(champion, challenger, pair)
    # NOT IN a list, not EXISTS: for EXISTS the database may scan all of the rater's answers once per clip.
    answered = sa.select(feedback.c.clip_id).where(
        feedback.c.rater == rater_name(rater),
        feedback.c.verified == verified,
        feedback.c.kind != "undo",
        ~UNDONE,
    )
    query = query.where(clips.c.origin.in_(origins), clips.c.id.not_in(answered))
    if with_audio:
        query = query.where(clips.c.path.is_not(None), not_replaced())
    random_order = sa.case((differs, clips.c.id), else_="")
    query = query.order_by(differs.desc(), random_order, *between, margin, sa.literal_column("prediction_id"))
    # Settled clips are computed outside SQL, so fetch enough rows to remove them here.
    candidates = read(store, lambda c: frame(c, query.limit(limit + len(settled))))
    return candidates[~candidates["clip_id"].isin(list(settled))].head(limit).reset_index(drop=True)


def queue_query(champion: str | None, challenger: str | None) -> sa.Select[Any]:
    """Return the query for clips that are not deleted, each with the predictions of both models."""
    return _queue_query(champion, challenger)[0]


def _queue_query(
    champion: str | None, challenger: str | None, pair: Collection[str] = ()
) -> tuple[sa.Select[Any], sa.Label[Any], sa.ColumnElement[Any], list[sa.ColumnElement[Any]]]:
    """Return the query for clips with the predictions of both models, and its sort columns: differs, margin, between.

    between : puts clips whose two most probable emotions are the pair first; empty without a pair.
    """
    first, of_first = newest_prediction("champion", champion, or_any=True)
    second, of_second = newest_prediction("challenger", challenger)
    differs = sa.func.coalesce(first.c.guess != second.c.guess, sa.false()).label("differs")
    query = (
        sa.select(
            clips.c.id.label("clip_id"),
            *(clips.c[n] for n in ("file_name", "path", "origin", "start_s", "duration_s")),
            first.c.id.label("prediction_id"),
            *(first.c[f"p_{emotion}"] for emotion in EMOTIONS),
            *(first.c[n] for n in ("extractor", "guess", "decision", "margin")),
            second.c.guess.label("challenger_guess"),
            differs,
        )
        .select_from(clips)
        .join(first, of_first)
        .outerjoin(second, of_second)
        .where(clips.c.deleted_at.is_(None))
    )
    others = [emotion for emotion in EMOTIONS if emotion not in pair]
    both = [first.c[f"p_{one}"] >= first.c[f"p_{other}"] for one in pair for other in others]
    between: list[sa.ColumnElement[Any]] = [sa.case((sa.and_(*both), 0), else_=1)] if both else []
    return query, differs, first.c.margin, between


@requires(Action.LABEL)
def queue_item(
    store: Store, clip_id: str, *, champion: str | None = None, challenger: str | None = None
) -> pd.DataFrame:
    """Return one clip as ``clips_to_label`` lists it, settled or not; no row when it is deleted or was never scored."""
    query = queue_query(champion, challenger)
    return read(store, lambda c: frame(c, query.where(clips.c.id == clip_id)))


@requires(Action.LABEL)
def label_pool(store: Store) -> pd.DataFrame:
    """Return the scored clips that have stored audio: clip_id, origin."""
    prediction, of_clip = newest_prediction("champion", None)
    query = sa.select(clips.c.id.label("clip_id"), clips.c.origin).select_from(clips).join(prediction, of_clip)
    query = query.where(clips.c.deleted_at.is_(None), clips.c.path.is_not(None), not_replaced())
    return read(store, lambda c: frame(c, query))


@requires(Action.LABEL)
def labels_cache_key(store: Store) -> tuple[object, ...]:
    """Return a cache key that changes whenever clips, their files, answers or raters change.

    Answers are append-only, so their count and the number of erasures suffice.
    """
    query = sa.select(
        sa.select(sa.func.count()).select_from(feedback).scalar_subquery(),
        sa.select(sa.func.count()).select_from(clips).scalar_subquery(),
        sa.select(sa.func.count(clips.c.deleted_at)).scalar_subquery(),
        sa.select(sa.func.max(clips.c.deleted_at)).scalar_subquery(),
        sa.select(sa.func.max(files.c.checked_at)).scalar_subquery(),
        sa.select(sa.func.count()).select_from(raters).scalar_subquery(),
        erasures(),
    )
    return tuple(map(str, read(store, lambda c: c.execute(query).one())))
