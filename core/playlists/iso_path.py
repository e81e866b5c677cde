"""The iso path: from the client's current mood to the goal in small steps, with two or three pieces in each step.

The iso principle of music therapy: start with music that matches the current mood, and change the mood gradually
(Altshuler 1948; Heiderscheit & Madson 2015). Here a "mood" is the model's four probabilities. The wish for the path
(`core.playlists.wish`) says which mood, tempo and loudness is wanted at which time.

The search is in three parts. A shortlist has the pieces that are cheapest somewhere on the path
(`core.playlists.path_costs`). A beam search chooses from it: at each place, the cheapest partial paths are continued
with every candidate. Then single pieces are exchanged while this makes the path cheaper. The cost of a path is the
distance of each piece from the wished mood, tempo and loudness of its time, the change between neighbours, and the
deviation from the wished length.

There are three rules. The guessed emotions follow the way: they never go back and never skip a station. A step that
wants one emotion, or two, has pieces of these emotions only; another piece is used at a high cost if no other path
exists. Two neighbours are never by the same artist; only if no such path exists, each such pair is allowed at a high
cost. Pinned pieces are exempt from the rules, because a person chose them. The search is repeated for several numbers
of pieces, and the cheapest path is the result. Equal input gives the equal path.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.playlists.path_costs import Pieces, arrays, shortlist, wished_curve
from core.playlists.path_search import Search
from core.playlists.pins import PIN_AT, pin_places
from core.playlists.playlist import Playlist, Pool, finish_playlist, named_minutes, wanted_seconds
from core.playlists.wish import Curve, Shape, Wish, check_wish, mixture_at, shortest_ways

__all__ = ["build_iso_path", "mixture_at", "shortest_ways"]

SPREAD = 2  # numbers of pieces tried below and above the number suggested by the median length


def build_iso_path(
    pool: Pool,
    way: tuple[str, ...],
    minutes: float,
    *,
    per_step: int = 2,
    seed: int = 0,
    wish: Wish | None = None,
    pins: pd.DataFrame | None = None,
) -> Playlist:
    """Build a path along a way, close to the wanted time. Rows and remarks name the weak places.

    Parameters
    ----------
    way : one of ``shortest_ways``.
    minutes : wanted length; with ``Shape.MINUTES`` the sum of the minutes of the moods counts.
    per_step : 2 or 3 pieces in each step; if the number of pieces does not divide evenly, steps of two and three are
        mixed.
    wish : shape, tempo and loudness of the path.
    pins : pieces that must be in the path, as in ``core.playlists.pins``.

    Raises
    ------
    CoreError
        An emotion of the way has no piece, the pool is too small, or the time is too short for the way.
    """
    wish = wish or Wish()
    check_wish(wish, way)
    minutes = sum(wish.mood_minutes) if wish.shape is Shape.MINUTES else minutes
    wanted_s, pinned = wanted_seconds(minutes), [] if pins is None else list(pins.index)
    pool = pool.without(pinned)
    table = pool.table if pins is None else pd.concat([pool.table, pins.drop(columns=PIN_AT)])
    pieces = arrays(table, way, seed, always=pinned)
    _check(pieces, way, wanted_s, per_step)
    curve = wished_curve(Curve(way, wanted_s, wish, per_step), pieces)
    ids = _cheapest_path(pieces, curve, pins)
    if ids is None:
        raise CoreError(
            f"The library's pieces do not make a path {_arrow(way)}. Score more music, or allow more pieces."
        )
    rows = table.loc[ids].reset_index(names="piece_id")
    name = f"{_arrow(way)}, {named_minutes(minutes)}"
    made = Playlist(name, way, wanted_s, seed, rows, path=True, curve=curve, pinned=frozenset(pinned))
    return finish_playlist(made, pool)


def _arrow(way: Sequence[str]) -> str:
    return " → ".join(way)


def _check(pieces: Pieces, way: tuple[str, ...], wanted_s: float, per_step: int) -> None:
    if per_step not in (2, 3):
        raise CoreError(f"A step must have two or three pieces, not {per_step}.")
    empty = [e for k, e in enumerate(way) if not (pieces.station == k).any()]
    if empty:
        raise CoreError(
            f"The way {_arrow(way)} needs pieces of each of its moods. The library has no usable piece for: "
            f"{', '.join(empty)}. Choose another way, allow more pieces, or score more music."
        )
    least = float(np.sort(pieces.length)[: 2 * len(way)].sum())
    if len(pieces.ids) < 2 * len(way):
        raise CoreError(
            f"The way {_arrow(way)} needs at least {2 * len(way)} pieces, two for each emotion; the library has only "
            f"{len(pieces.ids)} usable pieces. Allow more pieces, or score more music."
        )
    if wanted_s < least:
        raise CoreError(
            f"{wanted_s / 60:g} minutes are too short for the way {_arrow(way)}: with two pieces for each emotion it "
            f"lasts at least {np.ceil(least / 60):.0f} minutes. Choose more time, or a nearer goal."
        )


def _cheapest_path(every: Pieces, curve: Curve, pins: pd.DataFrame | None) -> list[str] | None:
    """Ids of the cheapest path over several numbers of pieces, or None when there is no path."""
    pinned = [] if pins is None else list(pins.index)
    fewest = max(2 * len(curve.way), len(curve.way) + len(pinned))
    about = max(fewest, round(curve.wanted_s / every.typical_s))
    pieces = shortlist(every, curve, about + SPREAD, always=pinned)
    numbers = [n for n in range(about - SPREAD, about + SPREAD + 1) if fewest <= n <= len(pieces.ids)]
    few = {max(fewest, round(share * len(pieces.ids))) for share in (1.0, 0.85, 0.7)}  # when the library is too small
    for strict in (True, False):
        paths = []
        for number in numbers or sorted(few):
            fixed = {place: int(np.flatnonzero(pieces.ids == p)[0]) for p, place in pin_places(pins, number).items()}
            search = Search(pieces, curve, number, fixed, strict=strict)
            path = search.beam()
            paths += [(search.cost(path) / number, path, search)] if path is not None else []
        if paths:
            _, path, search = min(paths, key=lambda found: found[:2])
            return [str(pieces.ids[k]) for k in search.exchanged(path)]
    return None
