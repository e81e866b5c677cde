"""Playlists of one mood: the most certain pieces for a wished time, and no two neighbours by one artist.

Chosen by rank, exchanged one by one until the length fits, and put into the order of their tempo, so that neighbours
differ little: calm moods slow down, strong ones speed up. The artists decide where that puts one beside himself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from core.errors import CoreError
from core.playlists.circle import STRONG
from core.playlists.playlist import Playlist, Pool, finish_playlist, performers, seeded_random, wanted_seconds
from core.schema import EMOTIONS

VARIETY = 0.15  # probability by which chance may put one piece before another
SPARE = 200  # of the best pieces that were not chosen: those that may be exchanged in, to meet the length
CLOSE_S = 15.0  # from the wished time: near enough


def by_mood(pool: Pool, mood: str, minutes: float, *, seed: int = 0) -> Playlist:
    """A playlist of one mood, as close to the wished time as the pieces allow.

    mood : the guess of all its pieces; the more probable it is, the likelier a piece is chosen.  minutes : wished.
    With enough pieces the length misses the wish by at most half of the longest piece. An artist gets at most half of
    the places, so that neighbours can differ, unless nobody else is left: then a remark says so.
    Raises CoreError when no piece has this mood.
    """
    wanted_s = wanted_seconds(minutes)
    table = pool.table[pool.table["guess"] == mood]
    if table.empty:
        raise CoreError(f"No usable piece of the library is {mood}. Score more music, or let more pieces in.")
    rank = {p: table.loc[p, f"p_{mood}"] + VARIETY * seeded_random(seed, p) for p in table.index}
    ranked = sorted(rank, key=lambda p: (-rank[p], p))
    artists = dict(zip(table.index, performers(table), strict=True))
    lengths = dict(zip(table.index, table["duration_s"], strict=True))
    chosen = _trimmed(_filled(ranked, artists, lengths, wanted_s), ranked, artists, lengths, wanted_s)
    tempo = table["tempo"].fillna(table["tempo"].median()).fillna(0.0)
    onward = 1.0 if STRONG[mood] > 0 else -1.0
    mixed = sorted(chosen, key=lambda p: (onward * tempo[p], seeded_random(seed + 1, p), p))
    order = [mixed[k] for k in spaced([artists[p] for p in mixed])]
    rows = table.loc[order].reset_index(names="piece_id")
    rows["step"] = 1
    rows[[f"want_{e}" for e in EMOTIONS]] = [float(e == mood) for e in EMOTIONS]
    return finish_playlist(Playlist(f"{mood.capitalize()}, {minutes:g} minutes", (mood,), wanted_s, seed, rows), pool)


def _filled(
    ranked: Sequence[str], artists: Mapping[str, str], lengths: Mapping[str, float], wanted_s: float
) -> list[str]:
    """Pieces in the order of their rank until the time is full; an artist waits while he has half of the places."""
    chosen: list[str] = []
    waiting = list(ranked)
    count: Counter[str] = Counter()
    total = 0.0
    while waiting and total < wanted_s:
        fits = (k for k, p in enumerate(waiting) if 2 * count[artists[p]] <= len(chosen))
        piece = waiting.pop(next(fits, 0))
        if total + lengths[piece] - wanted_s > wanted_s - total and chosen:
            break  # without it the time is met more closely
        chosen.append(piece)
        count[artists[piece]] += 1
        total += lengths[piece]
    return chosen


def _trimmed(
    chosen: list[str], ranked: Sequence[str], artists: Mapping[str, str], lengths: Mapping[str, float], wanted_s: float
) -> list[str]:
    """The same with one piece exchanged at a time, while that brings the length nearer to the wished one.

    From the end of the ranking, so that the best pieces stay; an exchange may not make an artist's share too large.
    """
    chosen = list(chosen)
    for _ in range(len(chosen)):
        miss = sum(lengths[p] for p in chosen) - wanted_s
        if abs(miss) <= min(CLOSE_S, 0.01 * wanted_s):
            break
        least, here = clashes([artists[p] for p in chosen]), set(chosen)
        spare = [p for p in ranked if p not in here][:SPARE]
        changes = [
            (round(abs(miss - lengths[old] + lengths[new]), 3), -k, j)
            for k, old in enumerate(chosen)
            for j, new in enumerate(spare)
            if clashes([artists[p] for p in chosen if p != old] + [artists[new]]) <= least
        ]
        if not changes or min(changes)[0] >= abs(miss):
            break
        _, k, j = min(changes)
        chosen[-k] = spare[j]
    return chosen


def clashes(artists: Sequence[str]) -> int:
    """How many neighbours by one artist no order of these can avoid."""
    most = max(Counter(artists).values(), default=0)
    return max(0, 2 * most - len(artists) - 1)


def spaced(artists: Sequence[str]) -> list[int]:
    """An order of these places without two neighbours by one artist, as near to the given one as can be.

    At each place the first piece is taken after which the rest can still be spaced; where that cannot be, the artist
    with the most pieces left is taken whenever the one before is another, which keeps the neighbours fewest.
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
    """Whether so many places after this artist's piece can be filled with the rest, never two alike together."""
    return all(2 * (n - (a == artist)) <= places + (a != artist) for a, n in count.items())
