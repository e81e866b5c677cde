"""Filter, search, sort and count the pieces of a library."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.playlists.pieces import ACCEPTED, STANDINGS, UNKNOWN
from core.schema import EMOTIONS
from core.turkish import fold, turkish_order


def accepted_moods(pieces: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Name, path and mood of each piece of a library that has an accepted mood and a file.

    The origin does not count: a clip of Predict that a library scored later has a file, too.
    """
    rows = pieces[(pieces["standing"] == ACCEPTED) & pieces["there"]]
    return [(str(row.Index), str(row.path), str(row.guess)) for row in rows.itertuples()]


@dataclass(frozen=True)
class Filter:
    """Conditions for pieces. A range is (from, to), inclusive, and excludes pieces without a value.

    Attributes
    ----------
    emotions : allowed guesses.
    standings : allowed standings.
    confidence : lowest confidence.
    tempo : range in bpm.
    lufs : range of loudness.
    duration_s : range of the length of the whole file.
    artists, albums, genres, makams : allowed values; empty = all.
    search : words. A piece matches when each word is in its title, artist, performer, album, makam or file name;
        upper case and Turkish letters make no difference.
    must, never : pieces that match whatever the other conditions say, and pieces that do not.
    """

    emotions: tuple[str, ...] = EMOTIONS
    standings: tuple[str, ...] = STANDINGS
    confidence: float = 0.0
    tempo: tuple[float, float] | None = None
    lufs: tuple[float, float] | None = None
    year: tuple[float, float] | None = None
    duration_s: tuple[float, float] | None = None
    artists: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    makams: tuple[str, ...] = ()
    search: str = ""
    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


Ends = tuple[float | None, float | None]  # of a range; None is an open end


def open_ends(chosen: tuple[float, float], bounds: tuple[float, float]) -> Ends:
    """Return the ends of a chosen range. An end at the bound is open, so it follows a library that grows."""
    return (chosen[0] if chosen[0] > bounds[0] else None, chosen[1] if chosen[1] < bounds[1] else None)


def within_bounds(ends: Ends, bounds: tuple[float, float]) -> tuple[float, float]:
    """Return the range with these ends inside the bounds; the whole range if the ends lie outside of it."""
    low = bounds[0] if ends[0] is None else ends[0]
    high = bounds[1] if ends[1] is None else ends[1]
    low, high = max(low, bounds[0]), min(high, bounds[1])
    return (low, high) if low <= high else bounds


def filter_pieces(table: pd.DataFrame, wanted: Filter, *, text: pd.Series | None = None) -> pd.DataFrame:
    """Select the pieces that match the filter, in their order. text : from ``searched_text``."""
    keep = table["guess"].isin(wanted.emotions) & table["standing"].isin(wanted.standings)
    keep &= table["confidence"] >= wanted.confidence
    for name in ("tempo", "lufs", "year", "duration_s"):
        span = getattr(wanted, name)
        if span is not None:
            keep &= table[name].between(*span).fillna(value=False).astype(bool)
    for name in ("artist", "album", "genre", "makam"):
        names = getattr(wanted, f"{name}s")
        if names:
            keep &= table[name].isin(names)
    words = fold(wanted.search).split()
    if words:
        text = searched_text(table) if text is None else text.loc[table.index]
        for word in words:
            keep &= text.str.contains(word, regex=False)
    return table[(keep | table.index.isin(wanted.must)) & ~table.index.isin(wanted.never)]


def searched_text(table: pd.DataFrame) -> pd.Series:
    """Searched text of each piece, folded: title, artist, performer, album, makam and file name."""
    return table["title"].str.cat(table[["artist", "performer", "album", "makam", "file_name"]], sep="\n").map(fold)


SORTS = {
    "confidence": "Confidence",
    **{f"p_{e}": f"Probability: {e}" for e in EMOTIONS},
    "tempo": "Tempo",
    "lufs": "Loudness",
    "title": "Title",
    "artist": "Artist",
    "album": "Album",
    "year": "Year",
    "duration_s": "Length",
}


def alphabetical_ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Rank of each piece's title, artist and album in the Turkish alphabet, with the same index.

    Call this once for a library: 50,000 titles take half a second.
    """
    ranks = {}
    for name in ("title", "artist", "album"):
        rank = {text: k for k, text in enumerate(sorted(table[name].unique(), key=turkish_order))}
        ranks[name] = table[name].map(rank)
    return pd.DataFrame(ranks, index=table.index)


def sort_pieces(
    table: pd.DataFrame, by: str, *, descending: bool = False, places: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Sort pieces by one of ``SORTS``; unknown values come last, and equal values are sorted by title.

    places : ranks from ``alphabetical_ranks``, for these or more pieces.
    """
    places = alphabetical_ranks(table) if places is None else places.loc[table.index]
    text = by in places.columns
    known = table[by] != "" if text else table[by].notna()
    keys = (places if text else table).loc[known, by].to_numpy(dtype=float)
    order = np.lexsort((places.loc[known, "title"].to_numpy(), -keys if descending else keys))
    at = np.concatenate([np.flatnonzero(known)[order], np.flatnonzero(~known)])
    return table.iloc[at]


def count_moods(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Number of pieces of each mood by a column of ``GROUPINGS``, largest group first.

    Columns: group, pieces, minutes, angry, happy, relax, sad (number of pieces with this guess), accepted.
    """
    name = table[by].where(table[by] != "", UNKNOWN)
    counts = pd.DataFrame(
        {
            "pieces": table.groupby(name).size(),
            "minutes": table["duration_s"].groupby(name).sum() / 60,
            **{e: (table["guess"] == e).groupby(name).sum() for e in EMOTIONS},
            "accepted": (table["standing"] == ACCEPTED).groupby(name).sum(),
        }
    ).rename_axis("group")
    number = counts["pieces"].to_dict()
    order = sorted(counts.index, key=lambda group: (group == UNKNOWN, -number[group], turkish_order(group)))
    return counts.loc[order].reset_index()
