"""Query the library by mood, and find where its files are."""

from collections.abc import Sequence
from math import log1p
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.models.policy import Policy
from core.schema import EMOTIONS
from core.store.connection import Store, frame, in_parts, read
from core.store.erasures import erasures
from core.store.predictions import newest_prediction
from core.store.schema import (
    LIBRARY_CHANGED,
    TRACK,
    clips,
    features,
    files,
    jobs,
    karar_words,
    predictions,
    settings,
    tracks,
)
from core.turkish import fold

_SORTS = (
    *("confidence", "margin", "tempo", "lufs", "file_name", "artist", "title", "album", "year", "created_at"),
    *(f"p_{e}" for e in EMOTIONS),
)
_CLIP = (
    "content_hash",
    "file_name",
    "path",
    "origin",
    "start_s",
    "duration_s",
    "file_duration_s",
    "channels",
    "lufs",
    "created_at",
)
_ANSWER = (
    "model_version",
    "extractor",
    "guess",
    "decision",
    "candidates",
    "reason",
    "margin",
    "policy",
    "windows",
    "unlike",
)
TEMPO = "_Tempo_Mean"
_SEARCHED = (clips.c.file_name, *(tracks.c[n] for n in ("title", "artist", "performer", "album", "makam")))


@requires(Action.SEE_LIBRARY)
def library_table(
    store: Store,
    *,
    emotions: tuple[str, ...] = EMOTIONS,
    accepted: bool = False,
    min_confidence: float = 0.0,
    model_version: str | None = None,
    policy: Policy | None = None,
    origins: tuple[str, ...] = (),
    search: str = "",
    sort: str = "confidence",
    descending: bool = True,
    limit: int = 1000,
    offset: int = 0,
) -> pd.DataFrame:
    """Return scored clips with the champion's newest prediction and the metadata of the track.

    A clip is listed while a file of a library has its content now, see ``library_places``. Clips that a person uploaded
    or recorded on Predict are no pieces of the library.

    Parameters
    ----------
    emotions
        Only clips whose guess is one of these emotions.
    accepted
        Only clips whose guess the policy accepts.
    min_confidence
        Lowest probability of the guess, in [0, 1].
    model_version
        Version of the model in use. For a clip that it has not scored, the newest prediction is used.
    policy
        Policy in use. For a clip without a decision under this policy, the newest decision is used.
    origins
        Also list clips without a file in a library that came here in one of these ways, see ``core.store.ORIGINS``.
    search
        Words. Each word must occur in file name, title, artist, performer, album or makam; case and Turkish diacritics
        are ignored.
    sort
        One of confidence, margin, p_<emotion>, tempo, lufs, file_name, artist, title, album, year, created_at; empty
        for no order, which is faster.

    Returns
    -------
    DataFrame
        Columns clip_id, content_hash, file_name, path, origin, start_s, duration_s, file_duration_s (of the whole
        file), channels (of the file, NaN when unknown), lufs, created_at, prediction_id, model_version, extractor,
        guess, decision, candidates (JSON), reason, margin, policy (JSON, of the decision), windows (JSON,
        see ``store.read_windows``), unlike (kind of a clip that is unlike the training music), p_*, confidence, tempo
        (bpm), artist, title, source (a library's folder), album, genre, year, makam, usul, performer.
    """
    scored = _scored_clips(*newest_prediction("champion", model_version, policy=policy, or_any=True))
    columns = scored.selected_columns
    query = scored.where(_in_library() | clips.c.origin.in_(origins), columns["guess"].in_(emotions))
    query = query.where(columns["confidence"] >= min_confidence)
    if accepted:
        query = query.where(columns["decision"].is_not(None))
    words = fold(search).split()
    if not sort and not words:
        return read(store, lambda c: frame(c, query.limit(limit).offset(offset)))
    key = columns[sort if sort in _SORTS else "confidence"]
    unknown = key.is_(None)  # unknown values come last in both databases
    ordered = query.order_by(unknown, key.desc() if descending else key.asc(), clips.c.id) if sort else query

    def work(c: sa.Connection) -> pd.DataFrame:
        if words:
            ids = _search(c, ordered, words)[offset : offset + limit]
        else:
            ids = list(c.execute(ordered.with_only_columns(clips.c.id).limit(limit).offset(offset)).scalars())
        # Only now all columns: databases sort long rows slowly, and the conditions need not be checked again.
        table = pd.concat([frame(c, scored.where(clips.c.id.in_(part))) for part in in_parts(ids) or [[]]])
        return table.set_index("clip_id").loc[ids].reset_index()

    return read(store, work)


