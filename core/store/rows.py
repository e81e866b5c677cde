"""Clips, features and predictions: what was measured of the music and what models said of it."""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from core.errors import StoreError
from core.inference import Decision, Policy, Prediction
from core.schema import COLUMNS, EMOTIONS, FeatureVector
from core.store.connection import Store, by_clip, frame, in_parts, insert, read, write
from core.store.schema import ORIGINS, ROLES, TRACK, clips, features, labels, predictions, tracks

# Of a clip, when it comes again and they were empty.
_FILLED = ("path", "track_id", "file_duration_s", "lufs", "channels")


def now() -> datetime:
    """This moment in UTC."""
    return datetime.now(UTC)


def plain(text: str, what: str, *, longest: int = 1000) -> str:
    """The text without blanks around it; refused when a database cannot hold it or it is too long."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise StoreError(f"The {what} holds characters that are no text. Type it again.")
    if len(text.strip()) > longest:
        raise StoreError(f"The {what} has {len(text.strip())} characters; at most {longest} are kept. Shorten it.")
    return text.strip()


def one_line(text: str, what: str) -> str:
    """The text as it is seen: composed letters, single blanks; refused when it holds control characters.

    Letters that nobody sees (zero width, changes of direction) are left out: two names that look alike are one.
    """
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text.strip()):
        raise StoreError(f"The {what} holds characters that are no text. Type it again.")
    seen = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return " ".join(unicodedata.normalize("NFC", seen).split())


def chosen(value: str, known: tuple[str, ...], what: str) -> str:
    """The value, if it is one of the known ones."""
    if value not in known:
        raise StoreError(f"{value!r} is no {what}. Choose one of: {', '.join(known)}.")
    return value


def add_clip(
    store: Store,
    clip_id: str,
    *,
    file_name: str,
    duration_s: float,
    sr: int,
    start_s: float = 0.0,
    origin: str = "upload",
    content_hash: str = "",
    bitrate: int | None = None,
    path: str | None = None,
    track_id: str | None = None,
    file_duration_s: float | None = None,
    lufs: float | None = None,
) -> str:
    """Store a clip and return its id. A clip that is already there stays; a deleted one comes back.

    clip_id : ``Clip.clip_id``.  file_name : as the person named it.  duration_s, start_s : of the excerpt, in seconds.
    sr : of the file, in Hz.  bitrate : of the file, in bit/s.
    content_hash : of the file's bytes; the clip_id unless given.
    path : of the stored audio, where it is kept.  file_duration_s : of the whole file.  lufs : loudness of the clip.
    Given again, path, track, file_duration_s and lufs fill what was empty.
    """
    row = {
        "id": clip_id,
        "content_hash": content_hash or clip_id,
        "track_id": track_id,
        "origin": origin,
        "file_name": file_name,
        "path": path,
        "start_s": start_s,
        "duration_s": duration_s,
        "sr": sr,
        "bitrate": bitrate,
        "file_duration_s": file_duration_s,
        "lufs": lufs,
    }

    def work(c: sa.Connection) -> str:
        if track_id is not None and not _there(c, tracks, track_id):
            raise StoreError(f"There is no track {track_id}. Store the track before its clips.")
        put_clips(c, [row], back={"deleted_at": None})
        return clip_id

    return write(store, work)


def put_clips(c: sa.Connection, rows: Sequence[Mapping[str, Any]], *, back: Mapping[str, Any] | None = None) -> None:
    """As ``add_clip`` for many, within a transaction.

    rows : all columns but the moments.  back : what else a known clip gets.  Raises StoreError for what is no clip.
    """
    new = insert(c, clips)
    fill = {name: sa.func.coalesce(clips.c[name], new.excluded[name]) for name in _FILLED}
    if rows:
        news = {**fill, **(back or {})}
        c.execute(new.on_conflict_do_update(index_elements=["id"], set_=news), [_clip_row(row) for row in rows])


def _clip_row(row: Mapping[str, Any]) -> dict[str, Any]:
    if not plain(row["id"], "clip's id", longest=128):
        raise StoreError("A clip needs an id: the hash of its content.")
    start_s, duration_s = row["start_s"], row["duration_s"]
    if not (isfinite(duration_s) and duration_s > 0 and isfinite(start_s) and start_s >= 0):
        raise StoreError(f"A clip cannot start at {start_s} s and last {duration_s} s.")
    chosen(row["origin"], ORIGINS, "origin of a clip")
    return {**row, "file_name": plain(row["file_name"], "file name"), "created_at": now()}


def delete_clip(store: Store, clip_id: str) -> None:
    """Take a clip out of queues, libraries and training. Its row and all that people said of it stay.

    So does the path to a library's own file; that to audio which was kept for the clip goes, as the audio does.
    """

    def work(c: sa.Connection) -> None:
        require_clip(c, clip_id)
        path = c.execute(sa.select(clips.c.path).where(clips.c.id == clip_id)).scalar()
        its_own = path is not None and (Path(path).is_absolute() or "://" in path)
        gone = {"deleted_at": now(), "path": path if its_own else None}
        c.execute(clips.update().where(clips.c.id == clip_id, clips.c.deleted_at.is_(None)).values(gone))

    write(store, work)


def _there(c: sa.Connection, table: sa.Table, key: str | int) -> bool:
    return c.execute(sa.select(table.c.id).where(table.c.id == key)).first() is not None


def require_clip(c: sa.Connection, clip_id: str) -> None:
    if not _there(c, clips, clip_id):
        raise StoreError(f"There is no clip {clip_id}. Store the clip first.")


def clips_table(store: Store, *, deleted: bool = False) -> pd.DataFrame:
    """The clips with their track's metadata, one row a clip, in the order in which they came.

    deleted : also those that were deleted.
    """
    joined = clips.outerjoin(tracks, clips.c.track_id == tracks.c.id)
    columns = [clips.c.id.label("clip_id"), *(column for column in clips.c if column.name != "id")]
    columns += [tracks.c[n] for n in TRACK]
    query = sa.select(*columns).select_from(joined).order_by(clips.c.created_at, clips.c.id)
    return read(store, lambda c: frame(c, query if deleted else query.where(clips.c.deleted_at.is_(None))))


def save_features(store: Store, *vectors: FeatureVector) -> None:
    """Store feature vectors, all or none; one that is already there stays. NaN is stored as NULL."""

    def work(c: sa.Connection) -> None:
        for vector in vectors:
            require_clip(c, vector.clip_id)
        put_features(c, vectors)

    write(store, work)


def put_features(c: sa.Connection, vectors: Iterable[FeatureVector]) -> None:
    """As ``save_features``, within a transaction that has stored the clips."""
    rows = [
        {
            "clip_id": vector.clip_id,
            "extractor": vector.extractor,
            "created_at": now(),
            **{n: None if np.isnan(x) else x for n, x in zip(COLUMNS, vector.values.tolist(), strict=True)},
        }
        for vector in vectors
    ]
    if rows:
        c.execute(insert(c, features).on_conflict_do_nothing(), rows)


def load_features(store: Store, clip_id: str, extractor: str) -> FeatureVector | None:
    """The stored features of a clip; None when this extractor has not seen it."""
    query = sa.select(*(features.c[n] for n in COLUMNS)).where(
        features.c.clip_id == clip_id, features.c.extractor == extractor
    )
    row = read(store, lambda c: c.execute(query).first())
    return None if row is None else FeatureVector(clip_id, extractor, np.array(row, dtype=float))


def features_table(store: Store, extractor: str, *, clip_ids: Sequence[str] | None = None) -> pd.DataFrame:
    """The features of all clips that are not deleted: 50 columns in schema order, index clip_id in the order of ids.

    clip_ids : only of these.
    """
    query = (
        features_query(extractor)
        .join(clips, clips.c.id == features.c.clip_id)
        .where(clips.c.deleted_at.is_(None))
        .order_by(features.c.clip_id)
    )
    if clip_ids is None:
        return read(store, lambda c: frame(c, query)).set_index("clip_id")
    return by_clip(store, query, features.c.clip_id, sorted(clip_ids))


def features_of(store: Store, clip_ids: Sequence[str], *, extractor: str) -> pd.DataFrame:
    """The features of these clips, also of deleted ones: 50 columns in schema order, index clip_id in any order.

    Clips that this extractor has not seen are left out.
    """
    return by_clip(store, features_query(extractor), features.c.clip_id, clip_ids)


def features_query(extractor: str) -> sa.Select[Any]:
    """clip_id and the 50 features that this extractor has measured."""
    return sa.select(features.c.clip_id, *(features.c[n] for n in COLUMNS)).where(features.c.extractor == extractor)


def save_prediction(
    store: Store,
    prediction: Prediction,
    *,
    policy: Policy,
    decision: Decision,
    role: str = "champion",
    latency_s: float | None = None,
) -> int:
    """Store what a model said and what was decided, and return the row's id.

    Said again by the same model about the same features under the same policy, it is the same row.
    role : of the model at this moment, ``champion`` or ``challenger``.  latency_s : from audio to answer.
    """
    (number,) = save_predictions(store, [(prediction, decision)], policy=policy, role=role, latency_s=latency_s)
    return number


def save_predictions(
    store: Store,
    said: Iterable[tuple[Prediction, Decision]],
    *,
    policy: Policy,
    role: str = "champion",
    latency_s: float | None = None,
) -> list[int]:
    """Many predictions in one transaction, all or none; their ids in the order given."""
    chosen(role, ROLES, "role of a model")
    rows = [_prediction_row(p, d, policy, role, latency_s) for p, d in said]
    key = ("clip_id", "model_version", "extractor")
    ids = list(dict.fromkeys(str(row["clip_id"]) for row in rows))
    parts = in_parts(ids)
    same = sa.and_(predictions.c.role == role, predictions.c.policy == policy.to_json())

    def work(c: sa.Connection) -> list[int]:
        there = {i for part in parts for i in c.execute(sa.select(clips.c.id).where(clips.c.id.in_(part))).scalars()}
        for missing in set(ids) - there:
            require_clip(c, missing)
        if rows:
            c.execute(insert(c, predictions).on_conflict_do_nothing(), rows)
        stored = sa.select(predictions.c.id, *(predictions.c[n] for n in key)).where(same)
        found = {row[1:]: row.id for part in parts for row in c.execute(stored.where(predictions.c.clip_id.in_(part)))}
        return [int(found[tuple(row[n] for n in key)]) for row in rows]

    return write(store, work)


def _prediction_row(
    prediction: Prediction, decision: Decision, policy: Policy, role: str, latency_s: float | None
) -> dict[str, object]:
    first, second = prediction.ranked[:2]
    return {
        "clip_id": prediction.clip_id,
        "model_version": prediction.model_version,
        "extractor": prediction.extractor,
        "role": role,
        **{f"p_{emotion}": float(prediction.proba[emotion]) for emotion in EMOTIONS},
        "guess": first,
        "margin": float(prediction.proba[first] - prediction.proba[second]),
        "policy": policy.to_json(),
        "decision": decision.label,
        "candidates": json.dumps(decision.candidates),
        "reason": decision.reason,
        "latency_s": latency_s,
        "created_at": now(),
    }


def predictions_table(
    store: Store, *, role: str | None = None, model_version: str | None = None, latest: bool = False
) -> pd.DataFrame:
    """Predictions of clips that are not deleted, oldest first; ``prediction_id`` names the row.

    role, model_version : only these.  latest : only the newest of each clip and role.
    """
    query = (
        sa.select(predictions.c.id.label("prediction_id"), *(p for p in predictions.c if p.name != "id"))
        .add_columns(clips.c.file_name, clips.c.origin)
        .join(clips, clips.c.id == predictions.c.clip_id)
        .where(clips.c.deleted_at.is_(None))
        .order_by(predictions.c.id)
    )
    if role is not None:
        query = query.where(predictions.c.role == role)
    if model_version is not None:
        query = query.where(predictions.c.model_version == model_version)
    if latest:
        newest = sa.select(sa.func.max(predictions.c.id)).group_by(predictions.c.clip_id, predictions.c.role)
        query = query.where(predictions.c.id.in_(newest))
    return read(store, lambda c: frame(c, query))


def add_label(store: Store, clip_id: str, emotion: str, *, source: str) -> None:
    """Store a label that came with a clip, from a table, a tag or a generator. What raters say is feedback."""
    chosen(emotion, EMOTIONS, "emotion")
    row = {"clip_id": clip_id, "emotion": emotion, "source": plain(source, "source of the label"), "created_at": now()}

    def work(c: sa.Connection) -> None:
        require_clip(c, clip_id)
        c.execute(insert(c, labels).values(row).on_conflict_do_nothing())

    write(store, work)
