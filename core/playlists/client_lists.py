"""The rules for pieces of a client: pieces that must be in every list, and pieces that are in none."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.playlists.playlist import Playlist, Pool, finish_playlist, mood_distance, performers
from core.schema import EMOTIONS, PROBA

SAME_ARTIST = 1.0  # cost of a place next to a piece by the same artist; a mood distance is at most 1


@dataclass(frozen=True)
class ClientRules:
    """Pieces of a client, as piece ids. must : in the order in which they were entered."""

    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


def client_rules(
    entries: pd.DataFrame, *, recordings: pd.Series | None = None, vetoed_now: Collection[str] = ()
) -> ClientRules:
    """Return the rules for the next list of a client.

    A piece that the client must never hear excludes all copies of the same recording.

    Parameters
    ----------
    entries : from ``store.client_pieces_table``.
    recordings : from `core.playlists.sound.recordings`.
    vetoed_now : beginnings of the ids of pieces that were vetoed while this list was made. They are replaced in the
        list, so that all other pieces stay in their places, and are not excluded before the list is built.
    """
    listed = entries.sort_values("created_at", kind="stable")
    early = tuple(vetoed_now)
    never = [p for p in listed.loc[listed["rule"] == "never", "piece_id"] if not (early and p.startswith(early))]
    excluded = set(never)
    if recordings is not None:
        excluded |= set(recordings.index[recordings.isin(set(recordings.reindex(never).dropna()))])
        excluded -= {p for p in excluded if early and p.startswith(early)}
    must = [p for p in listed.loc[listed["rule"] == "must", "piece_id"] if p not in excluded]
    return ClientRules(tuple(must), tuple(sorted(excluded)))


def missing_must_play(entries: pd.DataFrame, playlist: Playlist) -> list[str]:
    """Return the titles of pieces that must be in every list and are not in this one."""
    must = entries[entries["rule"] == "must"]
    return list(must.loc[~must["piece_id"].isin(set(playlist.rows["piece_id"])), "title"])


def add_must_play(playlist: Playlist, pool: Pool, pieces: pd.DataFrame, must: Sequence[str]) -> Playlist:
    """Put the pieces that a client must hear into a playlist.

    Each of them takes the place where it fits best: near to the wanted mood, of a similar length, and not next to its
    artist. When all places are taken by such pieces, it is added at the end. All other pieces stay in their places.

    Parameters
    ----------
    pool : the pieces that could be chosen, for the remarks.
    pieces : the library, index ``piece_id``. A piece that is not in it, whose file is missing, or
        that no playlist uses, is not added.
    """
    playable = pieces.index[pieces["there"].astype(bool) & ~pieces["never"].astype(bool)]
    for piece_id in must:
        if piece_id in playable and piece_id not in set(playlist.rows["piece_id"]):
            playlist = _put(
                playlist, pool, pieces.loc[[piece_id]].reset_index(names="piece_id"), {*must, *playlist.pinned}
            )
    return playlist


def _put(playlist: Playlist, pool: Pool, piece: pd.DataFrame, fixed: set[str]) -> Playlist:
    """Put one piece (a table of one row) into the playlist. fixed : pieces that stay in the list."""
    rows = playlist.rows.reset_index(drop=True)
    shared = list(piece.columns.intersection(rows.columns))
    free = np.flatnonzero(~rows["piece_id"].isin(fixed).to_numpy())
    if len(free):
        cost = _cost(rows, piece)[free]
        rows.loc[int(free[np.argmin(cost)]), shared] = piece.loc[0, shared]
    else:
        rows = pd.concat([rows, rows.iloc[[-1]]], ignore_index=True)
        rows.loc[len(rows) - 1, shared] = piece.loc[0, shared]
    return finish_playlist(replace(playlist, rows=rows), pool)


def _cost(rows: pd.DataFrame, piece: pd.DataFrame) -> np.ndarray:
    """Cost of each place for a piece."""
    want = rows[[f"want_{e}" for e in EMOTIONS]].to_numpy(dtype=float)
    fit = mood_distance(want, piece[list(PROBA)].to_numpy(dtype=float))
    length = rows["duration_s"].to_numpy(dtype=float)
    away = np.abs(length - float(piece["duration_s"].iloc[0])) / max(float(length.max()), 1.0)
    by = np.array(performers(rows.set_index("piece_id")))
    same = by == performers(piece.set_index("piece_id"))[0]
    beside = np.append(same[1:], False) | np.append(False, same[:-1])
    return np.asarray(fit + away + SAME_ARTIST * beside)
