"""Store measured files: tracks, clips and features. Every measured file comes into the database through this module."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from core.records import MeasuredFile
from core.store.connection import Store, in_parts, write
from core.store.rows import put_clips, put_features
from core.store.schema import clips
from core.store.tracks import fill_track, own_track, put_tracks

_CLIP = ("start_s", "duration_s", "sr", "bitrate", "file_duration_s", "lufs", "channels")  # columns that are measured


def save_measured(store: Store, *files: MeasuredFile, bring_back: bool = False) -> None:
    """Store measured files with their tracks, clips and features in one transaction, all or none.

    A clip that is already there keeps its row; only empty columns are filled.

    Parameters
    ----------
    files
        The measured files.
    bring_back
        Whether a clip that somebody deleted counts again.
    """
    write(store, lambda c: put_measured(c, files, bring_back=bring_back))


def put_measured(c: sa.Connection, files: Sequence[MeasuredFile], *, bring_back: bool = False) -> None:
    """Store as ``save_measured`` does, within a transaction."""
    shared = [file for file in files if _names_a_track(file)]
    ids = dict(zip(map(id, shared), put_tracks(c, [file.tags or {} for file in shared]), strict=True))
    rows = [row for file in files for row in _rows(file, ids.get(id(file)))]
    put_clips(c, rows, back={"deleted_at": None} if bring_back else None)
    _fill_tracks(c, [(file, ids.get(id(file))) for file in files])
    put_features(c, [clip.vector for file in files for clip in file.clips])


def _names_a_track(file: MeasuredFile) -> bool:
    """Whether the tags name a track that other files may share: they do where a folder is part of the name."""
    return file.tags is not None and "source" in file.tags


def _rows(file: MeasuredFile, track_id: str | None) -> Iterator[dict[str, Any]]:
    for clip in file.clips:
        yield {
            "id": clip.vector.clip_id,
            "content_hash": file.content_hash,
            "track_id": track_id,
            "origin": file.origin,
            "file_name": file.file_name,
            "path": file.path,
            **{name: getattr(clip, name) for name in _CLIP},
        }


def _fill_tracks(c: sa.Connection, files: Sequence[tuple[MeasuredFile, str | None]]) -> None:
    """Fill the tracks of clips that have another track than their tags name, or none yet, with what the tags say."""
    tagged = {
        clip.vector.clip_id: (file.tags, track)
        for file, track in files
        for clip in file.clips
        if file.tags and (track is not None or any(file.tags.values()))
    }
    known = sa.select(clips.c.id, clips.c.track_id)
    for part in in_parts(list(tagged)):
        for clip_id, track_id in c.execute(known.where(clips.c.id.in_(part))).all():
            tags, named = tagged[clip_id]
            if track_id is None or track_id != named:
                fill_track(c, track_id or own_track(c, clip_id), tags)
