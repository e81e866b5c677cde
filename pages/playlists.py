"""Playlists: pieces of one mood, or an iso path from one mood to another, for a chosen length, to hear and download."""

from dataclasses import replace

import streamlit as st

from core.store import Way
from pages.shared import plays, tabs
from pages.views.library import (
    list_player,
    pieces,
    playlist_address,
    playlist_building,
    playlist_client,
    playlist_request,
    words,
)
from pages.views.library import piece_filter as shared
from pages.views.library import playlist_downloads as files
from pages.views.library import playlist_views as parts

playlist_address.restore()
st.title("Playlists")
# Parts that come and go are in containers: Streamlit drops a field from the address when its position changes.
with st.container():
    library = pieces.require_library()
with st.container():
    client = playlist_client.ask_client()
request = playlist_request.ask_request(mixed=library.every["synthetic"].nunique() > 1)
with st.container():
    table, narrowed = shared.filter_fields(library, library.every, moods_too=False)
playlist_address.remember()
if client is not None:
    request, table, narrowed = playlist_client.apply_rules(client, library, request, narrowed)
if table.empty:
    st.info("No piece matches the filter. Widen it.", icon=":material/filter_alt_off:")
    st.stop()
with st.container():
    built = playlist_building.build_playlist(request, library, table, narrowed)
    if built is None:
        words.show_never_list(library)
        st.stop()
    if client is not None:
        built = replace(built, playlist=playlist_client.leave_out_never(client, built.playlist))
    playlist = built.playlist
    st.header(playlist.name, divider="gray")
    parts.show_summary(playlist)
    if client is not None:
        playlist_client.show_client(client, playlist, library)
    fades = list_player.ask_fades()
    list_player.show_player(playlist, library.every, fades, way=Way.PLAYLISTS)
    plays.note_list(Way.PLAYLISTS, playlist.rows["piece_id"])
shows = {
    "Pieces": lambda: parts.show_pieces(built, library),
    "Picture": lambda: parts.show_charts(playlist),
    "Files": lambda: files.show_files(playlist, fades),
    "Session sheet": lambda: files.show_session_sheet(playlist),
}
tabs.show_tabs(shows)
words.show_never_list(library)
st.caption(
    "The mood of a piece is your own word, else the mood that people agree on, else the model's estimate. A playlist "
    "is a proposal: the therapist decides what to play and when to stop."
)
