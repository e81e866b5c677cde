"""Build the playlist of the request, and apply the changes by hand one after the other."""

from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from core.allowed_places import Places, allowed_places
from core.errors import CoreError
from core.playlists import by_hand, client_lists, iso_path, levelled_copies, one_mood, playlist
from core.playlists.by_hand import Change
from core.playlists.pieces import STANDINGS
from core.playlists.pins import pins_table
from core.playlists.playlist import Playlist, Pool
from core.playlists.selection import Filter
from core.settings import Settings
from pages.shared import messages
from pages.views.library import piece_filter as parts
from pages.views.library import playlist_changes
from pages.views.library.pieces import Library
from pages.views.library.playlist_request import Request


@dataclass(frozen=True, eq=False)
class Attempt:
    """Result of a request.

    Attributes
    ----------
    pool : pieces that the program may choose.
    playable : pieces that a person may choose.
    playlist : None if none could be made.
    problems : sentences about what went wrong.
    changes : the changes by hand that were applied.
    """

    pool: Pool
    playable: pd.DataFrame
    playlist: Playlist | None
    problems: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, eq=False)
class Built:
    """A finished playlist with the pieces that could be chosen, as in ``Attempt``."""

    playlist: Playlist
    pool: Pool
    playable: pd.DataFrame
    changes: tuple[Change, ...]


def build_playlist(request: Request, library: Library, table: pd.DataFrame, narrowed: Filter) -> Built | None:
    """Build the playlist and apply the changes by hand; None, with a message, if there is none.

    table : pieces of the library that match the filter.
    """
    if not request.standings:
        st.info("Choose at least one kind of pieces under *Pieces that are*.", icon=":material/filter_alt_off:")
        return None
    asked = repr((replace(request, target_lufs=0.0, softer_lu=0.0), narrowed))
    changes = playlist_changes.for_request(asked)
    key = (*library.key, library.mark, asked)
    every = library.every[~library.every.index.isin(narrowed.never)]
    attempt = _attempt(key, changes, request, table, every, parts.recordings(library))
    for sentence in attempt.problems:
        icon = ":material/block:" if attempt.playlist is not None else ":material/playlist_remove:"
        st.warning(messages.literal(sentence), icon=icon)
    if attempt.playlist is None:
        for remark in attempt.pool.remarks:
            st.caption(messages.literal(remark.text))
        return None
    playlist_changes.remember(asked, attempt.playlist)
    rows, places = attempt.playlist.rows, allowed_places(Settings())
    known = [n if n == n else _channels(path, places) for n, path in zip(rows["channels"], rows["path"], strict=True)]
    with_channels = replace(attempt.playlist, rows=rows.assign(channels=known))
    made = playlist.level_playlist(with_channels, request.target_lufs, softer_lu=request.softer_lu)
    return Built(made, attempt.pool, attempt.playable, changes)


@st.cache_data(show_spinner=False, max_entries=10_000, ttl=600)
def _channels(path: str, places: Places) -> float:
    return levelled_copies.channels(path, places)


def _attempt(
    key: tuple[object, ...],
    changes: tuple[Change, ...],
    request: Request,
    table: pd.DataFrame,
    every: pd.DataFrame,
    recordings: pd.Series,
) -> Attempt:
    """Build the list with the pins that were carried over, and apply the changes one after the other."""
    pinned = tuple(by_hand.carried_pins(changes).items())
    later = by_hand.later_changes(changes)
    attempt = _first_attempt(key, pinned, request, table, every, recordings)
    for count in range(1, len(later) + 1):
        attempt = _after_change(key, pinned, later[:count], attempt)
    return attempt


@st.cache_resource(show_spinner="Choosing the pieces …", max_entries=64, ttl=600)
def _first_attempt(
    key: tuple[object, ...],
    pinned: tuple[tuple[str, float], ...],
    _request: Request,
    _table: pd.DataFrame,
    _every: pd.DataFrame,
    _recordings: pd.Series,
) -> Attempt:
    pool = playlist.usable_pieces(
        _table,
        standings=_request.standings,
        recordings=_recordings,
        synthetic=_request.synthetic,
        lengths_s=_request.lengths_s,
    )
    playable = playlist.usable_pieces(
        _every, standings=STANDINGS, recordings=_recordings, synthetic=_request.synthetic
    ).table
    pins, remarks = pins_table(playable, dict(pinned))
    pool = replace(pool, remarks=(*pool.remarks, *remarks))
    try:
        made = _choose_pieces(_request, pool, pins)
        return Attempt(pool, playable, client_lists.add_must_play(made, pool, _table, _request.must))
    except CoreError as error:
        return Attempt(pool, playable, None, (str(error),))


def _choose_pieces(request: Request, pool: Pool, pins: pd.DataFrame | None) -> Playlist:
    if request.kind == "mood":
        return one_mood.build_one_mood(pool, request.way[0], request.minutes, seed=request.seed, pins=pins)
    return iso_path.build_iso_path(
        pool, request.way, request.minutes, per_step=request.per_step, seed=request.seed, wish=request.wish, pins=pins
    )


@st.cache_resource(show_spinner="Choosing the pieces …", max_entries=4 * by_hand.MOST, ttl=600)
def _after_change(
    key: tuple[object, ...],
    pinned: tuple[tuple[str, float], ...],
    changes: tuple[Change, ...],
    _before: Attempt,
) -> Attempt:
    """Apply the last change. changes : all of them.  _before : the list before the last one."""
    before, change = _before, changes[-1]
    if before.playlist is None:
        return before
    try:
        made = by_hand.change_list(before.playlist, before.pool, before.playable, change, earlier=changes[:-1])
        return replace(before, playlist=made, problems=(), changes=changes)
    except CoreError as error:
        titles = pd.concat([before.playlist.rows.set_index("piece_id")["title"], before.playable["title"]])
        piece = by_hand.named(titles.to_frame(), change.piece)
        title = titles[titles.index == piece].iloc[0] if piece else "This piece"
        return replace(before, problems=(f"{title}: {error}",))
