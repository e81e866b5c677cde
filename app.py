"""Entry point: page settings, navigation, the style of the charts, and the server.

Streamlit runs this file for each visit of a page. The server imports it once and takes ``app``.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware

from core.settings import note_reach
from pages.shared import (
    assets,
    doors,
    exports,
    limits,
    login,
    media,
    noted,
    plays,
    reach,
    rest_api,
    show,
    start,
    unexpected,
)


def run() -> None:
    """Draw the page that the person chose, if they may open it."""
    limits.install()
    note_reach(by_others=login.login_configured() or reach.reached_by_others())
    st.set_page_config(page_title="Turkish Music Emotion", page_icon="pages/icon.png", layout="wide")
    assets.style("charts")
    show.set_source(None)
    unexpected.use_references()
    reach.ask_nobody()
    media.note_session()
    plays.listen()
    doors.note_person()
    chosen = st.navigation(
        {
            "": [doors.page("home", title="Home", icon=":material/home:", default=True)],
            "Clips": [
                doors.page("predict", title="Predict", icon=":material/graphic_eq:"),
                doors.page("tracks", title="Whole tracks", icon=":material/timeline:"),
                doors.page("makam", title="Makam", icon=":material/music_note:"),
            ],
            "Library": [
                doors.page("library", title="Library", icon=":material/library_music:"),
                doors.page("copies", title="Same recordings", icon=":material/file_copy:"),
                doors.page("moods", title="Moods", icon=":material/mood:"),
                doors.page("playlists", title="Playlists", icon=":material/queue_music:"),
                doors.page("sessions", title="Sessions", icon=":material/event_note:"),
            ],
            "Label": [
                doors.page("label", title="Label", icon=":material/headphones:"),
                doors.page("agreement", title="Agreement", icon=":material/handshake:"),
            ],
            "Models": [
                doors.page("compare", title="Compare models", icon=":material/leaderboard:"),
                doors.page("confusion", title="Confusion", icon=":material/grid_on:"),
                doors.page("explain", title="Explain", icon=":material/psychology:"),
                doors.page("decisions", title="Decisions", icon=":material/rule:"),
                doors.page("impact", title="Impact", icon=":material/payments:"),
                doors.page("learning", title="Learning", icon=":material/model_training:"),
            ],
            "Monitoring": [
                doors.page("monitoring", title="Monitoring", icon=":material/vital_signs:"),
                doors.page("use", title="Use", icon=":material/monitoring:"),
            ],
            "Data": [doors.page("explore", title="Explore", icon=":material/query_stats:")],
        },
        expanded=True,  # the menu shows all pages, and not the first ones and a button
    )
    reach.warn_if_open_to_all()
    page, below = st.container(), st.container()
    with below:  # drawn first, because many pages end early
        noted.say_what_is_noted()
    with page:
        doors.open_page(chosen)


@asynccontextmanager
async def lifespan(server: object) -> AsyncIterator[None]:
    """What goes on for the life of the server."""
    also = {"prepares the library": prepare_library}
    async with media.note_downloads(server), start.lifespan(server, also), rest_api.lifespan(server):
        yield


def prepare_library() -> None:
    """Have the library ready for the first visitor."""
    from pages.views.library import ready  # loads pandas, which the start of the server must not wait for

    ready.prepare_library()


if __name__ == "__main__":
    run()
else:
    doors.only_through_app()
    app = st.App(
        "app.py",
        routes=rest_api.routes(),
        middleware=[
            Middleware(start.Ready),
            Middleware(limits.HideFigures),
            Middleware(media.OwnMedia),
            Middleware(exports.NoteDownloads),
            Middleware(limits.CountArriving),
        ],
        lifespan=lifespan,
    )