def _scored_clips(answer: sa.FromClause, of_clip: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return the query of all columns of ``library_table``. answer, of_clip : as from ``newest_prediction``."""
    confidence = sa.case(*((answer.c.guess == e, answer.c[f"p_{e}"]) for e in EMOTIONS), else_=0.0).label("confidence")
    return (
        sa.select(
            clips.c.id.label("clip_id"),
            *(clips.c[n] for n in _CLIP),
            answer.c.id.label("prediction_id"),
            *(answer.c[n] for n in _ANSWER),
            *(answer.c[f"p_{e}"] for e in EMOTIONS),
            confidence,
            features.c[TEMPO].label("tempo"),
            *(tracks.c[n] for n in TRACK),
        )
        .select_from(clips)
        .join(answer, of_clip)
        .outerjoin(features, sa.and_(features.c.clip_id == clips.c.id, features.c.extractor == answer.c.extractor))
        .outerjoin(tracks, tracks.c.id == clips.c.track_id)
        .where(clips.c.deleted_at.is_(None))
    )


def _search(c: sa.Connection, ordered: sa.Select[Any], words: list[str]) -> list[str]:
    """Return the clips whose names contain every word. Names are read first: databases cannot fold Turkish letters."""
    names = c.execute(ordered.with_only_columns(clips.c.id, *_SEARCHED))
    texts = ((clip, fold("\n".join(filter(None, fields)))) for clip, *fields in names)
    return [clip for clip, text in texts if all(word in text for word in words)]


def _is_latest(file: sa.FromClause) -> sa.ColumnElement[bool]:
    """Condition: the content of this row of files is what the newest reading of the same path found.

    A path has a row for each plan. A row whose content is not the latest is of a file that was replaced since. The
    newest reading is looked up path by path: the index of paths finds a few rows, while a sort would read the table.
    """
    newest = files.alias("newest")
    latest = (
        sa.select(newest.c.content_hash)
        .where(newest.c.path == file.c.path, newest.c.content_hash.is_not(None))
        .order_by(newest.c.checked_at.desc(), newest.c.id)
        .limit(1)
        .correlate(file)
    )
    return file.c.content_hash == latest.scalar_subquery()


def places_of(contents: Sequence[str]) -> sa.Select[Any]:
    """Return the query of ``library_places`` for at most ``IDS_AT_ONCE`` contents."""
    return (
        sa.select(files.c.content_hash, files.c.path, files.c.size)
        .where(files.c.content_hash.in_(contents), files.c.state == "scored", _is_latest(files))
        .order_by(files.c.checked_at.desc(), files.c.id)
    )


def not_replaced() -> sa.ColumnElement[bool]:
    """Condition: the file of a clip was not replaced by another content. True for clips without a library file.

    A reading under the same plan overwrites the row of the file, so the path of the clip decides where no file has its
    content any more.
    """
    found, known, again = files.alias("found"), files.alias("known"), files.alias("read_again")
    present = sa.exists().where(found.c.content_hash == clips.c.content_hash, _is_latest(found))
    read_before = sa.exists().where(known.c.content_hash == clips.c.content_hash)
    read_again = sa.exists().where(again.c.path == clips.c.path, again.c.content_hash.is_not(None))
    return (clips.c.origin != "library") | present | (~read_before & ~read_again)


def _in_library() -> sa.ColumnElement[bool]:
    """Condition: a library file with the content of the clip is scored and has not been replaced since."""
    found = files.alias("found")
    scored = sa.select(found.c.content_hash).where(found.c.state == "scored", _is_latest(found))
    return clips.c.content_hash.in_(scored)


@requires(Action.SEE_LIBRARY)
def library_clip_name(store: Store, clip_id: str) -> str | None:
    """Return the title of a clip of a library, or the name of its file; None when no library has this clip.

    A clip that a person brought first has its name too, while a library has its content.
    """
    query = (
        sa.select(tracks.c.title, clips.c.file_name)
        .select_from(clips.outerjoin(tracks, clips.c.track_id == tracks.c.id))
        .where(clips.c.id == clip_id, _in_library(), clips.c.deleted_at.is_(None))
    )
    row = read(store, lambda c: c.execute(query).first())
    return None if row is None else str(row.title or row.file_name)


@requires(Action.SEE_LIBRARY)
def library_places(store: Store, contents: Sequence[str]) -> pd.DataFrame:
    """Return where files with these contents were scored: content_hash, path, size (bytes), newest path first.

    The function does not check whether the files still exist.
    """
    parts = in_parts(contents) or [[]]
    tables = read(store, lambda c: [frame(c, places_of(part)) for part in parts])
    return pd.concat(tables, ignore_index=True)


@requires(Action.SCORE_LIBRARY)
def files_of_library(store: Store) -> pd.DataFrame:
    """Return the files of all pieces: content_hash, path, size (bytes), duration_s; the newest path of a content first.

    Pieces that an analyst deleted are left out. The function does not check whether the files still exist.
    """
    present = sa.exists().where(clips.c.content_hash == files.c.content_hash, clips.c.deleted_at.is_(None))
    query = (
        sa.select(files.c.content_hash, files.c.path, files.c.size, files.c.duration_s)
        .where(files.c.state == "scored", files.c.duration_s.is_not(None), _is_latest(files), present)
        .order_by(files.c.checked_at.desc(), files.c.id)
    )
    return read(store, lambda c: frame(c, query)).drop_duplicates(["content_hash", "path"], ignore_index=True)


@requires(Action.SEE_LIBRARY)
def library_state(store: Store) -> tuple[str, ...]:
    """Return what changes whenever ``library_table`` or ``library_places`` returns something else."""
    number, deleted = sa.func.count(), clips.c.deleted_at.is_not(None)
    # A backup in the place of the file can come to the same numbers, but not at the same time.
    last = sa.select(sa.func.max(predictions.c.id)).scalar_subquery()
    newest = sa.select(predictions.c.created_at).where(predictions.c.id == last)
    query = sa.select(
        *(sa.select(number).select_from(t).scalar_subquery() for t in (clips, predictions, features, files)),
        sa.select(number).where(deleted).scalar_subquery(),
        sa.select(sa.func.max(clips.c.deleted_at)).where(deleted).scalar_subquery(),
        last,
        newest.scalar_subquery(),
        sa.select(sa.func.max(files.c.checked_at)).scalar_subquery(),
        sa.select(settings.c.value).where(settings.c.key == LIBRARY_CHANGED).scalar_subquery(),
        erasures(),
    )
    return tuple(map(str, (*read(store, lambda c: c.execute(query).one()), store.reopened)))


@requires(Action.SEE_LIBRARY)
def library_cache_key(store: Store) -> tuple[object, ...]:
    """Return a cache key for ``library_table`` and ``library_places``.

    The key changes when a job ends, when a clip is deleted, when a karar is corrected, and when the number of clips
    has grown by about 2 %. The page can thus show a library while it is being scored without reading it again for every
    new clip. Smaller changes appear with the next change of the key.
    """
    query = sa.select(
        sa.select(sa.func.count()).select_from(clips).scalar_subquery(),
        sa.select(sa.func.count()).where(clips.c.deleted_at.is_not(None)).scalar_subquery(),
        sa.select(sa.func.max(jobs.c.ended_at)).scalar_subquery(),
        sa.select(sa.func.max(karar_words.c.id)).scalar_subquery(),
        sa.select(sa.func.count(karar_words.c.undone_at)).scalar_subquery(),
    )
    known, deleted, ended_at, newest, undone = read(store, lambda c: c.execute(query).one())
    return int(50 * log1p(known)), deleted, str(ended_at), newest, undone
