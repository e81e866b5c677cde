"""What goes out of the Playlists page: files for players, levelled copies, and the session sheet."""

from collections.abc import Callable
from datetime import datetime, time
from functools import partial

import streamlit as st

from core import levelled, playlist_files, session_sheet
from core.errors import CoreError
from core.playlists import Playlist
from core.session_sheet import Session
from core.settings import Settings
from pages import _shared

ZIP_MB = 300  # largest copies that are sent as one file


def files(made: Playlist) -> None:
    """The playlist as files, and its levelled copies."""
    name = playlist_files.stem(made)
    st.caption(
        "M3U8 and XSPF open in VLC and most players, on the machine where the music is. Players take no gain from a "
        "playlist: there it is a note for the volume knob. The levelled copies have it in their sound."
    )
    with st.container(horizontal=True):
        for ending, mime, write in (
            ("m3u8", "audio/x-mpegurl", playlist_files.m3u8),
            ("xspf", "application/xspf+xml", playlist_files.xspf),
            ("csv", "text/csv", playlist_files.csv_file),
        ):
            _file(f"{ending.upper()}", f"{name}.{ending}", write(made), mime)
    st.markdown("**Levelled copies**")
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    form = left.segmented_control("Format", list(levelled.FORMS), default="FLAC", required=True, key="form")
    if right.button("Write levelled copies", icon=":material/graphic_eq:", key="render"):
        _render(made, form)
    copies: levelled.Copies | None = st.session_state.get("copies")
    if copies is not None and copies.folder.name == f"{name}-{form.lower()}" and copies.folder.is_dir():
        _copies(copies)


def _file(label: str, name: str, data: bytes | Callable[[], bytes], mime: str, **more: object) -> None:
    st.download_button(
        label, data, file_name=name, mime=mime, icon=":material/download:", key=f"get_{name}", on_click="ignore", **more
    )


def _render(made: Playlist, form: str) -> None:
    settings = Settings()
    folder = settings.data_dir / levelled.FOLDER / f"{playlist_files.stem(made)}-{form.lower()}"
    bar = st.progress(0.0, text="Writing the copies …")
    try:
        st.session_state["copies"] = levelled.level_copies(
            made,
            folder,
            form=form,
            max_mb=settings.max_upload_mb,
            tell=lambda share, text: bar.progress(share, text=_shared.literal(f"{share:.0%}: {text}")),
        )
    except CoreError as error:
        _shared.problem(error)
    bar.empty()


def _copies(copies: levelled.Copies) -> None:
    size = levelled.size_mb(copies)
    st.success(
        f"{len(copies.files)} copies, {size:.0f} MB, with a playlist beside them. The originals are as they were. "
        f"Folder: {_shared.literal(str(copies.folder))}",
        icon=":material/folder:",
    )
    for remark in copies.playlist.remarks:
        if "stays" in remark:
            st.caption(_shared.literal(remark))
    name = copies.folder.name
    if size <= ZIP_MB:
        sheet = session_sheet.html(copies.playlist, Session(), levelled=True)
        _file(
            "All as ZIP",
            f"{name}.zip",
            partial(levelled.zipped, copies, ("session-sheet.html", sheet)),
            "application/zip",
        )


def sheet(made: Playlist) -> None:
    """What, when and why on paper. What is typed here is put on the sheet and kept nowhere."""
    st.caption(
        "What you type is put on the sheet, and kept nowhere else. The sheet opens in the browser, which prints it."
    )
    left, right = st.columns(2)
    client = left.text_input("Client", key="sheet_client", max_chars=200, autocomplete="off")
    therapist = right.text_input("Therapist", key="sheet_therapist", max_chars=200, autocomplete="off")
    left, right = st.columns(2)
    date = left.date_input("Date", key="sheet_date")
    clock: time | None = right.time_input(
        "Music begins at", None, key="sheet_begins", help="Empty: minutes from the beginning."
    )
    goal = st.text_input("Goal", key="sheet_goal", max_chars=500)
    notes = st.text_area("Notes", key="sheet_notes", max_chars=session_sheet.LONGEST)
    begins = datetime.combine(date, clock) if clock is not None else None
    session = Session(client, therapist, f"{date:%d %B %Y}", goal, notes, begins)
    _file(
        "Session sheet",
        f"session-sheet_{playlist_files.stem(made)}.html",
        session_sheet.html(made, session),
        "text/html",
        type="primary",
    )
