"""The iso path: from the client's present mood to the goal in small steps, two or three pieces a step.

The iso principle of music therapy: begin with music that fits the mood that is there, and change it little by little
(Altshuler 1948; Heiderscheit & Madson 2015). What "mood" means here is the model's four probabilities. A *way* is a
walk along the circle of the emotions (`core.playlists.pieces`), so that no emotion is jumped over: from sad to happy
it goes over
relax or over angry, the listener's choice. Each step has a place on the way, and wants a mixture of the two emotions
beside it: 60 % sad and 40 % relax.

The pieces are found by beam search: place after place, the cheapest beginnings are continued with every candidate. A
beginning costs the distance of each piece from the wanted mixture, the change of mood and tempo between neighbours, and
time that runs away from the plan. Two things are no costs but rules: the strongest emotion never goes back on the way
and never skips a station, and no two neighbours are by one artist. The second one gives way only where the search finds
no path that keeps it; then each such pair costs as much as can be. All is repeated for a few numbers of pieces, and the
cheapest list wins that comes near the wished time.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.playlists.circle import CIRCLE
from core.playlists.playlist import (
    FAR_STEP,
    TEMPO_STEP,
    Playlist,
    Pool,
    finish_playlist,
    mood_distance,
    performers,
    seeded_random,
    wanted_seconds,
)
from core.schema import EMOTIONS, PROBA

FIT, CHANGE, TEMPO = 2.0, 1.0, 0.5  # cost of a whole unit: of probability, of probability, of an octave of tempo
TEMPO_JUMP = 1.0  # cost of leaving TEMPO_STEP, and 2 an octave beyond it
MOOD_JUMP = 3.0  # cost of a whole unit beyond FAR_STEP: one large step is worse than two of half its size
SAME_ARTIST = 5.0  # where the rule cannot be kept
CLOCK = 3.0  # cost of missing the wished time by one piece
ON_THE_WAY = 0.3  # the same, of running ahead or behind before the end
VARIETY = 0.1  # cost that chance may add to a piece
BEAM = 48  # beginnings that are continued
CANDIDATES = 24  # pieces of each emotion that are tried at a place, for each beginning that has not used them
SPREAD = 2  # numbers of pieces tried beside the one that the mean length suggests


def ways(start: str, goal: str) -> list[tuple[str, ...]]:
    """The shortest ways along the circle: one, or two between opposites, the one over a pleasant emotion first."""
    a, b, n = CIRCLE.index(start), CIRCLE.index(goal), len(CIRCLE)
    found = []
    for step in (1, -1):
        length = (b - a) * step % n
        if 2 * length <= n:
            found.append(tuple(CIRCLE[(a + step * k) % n] for k in range(length + 1)))
    return sorted(dict.fromkeys(found), key=lambda way: [e in ("angry", "sad") for e in way[1:-1]])


@dataclass(frozen=True, eq=False)
class _Pieces:
    """The pool as arrays, in the order of piece ids. station : place of the guess on the way.  tempo : octaves."""

    ids: list[str]
    proba: np.ndarray
    station: np.ndarray
    tempo: np.ndarray
    length: np.ndarray
    artist: np.ndarray
    luck: np.ndarray


def _arrays(table: pd.DataFrame, way: tuple[str, ...], seed: int) -> _Pieces:
    table = table[table["guess"].isin(way)].sort_index()
    return _Pieces(
        list(table.index),
        table[list(PROBA)].to_numpy(dtype=float),
        np.array([way.index(g) for g in table["guess"]], dtype=int),
        np.log2(table["tempo"].to_numpy(dtype=float)),
        table["duration_s"].to_numpy(dtype=float),
        np.unique(performers(table), return_inverse=True)[1] if len(table) else np.zeros(0, dtype=int),
        VARIETY * np.array([seeded_random(seed, p) for p in table.index]),
    )


def build_iso_path(pool: Pool, way: tuple[str, ...], minutes: float, *, per_step: int = 2, seed: int = 0) -> Playlist:
    """The path along a way in about the wished time.

    way : one of ``ways``.  per_step : 2 or 3 pieces a step; where the number of pieces does not come out even, steps
    of two and three are mixed.  Weak places are named in the rows and in the remarks.
    Raises CoreError when an emotion of the way has no piece, or the time is too short for the way.
    """
    wanted_s, pieces = wanted_seconds(minutes), _arrays(pool.table, way, seed)
    _check(pieces, way, wanted_s, per_step)
    typical, fewest = float(np.median(pieces.length)), 2 * len(way)
    about = max(fewest, round(wanted_s / typical))
    numbers = [n for n in range(about - SPREAD, about + SPREAD + 1) if fewest <= n <= len(pieces.ids)]
    found: list[tuple[float, list[int]]] = []
    few = {max(fewest, round(share * len(pieces.ids))) for share in (1.0, 0.85, 0.7)}  # of a library that is too small
    for strict in (True, False):
        for n in () if found else numbers or sorted(few):
            wants = np.array([mixture_at(place, way) for _, place in _steps(n, way, per_step)])
            path = _search(pieces, wants, len(way) - 1, wanted_s, strict=strict)
            found += [path] if path is not None else []
    if not found:
        raise CoreError(f"The library's pieces make no way {_arrow(way)}. Score more music, or let more pieces in.")
    _, order = min(found)
    steps = _steps(len(order), way, per_step)
    rows = pool.table.loc[[pieces.ids[k] for k in order]].reset_index(names="piece_id")
    rows["step"] = [step for step, _ in steps]
    rows[[f"want_{e}" for e in EMOTIONS]] = np.array([mixture_at(place, way) for _, place in steps])
    return finish_playlist(Playlist(f"{_arrow(way)}, {minutes:g} minutes", way, wanted_s, seed, rows, path=True), pool)


def _arrow(way: Sequence[str]) -> str:
    return " → ".join(way)


def _check(pieces: _Pieces, way: tuple[str, ...], wanted_s: float, per_step: int) -> None:
    if per_step not in (2, 3):
        raise CoreError(f"A step has two or three pieces, not {per_step}.")
    empty = [e for k, e in enumerate(way) if not (pieces.station == k).any()]
    if empty:
        raise CoreError(
            f"The way {_arrow(way)} needs pieces that are {' and '.join(empty)}, and no usable piece of the library "
            "is. Choose another way, let more pieces in, or score more music."
        )
    least = float(np.sort(pieces.length)[: 2 * len(way)].sum())
    if len(pieces.ids) < 2 * len(way):
        raise CoreError(
            f"The way {_arrow(way)} needs at least {2 * len(way)} pieces, two a station; only {len(pieces.ids)} of the "
            "library can be used. Let more pieces in, or score more music."
        )
    if wanted_s < least:
        raise CoreError(
            f"{wanted_s / 60:g} minutes are too short for the way {_arrow(way)}: with two pieces a station it lasts "
            f"{np.ceil(least / 60):.0f} minutes at least. Choose more time, or a nearer goal."
        )


def _steps(number: int, way: tuple[str, ...], per_step: int) -> list[tuple[int, float]]:
    """Step (from 1) and place on the way (0 to its end) of each of so many pieces."""
    steps = max(len(way), number // 2 if per_step == 2 else -(-number // 3))
    parts = np.array_split(np.arange(number), steps)
    places = np.linspace(0, len(way) - 1, steps)
    return [(s + 1, float(places[s])) for s, part in enumerate(parts) for _ in part]


def mixture_at(place: float, way: tuple[str, ...]) -> list[float]:
    """The wanted probabilities, in the order of ``EMOTIONS``, at a place on the way."""
    before = min(int(place), max(0, len(way) - 2))
    share = place - before
    want = dict.fromkeys(EMOTIONS, 0.0)
    want[way[before]] += 1 - share
    if share:
        want[way[before + 1]] += share
    return [want[e] for e in EMOTIONS]


def _between(pieces: _Pieces, first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """Cost of neighbours, but for their artists; first and then : places of pieces, of shapes that go together."""
    change = mood_distance(pieces.proba[first], pieces.proba[then])
    octaves = np.nan_to_num(np.abs(pieces.tempo[first] - pieces.tempo[then]))
    beyond = octaves - np.log2(TEMPO_STEP)
    jump = np.where(beyond > 1e-9, TEMPO_JUMP + 2 * beyond, 0.0)
    far = MOOD_JUMP * np.maximum(change - FAR_STEP, 0)
    return np.asarray(CHANGE * change + far + TEMPO * octaves + jump)


def _alone(pieces: _Pieces, want: np.ndarray) -> np.ndarray:
    """Cost of each piece at a place that wants this mixture."""
    return FIT * mood_distance(pieces.proba, want) + pieces.luck


def _search(
    pieces: _Pieces, wants: np.ndarray, last: int, wanted_s: float, *, strict: bool
) -> tuple[float, list[int]] | None:
    """The cheapest path: its cost, and the places of its pieces; None when there is none.

    wants : shape (n, 4), the wanted mixture at each place.  last : number of the last station.
    strict : neighbours by one artist are against the rules, and else cost ``SAME_ARTIST``.
    """
    number, typical = len(wants), float(np.median(pieces.length))
    paths: list[tuple[int, ...]] = [()]
    costs, clocks = np.zeros(1), np.zeros(1)
    used = np.zeros((1, len(pieces.ids)), dtype=bool)
    left = np.array([[np.sum(pieces.station >= s) for s in range(last + 1)]])  # not used, of a station and those after
    for k, want in enumerate(wants):
        alone = _alone(pieces, want)
        tried = _candidates(pieces, alone, used, CANDIDATES + k)
        station = pieces.station[tried][None, :]
        cost = costs[:, None] + alone[tried][None, :]
        if k:
            ends = np.array([path[-1] for path in paths])[:, None]
            cost = cost + _between(pieces, ends, tried[None, :])
            same = pieces.artist[ends] == pieces.artist[tried][None, :]
            cost = cost + np.where(same, np.inf if strict else SAME_ARTIST, 0.0)
            onward = station - pieces.station[ends]
            cost = np.where((onward == 0) | (onward == 1), cost, np.inf)
            cost = np.where(used[:, tried], np.inf, cost)
        else:
            cost = np.where(station == 0, cost, np.inf)
        rest = number - 1 - k  # places that are still to be filled: by what is left, and up to the goal
        cost = np.where((last - station <= rest) & (left[:, station[0]] > rest), cost, np.inf)
        clock = clocks[:, None] + pieces.length[tried][None, :]
        ahead = np.abs(clock - wanted_s * (k + 1) / number) / typical
        total = cost + (CLOCK if k == number - 1 else ON_THE_WAY) * ahead
        kept = np.argsort(total, axis=None, kind="stable")[:BEAM]
        kept = kept[np.isfinite(total.ravel()[kept])]
        if not len(kept):
            return None
        rows, columns = np.unravel_index(kept, total.shape)
        paths = [(*paths[r], int(tried[c])) for r, c in zip(rows, columns, strict=True)]
        costs, clocks = (total if k == number - 1 else cost)[rows, columns], clock[rows, columns]
        used = used[rows]
        used[np.arange(len(rows)), tried[columns]] = True
        left = left[rows] - (np.arange(last + 1)[None, :] <= station[0, columns][:, None])
    return float(costs[0]) / number, list(paths[0])


def _candidates(pieces: _Pieces, alone: np.ndarray, used: np.ndarray, count: int) -> np.ndarray:
    """Places of the cheapest pieces of each station, so that the next one is always within reach.

    used : by each beginning, shape (beginnings, pieces).  count : of each station, with those that all beginnings have
    used, which are left out: so each beginning has as many left as if it were the only one. Half as many are by others
    than the artist with most of these, so that neighbours can differ.
    """
    by_all: np.ndarray = np.all(used, axis=0)
    order = np.argsort(alone, kind="stable")
    order = order[~by_all[order]]
    stations, most, found = pieces.station[order], count - int(by_all.sum()), []
    for s in np.unique(stations):
        here = order[stations == s]
        cheapest = here[:most]
        leader = np.bincount(pieces.artist[cheapest]).argmax()
        found += [cheapest, here[pieces.artist[here] != leader][: most // 2]]
    return np.unique(np.concatenate(found))


# --- another piece ---------------------------------------------------------------------------------------------------


def swap(made: Playlist, pool: Pool, piece_id: str, *, without: Collection[str] = ()) -> Playlist:
    """The playlist with another piece in the place of one; all others stay where they are.

    For paths and for playlists of a mood. The piece is chosen by the same costs and rules, between its neighbours, and
    so that the length stays near the wished one: one by the artist of a neighbour only where no other can take the
    place.  without : pieces that nobody wants either.
    Raises CoreError when the piece is not in the playlist or nothing can take its place.
    """
    listed = list(made.rows["piece_id"])
    if piece_id not in listed:
        raise CoreError("This piece is not in the playlist, so it cannot be replaced.")
    place = listed.index(piece_id)
    gone = {piece_id, *without}
    # The pieces beside it count also where they are not in the pool: a wish may have changed since.
    table = pool.table[~pool.table.index.isin(gone | set(listed))]
    others = made.rows[made.rows["piece_id"] != piece_id].set_index("piece_id")
    pieces = _arrays(
        pd.concat([table, others[["guess", "artist", "tempo", "duration_s", *PROBA]]]), made.way, made.seed
    )
    free = np.array([k for k, p in enumerate(pieces.ids) if p in table.index], dtype=int)
    cost = _alone(pieces, made.rows[[f"want_{e}" for e in EMOTIONS]].to_numpy(dtype=float)[place])[free]
    by_neighbour = np.zeros(len(free), dtype=bool)
    for beside, after in ((place - 1, False), (place + 1, True)):
        if 0 <= beside < len(listed):
            there = np.array([pieces.ids.index(listed[beside])])
            cost = cost + _between(pieces, there, free)
            by_neighbour |= pieces.artist[there] == pieces.artist[free]
            onward = (pieces.station[there] - pieces.station[free]) * (1 if after else -1)
            cost = np.where((onward == 0) | (onward == 1), cost, np.inf)
    if place in (0, len(listed) - 1):  # the way begins and ends where it was wished
        station = 0 if place == 0 else len(made.way) - 1
        cost = np.where(pieces.station[free] == station, cost, np.inf)
    rest = made.length_s - made.rows["duration_s"].to_numpy()[place]
    cost = cost + CLOCK * np.abs(rest + pieces.length[free] - made.wanted_s) / max(np.median(pieces.length), 1.0)
    if np.isfinite(cost[~by_neighbour]).any():
        cost = np.where(by_neighbour, np.inf, cost)
    if not np.isfinite(cost).any():
        raise CoreError("No other piece of the library can take this place without a jump in mood. It stays.")
    chosen = pool.table.loc[[pieces.ids[free[int(np.argmin(cost))]]]].reset_index(names="piece_id")
    rows = made.rows.copy()
    rows.loc[place, list(chosen.columns.intersection(rows.columns))] = chosen.iloc[0]
    return finish_playlist(replace(made, rows=rows), pool)
