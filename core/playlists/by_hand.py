"""Changes of a list by hand: add, move, pin, remove, and another piece in the place of one.

The changes of a person are a short record. They are applied one after the other to the list that the program built, so
that each can be undone, and the same record on the same list gives the same result. A piece that a person added or
chose is pinned: it stays when a new list is built. For a new request, ``carried_over`` makes a record that begins with
the pins and the replaced pieces.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.playlists.path_costs import arrays
from core.playlists.path_search import Search
from core.playlists.playlist import PIECE_COLUMNS, Playlist, Pool, Replaced, finish_playlist
from core.playlists.replacement import put_in, replace_piece
from core.playlists.wish import Curve

MOST = 100  # changes of one list
REF = 10  # characters of a piece's hash in a record


class Kind(StrEnum):
    """Kind of a change."""

    VETO = "veto"  # the program replaces the piece; with a client, the client never hears it again
    SKIP = "skip"  # the program replaces the piece, in this list only
    TAKE = "take"  # the person replaces the piece by another one
    ADD = "add"
    REMOVE = "remove"
    UP = "up"
    DOWN = "down"
    PIN = "pin"
    UNPIN = "unpin"


REFUSALS = (Kind.VETO, Kind.SKIP, Kind.REMOVE, Kind.TAKE)  # the program does not choose this piece again


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes
    ----------
    piece : beginning of the piece's id.
    other : for ``TAKE``, the piece that comes.
    percent : for a ``PIN`` that is carried over to a new list, the place there, from 0 (first) to 100 (last).
    """

    kind: Kind
    piece: str
    other: str = ""
    percent: int | None = None

    def __str__(self) -> str:
        """The change as text, such as ``"up.0123abcdef"``."""
        more = self.other or ("" if self.percent is None else str(self.percent))
        return ".".join(filter(None, (self.kind.value, self.piece, more)))


_CHANGE = re.compile(rf"(?:({'|'.join(Kind)})\.)?([0-9a-f]{{1,{REF}}})(?:\.([0-9a-f]{{1,{REF}}}))?")


def read_changes(text: str) -> tuple[Change, ...]:
    """Read a record of changes, such as ``"veto.01ab,up.23cd"``. What is no change is left out; a bare id is a veto."""
    longest = MOST * (len("remove") + 2 * REF + 3)
    found = []
    for part in text[:longest].split(",")[:MOST]:
        if match := _CHANGE.fullmatch(part):
            kind, piece, more = Kind(match[1] or Kind.VETO), match[2], match[3] or ""
            if kind is Kind.PIN and more.isdecimal() and int(more) <= 100:
                found.append(Change(kind, piece, percent=int(more)))
            elif (kind is Kind.TAKE) == bool(more):
                found.append(Change(kind, piece, more))
    return tuple(found)


def write_changes(changes: Iterable[Change]) -> str:
    """The record as text."""
    return ",".join(map(str, changes))


# --- a new list for another request ----------------------------------------------------------------------------------


def carried_over(changes: Sequence[Change], made: Playlist) -> tuple[Change, ...]:
    """The record for a new request: the pins of the last list at their places, and the pieces that were refused."""
    listed = list(made.rows["piece_id"])
    places = np.round(np.linspace(0, 100, len(listed))).astype(int)
    pins = [
        Change(Kind.PIN, p[:REF], percent=int(at)) for p, at in zip(listed, places, strict=True) if p in made.pinned
    ]
    known = {change.piece for change in pins}
    gone = [
        Change(c.kind if c.kind is Kind.VETO else Kind.SKIP, c.piece)
        for c in changes
        if c.kind in REFUSALS and c.piece not in known
    ]
    return (*pins, *dict.fromkeys(gone))


def carried_pins(changes: Sequence[Change]) -> dict[str, float]:
    """The pins that a new list must have: beginning of the id -> place as a share."""
    return {c.piece: c.percent / 100 for c in changes if c.kind is Kind.PIN and c.percent is not None}


def later_changes(changes: Sequence[Change]) -> tuple[Change, ...]:
    """The changes without the pins that were carried over."""
    return tuple(c for c in changes if c.percent is None)


def refused_pieces(pool: Pool, changes: Iterable[Change]) -> list[str]:
    """Ids of the pieces that a person refused; the program does not choose them again."""
    refs = tuple(c.piece for c in changes if c.kind in REFUSALS)
    return list(pool.table.index[pool.table.index.str.startswith(refs)]) if refs else []


def named(table: pd.DataFrame, ref: str) -> str:
    """Id of the piece of a table (index ``piece_id``, sorted or not) that begins with ``ref``; "" without one."""
    found = table.index[table.index.str.startswith(ref)] if ref else table.index[:0]
    return str(found[0]) if len(found) else ""


# --- one change ------------------------------------------------------------------------------------------------------


