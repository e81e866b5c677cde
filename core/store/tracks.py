"""Store the metadata of tracks (artist, title, makam, ...) from the tags of files and from people."""

import hashlib
import json
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from core.access import Action, requires
from core.errors import StoreError
from core.records import YEARS
from core.store.checks import check_choice, check_text, normalised_line, now, storable
from core.store.clips import require_clip
from core.store.connection import Store, by_clip, in_parts, insert, write
from core.store.schema import LIBRARY_CHANGED, MAX_TRACK, clips, files, settings, tracks
from core.store.synthetic import is_synthetic

_NAMED = ("artist", "title", "source")  # identify a track: its id is their hash, unless a file's content gives the id
_MORE = ("album", "genre", "makam", "usul", "performer")  # texts that do not identify a track
TRACK_FIELDS = ("artist", "title", "album", "genre", "year", "makam", "usul", "performer")


@requires(Action.SCORE_LIBRARY)
def synthetic_clips(store: Store, clip_ids: Sequence[str]) -> set[str]:
    """Return which of these stored clips are synthetic."""
    query = sa.select(clips.c.id.label("clip_id")).where(is_synthetic())
    return set(by_clip(store, query, clips.c.id, clip_ids).index)


@requires(Action.SCORE_CLIP)
def add_track(
    store: Store,
    *,
    artist: str,
    title: str,
    source: str = "",
    album: str = "",
    genre: str = "",
    year: int | None = None,
    makam: str = "",
    usul: str = "",
    performer: str = "",
) -> str:
    """Store a track and return its id, which is the same for the same artist, title and source.

    For a track that exists, non-empty values replace stored values, because makam or usul may become known later.
    Values that a person entered (``set_track``) are not replaced.
    """
    given: dict[str, Any] = {"artist": artist, "title": title, "source": source, "year": year}
    given |= {"album": album, "genre": genre, "makam": makam, "usul": usul, "performer": performer}
    return write(store, lambda c: upsert_tracks(c, [given]))[0]


def upsert_tracks(c: sa.Connection, known: Sequence[Mapping[str, Any]]) -> list[str]:
    """Insert or update many tracks within a transaction, as ``add_track`` does, and return their ids in order.

    known : for each track artist, title, source, and any of album, genre, year, makam, usul, performer. With the key
    ``content_hash`` the track belongs to that file alone, whatever its names.
    """
    rows = [_row(one) for one in known]
    new = insert(c, tracks)
    changes: dict[str, sa.ColumnElement[Any]]
    changes = {n: sa.case((new.excluded[n] != "", new.excluded[n]), else_=tracks.c[n]) for n in (*_NAMED, *_MORE)}
    changes["year"] = sa.func.coalesce(new.excluded.year, tracks.c.year)
    update = {n: sa.case((tracks.c.by_hand.contains(f'"{n}"'), tracks.c[n]), else_=changes[n]) for n in changes}
    if rows:
        c.execute(new.on_conflict_do_update(index_elements=["id"], set_=update), rows)
        note_library_changed(c)
    return [row["id"] for row in rows]


def note_library_changed(c: sa.Connection) -> None:
    """Note within a transaction that tracks or files changed, so that no kept table of pieces shows the old ones."""
    moment = now()
    row = {"value": json.dumps(moment.isoformat()), "changed_at": moment}
    new = insert(c, settings).values(key=LIBRARY_CHANGED, **row)
    c.execute(new.on_conflict_do_update(index_elements=["key"], set_=row))


def fill_track(c: sa.Connection, track_id: str, known: Mapping[str, Any]) -> None:
    """Fill empty fields of a track within a transaction; fields that are set, or that a person cleared, stay."""
    row = c.execute(sa.select(tracks).where(tracks.c.id == track_id)).one()._asdict()
    by_hand = json.loads(row["by_hand"])
    given = {n: value for n, value in _row(known).items() if n in (*_NAMED, *_MORE, "year")}
    changes = {n: value for n, value in given.items() if value and not row[n] and n not in by_hand}
    if changes:
        c.execute(tracks.update().where(tracks.c.id == track_id).values(changes))
        note_library_changed(c)


