"""The iso path: from the client's current mood to the goal in small steps, with two or three pieces in each step.

The iso principle of music therapy: start with music that matches the current mood, and change the mood gradually
(Altshuler 1948; Heiderscheit & Madson 2015). Here a "mood" is the model's four probabilities. A *way* is a list of
neighbouring emotions on the circle (`core.playlists.pieces`), its *stations*: from sad to happy over relax or over
angry, as the listener chooses. Each step has a place on the way and a wanted mixture of its two nearest emotions, such
as 60 % sad and 40 % relax.

A beam search chooses the pieces: at each place, the cheapest partial paths are continued with every candidate. The cost
of a path is the distance of each piece from the wanted mixture, the change of mood and tempo between neighbours, and
the deviation from the planned time. There are three rules. The guessed emotions follow the way: they never go back and
never skip a station. A step that wants one emotion, or two, has pieces of these emotions only; another piece is used at
a high cost if no other path exists. Two neighbours are never by the same artist; only if no such path exists, each such
pair is allowed at a high cost. The search is repeated for several numbers of pieces, and the cheapest path is the
result.
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
    Replaced,
    finish_playlist,
    mood_distance,
    performers,
    seeded_random,
    wanted_seconds,
)
from core.schema import EMOTIONS, PROBA

FIT, CHANGE, TEMPO = 2.0, 1.0, 0.5  # cost of distance from the mixture, of mood change, of tempo change (an octave)
TEMPO_JUMP = 1.0  # cost of a tempo change above TEMPO_STEP, plus 2 for each further octave
MOOD_JUMP = 3.0  # cost of mood change above FAR_STEP, so that one large step is worse than two of half its size
SAME_ARTIST = 5.0  # cost of two neighbours by the same artist, when no other path exists
WRONG_STEP = 5.0  # cost of a piece whose emotion is not wanted in its step, when no other path exists
CLOCK = 3.0  # cost of missing the wanted time by one piece
ON_THE_WAY = 0.3  # the same cost before the end of the path
VARIETY = 0.1  # largest random cost of a piece
BEAM = 48  # partial paths that are continued
CANDIDATES = 24  # pieces of each emotion that are tried at a place
SPREAD = 2  # numbers of pieces tried below and above the number suggested by the median length


def shortest_ways(start: str, goal: str) -> list[tuple[str, ...]]:
    """Shortest ways along the circle: one, or two between opposite emotions, with the pleasant one first."""
    a, b, n = CIRCLE.index(start), CIRCLE.index(goal), len(CIRCLE)
    shortest = []
    for step in (1, -1):
        length = (b - a) * step % n
        if 2 * length <= n:
            shortest.append(tuple(CIRCLE[(a + step * k) % n] for k in range(length + 1)))
    return sorted(dict.fromkeys(shortest), key=lambda way: [e in ("angry", "sad") for e in way[1:-1]])


@dataclass(frozen=True, eq=False)
class _Pieces:
    """The pool as arrays, ordered by piece id.

    emotion, station : index of the guess in ``EMOTIONS`` and on the way.  tempo : log2 of bpm.
    """

    ids: list[str]
    proba: np.ndarray
    emotion: np.ndarray
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
        np.array([EMOTIONS.index(g) for g in table["guess"]], dtype=int),
        np.array([way.index(g) for g in table["guess"]], dtype=int),
        np.log2(table["tempo"].to_numpy(dtype=float)),
        table["duration_s"].to_numpy(dtype=float),
        np.unique(performers(table), return_inverse=True)[1] if len(table) else np.zeros(0, dtype=int),
        VARIETY * np.array([seeded_random(seed, p) for p in table.index]),
    )


def build_iso_path(pool: Pool, way: tuple[str, ...], minutes: float, *, per_step: int = 2, seed: int = 0) -> Playlist:
    """Build a path along a way, close to the wanted time. Rows and remarks name the weak places.

    Parameters
    ----------
    way : one of ``shortest_ways``.
    minutes : wanted length.
    per_step : 2 or 3 pieces in each step; if the number of pieces does not divide evenly, steps of two and three are
        mixed.

    Raises
    ------
    CoreError
        An emotion of the way has no piece, the pool is too small, or the time is too short for the way.
    """
    wanted_s, pieces = wanted_seconds(minutes), _arrays(pool.table, way, seed)
    _check(pieces, way, wanted_s, per_step)
    typical, fewest = float(np.median(pieces.length)), 2 * len(way)
    about = max(fewest, round(wanted_s / typical))
    numbers = [n for n in range(about - SPREAD, about + SPREAD + 1) if fewest <= n <= len(pieces.ids)]
    paths: list[tuple[float, list[int]]] = []
    few = {max(fewest, round(share * len(pieces.ids))) for share in (1.0, 0.85, 0.7)}  # when the library is too small
    for strict in (True, False):
        for n in () if paths else numbers or sorted(few):
            wants = np.array([mixture_at(place, way) for _, place in _steps(n, way, per_step)])
            path = _search(pieces, wants, len(way) - 1, wanted_s, strict=strict)
            paths += [path] if path is not None else []
    if not paths:
        raise CoreError(
            f"The library's pieces do not make a path {_arrow(way)}. Score more music, or allow more pieces."
        )
    _, order = min(paths)
    steps = _steps(len(order), way, per_step)
    rows = pool.table.loc[[pieces.ids[k] for k in order]].reset_index(names="piece_id")
    rows["step"] = [step for step, _ in steps]
    rows[[f"want_{e}" for e in EMOTIONS]] = np.array([mixture_at(place, way) for _, place in steps])
    return finish_playlist(Playlist(f"{_arrow(way)}, {minutes:g} minutes", way, wanted_s, seed, rows, path=True), pool)


def _arrow(way: Sequence[str]) -> str:
    return " → ".join(way)


def _check(pieces: _Pieces, way: tuple[str, ...], wanted_s: float, per_step: int) -> None:
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


def _steps(number: int, way: tuple[str, ...], per_step: int) -> list[tuple[int, float]]:
    """Step (from 1) and place on the way (from 0 to its end) of each piece."""
    steps = max(len(way), number // 2 if per_step == 2 else -(-number // 3))
    parts = np.array_split(np.arange(number), steps)
    places = np.linspace(0, len(way) - 1, steps)
    return [(s + 1, float(places[s])) for s, part in enumerate(parts) for _ in part]


def mixture_at(place: float, way: tuple[str, ...]) -> list[float]:
    """Wanted probabilities at a place on the way, in the order of ``EMOTIONS``."""
    before = min(int(place), max(0, len(way) - 2))
    share = place - before
    want = dict.fromkeys(EMOTIONS, 0.0)
    want[way[before]] += 1 - share
    if share:
        want[way[before + 1]] += share
    return [want[e] for e in EMOTIONS]


def _between(pieces: _Pieces, first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """Cost of two neighbours without the artist rule. first, then : indices of pieces, with broadcastable shapes."""
    change = mood_distance(pieces.proba[first], pieces.proba[then])
    octaves = np.nan_to_num(np.abs(pieces.tempo[first] - pieces.tempo[then]))
    beyond = octaves - np.log2(TEMPO_STEP)
    jump = np.where(beyond > 1e-9, TEMPO_JUMP + 2 * beyond, 0.0)
    far = MOOD_JUMP * np.maximum(change - FAR_STEP, 0)
    return np.asarray(CHANGE * change + far + TEMPO * octaves + jump)


def _alone(pieces: _Pieces, want: np.ndarray) -> np.ndarray:
    """Cost of each piece at a place with this wanted mixture."""
    wrong = want[pieces.emotion] == 0
    return np.asarray(FIT * mood_distance(pieces.proba, want) + pieces.luck + WRONG_STEP * wrong)


def _search(
    pieces: _Pieces, wants: np.ndarray, last: int, wanted_s: float, *, strict: bool
) -> tuple[float, list[int]] | None:
    """Beam search for the cheapest path: its cost and the indices of its pieces, or None when there is no path.

    wants : shape (n, 4), the wanted mixture at each place.  last : index of the last station.
    strict : forbid neighbours by the same artist; otherwise each such pair costs ``SAME_ARTIST``.
    """
    number, typical = len(wants), float(np.median(pieces.length))
    paths: list[tuple[int, ...]] = [()]
    costs, clocks = np.zeros(1), np.zeros(1)
    used = np.zeros((1, len(pieces.ids)), dtype=bool)
    left = np.array(
        [[np.sum(pieces.station >= s) for s in range(last + 1)]]
    )  # unused pieces at each station or a later one
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
        rest = number - 1 - k  # empty places; the unused pieces must fill them and the path must reach the goal
        cost = np.where((last - station <= rest) & (left[:, station[0]] > rest), cost, np.inf)
        clock = clocks[:, None] + pieces.length[tried][None, :]
        ahead = np.abs(clock - wanted_s * (k + 1) / number) / typical
        total = cost + (CLOCK if k == number - 1 else ON_THE_WAY) * ahead
        best = np.argsort(total, axis=None, kind="stable")[:BEAM]
        best = best[np.isfinite(total.ravel()[best])]
        if not len(best):
            return None
        rows, columns = np.unravel_index(best, total.shape)
        paths = [(*paths[r], int(tried[c])) for r, c in zip(rows, columns, strict=True)]
        costs, clocks = (total if k == number - 1 else cost)[rows, columns], clock[rows, columns]
        used = used[rows]
        used[np.arange(len(rows)), tried[columns]] = True
        left = left[rows] - (np.arange(last + 1)[None, :] <= station[0, columns][:, None])
    return float(costs[0]) / number, list(paths[0])


def _candidates(pieces: _Pieces, alone: np.ndarray, used: np.ndarray, count: int) -> np.ndarray:
    """Indices of the cheapest pieces of each station.

    Pieces that all partial paths have used are skipped. The most frequent artist could fill the whole list, so half as
    many pieces by other artists are added.
    used : shape (paths, pieces), pieces used by each partial path.  count : pieces for each station, including skipped
    pieces.
    """
    by_all: np.ndarray = np.all(used, axis=0)
    order = np.argsort(alone, kind="stable")
    order = order[~by_all[order]]
    stations, most, candidates = pieces.station[order], count - int(by_all.sum()), []
    for s in np.unique(stations):
        here = order[stations == s]
        cheapest = here[:most]
        leader = np.bincount(pieces.artist[cheapest]).argmax()
        candidates += [cheapest, here[pieces.artist[here] != leader][: most // 2]]
    return np.unique(np.concatenate(candidates))


# --- another piece ---------------------------------------------------------------------------------------------------


def replace_piece(playlist: Playlist, pool: Pool, piece_id: str, *, without: Collection[str] = ()) -> Playlist:
    """Replace one piece of a playlist by another piece; all other pieces stay in their places.

    For paths and for playlists of one mood. The new piece has the lowest cost between its neighbours, by the costs and
    rules of the path, with the total length near the wanted time. A piece by a neighbour's artist is chosen only when
    there is no other.

    Parameters
    ----------
    piece_id : the piece to replace.
    without : pieces that must not be chosen.

    Raises
    ------
    CoreError
        The piece is not in the playlist, or no other piece fits.
    """
    listed = list(playlist.rows["piece_id"])
    if piece_id not in listed:
        raise CoreError("This piece is not in the playlist, so it cannot be replaced.")
    place = listed.index(piece_id)
    gone = {piece_id, *without}
    # The other pieces of the playlist may be missing in the pool, because filters can change after its creation.
    table = pool.table[~pool.table.index.isin(gone | set(listed))]
    others = playlist.rows[playlist.rows["piece_id"] != piece_id].set_index("piece_id")
    pieces = _arrays(
        pd.concat([table, others[["guess", "artist", "tempo", "duration_s", *PROBA]]]), playlist.way, playlist.seed
    )
    free = np.array([k for k, p in enumerate(pieces.ids) if p in table.index], dtype=int)
    cost = _alone(pieces, playlist.rows[[f"want_{e}" for e in EMOTIONS]].to_numpy(dtype=float)[place])[free]
    by_neighbour = np.zeros(len(free), dtype=bool)
    for position, after in ((place - 1, False), (place + 1, True)):
        if 0 <= position < len(listed):
            neighbour = np.array([pieces.ids.index(listed[position])])
            cost = cost + _between(pieces, neighbour, free)
            by_neighbour |= pieces.artist[neighbour] == pieces.artist[free]
            onward = (pieces.station[neighbour] - pieces.station[free]) * (1 if after else -1)
            cost = np.where((onward == 0) | (onward == 1), cost, np.inf)
    if place in (0, len(listed) - 1):  # the first and the last piece keep the start and the goal of the way
        station = 0 if place == 0 else len(playlist.way) - 1
        cost = np.where(pieces.station[free] == station, cost, np.inf)
    rest = playlist.length_s - playlist.rows["duration_s"].to_numpy()[place]
    cost = cost + CLOCK * np.abs(rest + pieces.length[free] - playlist.wanted_s) / max(np.median(pieces.length), 1.0)
    if np.isfinite(cost[~by_neighbour]).any():
        cost = np.where(by_neighbour, np.inf, cost)
    if not np.isfinite(cost).any():
        raise CoreError(
            "No other piece of the library fits here without a jump in mood. The piece was not replaced. Allow more "
            "pieces, or score more music."
        )
    chosen = pool.table.loc[[pieces.ids[free[int(np.argmin(cost))]]]].reset_index(names="piece_id")
    rows = playlist.rows.copy()
    done = Replaced(place + 1, piece_id, rows["title"][place], chosen["piece_id"][0], chosen["title"][0])
    rows.loc[place, list(chosen.columns.intersection(rows.columns))] = chosen.iloc[0]
    return finish_playlist(replace(playlist, rows=rows, replaced=(*playlist.replaced, done)), pool)
