"""Store, read and delete clips."""

from collections.abc import Collection, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.errors import StoreError
from core.store.checks import check_choice, check_text, now
from core.store.connection import Store, by_clip, frame, in_parts, insert, read, write
from core.store.schema import ORIGINS, TRACK, clips, tracks
from core.store.synthetic import is_synthetic, origin_of_music
from core.turkish import fold

# Columns that are filled when a known clip is stored again and they were empty.
_FILLED = ("path", "track_id", "file_duration_s", "lufs", "channels")


@requires(Action.SCORE_CLIP)
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
    """Store a clip and return its id. A clip that exists keeps its row; a deleted clip is restored.

    For a clip that exists, path, track_id, file_duration_s and lufs are stored only where they were empty.

    Parameters
    ----------
    clip_id
        ``Clip.clip_id``.
    file_name
        Name of the file as the person named it.
    duration_s, start_s
        Length and start of the excerpt in s.
    sr, bitrate
        Sample rate in Hz and bit rate in bit/s, of the file.
    content_hash
        Hash of the file's bytes; clip_id when empty.
    path
        Path of the stored audio, when it was stored.
    file_duration_s
        Length of the whole file in s.
    lufs
        Loudness of the clip in LUFS.
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
        "part_of": None,
    }

    def work(c: sa.Connection) -> str:
        if track_id is not None and not _exists(c, tracks, track_id):
            raise StoreError(f"There is no track {track_id}. Store the track before its clips.")
        insert_clips(c, [row], back={"deleted_at": None})
        return clip_id

    return write(store, work)


def insert_clips(c: sa.Connection, rows: Sequence[Mapping[str, Any]], *, back: Mapping[str, Any] | None = None) -> None:
    """Insert many clips within a transaction, as ``add_clip`` does. Raises StoreError for invalid rows.

    Parameters
    ----------
    rows
        All columns except created_at and deleted_at.
    back
        Further columns to set for clips that exist, such as ``{"deleted_at": None}`` to restore deleted clips.
    """
    new = insert(c, clips)
    fill = {name: sa.func.coalesce(clips.c[name], new.excluded[name]) for name in _FILLED}
    if rows:
        changes = {**fill, **(back or {})}
        c.execute(new.on_conflict_do_update(index_elements=["id"], set_=changes), [_clip_row(row) for row in rows])


def _clip_row(row: Mapping[str, Any]) -> dict[str, Any]:
    if not check_text(row["id"], "clip's id", longest=128):
        raise StoreError("A clip needs an id: the hash of its content.")
    start_s, duration_s = row["start_s"], row["duration_s"]
    if not (isfinite(duration_s) and duration_s > 0 and isfinite(start_s) and start_s >= 0):
        raise StoreError(f"A clip cannot start at {start_s} s and last {duration_s} s.")
    check_choice(row["origin"], ORIGINS, "origin of a clip")
    return {**row, "file_name": check_text(row["file_name"], "file name"), "created_at": now()}


@requires(Action.DELETE_CLIP)
def delete_clip(store: Store, clip_id: str) -> None:
    """Mark a clip as deleted: queues, libraries and training leave it out. Its row and its answers stay.

    Further windows that serve its prediction are deleted with it.

    The path of a library's own file stays; the path of audio that the program stored is cleared.
    """

    def work(c: sa.Connection) -> None:
        require_clip(c, clip_id)
        path = c.execute(sa.select(clips.c.path).where(clips.c.id == clip_id)).scalar()
        of_library = path is not None and (Path(path).is_absolute() or "://" in path)
        deletion = {"deleted_at": now(), "path": path if of_library else None}
        parts = clips.c.content_hash.in_(sa.select(clips.c.content_hash).where(clips.c.id == clip_id))
        of_clip = sa.or_(clips.c.id == clip_id, parts & (clips.c.part_of == clip_id))
        c.execute(clips.update().where(of_clip, clips.c.deleted_at.is_(None)).values(deletion))

    write(store, work)


def _exists(c: sa.Connection, table: sa.Table, key: str | int) -> bool:
    return c.execute(sa.select(table.c.id).where(table.c.id == key)).first() is not None


def require_clip(c: sa.Connection, clip_id: str) -> None:
    """Raise StoreError when there is no clip with this id."""
    if not _exists(c, clips, clip_id):
        raise StoreError(f"There is no clip {clip_id}. Store the clip first.")


@requires(Action.SEE_ANSWERS)
def clips_table(store: Store, *, deleted: bool = False, clip_ids: Collection[str] | None = None) -> pd.DataFrame:
    """Return one row per clip with the metadata of its track, oldest first.

    Clips that only serve the prediction of another clip are left out.

    deleted : include deleted clips.  clip_ids : only these clips.
    """
    query = _with_tracks() if deleted else _with_tracks().where(clips.c.deleted_at.is_(None))
    if clip_ids is None:
        return read(store, lambda c: frame(c, query.order_by(clips.c.created_at, clips.c.id)))
    found = by_clip(store, query, clips.c.id, clip_ids).reset_index()
    return found.sort_values(["created_at", "clip_id"], ignore_index=True)


def _with_tracks() -> sa.Select[Any]:
    """Query the clips with the metadata of their tracks."""
    joined = clips.outerjoin(tracks, clips.c.track_id == tracks.c.id)
    shown = (column for column in clips.c if column.name not in ("id", "origin", "part_of"))
    columns = [clips.c.id.label("clip_id"), origin_of_music(), *shown, *(tracks.c[n] for n in TRACK)]
    return sa.select(*columns).select_from(joined).where(clips.c.part_of.is_(None))


@requires(Action.SEE_ANSWERS)
def newest_clips(store: Store, *, limit: int, search: str = "") -> tuple[pd.DataFrame, int]:
    """Return the newest clips as in ``clips_table``, oldest first, and the number of all clips that match.

    search : words that must all occur in the name of the file; capital and Turkish letters make no difference.
    """
    words = fold(search).split()
    listed = sa.select(clips.c.id).where(clips.c.part_of.is_(None), clips.c.deleted_at.is_(None))
    ordered = listed.order_by(clips.c.created_at.desc(), clips.c.id.desc())

    def work(c: sa.Connection) -> tuple[list[str], int]:
        if words:  # databases cannot fold Turkish letters
            names = c.execute(ordered.add_columns(clips.c.file_name))
            found = [clip for clip, name in names if all(word in text for text in [fold(name)] for word in words)]
            return found[:limit], len(found)
        number = c.execute(sa.select(sa.func.count()).select_from(listed.subquery())).scalar_one()
        return list(c.execute(ordered.limit(limit)).scalars()), int(number)

    ids, number = read(store, work)
    return clips_table(store, clip_ids=ids), number


@requires(Action.SEE_ANSWERS)
def clips_with_audio(store: Store) -> pd.DataFrame:
    """Return the clips of ``clips_table`` in its order, with few columns: clip_id, origin, audio (its sound is stored).

    100,000 clips need a tenth of the memory of the whole table.
    """
    query = (
        sa.select(clips.c.id.label("clip_id"), origin_of_music(), clips.c.path.is_not(None).label("audio"))
        .where(clips.c.part_of.is_(None), clips.c.deleted_at.is_(None))
        .order_by(clips.c.created_at, clips.c.id)
    )
    return read(store, lambda c: frame(c, query))


@requires(Action.SEE_ANSWERS)
def clip_names(store: Store, clip_ids: Collection[str]) -> dict[str, str]:
    """Return the names of the files of these clips, also of deleted ones."""
    query = sa.select(clips.c.id, clips.c.file_name)
    parts = in_parts(clip_ids)
    return read(
        store, lambda c: {i: name for part in parts for i, name in c.execute(query.where(clips.c.id.in_(part)))}
    )


@requires(Action.SEE_ANSWERS)
def newest_recordings(store: Store, *, limit: int) -> list[str]:
    """Return one clip of each of the newest recordings, newest first, without synthetic and deleted clips.

    Of the clips with one content, only the newest one counts; of the clips of one track likewise.
    """
    query = (
        sa.select(clips.c.id, clips.c.content_hash, clips.c.track_id)
        .where(clips.c.part_of.is_(None), clips.c.deleted_at.is_(None), sa.not_(is_synthetic()))
        .order_by(clips.c.created_at.desc(), clips.c.id.desc())
    )

    def work(c: sa.Connection) -> list[str]:
        found: dict[str, str] = {}  # recording -> clip
        contents: set[str] = set()
        with c.execute(query.execution_options(yield_per=4 * limit)) as rows:  # most rows are never fetched
            for clip_id, content, track in rows:
                if content not in contents:
                    contents.add(content)
                    found.setdefault(track or content, clip_id)
                if len(found) == limit:
                    break
        return list(found.values())

    return read(store, work)
