"""Store measured files with their tracks, clips and features. All measured files are stored by this module."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from core.access import Action, requires
from core.records import MeasuredClip, MeasuredFile
from core.store.checks import now
from core.store.clips import insert_clips
from core.store.connection import Store, in_parts, write
from core.store.features import insert_features, same_part
from core.store.schema import clips, features, predictions
from core.store.tracks import fill_track, own_track, upsert_tracks

_CLIP = (
    "start_s",
    "duration_s",
    "sr",
    "bitrate",
    "file_duration_s",
    "lufs",
    "channels",
    "part_of",
)  # columns that are measured


@requires(Action.SCORE_CLIP)
def save_measured(store: Store, *files: MeasuredFile, bring_back: bool = False) -> None:
    """Store measured files with their tracks, clips and features in one transaction, all or none.

    A clip that exists keeps its row; only empty columns are filled. There is one exception: if the program counts
    the length of its file differently now, the clip is another part of the file, and the new measurements replace the
    earlier ones.

    Parameters
    ----------
    files
        The measured files.
    bring_back
        Whether to restore deleted clips.
    """
    write(store, lambda c: insert_measured(c, files, bring_back=bring_back))


def insert_measured(c: sa.Connection, files: Sequence[MeasuredFile], *, bring_back: bool = False) -> None:
    """Insert measured files as ``save_measured`` does, within a transaction."""
    track_ids = _name_tracks(c, files)
    rows = [row for file, track_id in zip(files, track_ids, strict=True) for row in _clip_rows(file, track_id)]
    _set_aside(c, (clip for file in files for clip in file.clips))
    insert_clips(c, rows, back={"deleted_at": None} if bring_back else None)
    _fill_tracks(c, files, track_ids)
    insert_features(c, [clip.vector for file in files for clip in file.clips])


def _set_aside(c: sa.Connection, measured: Iterable[MeasuredClip]) -> None:
    """Give the earlier features and predictions of these clips another name where they are of another part of the file.

    The rows stay, because answers refer to them. The clip's row gets the new measurements.
    """
    for clip in measured:
        clip_id, extractor = clip.vector.clip_id, clip.vector.extractor
        other = clips.update().where(clips.c.id == clip_id, ~same_part(clip.start_s, clip.duration_s))
        if not c.execute(other.values({name: getattr(clip, name) for name in _CLIP})).rowcount:
            continue
        earlier = f"{extractor}, until {now():%Y-%m-%d %H:%M:%S.%f}"
        for table in (features, predictions):
            of_clip = table.update().where(table.c.clip_id == clip_id, table.c.extractor == extractor)
            c.execute(of_clip.values(extractor=earlier))


def _name_tracks(c: sa.Connection, files: Sequence[MeasuredFile]) -> list[str | None]:
    """Store the tracks of tagged files and return their ids; None for a file whose tags name no track."""
    tagged = [{**(file.tags or {}), "content_hash": file.content_hash} for file in files if _names_a_track(file)]
    named = iter(upsert_tracks(c, tagged))
    return [next(named) if _names_a_track(file) else None for file in files]


def _names_a_track(file: MeasuredFile) -> bool:
    """Whether the file gets a track even if its tags are empty: library files do, because their folder is known."""
    return file.tags is not None and "source" in file.tags


def _clip_rows(file: MeasuredFile, track_id: str | None) -> Iterator[dict[str, Any]]:
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


def _fill_tracks(c: sa.Connection, files: Sequence[MeasuredFile], track_ids: Sequence[str | None]) -> None:
    """Copy tags into empty fields of a clip's track, if the track is not the one named by its tags, or is missing."""
    tagged = {
        clip.vector.clip_id: (file.tags, named)
        for file, named in zip(files, track_ids, strict=True)
        for clip in file.clips
        if file.tags and (named is not None or any(file.tags.values()))
    }
    query = sa.select(clips.c.id, clips.c.track_id)
    for part in in_parts(list(tagged)):
        for clip_id, track_id in c.execute(query.where(clips.c.id.in_(part))).all():
            tags, named = tagged[clip_id]
            if track_id is None or track_id != named:
                fill_track(c, track_id or own_track(c, clip_id), tags)