@requires(Action.SCORE_LIBRARY)
def fill_tracks(store: Store, known: Mapping[str, Mapping[str, Any]]) -> int:
    """Fill empty fields of the tracks of scored files, and return the number of these files.

    known : by the path of the file, some of ``TRACK_FIELDS`` from another program; what cannot be stored is left out.
    """
    query = sa.select(files.c.path, clips.c.id).join(clips, clips.c.content_hash == files.c.content_hash)

    def work(c: sa.Connection) -> int:
        filled = set()
        for part in in_parts(known):
            for path, clip_id in c.execute(query.where(files.c.path.in_(part), files.c.state == "scored")).all():
                fill_track(c, own_track(c, clip_id), _from_program(known[path]))
                filled.add(path)
        return len(filled)

    return write(store, work)


def _from_program(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as they can be stored: single blanks, at most 300 characters, and a year that is one."""
    texts = {n: " ".join(storable(str(known[n])).split())[:MAX_TRACK] for n in TRACK_FIELDS if n in known}
    year = known.get("year")
    return texts | {"year": year if isinstance(year, int) and YEARS[0] <= year <= YEARS[1] else None}


def _row(known: Mapping[str, Any]) -> dict[str, Any]:
    named = {n: check_text(known.get(n, ""), n) for n in _NAMED}
    more = {n: check_text(known.get(n, ""), n) for n in _MORE}
    content = known.get("content_hash")
    track_id = track_of_file(content) if content else _digest(json.dumps(named, sort_keys=True))
    return {"id": track_id, **named, **more, "year": known.get("year"), "created_at": now()}


def track_of_file(content_hash: str) -> str:
    """Return the id of a file's track. Two files with the same artist and title are two recordings."""
    return _digest(f"content {content_hash}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@requires(Action.CORRECT_TRACK)
def set_track(store: Store, clip_id: str, **fields: str | int | None) -> str:
    """Store track fields that a person entered for a clip, and return the track's id.

    The change applies to all clips of the track, which are the clips of one file. A clip without a track gets a new
    track, and so do the other clips of its file without one.
    Scoring the library again does not overwrite these fields: the column ``by_hand`` lists them, and ``upsert_tracks``,
    which stores the tags of files, skips them. The track keeps its id when artist or title change, so that the next
    scoring finds the row.

    Parameters
    ----------
    fields
        Some of ``TRACK_FIELDS``: texts of at most 300 characters, and the year from 1000 to 2100. An empty text or None
        clears a field; fields that are not given stay unchanged.

    Raises
    ------
    StoreError
        When the clip or a field is unknown, or a value is too long, not a year, or holds control characters.
    """
    changes = {name: _value(name, value) for name, value in fields.items()}

    def work(c: sa.Connection) -> str:
        track_id = own_track(c, clip_id)
        row = tracks.c.id == track_id
        before = c.execute(sa.select(tracks.c.by_hand).where(row).with_for_update()).scalar_one()
        by_hand = json.dumps(sorted({*json.loads(before), *changes}))
        c.execute(tracks.update().where(row).values({**changes, "by_hand": by_hand}))
        note_library_changed(c)
        return track_id

    return write(store, work)


def _value(name: str, value: str | int | None) -> str | int | None:
    check_choice(name, TRACK_FIELDS, "field of a track")
    if name == "year":
        return None if value in (None, "") else _year(value)
    if not isinstance(value, str | None):
        raise StoreError(f"The {name} must be a text, not {value!r}.")
    return check_text(normalised_line(value or "", name), name, longest=MAX_TRACK)


def _year(value: Any) -> int:
    first, last = YEARS
    try:
        year = operator.index(value)
    except TypeError:
        year = 0
    if not first <= year <= last:
        raise StoreError(f"{value!r} is not a year from {first} to {last}. Leave the field empty when it is unknown.")
    return year


def own_track(c: sa.Connection, clip_id: str) -> str:
    """Return the id of the clip's track. A clip without a track gets one for the content of its file."""
    require_clip(c, clip_id)
    clip = c.execute(sa.select(clips.c.track_id, clips.c.content_hash).where(clips.c.id == clip_id)).one()
    if clip.track_id is not None:
        return str(clip.track_id)
    track_id = track_of_file(clip.content_hash)
    row = {**dict.fromkeys((*_NAMED, *_MORE), ""), "id": track_id, "created_at": now()}
    c.execute(insert(c, tracks).values(row).on_conflict_do_nothing())
    without_track = (clips.c.content_hash == clip.content_hash) & clips.c.track_id.is_(None)
    c.execute(clips.update().where(without_track).values(track_id=track_id))
    return track_id