def change_list(
    playlist: Playlist, pool: Pool, playable: pd.DataFrame, change: Change, *, earlier: Sequence[Change] = ()
) -> Playlist:
    """Apply one change. A change of a piece that is not in the list, or is in it already (``ADD``), does nothing.

    Parameters
    ----------
    pool : pieces that the program may choose.
    playable : pieces that a person may choose; index ``piece_id``.
    earlier : changes that were applied before; a piece that they refused is not chosen by the program again.

    Raises
    ------
    CoreError
        No other piece fits, the list has this recording already, or it would be empty. The list stays as it is.
    """
    listed = list(playlist.rows["piece_id"])
    piece = next((p for p in listed if p.startswith(change.piece)), "")
    if change.kind is Kind.ADD:
        added = named(playable, change.piece)
        if piece or not added:
            return playlist
        _check_recording(pool, added, listed)
        return _add(playlist, pool, playable.loc[[added]].iloc[0])
    if not piece:
        return playlist
    if change.kind in (Kind.VETO, Kind.SKIP):
        return replace_piece(playlist, pool, piece, without=refused_pieces(pool, earlier))
    if change.kind is Kind.TAKE:
        other = named(playable, change.other)
        if not other or other in listed:
            return playlist
        _check_recording(pool, other, [p for p in listed if p != piece])
        taken = put_in(replace(playlist, edited=True), pool, piece, playable.loc[[other]].iloc[0])
        return replace(taken, pinned=taken.pinned | {other})
    return _SIMPLE[change.kind](playlist, pool, piece)


def _check_recording(pool: Pool, piece: str, listed: Sequence[str]) -> None:
    """Refuse a piece whose recording is in the list already, in another file. Raises CoreError."""
    sounds = pool.recordings
    if sounds is not None and piece in sounds.index and sounds[piece] in set(sounds.reindex(list(listed))):
        raise CoreError("The list has this recording already, from another file.")


def _ordered(playlist: Playlist, pool: Pool, listed: list[str]) -> Playlist:
    rows = playlist.rows[list(PIECE_COLUMNS)].set_index("piece_id").loc[listed].reset_index()
    pinned = playlist.pinned & set(listed)
    return finish_playlist(replace(playlist, rows=rows, pinned=pinned, edited=True), pool)


def _remove(playlist: Playlist, pool: Pool, piece: str) -> Playlist:
    listed = [p for p in playlist.rows["piece_id"] if p != piece]
    if not listed:
        raise CoreError("A list needs at least one piece. Add another piece before you remove this one.")
    place = list(playlist.rows["piece_id"]).index(piece)
    done = Replaced(place + 1, piece, str(playlist.rows["title"].iloc[place]))
    return _ordered(replace(playlist, replaced=(*playlist.replaced, done)), pool, listed)


def _move(playlist: Playlist, pool: Pool, piece: str, *, by: int) -> Playlist:
    listed = list(playlist.rows["piece_id"])
    place = listed.index(piece)
    other = min(max(place + by, 0), len(listed) - 1)
    listed[place], listed[other] = listed[other], listed[place]
    return _ordered(playlist, pool, listed)


def _pin(playlist: Playlist, pool: Pool, piece: str) -> Playlist:
    return replace(playlist, pinned=playlist.pinned | {piece})


def _unpin(playlist: Playlist, pool: Pool, piece: str) -> Playlist:
    return replace(playlist, pinned=playlist.pinned - {piece})


_SIMPLE: dict[Kind, Callable[[Playlist, Pool, str], Playlist]] = {
    Kind.REMOVE: _remove,
    Kind.UP: lambda playlist, pool, piece: _move(playlist, pool, piece, by=-1),
    Kind.DOWN: lambda playlist, pool, piece: _move(playlist, pool, piece, by=1),
    Kind.PIN: _pin,
    Kind.UNPIN: _unpin,
}


def _turns_back(stations: np.ndarray) -> int:
    """Number of places where the mood goes back on the way."""
    return int(np.sum(np.diff(stations[stations >= 0]) < 0))


def _add(playlist: Playlist, pool: Pool, piece: pd.Series) -> Playlist:
    """Insert a piece where it costs least and the mood does not go back; all other pieces stay in their order."""
    columns = [c for c in PIECE_COLUMNS if c != "piece_id"]
    rows = playlist.rows[list(PIECE_COLUMNS)].set_index("piece_id")
    every = pd.concat([rows, piece[columns].to_frame().T]).astype(rows.dtypes.to_dict())
    curve = playlist.curve or Curve(playlist.way, playlist.wanted_s)
    pieces = arrays(every, playlist.way, playlist.seed, always=every.index)
    position = [int(k) for k in pd.Index(pieces.ids).get_indexer(rows.index)]
    new = int(np.flatnonzero(pieces.ids == piece.name)[0])
    search = Search(pieces, curve, len(every))
    orders = [[*position[:k], new, *position[k:]] for k in range(len(position) + 1)]
    best = min(orders, key=lambda order: (_turns_back(pieces.station[order]), search.cost(order)))
    listed = [str(pieces.ids[k]) for k in best]
    added = replace(playlist, rows=every.loc[listed].rename_axis("piece_id").reset_index())
    return finish_playlist(replace(added, pinned=playlist.pinned | {str(piece.name)}, edited=True), pool)
