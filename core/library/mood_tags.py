"""Write the mood of pieces into the tags of their files, and take it back. Nothing is written before a person asks.

First a plan lists each file with the mood in its tag now and the new one. A file is then written as a copy beside it,
which is compared with the original (same sound, new mood), flushed to the disk, and renamed. So the file is whole at
any moment, also on a full disk. Rights and owner of the file stay; its time of change is the time of the writing, so
that backups notice it. A note in the database, stored before the file is replaced, undoes the change byte by byte.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.access import Action, requires
from core.allowed_places import Places
from core.atomic import replacing
from core.audio.byte_edits import apply, inverse, pack, unpack
from core.audio.decoding import blocks, content_hash, display_name, inspect
from core.audio.mood_tag import mood_edits, read_mood
from core.errors import AudioError, CoreError
from core.library.find import file_stamp
from core.locations import present_path
from core.settings import Settings
from core.store import (
    Store,
    drop_note,
    file_rewritten,
    first_content,
    is_known_content,
    library_places,
    note_tag,
    tag_notes,
)

StoredPaths = dict[tuple[str, str], list[str]]  # piece and path now -> paths in the database
_COMPARED_S = 2.0  # at the begin, in the middle and at the end of the sound
ELSEWHERE = "The file is not in a place for music, so its tag is not written."
GONE = "The file is no longer there. Score the library again."
CHANGED = "The file has changed since it was scored. Score the library again."
TAKEN = "With this mood the file would be the same as another piece of the library, so its tag is not written."
LATER = "The file was changed after this mood was written, so its tag stays as it is."


@dataclass(frozen=True)
class TagChange:
    """The change of one file.

    piece_id : name of the piece.  old : moods in the tag now.  new : the mood to write; for an undo the moods before.
    problem : why the file cannot be changed; empty when it can, or was.  note : number of the note of an undo.
    """

    piece_id: str
    path: str
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    problem: str = ""
    note: int | None = None

    @property
    def needed(self) -> bool:
        """Whether there is something to write."""
        return not self.problem and self.old != self.new


@requires(Action.TAG_FILES)
def plan_tags(
    store: Store,
    wanted: Iterable[tuple[str, str, str]],
    places: Places,
    *,
    each: Callable[[int], None] = lambda number: None,
) -> list[TagChange]:
    """List what would be written, and change nothing.

    wanted : name of the piece, path and mood of each file.  places : where files may be read.
    each : called with the number of files that are done.
    """
    changes = []
    for done, (piece_id, path, mood) in enumerate(wanted, 1):
        change = TagChange(piece_id, path, new=(mood,))
        try:
            data, _ = _read(path, places)
            _check_piece(store, piece_id, content_hash(data))
            _check_place(path)
            change = TagChange(piece_id, path, read_mood(data), (mood,))
            new = apply(data, mood_edits(data, mood))
            if change.needed:
                _check_new_content(store, piece_id, content_hash(new))
            changes.append(change)
        except CoreError as error:
            changes.append(_failed(change, str(error)))
        each(done)
    return changes


@requires(Action.TAG_FILES)
def write_tags(
    store: Store, changes: Iterable[TagChange], places: Places, *, each: Callable[[int], None] = lambda number: None
) -> list[TagChange]:
    """Write the planned moods. A file that cannot be written gets its problem, and the others are written."""
    changes, done = list(changes), []
    stored = _stored_paths(store, changes)
    for number, change in enumerate(changes, 1):
        if change.needed:
            try:
                _write(store, change, places, stored)
            except CoreError as error:
                change = _failed(change, str(error))
        done.append(change)
        each(number)
    return done


def _write(store: Store, change: TagChange, places: Places, stored: StoredPaths) -> None:
    """Write one planned mood. Raises CoreError when the file cannot be changed; then it is as it was."""
    data, stamp = _read(change.path, places)
    was = content_hash(data)
    _check_piece(store, change.piece_id, was)
    (mood,) = change.new
    if read_mood(data) != change.old:
        raise AudioError("The tag has changed since it was listed. List the files again.")
    edits = mood_edits(data, mood)
    new = apply(data, edits)
    _check_same_sound(data, new, mood, change.path)
    _check_new_content(store, change.piece_id, content_hash(new))
    note = note_tag(
        store,
        change.piece_id,
        change.path,
        was_hash=was,
        now_hash=content_hash(new),
        before=change.old,
        after=mood,
        edits=pack(edits),
    )
    try:
        here = _replace(change.path, new, stamp, places)
    except CoreError:
        drop_note(store, note)
        raise
    _note_new_state(store, change, here, stored)


@requires(Action.TAG_FILES)
def plan_undo(store: Store, *, paths: Iterable[str] | None = None) -> list[TagChange]:
    """List the tags that can be taken back, the newest first. paths : only of these files."""
    notes = tag_notes(store)
    if paths is not None:
        notes = notes[notes["path"].isin(set(paths))]
    return [
        TagChange(
            str(row.content_hash), str(row.path), (str(row.after),), _moods(str(row.before)), note=int(str(row.id))
        )
        for row in notes.itertuples()
    ]


@requires(Action.TAG_FILES)
def undo_tags(
    store: Store, changes: Iterable[TagChange], places: Places, *, each: Callable[[int], None] = lambda number: None
) -> list[TagChange]:
    """Take planned tags back, in this order. Each file is then byte by byte as it was before its tag was written."""
    rows: list[Any] = tag_notes(store).to_dict("records")
    notes = {int(row["id"]): row for row in rows}
    changes, done = list(changes), []
    stored = _stored_paths(store, changes)
    for change in changes:
        try:
            if change.note not in notes:
                raise CoreError("This tag was taken back already.")
            _undo(store, change, notes[change.note], places, stored)
        except CoreError as error:
            change = _failed(change, str(error))
        done.append(change)
        each(len(done))
    return done


def _undo(store: Store, change: TagChange, note: Mapping[str, Any], places: Places, stored: StoredPaths) -> None:
    data, stamp = _read(change.path, places)
    digest = content_hash(data)
    if digest == note["was_hash"]:  # the program ended before the file was replaced
        here = os.stat(change.path)
    else:
        old = apply(data, inverse(unpack(str(note["edits"])))) if digest == note["now_hash"] else b""
        if content_hash(old) != note["was_hash"]:
            raise AudioError(LATER)
        here = _replace(change.path, old, stamp, places)
    _note_new_state(store, change, here, stored)


def _stored_paths(store: Store, changes: Sequence[TagChange]) -> StoredPaths:
    """The paths as the database has them, which may be from before the data folder was moved; by piece and path now."""
    stored: StoredPaths = {}
    for row in library_places(store, [change.piece_id for change in changes]).itertuples():
        key = (str(row.content_hash), present_path(str(row.path), Settings()))
        stored.setdefault(key, []).append(str(row.path))
    return stored


def _note_new_state(store: Store, change: TagChange, here: os.stat_result, stored: StoredPaths) -> None:
    """Store size and stamp of the written file."""
    paths = stored.get((change.piece_id, change.path), [])
    file_rewritten(store, change.piece_id, paths, size=here.st_size, stamp=file_stamp(here), undone=change.note)


def _check_new_content(store: Store, piece_id: str, digest: str) -> None:
    """Raise AudioError when this content is a piece of its own: its answers would become those of the written file."""
    if digest != piece_id and is_known_content(store, digest):
        raise AudioError(TAKEN)


def _check_piece(store: Store, piece_id: str, digest: str) -> None:
    """Raise AudioError unless this content is the piece, with or without a mood in its tag."""
    if piece_id not in (digest, first_content(store, digest)):
        raise AudioError(CHANGED)


def _failed(change: TagChange, problem: str) -> TagChange:
    return TagChange(change.piece_id, change.path, change.old, change.new, problem, change.note)


def _moods(stored: str) -> tuple[str, ...]:
    return tuple(json.loads(stored))


def _read(path: str, places: Places) -> tuple[bytes, str]:
    """The bytes of a file in an allowed place on this machine, and its stamp just before it was read."""
    if "://" in path:
        raise AudioError("The file is at an address, so its tag is not written.")
    if not places.allow(path):
        raise AudioError(ELSEWHERE)
    try:
        stamp = _stamp(path)
        return Path(path).read_bytes(), stamp
    except FileNotFoundError as error:
        raise AudioError(GONE) from error
    except OSError as error:
        raise AudioError(f"The file cannot be read: {error.strerror}.") from error


def _check_place(path: str) -> None:
    """Raise AudioError when the file is read-only, or has a second name that would stay as it was."""
    real = os.path.realpath(path)
    try:
        here = os.stat(real)
    except OSError as error:
        raise AudioError(GONE) from error
    if not here.st_mode & 0o222 or not os.access(real, os.W_OK) or not os.access(os.path.dirname(real), os.W_OK):
        raise AudioError("The file or its folder is read-only. Allow writing, then try again.")
    if here.st_nlink > 1:
        raise AudioError("The file has a second name (a hard link), which would lose the connection. Copy it first.")


def _stamp(path: str) -> str:
    try:
        return file_stamp(os.stat(path))
    except OSError as error:
        raise AudioError(GONE) from error


def _check_same_sound(old: bytes, new: bytes, mood: str, path: str) -> None:
    """Raise AudioError unless the new bytes have this mood, and the same sound as the old ones."""
    name = display_name(path)
    one, other = (inspect(data, name, max_mb=len(data) / 1e6 + 1) for data in (old, new))
    frames, count = one.header.frames, round(_COMPARED_S * one.sr)
    same = (one.header.codec, one.sr, one.channels, frames) == (
        other.header.codec,
        other.sr,
        other.channels,
        other.header.frames,
    )
    for first in (0, max(0, frames // 2), max(0, frames - count)) if same else ():
        parts = [list(blocks(source, first, min(count, frames - first))) for source in (one, other)]
        same = same and np.array_equal(np.concatenate(parts[0]), np.concatenate(parts[1]))
    if not same or read_mood(new) != (mood,):
        raise AudioError("The tag of this file is of an unusual kind, so the mood is not written into it.")


def _replace(path: str, data: bytes, stamp: str, places: Places) -> os.stat_result:
    """Replace a file, whole or not at all, and return its new state.

    stamp : of the file that was read; another one means that it changed meanwhile.
    """
    _check_place(path)
    real = Path(os.path.realpath(path))
    if not places.allow(str(real)):
        raise AudioError(ELSEWHERE)
    try:
        here = real.stat()
        with replacing(real, mode=here.st_mode & 0o7777) as part:
            part.write_bytes(data)
            shutil.copystat(real, part)  # also further attributes
            os.utime(part)
            if hasattr(os, "chown") and os.geteuid() == 0:  # nobody else may give a file to its owner
                os.chown(part, here.st_uid, here.st_gid)
            if _stamp(path) != stamp:
                raise AudioError("The file changed while its tag was written. It stays as it is; try again.")
        return real.stat()
    except OSError as error:
        raise CoreError(f"The tag cannot be written: {error.strerror or error}. The file is as it was.") from error
