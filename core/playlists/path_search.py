"""The search for the cheapest list along a curve, and the cost of other pieces at one place of a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.playlists.path_costs import Pieces, at_own_place, at_place, between, cheapest, pulse
from core.playlists.wish import Curve

SAME_ARTIST = 5.0  # cost of two neighbours by the same artist, when no other path exists
CLOCK = 3.0  # cost of missing the wanted time by one piece
ON_THE_WAY = 0.3  # the same cost before the end of the path
BEAM = 48  # partial paths that are continued
CANDIDATES = 24  # pieces of each emotion that are tried at a place
TRIED = 4  # pieces that are tried in exchange for one piece
ROUNDS = 3  # largest number of exchanges at each place


@dataclass(frozen=True, eq=False)
class _Partial:
    """Partial lists, one row for each: pieces, cost, seconds, station, pulse and progress of the last piece.

    used : pieces of each list.  left : unused pieces at each station or a later one.
    """

    paths: np.ndarray
    cost: np.ndarray
    clock: np.ndarray
    station: np.ndarray
    pulse: np.ndarray
    mood: np.ndarray
    used: np.ndarray
    left: np.ndarray


@dataclass(frozen=True, eq=False)
class Search:
    """A search for ``number`` pieces along a curve.

    fixed : pinned pieces (indices) by place.  strict : forbid neighbours by the same artist; otherwise each such pair
    costs ``SAME_ARTIST``. A pair with a pinned piece is always allowed.
    """

    pieces: Pieces
    curve: Curve
    number: int
    fixed: Mapping[int, int] = field(default_factory=dict)
    strict: bool = True

    # --- a whole list

    def cost(self, path: Sequence[int]) -> float:
        """Cost of a whole list."""
        order = np.array(path)
        some = self.pieces.at(order)
        begins = np.cumsum(some.length) - some.length
        places, pulses = at_own_place(some, self.curve, *self.curve.planned(begins), begins)
        one, then = np.arange(len(order) - 1), np.arange(1, len(order))
        steps = between(some, self.curve.calm, one, then, pulses[:-1], pulses[1:])
        together = SAME_ARTIST * float(np.sum(some.artist[one] == some.artist[then]))
        miss = abs(some.length.sum() - self.curve.wanted_s) / self.pieces.typical_s
        return float(places.sum() + steps.sum() + together + CLOCK * miss)

    def options(self, path: Sequence[int], place: int) -> np.ndarray:
        """Cost of each piece at one place of a list whose other pieces stay; infinite for a piece that cannot be there.

        A neighbour by the same artist is not forbidden here, but costs ``SAME_ARTIST``.
        """
        order, pieces = np.array(path), self.pieces
        length = pieces.length[order]
        begins = np.cumsum(length) - length
        mood, tempo = self.curve.planned(begins)
        here = at_place(pieces, self.curve, mood[[place]], tempo[[place]], begins[[place]])
        cost, pulses = (each[0] for each in here)
        every = np.arange(len(pieces.ids))
        for beside in (place - 1, place + 1):
            if 0 <= beside < len(order):
                other = order[[beside]]
                known, _ = pulse(pieces.tempo[other], self.curve.tempo_at(tempo[[beside]]))
                pairs = ((other, every), (known, pulses))
                (one, then), (first, second) = pairs if beside < place else tuple(pair[::-1] for pair in pairs)
                cost = cost + between(pieces, self.curve.calm, one, then, first, second)
                cost = cost + SAME_ARTIST * (pieces.artist[other] == pieces.artist)
        low, high = self._stations_at(path, place)
        cost = np.where((pieces.station >= low) & (pieces.station <= high), cost, np.inf)
        miss = np.abs(length.sum() - length[place] + pieces.length - self.curve.wanted_s)
        cost = cost + CLOCK * miss / pieces.typical_s
        cost[order] = np.inf
        return cost

    def _stations_at(self, path: Sequence[int], place: int) -> tuple[int, int]:
        """First and last station that a piece may have at a place, so that no emotion is skipped or comes again."""
        free = [k for k in range(len(path)) if k not in self.fixed and (k == place or self._station(path, k) >= 0)]
        at, last = free.index(place), self.curve.last
        before = self._station(path, free[at - 1]) if at else None
        after = self._station(path, free[at + 1]) if at + 1 < len(free) else None
        low, high = (0, 0) if before is None else (before, before + 1)
        low, high = (max(low, last), high) if after is None else (max(low, after - 1), min(high, after))
        return (low, high) if low <= high else (high, low)  # the second only where a person changed the order

    def _station(self, path: Sequence[int], place: int) -> int:
        return int(self.pieces.station[path[place]])

    def exchanged(self, path: Sequence[int]) -> list[int]:
        """Exchange single pieces of a list while this makes it cheaper."""
        best, least = list(path), self.cost(path)
        for _ in range(ROUNDS):
            before = least
            for place in (k for k in range(len(best)) if k not in self.fixed):
                options = self.options(best, place)
                if self.strict:
                    beside = [best[k] for k in (place - 1, place + 1) if 0 <= k < len(best)]
                    options = np.where(np.isin(self.pieces.artist, self.pieces.artist[beside]), np.inf, options)
                for piece in np.argsort(options, kind="stable")[:TRIED]:
                    other = [*best[:place], int(piece), *best[place + 1 :]]
                    if np.isfinite(options[piece]) and (cost := self.cost(other)) < least - 1e-9:
                        best, least = other, cost
            if least >= before:
                break
        return best

    # --- the beam

    def beam(self) -> list[int] | None:
        """Indices of the pieces of a cheap list, or None when no list keeps to the rules."""
        steps = self.curve.steps(self.number)
        at_end = int(np.sum(steps == steps[-1]))
        now = self._begin()
        for k in range(self.number):
            first = k == 0 or steps[k] != steps[k - 1]
            goal = self.curve.last > 0 and steps[k] == steps[-1]
            mood = self.curve.progress(now.clock, self.number, at_end) if first else now.mood
            mood = np.ones_like(mood) if goal else mood
            tempo = self.curve.progress(now.clock, self.number)
            tempo = np.ones_like(tempo) if k == self.number - 1 else tempo
            found = self._continued(now, k, mood, tempo)
            if found is None:
                return None
            now = found
        return [int(piece) for piece in now.paths[0]]

    def _begin(self) -> _Partial:
        used = np.zeros((1, len(self.pieces.ids)), dtype=bool)
        used[0, list(self.fixed.values())] = True
        stations = self.pieces.station[~used[0]]
        left = np.array([[np.sum(stations >= s) for s in range(self.curve.last + 1)]])
        nothing = np.zeros(1)
        return _Partial(
            np.zeros((1, 0), dtype=int), nothing, nothing, np.array([-1]), np.array([np.nan]), nothing, used, left
        )

    def _continued(self, now: _Partial, k: int, mood: np.ndarray, tempo: np.ndarray) -> _Partial | None:
        """The cheapest partial lists with one more piece, or None. mood, tempo : progress for each partial list."""
        pieces, pinned = self.pieces, k in self.fixed
        tried = np.array([self.fixed[k]]) if pinned else self._candidates(now, k, mood, tempo)
        if not len(tried):
            return None
        some = pieces.at(tried)
        places, pulses = at_place(some, self.curve, mood, tempo, now.clock)
        cost = now.cost[:, None] + places
        if k:
            ends = now.paths[:, -1:]
            cost = cost + between(pieces, self.curve.calm, ends, tried[None], now.pulse[:, None], pulses)
            pin_beside = pinned or k - 1 in self.fixed
            same = pieces.artist[ends] == some.artist[None]
            cost = cost + np.where(same, np.inf if self.strict and not pin_beside else SAME_ARTIST, 0.0)
        if not pinned:
            cost = np.where(self._allowed(now, k, tried), cost, np.inf)
        clock = now.clock[:, None] + some.length[None]
        ahead = np.abs(clock - self.curve.wanted_s * (k + 1) / self.number) / pieces.typical_s
        total = cost + (CLOCK if k == self.number - 1 else ON_THE_WAY) * ahead
        best = np.argsort(total, axis=None, kind="stable")[:BEAM]
        best = best[np.isfinite(total.ravel()[best])]
        if not len(best):
            return None
        rows, columns = np.unravel_index(best, total.shape)
        station, left, used = now.station[rows], now.left[rows], now.used[rows]
        if not pinned:
            station = some.station[columns]
            left = left - (np.arange(self.curve.last + 1)[None] <= station[:, None])
            used[np.arange(len(rows)), tried[columns]] = True
        paths = np.column_stack([now.paths[rows], tried[columns]])
        end = (total if k == self.number - 1 else cost)[rows, columns]
        return _Partial(paths, end, clock[rows, columns], station, pulses[rows, columns], mood[rows], used, left)

    def _allowed(self, now: _Partial, k: int, tried: np.ndarray) -> np.ndarray:
        """Whether each candidate may follow each partial list, shape (lists, candidates).

        The emotions follow the way. The unused pieces must fill the rest, and the list must reach the goal.
        """
        station = self.pieces.station[tried][None]
        onward = station - now.station[:, None]
        rest = sum(later not in self.fixed for later in range(k + 1, self.number))
        reaches = (self.curve.last - station <= rest) & (now.left[:, station[0]] > rest)
        return ((onward == 0) | (onward == 1)) & ~now.used[:, tried] & reaches

    def _candidates(self, now: _Partial, k: int, mood: np.ndarray, tempo: np.ndarray) -> np.ndarray:
        """Indices of the cheapest pieces of each station for a place. Pieces that all lists use are skipped."""
        middle = len(mood) // 2
        order = np.argsort(mood, kind="stable")[[middle]]
        cost, _ = at_place(self.pieces, self.curve, mood[order], tempo[order], now.clock[order])
        gone = np.all(now.used, axis=0)
        found = []
        for station in np.unique(now.station):
            for s in range(max(station, 0), min(station + 2, self.curve.last + 1)):
                here = np.flatnonzero((self.pieces.station == s) & ~gone)
                found.append(here[cheapest(cost[0][here], self.pieces.artist[here], CANDIDATES + k)])
        return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=int)
