"""Other pieces for one place of a list: the best candidates with the reasons, and the replacement itself."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.playlists.path_costs import arrays
from core.playlists.path_search import Search
from core.playlists.playlist import PIECE_COLUMNS, Playlist, Pool, Replaced, finish_playlist, mood_distance
from core.playlists.pulse import counted, pulse
from core.playlists.wish import Curve
from core.schema import EMOTIONS, PROBA
from core.wording import clock, whole_percent

FEW = 8  # candidates that a page shows
AS_LOUD = 0.5  # LU


def candidates(
    playlist: Playlist, pool: Pool, piece_id: str, *, without: Collection[str] = (), most: int = FEW
) -> pd.DataFrame:
    """The best other pieces for the place of a piece, best first; all other pieces stay in their places.

    For paths and for lists of one mood. The order is that of the costs of the path, with the total length near the
    wanted time. A piece by a neighbour's artist comes after all others.

    Parameters
    ----------
    piece_id : the piece to replace.
    without : pieces that must not be chosen.

    Returns
    -------
    Index ``piece_id``; the columns of ``PIECE_COLUMNS``; fit (distance from the wished mood, in [0, 1]), want_tempo and
    pulse (bpm), louder (LU more than the previous piece), why (text). It is empty when no piece fits.

    Raises
    ------
    CoreError
        The piece is not in the playlist.
    """
    listed = list(playlist.rows["piece_id"])
    if piece_id not in listed:
        raise CoreError("This piece is not in the playlist, so it cannot be replaced.")
    place = listed.index(piece_id)
    table = pool.without([*listed, *without]).table
    curve = playlist.curve or Curve(playlist.way, playlist.wanted_s)
    # The pieces of the playlist may be missing in the pool, because filters can change after its creation.
    own = playlist.rows.set_index("piece_id")[[c for c in PIECE_COLUMNS if c != "piece_id"]]
    pieces = arrays(pd.concat([table[own.columns], own]), playlist.way, playlist.seed, always=listed)
    position = pd.Index(pieces.ids).get_indexer(listed)
    fixed = {k: int(position[k]) for k, p in enumerate(listed) if p in playlist.pinned and p != piece_id}
    search = Search(pieces, curve, len(listed), fixed)
    cost = search.options([int(k) for k in position], place)
    beside = [int(position[k]) for k in (place - 1, place + 1) if 0 <= k < len(listed)]
    by_neighbour = np.isin(pieces.artist, pieces.artist[beside])
    order = np.lexsort((cost, by_neighbour))[: most + len(listed)]
    best = [str(pieces.ids[k]) for k in order if np.isfinite(cost[k])][:most]
    return _described(table.loc[best, own.columns], playlist.rows, curve, place)


def _described(found: pd.DataFrame, rows: pd.DataFrame, curve: Curve, place: int) -> pd.DataFrame:
    here = rows.iloc[place]
    want = here[[f"want_{e}" for e in EMOTIONS]].to_numpy(dtype=float)
    wished = curve.tempo_at(np.array([here["progress"]]))
    before = float(rows["lufs"].iloc[place - 1]) if place else np.nan
    with np.errstate(invalid="ignore"):
        pulses = 2 ** pulse(np.log2(found["tempo"].to_numpy(dtype=float)), wished)[0]
    found = found.assign(
        fit=mood_distance(found[list(PROBA)].to_numpy(dtype=float), want),
        want_tempo=float(2 ** wished[0]),
        pulse=pulses,
        louder=found["lufs"] - before,
    )
    lines: list[Any] = found.to_dict("records")
    return found.assign(why=[_why(row) for row in lines])


def _why(row: dict[str, Any]) -> str:
    """Reasons for a candidate: distances in mood, tempo and loudness, and its length."""
    reasons = [f"{whole_percent(row['fit'])} away from the wished mood", counted(row["tempo"], row["pulse"])]
    if not np.isnan(row["want_tempo"]):
        reasons[-1] += f" (wished: {row['want_tempo']:.0f})"
    if not np.isnan(row["louder"]):
        difference = f"{abs(row['louder']):.1f} LU {'louder' if row['louder'] > 0 else 'softer'} than"
        reasons.append(f"{'as loud as' if abs(row['louder']) < AS_LOUD else difference} the piece before")
    return "; ".join([*reasons, clock(row["duration_s"])])


def replace_piece(playlist: Playlist, pool: Pool, piece_id: str, *, without: Collection[str] = ()) -> Playlist:
    """Replace one piece of a playlist by the best candidate; all other pieces stay in their places.

    Raises
    ------
    CoreError
        The piece is not in the playlist, or no other piece fits.
    """
    found = candidates(playlist, pool, piece_id, without=without, most=1)
    if found.empty:
        raise CoreError(
            "No other piece of the library fits here without a jump in mood. The piece was not replaced. Allow more "
            "pieces, or score more music."
        )
    return put_in(playlist, pool, piece_id, found.iloc[0])


def put_in(playlist: Playlist, pool: Pool, piece_id: str, other: pd.Series) -> Playlist:
    """Put another piece in the place of a piece. other : row of a table of pieces; its name is the ``piece_id``."""
    columns = [c for c in PIECE_COLUMNS if c != "piece_id"]
    rows = playlist.rows[list(PIECE_COLUMNS)].set_index("piece_id")
    listed = [str(other.name) if p == piece_id else p for p in rows.index]
    rows = pd.concat([rows.drop(index=piece_id), other[columns].to_frame().T]).loc[listed]
    rows = rows.astype(playlist.rows[columns].dtypes.to_dict()).rename_axis("piece_id").reset_index()
    place = listed.index(str(other.name))
    done = Replaced(place + 1, piece_id, str(playlist.rows["title"].iloc[place]), str(other.name), str(other["title"]))
    changed = replace(playlist, pinned=playlist.pinned - {piece_id}, replaced=(*playlist.replaced, done))
    return finish_playlist(replace(changed, rows=rows), pool)
