"""Playlists of one mood: the most probable pieces for a wanted time, without two neighbours by the same artist.

The pieces are chosen by rank, replaced one by one until the length fits, and sorted by tempo, so that neighbours have
similar tempi: calm moods slow down, strong moods speed up. The order changes only to separate pieces by one artist.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from core.errors import CoreError
from core.playlists.circle import STRONG
from core.playlists.pins import with_pins
from core.playlists.playlist import (
    Playlist,
    Pool,
    finish_playlist,
    named_minutes,
    performers,
    seeded_random,
    wanted_seconds,
)

VARIETY = 0.15  # largest random addition to a piece's probability
SPARE = 200  # number of best unchosen pieces that may replace a chosen piece to improve the length
CLOSE_S = 15.0  # accepted difference from the wanted time


def build_one_mood(
    pool: Pool, mood: str, minutes: float, *, seed: int = 0, pins: pd.DataFrame | None = None
) -> Playlist:
    """Build a playlist of one mood, as close to the wanted time as the pieces allow.

    With enough pieces, the length differs from the wanted time by at most half of the longest piece. An artist gets at
    most half of the places, so that neighbours are by different artists. If there are too few other artists, a remark
    explains the exception.

    Parameters
    ----------
    mood : guessed emotion of all pieces; pieces with a higher probability are chosen more often.
    minutes : wanted length.
    pins : pieces that must be in the list, of any mood, as in ``core.playlists.pins``.

    Raises
    ------
    CoreError
        No piece has this mood.
    """
    wanted_s, pinned_s = wanted_seconds(minutes), 0.0
    if pins is not None:
        pool, pinned_s = pool.without(pins.index), float(pins["duration_s"].sum())
    table = pool.table[pool.table["guess"] == mood]
    if table.empty and not pinned_s:
        raise CoreError(f"No usable piece of the library is {mood}. Score more music, or allow more pieces.")
    likely = zip(table.index.tolist(), table[f"p_{mood}"].tolist(), strict=True)
    rank = {p: probability + VARIETY * seeded_random(seed, p) for p, probability in likely}
    ranked = sorted(rank, key=lambda p: (-rank[p], p))
    artists = dict(zip(table.index, performers(table), strict=True))
    lengths = dict(zip(table.index, table["duration_s"], strict=True))
    rest_s = max(0.0, wanted_s - pinned_s)
    chosen = _trimmed(_filled(ranked, artists, lengths, rest_s), ranked, artists, lengths, rest_s)
    tempo = table["tempo"].fillna(table["tempo"].median()).fillna(0.0)
    onward = 1.0 if STRONG[mood] > 0 else -1.0
    mixed = sorted(chosen, key=lambda p: (onward * tempo[p], seeded_random(seed + 1, p), p))
    order = separate_artists([artists[p] for p in mixed])
    rows = with_pins(table, [mixed[k] for k in order], pins).reset_index(names="piece_id")
    pinned = frozenset() if pins is None else frozenset(pins.index)
    name = f"{mood.capitalize()}, {named_minutes(minutes)}"
    return finish_playlist(Playlist(name, (mood,), wanted_s, seed, rows, pinned=pinned), pool)


def _filled(
    ranked: Sequence[str], artists: Mapping[str, str], lengths: Mapping[str, float], wanted_s: float
) -> list[str]:
    """Pieces in the order of their rank until the time is full; an artist with half of the places is skipped."""
    chosen: list[str] = []
    waiting = list(ranked)
    count: Counter[str] = Counter()
    total = 0.0
    while waiting and total < wanted_s:
        fits = (k for k, p in enumerate(waiting) if 2 * count[artists[p]] <= len(chosen))
        piece = waiting.pop(next(fits, 0))
        if total + lengths[piece] - wanted_s > wanted_s - total and chosen:
            break  # the length is closer to the wanted time without this piece
        chosen.append(piece)
        count[artists[piece]] += 1
        total += lengths[piece]
    return chosen


def _trimmed(
    chosen: list[str], ranked: Sequence[str], artists: Mapping[str, str], lengths: Mapping[str, float], wanted_s: float
) -> list[str]:
    """Replace one piece at a time while this brings the length closer to the wanted time.

    Low-ranked pieces are replaced first. A replacement must not create more neighbours by the same artist.
    """
    chosen = list(chosen)
    for _ in range(len(chosen)):
        miss = sum(lengths[p] for p in chosen) - wanted_s
        if abs(miss) <= min(CLOSE_S, 0.01 * wanted_s):
            break
        least, here = fewest_clashes([artists[p] for p in chosen]), set(chosen)
        spare = [p for p in ranked if p not in here][:SPARE]
        changes = [
            (round(abs(miss - lengths[old] + lengths[new]), 3), -k, j)
            for k, old in enumerate(chosen)
            for j, new in enumerate(spare)
            if fewest_clashes([artists[p] for p in chosen if p != old] + [artists[new]]) <= least
        ]
        if not changes or min(changes)[0] >= abs(miss):
            break
        _, k, j = min(changes)
        chosen[-k] = spare[j]
    return chosen


def fewest_clashes(artists: Sequence[str]) -> int:
    """Smallest possible number of neighbours by the same artist, over all orders."""
    most = max(Counter(artists).values(), default=0)
    return max(0, 2 * most - len(artists) - 1)


def separate_artists(artists: Sequence[str]) -> list[int]:
    """Order of the pieces (indices) without two neighbours by the same artist, as close to the given order as possible.

    Each place gets the first piece that still allows a valid order of the remaining pieces. When no valid order exists,
    the artist with the most remaining pieces comes next if the previous piece is by another artist: this gives the
    fewest neighbours by the same artist.
    """
    left, count = list(range(len(artists))), Counter(artists)
    order: list[int] = []
    last = ""
    while left:
        others = [k for k in left if artists[k] != last]
        good = (k for k in others if _can_follow(count, artists[k], len(left) - 1))
        k = next(good, None)
        if k is None:
            k = max(others or left, key=lambda k: (count[artists[k]], -left.index(k)))
        left.remove(k)
        order.append(k)
        last = artists[k]
        count[last] -= 1
    return order


def _can_follow(count: Counter[str], artist: str, places: int) -> bool:
    """Return whether the remaining places can be filled without two neighbours by one artist, after this artist."""
    return all(2 * (n - (a == artist)) <= places + (a != artist) for a, n in count.items())
