"""Store and find the files of libraries with their states, by path, size and stamp, or by content."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.audio.tags import from_path
from core.models.policy import Policy
from core.records import LibraryEntry, LibraryFile, MeasuredFile, Remark, RemarkKind, Window
from core.schema import COLUMNS, EMOTIONS
from core.store.checks import check_choice, now
from core.store.connection import Store, by_clip, in_parts, insert, read, write
from core.store.features import features_query
from core.store.measured import insert_measured
from core.store.schema import FILE_STATES, TRACK, clips, features, files, predictions, tracks
from core.store.tracks import note_library_changed, track_of_file, upsert_tracks

_ANSWER = ("guess", "margin", "decision", "candidates", "reason", "unlike")


@requires(Action.SCORE_LIBRARY)
def save_files(store: Store, entries: Sequence[LibraryEntry]) -> None:
    """Store files with their tracks, clips and features in one transaction, all or none.

    The row of a file that is known under the same plan is overwritten; a deleted clip stays deleted.
    """
    rows = [_file_row(entry.file) for entry in entries]
    measured = [_measured_file(entry) for entry in entries if entry.clips]

    def work(c: sa.Connection) -> None:
        insert_measured(c, measured)
        if rows:
            new = insert(c, files)
            c.execute(
                new.on_conflict_do_update(index_elements=["id"], set_={n: new.excluded[n] for n in rows[0]}), rows
            )

    write(store, work)


def _measured_file(entry: LibraryEntry) -> MeasuredFile:
    path = entry.file.path
    return MeasuredFile(
        clips=entry.clips,
        content_hash=str(entry.file.content_hash),
        file_name=path.rsplit("/", 1)[-1],
        origin="library",
        path=path,
        tags={"source": "", **(entry.track or {})},
    )


def _key(plan: str, path: str) -> str:
    return hashlib.sha256(f"{plan}\n{path}".encode()).hexdigest()


def _file_row(file: LibraryFile) -> dict[str, Any]:
    check_choice(file.state, FILE_STATES, "state of a file")
    return {
        "id": _key(file.plan, file.path),
        **{n: getattr(file, n) for n in ("path", "plan", "size", "stamp", "state", "reason", "extractor")},
        "content_hash": file.content_hash,
        "duration_s": file.duration_s,
        "windows": json.dumps([asdict(window) for window in file.windows]),
        "remarks": json.dumps([asdict(remark) for remark in file.remarks]),
        "checked_at": now(),
    }


def _file(row: Any) -> LibraryFile:
    known = row._asdict()
    windows = tuple(Window(**window) for window in json.loads(known.pop("windows")))
    del known["id"], known["checked_at"]
    return LibraryFile(**{**known, "windows": windows, "remarks": tuple(map(_remark, json.loads(known["remarks"])))})


def _remark(stored: dict[str, str] | str) -> Remark:
    """A remark as it is stored; earlier versions stored its sentence only."""
    if isinstance(stored, str):
        return Remark(RemarkKind.EARLIER, stored)
    known = stored["kind"] in RemarkKind.__members__.values()  # another version may know other kinds
    return Remark(RemarkKind(stored["kind"]) if known else RemarkKind.EARLIER, stored["text"])


@requires(Action.SCORE_LIBRARY)
def known_files(store: Store, plan: str, paths: Sequence[str]) -> dict[str, LibraryFile]:
    """Return the stored files of these paths under this plan, by path; unknown paths are left out."""
    keys = [_key(plan, path) for path in paths]

    def work(c: sa.Connection) -> list[LibraryFile]:
        return [
            _file(row) for part in in_parts(keys) for row in c.execute(sa.select(files).where(files.c.id.in_(part)))
        ]

    return {file.path: file for file in read(store, work)}


@requires(Action.SCORE_LIBRARY)
def known_contents(store: Store, plan: str, extractor: str, *, sizes: Sequence[int], limit: int) -> set[str]:
    """Return at most ``limit`` content hashes of measured files of these sizes; they need no measuring."""
    query = sa.select(files.c.content_hash).where(files.c.size.in_(sorted(set(sizes))), *_measured(plan, extractor))
    return set(read(store, lambda c: list(c.execute(query.distinct().limit(limit)).scalars())))


@requires(Action.SCORE_LIBRARY)
def same_content(store: Store, plan: str, extractor: str, hashes: Sequence[str]) -> dict[str, LibraryFile]:
    """Return one measured file for each content hash."""
    query = sa.select(files).where(files.c.content_hash.in_(hashes), *_measured(plan, extractor)).order_by(files.c.id)
    measured = read(store, lambda c: [_file(row) for row in c.execute(query)])
    return {file.content_hash: file for file in reversed(measured) if file.content_hash}


@requires(Action.SCORE_LIBRARY)
def copies_of(store: Store, plan: str, hashes: Sequence[str]) -> dict[str, list[str]]:
    """Return the sorted paths of files with identical content, by content hash; unique files are left out."""
    shared = sa.select(files.c.content_hash).where(files.c.content_hash.in_(hashes), files.c.plan == plan)
    shared = shared.group_by(files.c.content_hash).having(sa.func.count() > 1)
    query = sa.select(files.c.content_hash, files.c.path).where(files.c.content_hash.in_(shared), files.c.plan == plan)
    copies: dict[str, list[str]] = {}
    for digest, path in read(store, lambda c: list(c.execute(query.order_by(files.c.path)))):
        copies.setdefault(digest, []).append(path)
    return copies


def _measured(plan: str, extractor: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions: the file is scored, or is being read again and its row still holds the earlier measurement."""
    known = files.c.state.in_(("scored", "begun")) & files.c.content_hash.is_not(None)
    return known, files.c.plan == plan, files.c.extractor == extractor


