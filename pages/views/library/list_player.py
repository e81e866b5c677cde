"""The player of a whole playlist, with its fades; ``pages/assets/list_player.js`` plays what this module gives out."""

from math import isnan
from typing import Any

import pandas as pd
import streamlit as st

from core.access import Action
from core.errors import CoreError
from core.playlists import files, playback
from core.playlists.fades import LONGEST_FADE_S, LONGEST_GAP_S, Fades
from core.playlists.playlist import Playlist
from core.settings import Settings
from core.store import Store, Way
from pages.shared import assets, cached, media, plays, sound_cache

KEY = "list_player"
BETWEEN = ("Gap", "Crossfade")


def ask_fades(*, copies: bool = True) -> Fades:
    """Ask for the fades and what is between two pieces; the address contains all of it.

    copies : the page also makes levelled copies with these settings.
    """
    with st.expander("Fades, and what is between two pieces", icon=":material/blur_linear:"):
        left, right = st.columns(2)
        seconds: dict[str, Any] = {"step": 0.5, "format": "%.1f", "bind": "query-params"}
        begin = left.number_input("Fade-in (s)", 0.0, LONGEST_FADE_S, 1.0, key="fade_in", **seconds)
        end = right.number_input("Fade-out (s)", 0.0, LONGEST_FADE_S, 3.0, key="fade_out", **seconds)
        left, right = st.columns(2)
        kind = left.segmented_control(
            "Between two pieces",
            BETWEEN,
            default=BETWEEN[0],
            required=True,
            key="between",
            bind="query-params",
            help="Gap: silence. Crossfade: the next piece begins before the end of the piece that plays. Copies are "
            "separate files that cannot sound together: they get a fade-out and a fade-in of this length.",
        )
        crossfade = kind == BETWEEN[1]
        with right.container():
            length = (
                st.number_input("Crossfade (s)", 0.5, LONGEST_FADE_S, 4.0, key="crossfade", **seconds)
                if crossfade
                else st.number_input("Gap (s)", 0.0, LONGEST_GAP_S, 0.0, key="gap", **seconds)
            )
        if copies:
            st.caption("The player and the levelled copies use these settings.")
    return Fades(begin, end, crossfade_s=length) if crossfade else Fades(begin, end, gap_s=length)


@st.fragment
def show_player(made: Playlist, table: pd.DataFrame, fades: Fades, *, way: Way) -> None:
    """Show the player of the whole list. table : pieces of the library, index piece_id.  way : the page."""
    rows = files.row_dicts(made)
    asked = (getattr(st.session_state.get(KEY), "wanted", None) or {}).get("piece")
    row = next((row for row in rows if row["piece_id"] == asked), None)
    parts = assets.component("list_player")
    player = st.components.v2.component(KEY, html=parts["html"], css=parts["css"], js=parts["js"])
    player(
        key=KEY,
        data={
            "pieces": [
                {
                    "id": row["piece_id"],
                    "title": files.artist_and_title(row),
                    "heard": plays.player_key(way, str(row.get("clip_id", ""))),
                    "gain_db": None if isnan(row["gain_db"]) else row["gain_db"],
                }
                for row in rows
            ],
            "fades": {
                "in_s": fades.in_s,
                "out_s": fades.out_s,
                "gap_s": fades.gap_s,
                "crossfade_s": fades.crossfade_s,
            },
            "ready": None if row is None else _ready(row, table.loc[row["piece_id"]]),
        },
        default={"wanted": None},
        on_wanted_change=lambda: None,
        height="content",
    )


def _ready(row: dict[str, Any], piece: pd.Series) -> dict[str, Any]:
    """What the player needs of one piece: its address and gain, or the problem that it has."""
    store = cached.store()
    if store is None:
        return {"id": row["piece_id"], "problem": "The database cannot be read."}
    try:
        sound = _sound(row, piece, Settings(), store)
    except CoreError as error:
        return {"id": row["piece_id"], "problem": str(error)}
    return {
        "id": row["piece_id"],
        "url": media.give_out(sound.data, sound.media_type, KEY),
        "gain_db": sound.gain_db,
        "note": sound.note,
    }


def _sound(row: dict[str, Any], piece: pd.Series, settings: Settings, store: Store) -> playback.Sound:
    path, gain = str(row["path"]), float(row["gain_db"])
    if not files.is_local_file(path):  # the sound of a clip that its owner may erase is not stored in memory
        return playback.sound_of(piece, gain, settings=settings, store=store)
    may = store.by.may(Action.MAKE_PLAYLIST)
    key = ("list", row["piece_id"], sound_cache.stamp(path), repr(gain), settings.model_dump_json(), may)
    return sound_cache.cached(key, lambda: playback.sound_of(piece, gain, settings=settings, store=store))
