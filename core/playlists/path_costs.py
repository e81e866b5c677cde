"""Costs of pieces at their places in a list: distance from the wished mood, tempo and loudness, and between neighbours.

All costs are arrays over many pieces at once.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from core.playlists.playlist import FAR_STEP, TEMPO_STEP, mood_distance, seeded_random
from core.playlists.pulse import TEMPO_RISE, pulse
from core.playlists.wish import Curve, Shape, mixture_at
from core.schema import EMOTIONS, PROBA
from core.turkish import fold

FIT, CHANGE, TEMPO = 3.0, 1.0, 0.5  # cost of distance from the mixture, of mood change, of tempo change (an octave)
TEMPO_JUMP = 1.0  # cost of a tempo change above TEMPO_STEP, plus 2 for each further octave
MOOD_JUMP = 3.0  # cost of mood change above FAR_STEP, so that one large step is worse than two of half its size
WRONG_STEP = 5.0  # cost of a piece whose emotion is not wanted in its step, when no other path exists
WRONG_TIME = 2.0  # cost of a piece one station away from the mood of its time
WRONG_MINUTE = 2.0  # cost of each minute outside the time of its mood, when a person gave the minutes of each mood
RISE = 4.0  # cost of an octave of rising tempo between neighbours on the way to a calm goal
RISES = 0.3  # cost of each rise above TEMPO_RISE there
AT_END = 2.0  # weight of the tempo of the last piece
LOUD, LOUDER = 0.03, 0.03  # cost of one LU: away from the wished loudness; louder than the piece before, if calming
VARIETY = 0.8  # largest random cost of a piece; variant 0 is the cheapest path, without it
NEAREST = 40  # pieces of each station on the shortlist, beside the number of pieces of the list
PLACES = 21  # places of the curve where the shortlist is made
SLOW = 60.0  # bpm, about a resting pulse


@dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces as arrays, in the order of their ids.

    emotion : index of the guess in ``EMOTIONS``.  station : its index on the way, -1 when it is not on the way.
    tempo : log2 of bpm, NaN when not known.  lufs : loudness, NaN when not known.  artist : number of the artist.
    luck : random cost of each piece, from the seed.
    """

    ids: np.ndarray
    proba: np.ndarray
    emotion: np.ndarray
    station: np.ndarray
    tempo: np.ndarray
    lufs: np.ndarray
    length: np.ndarray
    artist: np.ndarray
    luck: np.ndarray

    def at(self, which: np.ndarray) -> "Pieces":
        """Only these pieces."""
        return Pieces(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    @property
    def typical_s(self) -> float:
        """Median length."""
        return max(float(np.median(self.length)), 1.0)


def arrays(table: pd.DataFrame, way: tuple[str, ...], seed: int, *, always: Collection[str] = ()) -> Pieces:
    """Pieces of a table whose guess is on the way, as arrays. always : ids that are included in any case."""
    table = table[table["guess"].isin(way) | table.index.isin(list(always))].sort_index()
    guess = pd.Index(table["guess"])
    with np.errstate(invalid="ignore", divide="ignore"):
        tempo = np.log2(table["tempo"].to_numpy(dtype=float))
    return Pieces(
        table.index.to_numpy(dtype=object),
        table[list(PROBA)].to_numpy(dtype=float),
        pd.Index(EMOTIONS).get_indexer(guess),
        pd.Index(way).get_indexer(guess),
        np.where(np.isfinite(tempo), tempo, np.nan),
        table["lufs"].to_numpy(dtype=float),
        table["duration_s"].to_numpy(dtype=float),
        _artist_numbers(table["artist"]),
        _luck(table.index, seed),
    )


def _luck(ids: pd.Index, seed: int) -> np.ndarray:
    if not seed:
        return np.zeros(len(ids))
    return VARIETY * np.array([seeded_random(seed, p) for p in ids], dtype=float)


def _artist_numbers(artists: pd.Series) -> np.ndarray:
    """Number of each artist; each piece without an artist has its own number."""
    codes, names = pd.factorize(artists)
    folded = pd.factorize(np.array([fold(name) for name in names], dtype=object))[0]
    nameless = artists.to_numpy() == ""
    return np.where(nameless, len(names) + np.arange(len(codes)), folded[codes] if len(names) else codes)


def wished_curve(curve: Curve, pieces: Pieces) -> Curve:
    """Set the tempo and loudness of a curve at its start and end, from the pieces of the start and the goal.

    To a calm goal, the path begins at the median of the start and ends at the slow and soft tenth of the goal, but not
    below ``SLOW`` bpm. To a lively goal, it ends at the median of the goal if that is faster. A tempo that the person
    asked for is used as it is.
    """
    first, last = pieces.station == 0, pieces.station == curve.last
    begin = _quantile(pieces.tempo[first], 0.5)
    if curve.wish.end_bpm is not None:
        end = float(np.log2(curve.wish.end_bpm))
        begin = end if np.isnan(begin) else begin
    elif curve.calm:
        end = min(begin, max(_quantile(pieces.tempo[last], 0.1), np.log2(SLOW)))
    else:
        end = max(begin, _quantile(pieces.tempo[last], 0.5))
    softest = _quantile(pieces.lufs[last], 0.1 if curve.calm else 0.5)
    loud = _quantile(pieces.lufs[first], 0.5)
    quiet = min(loud, softest) if curve.calm else max(loud, softest)
    return Curve(curve.way, curve.wanted_s, curve.wish, curve.per_step, (begin, end), (loud, quiet))


def _quantile(values: np.ndarray, share: float) -> float:
    known = values[np.isfinite(values)]
    return float(np.quantile(known, share)) if len(known) else np.nan


def at_place(
    pieces: Pieces, curve: Curve, mood: np.ndarray, tempo: np.ndarray, begins_s: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Cost of each piece at places with this progress of mood and tempo, and its pulse there.

    mood, tempo : shape (m,).  begins_s : when a piece there begins, shape (m,); without it, the cost has no minutes of
    the moods.  Returns two arrays of shape (m, pieces).
    """
    begins_s = None if begins_s is None else begins_s[:, None]
    return _at_place(pieces, curve, mood[:, None], tempo[:, None], begins_s)


def at_own_place(
    pieces: Pieces, curve: Curve, mood: np.ndarray, tempo: np.ndarray, begins_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cost of each piece at a place of its own, and its pulse there: the diagonals of ``at_place``."""
    return _at_place(pieces, curve, mood, tempo, begins_s)


def _at_place(
    pieces: Pieces, curve: Curve, mood: np.ndarray, tempo: np.ndarray, begins_s: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Costs and pulses in the shape to which the pieces and the places are broadcast."""
    want = mixture_at(curve.last * mood, curve.way)
    cost = FIT * mood_distance(pieces.proba, want) + pieces.luck
    wanted = want[np.arange(len(want)), pieces.emotion] if mood.ndim == 1 else want[:, 0, pieces.emotion]
    cost += WRONG_STEP * (wanted == 0)
    cost += np.where(pieces.station >= 0, _wrong_time(pieces, curve, tempo, begins_s), 0.0)
    pulses, pace = pulse(pieces.tempo, curve.tempo_at(tempo))
    cost += pace * np.where(tempo == 1, AT_END, 1.0)
    cost += LOUD * np.nan_to_num(np.abs(pieces.lufs - curve.lufs_at(tempo)))
    return cost, pulses


def _wrong_time(pieces: Pieces, curve: Curve, progress: np.ndarray, begins_s: np.ndarray | None) -> np.ndarray:
    """Cost of pieces outside the time of their mood."""
    if curve.wish.shape is Shape.MINUTES and begins_s is not None:
        edges = np.concatenate([[-np.inf], 60 * np.cumsum(curve.wish.mood_minutes)[:-1], [np.inf]])
        middle = begins_s + pieces.length / 2
        outside = np.maximum(edges[pieces.station] - middle, middle - edges[pieces.station + 1])
        return np.asarray(WRONG_MINUTE * np.maximum(outside, 0.0) / 60)
    late = np.abs(curve.last * progress - pieces.station) - 0.5
    return np.asarray(WRONG_TIME * np.maximum(late, 0.0))


def between(
    pieces: Pieces, calm: bool, first: np.ndarray, then: np.ndarray, first_pulse: np.ndarray, then_pulse: np.ndarray
) -> np.ndarray:
    """Cost of two neighbours without the artist rule. The indices and pulses have broadcastable shapes."""
    change = mood_distance(pieces.proba[first], pieces.proba[then])
    rise = np.nan_to_num(then_pulse - first_pulse)
    beyond = np.abs(rise) - np.log2(TEMPO_STEP)
    cost = CHANGE * change + MOOD_JUMP * np.maximum(change - FAR_STEP, 0)
    cost = cost + TEMPO * np.abs(rise) + np.where(beyond > 1e-9, TEMPO_JUMP + 2 * beyond, 0.0)
    if calm:
        louder = np.nan_to_num(pieces.lufs[then] - pieces.lufs[first])
        cost = cost + RISE * np.maximum(rise, 0.0) + RISES * (rise > np.log2(TEMPO_RISE))
        cost = cost + LOUDER * np.maximum(louder, 0.0)
    return np.asarray(cost)


def shortlist(pieces: Pieces, curve: Curve, number: int, *, always: Collection[str] = ()) -> Pieces:
    """The few hundred pieces that are cheapest somewhere on the curve, so that the search is fast in a large library.

    Some places are tried along the curve. At each, the cheapest pieces of each station are taken; the most frequent
    artist could fill the whole list, so half as many pieces by other artists are added.

    number : pieces of the list.  always : ids that are included in any case.
    """
    most = NEAREST + number
    if len(pieces.ids) <= 2 * most:
        return pieces
    chosen = [np.flatnonzero(np.isin(pieces.ids, list(always)))]
    for station in range(curve.last + 1):
        here = np.flatnonzero(pieces.station == station)
        some = pieces.at(here)
        for progress in np.linspace(0.0, 1.0, PLACES):
            cost, _ = at_place(some, curve, np.array([progress]), np.array([progress]))
            chosen.append(here[cheapest(cost[0], some.artist, most)])
    return pieces.at(np.unique(np.concatenate(chosen)))


def cheapest(cost: np.ndarray, artist: np.ndarray, most: int) -> np.ndarray:
    """Indices of the cheapest pieces, and of half as many that are not by their most frequent artist."""
    order = np.argsort(cost, kind="stable")
    best = order[:most]
    names, counts = np.unique(artist[best], return_counts=True)
    others = order[artist[order] != names[counts.argmax()]] if len(names) else order
    return np.concatenate([best, others[: most // 2]])