@requires(Action.SCORE_LIBRARY)
def unpredicted(
    store: Store, clip_ids: Sequence[str], *, model_version: str, extractor: str, policy: Policy
) -> pd.DataFrame:
    """Return the features of clips without a stored champion prediction under this policy; index clip_id."""
    predicted = sa.exists().where(*_prediction_of(features.c.clip_id, model_version, extractor, policy))
    return by_clip(store, features_query(extractor).where(~predicted), features.c.clip_id, clip_ids)


@requires(Action.SCORE_LIBRARY)
def scored_clips(
    store: Store, clip_ids: Sequence[str], *, model_version: str, extractor: str, policy: Policy
) -> pd.DataFrame:
    """Return these clips with prediction, features and track, index clip_id.

    Columns: path, file_name, start_s, duration_s, lufs, deleted, p_*, guess, margin, decision, candidates (JSON),
    reason, unlike, model_version, windows (JSON), the 50 features, and artist, title, source, album, genre, year,
    makam, usul, performer.
    """
    of_clip = sa.and_(*_prediction_of(clips.c.id, model_version, extractor, policy))
    query = (
        sa.select(
            clips.c.id.label("clip_id"),
            *(clips.c[n] for n in ("path", "file_name", "start_s", "duration_s", "lufs")),
            clips.c.deleted_at.is_not(None).label("deleted"),
            *(predictions.c[f"p_{emotion}"] for emotion in EMOTIONS),
            *(predictions.c[n] for n in (*_ANSWER, "model_version", "windows")),
            *(features.c[n] for n in COLUMNS),
            *(tracks.c[n] for n in TRACK),
        )
        .join(features, sa.and_(features.c.clip_id == clips.c.id, features.c.extractor == extractor))
        .outerjoin(predictions, of_clip)
        .outerjoin(tracks, tracks.c.id == clips.c.track_id)
    )
    return by_clip(store, query, clips.c.id, clip_ids)


def _prediction_of(
    clip_id: sa.ColumnElement[str], model_version: str, extractor: str, policy: Policy
) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions that select the champion's prediction of a clip under this policy."""
    return (
        predictions.c.clip_id == clip_id,
        predictions.c.model_version == model_version,
        predictions.c.extractor == extractor,
        predictions.c.role == "champion",
        predictions.c.policy == policy.to_json(),
    )


@requires(Action.SCORE_LIBRARY)
def move_clips(store: Store, places: Mapping[str, str]) -> None:
    """Update the paths of clips whose file moved: clip_id -> new path.

    Track fields that came from the old path (title from the file name, source from the folder) are taken from the new
    path; fields from tags or from a person stay.
    """

    def work(c: sa.Connection) -> None:
        for clip_id, path in places.items():
            which = clips.c.id == clip_id
            clip = c.execute(sa.select(clips.c.path, clips.c.track_id, clips.c.content_hash).where(which)).one()
            track_id = _moved(c, clip, from_path(clip.path or ""), from_path(path)) if clip.track_id else None
            name = path.rsplit("/", 1)[-1]
            c.execute(clips.update().where(which).values(path=path, file_name=name, track_id=track_id))
        note_library_changed(c)

    write(store, work)


def _moved(c: sa.Connection, clip: Any, was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return the id of the track with fields from the new path; a new track where other files may share the old one."""
    track_id = str(clip.track_id)
    row = c.execute(sa.select(tracks).where(tracks.c.id == track_id)).one()._asdict()
    by_hand = json.loads(row["by_hand"])
    changes = {n: now[n] for n in now if n not in by_hand and row[n] == was[n].strip() != now[n].strip()}
    if not changes:
        return track_id
    if track_id == track_of_file(clip.content_hash):
        c.execute(tracks.update().where(tracks.c.id == track_id).values(changes))
        return track_id
    if not by_hand:
        return upsert_tracks(c, [{n: row[n] for n in TRACK} | changes])[0]
    new_id = hashlib.sha256(json.dumps([track_id, changes], sort_keys=True).encode()).hexdigest()
    c.execute(insert(c, tracks).values({**row, **changes, "id": new_id}).on_conflict_do_nothing())
    return new_id


@requires(Action.DELETE_CLIP)
def forget_files(store: Store, clip_id: str, *, ours: Callable[[str], bool]) -> list[str]:
    """Clear the paths of a deleted clip's uploaded files, and return these paths so that the files can be removed.

    ours : returns whether a path belongs to an uploaded file, which is removed with its last clip.
    Returns an empty list while another clip of the same content exists, such as another part of the file.
    """

    def work(c: sa.Connection) -> list[str]:
        digest = c.execute(sa.select(clips.c.content_hash).where(clips.c.id == clip_id)).scalar()
        same = c.execute(sa.select(clips.c.id, clips.c.path, clips.c.deleted_at).where(clips.c.content_hash == digest))
        known = same.all()
        if any(clip.deleted_at is None for clip in known):
            return []
        gone = {clip.id: clip.path for clip in known if clip.path and ours(clip.path)}
        listed = c.execute(sa.select(files.c.path).where(files.c.content_hash == digest)).scalars()
        c.execute(clips.update().where(clips.c.id.in_(list(gone))).values(path=None))
        return sorted({*gone.values(), *(path for path in listed if ours(path))})

    return write(store, work)
