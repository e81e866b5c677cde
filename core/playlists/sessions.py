"""A playlist as a stored session: store it as it was made, open it again, and make the next one from it.

The rows, moods and gains of a stored list never change by themselves: not with a larger library, another model or
another program version. Only the paths of the files are looked up again.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.playlists.client_lists import ClientRules, add_must_play
from core.playlists.files import file_name, one_line, row_dicts
from core.playlists.pieces import ACCEPTED, BETWEEN, file_is_there
from core.playlists.playlist import Playlist, Pool, Replaced, finish_playlist, reason, usable_pieces
from core.playlists.replacement import replace_piece
from core.playlists.wish import Curve, curve_from_plan, plan_of_curve
from core.records import Remark, RemarkKind, Word
from core.source_note import PROGRAM
from core.store.sessions import NewSession, StoredSession


class PieceState(StrEnum):
    """Whether a piece of a stored list can be played now. The value is the end of a sentence."""

    THERE = "is there"
    GONE = "is gone from the disk"
    CHANGED = "was changed on the disk, or left the library"


def new_session(
    playlist: Playlist,
    *,
    policy: str,
    vetoes: Mapping[str, str] | None = None,
    goal: str = "",
    notes: str = "",
) -> NewSession:
    """Return a playlist as a session to store. policy : JSON.  vetoes : piece id and title of vetoed pieces."""
    plan = {
        "way": list(playlist.way),
        "wanted_s": playlist.wanted_s,
        "seed": playlist.seed,
        "path": playlist.path,
        "target_lufs": playlist.target_lufs,
        "softer_lu": playlist.softer_lu,
        "curve": None if playlist.curve is None else plan_of_curve(playlist.curve),
        "pinned": sorted(playlist.pinned),
        "edited": playlist.edited,
        "remarks": [{"kind": remark.kind, "text": remark.text} for remark in playlist.remarks],
    }
    return NewSession(
        name=playlist.name,
        plan=plan,
        rows=stored_rows(playlist),
        policy=policy,
        program=PROGRAM,
        vetoes=[{"piece_id": piece, "title": title} for piece, title in (vetoes or {}).items()],
        replacements=[asdict(one) for one in playlist.replaced],
        goal=goal,
        notes=notes,
    )


def stored_rows(playlist: Playlist) -> list[dict[str, Any]]:
    """Rows of a playlist with plain Python values, as a session stores them.

    "Your word" becomes "a person's word", because another person may have the client later.
    """
    rows = [
        {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
        for row in row_dicts(playlist)
    ]
    for row in rows:
        if row["word"] == Word.OWN:
            row["word"] = Word.PERSON.value
            row["why"] = reason(row, playlist.path)
    return rows


def playlist_of(session: StoredSession) -> Playlist:
    """Return the playlist of a stored session as it was made."""
    plan = session.plan
    return Playlist(
        session.name,
        tuple(plan["way"]),
        float(plan["wanted_s"]),
        int(plan["seed"]),
        pd.DataFrame([dict(piece.row) for piece in session.pieces]),
        path=bool(plan["path"]),
        remarks=tuple(Remark(RemarkKind(one["kind"]), one["text"]) for one in plan["remarks"]),
        target_lufs=float(plan["target_lufs"]),
        softer_lu=float(plan["softer_lu"]),
        curve=_curve_of(plan),
        pinned=frozenset(plan.get("pinned", ())),
        edited=bool(plan.get("edited", False)),
        replaced=tuple(Replaced(**one) for one in session.replacements),
    )


def _curve_of(plan: Mapping[str, Any]) -> Curve | None:
    """The wish for the stored list."""
    known = plan["curve"]
    return None if known is None else curve_from_plan(known, tuple(plan["way"]), float(plan["wanted_s"]))


def locate_pieces(playlist: Playlist, places: pd.DataFrame) -> tuple[Playlist, dict[str, PieceState]]:
    """Look for the files of a stored list. Returns the list with the paths of now, and the state of each piece.

    places : known paths of each content, as in ``store.library_places``, without paths that may not be read.
    """
    known: dict[str, list[tuple[str, int]]] = {}
    for content, path, size in zip(places["content_hash"], places["path"], places["size"], strict=True):
        known.setdefault(content, []).append((path, int(size)))
    states, paths = {}, []
    for piece, before in zip(playlist.rows["piece_id"], playlist.rows["path"], strict=True):
        found = next((path for path, size in known.get(piece, []) if file_is_there(path, size)), "")
        exists = any(os.path.exists(path) for path in (before, *(path for path, _ in known.get(piece, []))))
        states[piece] = PieceState.THERE if found else PieceState.CHANGED if exists else PieceState.GONE
        paths.append(found or before)
    gone = [
        f"{number}. {one_line(title)} ({one_line(file_name(path))}) {states[piece]}"
        for number, title, path, piece in zip(
            *(playlist.rows[name] for name in ("number", "title", "path", "piece_id")), strict=True
        )
        if states[piece] is not PieceState.THERE
    ]
    remark = Remark(RemarkKind.FILE_MISSING, f"These pieces cannot be played now: {'; '.join(gone)}.")
    remarks = (*playlist.remarks, remark) if gone else playlist.remarks
    return replace(playlist, rows=playlist.rows.assign(path=paths), remarks=remarks), states


def replacement_pool(
    playlist: Playlist, pieces: pd.DataFrame, rules: ClientRules, *, recordings: pd.Series | None = None
) -> Pool:
    """Return the pieces of the library of now that may replace a piece of a stored list.

    They have the standings of the list's own pieces. Copies of a recording that is in the list are left out.
    """
    allowed = pieces[~pieces.index.isin(rules.never)]
    if allowed.empty:
        return Pool(allowed, ())
    usual = {ACCEPTED, *((BETWEEN,) if playlist.path else ()), *playlist.rows["standing"]}
    synthetic = bool(playlist.rows["synthetic"].any())
    pool = usable_pieces(allowed, standings=usual, recordings=recordings, synthetic=synthetic)
    if recordings is None:
        return pool
    heard = set(recordings.reindex(playlist.rows["piece_id"]).dropna())
    copies = recordings.reindex(pool.table.index).isin(heard) & ~pool.table.index.isin(playlist.rows["piece_id"])
    return replace(pool, table=pool.table[~copies])


def next_list(
    before: Playlist, pool: Pool, pieces: pd.DataFrame, rules: ClientRules, *, absent: Collection[str] = ()
) -> Playlist:
    """Make the next list from an earlier one: the same pieces, without those that may not or cannot be played.

    Each of them is replaced by the piece that fits best, or left out when no piece fits; ``replaced`` names them. Then
    the pieces that the client must hear are put in.

    Parameters
    ----------
    pool : from ``replacement_pool``.
    pieces : the library, index ``piece_id``. Pieces that no playlist uses are replaced too.
    absent : pieces whose file is missing or changed.

    Raises
    ------
    CoreError
        No piece is left.
    """
    never = {*rules.never, *_in_no_playlist(pieces, pool.recordings)}
    out = [p for p in before.rows["piece_id"] if p in never or p in absent]
    made = replace(before, replaced=(), remarks=())
    for piece in out:
        made = replace_or_leave_out(made, pool, piece, without={*out, *never})
    return add_must_play(made, pool, pieces, rules.must)


def _in_no_playlist(pieces: pd.DataFrame, recordings: pd.Series | None) -> set[str]:
    """Pieces that no playlist uses, with all copies of the same recordings."""
    never = pieces.index[pieces["never"].astype(bool)]
    if recordings is None:
        return set(never)
    return {*never, *recordings.index[recordings.isin(recordings.reindex(never).dropna())]}


def replace_or_leave_out(playlist: Playlist, pool: Pool, piece_id: str, *, without: Collection[str]) -> Playlist:
    """Replace a piece that may not or cannot be played; leave it out when no other piece fits.

    Raises CoreError when no piece would be left.  without : pieces that must not be chosen.
    """
    try:
        if not pool.table.empty:
            return replace_piece(playlist, pool, piece_id, without=without)
    except CoreError:  # no other piece fits
        pass
    return leave_out(playlist, pool, piece_id)


def leave_out(playlist: Playlist, pool: Pool, piece_id: str) -> Playlist:
    """Remove a piece from a playlist. Raises CoreError when no piece would be left."""
    row = playlist.rows[playlist.rows["piece_id"] == piece_id].iloc[0]
    rows = playlist.rows[playlist.rows["piece_id"] != piece_id]
    if rows.empty:
        raise CoreError("No piece of this list may be played now, and no other piece fits. Make a new playlist.")
    gone = Replaced(int(row["number"]), piece_id, str(row["title"]))
    return finish_playlist(replace(playlist, rows=rows, replaced=(*playlist.replaced, gone)), pool)


def leave_out_never(playlist: Playlist, never: Collection[str]) -> Playlist:
    """Remove the pieces that may never be played and that no other piece could replace; the remarks stay.

    Raises CoreError when no piece would be left.
    """
    made = playlist
    for piece_id in playlist.rows.loc[playlist.rows["piece_id"].isin(never), "piece_id"]:
        made = leave_out(made, Pool(playlist.rows.set_index("piece_id"), ()), piece_id)
    return replace(made, remarks=playlist.remarks)
