"""Downloads of the Playlists page: files for players, levelled copies, and the session sheet."""

from collections.abc import Callable
from datetime import date as date_of
from datetime import datetime, time
from functools import partial
from typing import Any, BinaryIO

import streamlit as st

from core.allowed_places import allowed_places
from core.errors import CoreError
from core.playlists import levelled_copies, session_sheet
from core.playlists.fades import Fades
from core.playlists.files import csv_file, file_stem, m3u8, xspf
from core.playlists.playlist import Playlist
from core.playlists.session_sheet import Session
from core.records import RemarkKind
from core.settings import Settings
from core.wording import whole_percent
from pages.shared import cached, messages, show
from pages.views.library.accepted_moods import playlist_accuracy

ZIP_MB = 300  # largest ZIP that is offered as a download


def show_files(playlist: Playlist, fades: Fades) -> None:
    """Show the playlist files, and the form for levelled copies."""
    name = file_stem(playlist)
    st.caption(
        "M3U8 and XSPF files open in VLC and most players, on the machine where the music is. Players ignore the "
        "gain in "
        "a playlist, so use it as a note for the volume knob; it is measured on the scored part of each piece. "
        "Levelled "
        "copies contain the gain in their audio. For copies the whole file is measured, so their gain may differ a "
        "little. The copies have the fades and the gap that are set above. M4A and MP3 are small files for a phone."
    )
    with st.container(horizontal=True):
        for ending, mime, write in (
            ("m3u8", "audio/x-mpegurl", m3u8),
            ("xspf", "application/xspf+xml", xspf),
            ("csv", "text/csv", partial(csv_file, link=show.source().link)),
        ):
            _download(f"{ending.upper()}", f"{name}.{ending}", partial(write, playlist), mime)
    st.markdown("**Levelled copies**")
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    form = left.segmented_control("Format", list(levelled_copies.FORMS), default="FLAC", required=True, key="form")
    if right.button("Write levelled copies", icon=":material/graphic_eq:", key="render"):
        _write_copies(playlist, form, fades)
    copies: levelled_copies.Copies | None = st.session_state.get("copies")
    wanted = levelled_copies.folder_name(playlist, form, fades)
    if copies is not None and copies.folder.name == wanted and copies.complete():
        _show_copies(copies)


def _download(label: str, name: str, data: Callable[[], str | bytes | BinaryIO], mime: str, **more: Any) -> None:
    """Offer a download that is created on click."""
    st.download_button(
        label, data, file_name=name, mime=mime, icon=":material/download:", key=f"get_{name}", on_click="ignore", **more
    )


def _write_copies(playlist: Playlist, form: str, fades: Fades) -> None:
    settings, store = Settings(), cached.store()
    if store is None:
        return
    folder = settings.levelled_dir / levelled_copies.folder_name(playlist, form, fades)
    bar = st.progress(0.0, text="Writing the copies …")

    def report_progress(share: float, text: str) -> None:
        bar.progress(share, text=messages.literal(f"{whole_percent(share)}: {text}"))

    try:
        st.session_state["copies"] = levelled_copies.level_copies(
            playlist,
            folder,
            by=store.by,
            form=form,
            fades=fades,
            max_mb=settings.max_upload_mb,
            places=allowed_places(settings),
            progress=report_progress,
        )
        levelled_copies.remove_old_copies(settings.levelled_dir, most=settings.max_copies, by=store.by)
    except CoreError as error:
        messages.problem(error)
    bar.empty()


def _show_copies(copies: levelled_copies.Copies) -> None:
    size, most = levelled_copies.size_mb(copies), Settings().max_copies
    st.success(
        f"{len(copies.files)} copies, {size:.0f} MB, with their playlist. The original files are unchanged. "
        f"Folder: {messages.literal(str(copies.folder))}. The copies of the last {most} playlists stay on the "
        "disk; older ones are removed.",
        icon=":material/folder:",
    )
    for remark in copies.playlist.remarks:
        if remark.kind == RemarkKind.GAIN_LIMITED:
            st.caption(messages.literal(remark.text))
    name = copies.folder.name
    if size <= ZIP_MB:
        sheet = session_sheet.session_html(
            copies.playlist, _session_fields(), levelled=True, accuracy=playlist_accuracy(copies.playlist)
        )
        _download(
            "All as ZIP",
            f"{name}.zip",
            partial(levelled_copies.zip_copies, copies, ("session-sheet.html", sheet)),
            "application/zip",
            help="The copies with their playlist, and the session sheet with your current entries.",
        )


def _session_fields() -> Session:
    """Entries of the session sheet, also while its fields are not shown."""
    state = st.session_state
    client, therapist, goal, notes = (
        str(state.get(f"sheet_{name}") or "") for name in ("client", "therapist", "goal", "notes")
    )
    date: date_of | None = state.get("sheet_date")
    clock: time | None = state.get("sheet_begins")
    begins = datetime.combine(date or date_of.today(), clock) if clock is not None else None
    return Session(client, therapist, f"{date:%d %B %Y}" if date else "", goal, notes, begins)


def show_session_sheet(playlist: Playlist) -> None:
    """Show the form of the session sheet and its download. The entries are not stored."""
    st.caption(
        "Your entries appear only on the sheet and are not stored. They are lost when you reload or close this page. "
        "The sheet opens in the browser, where you can print it."
    )
    left, right = st.columns(2)
    left.text_input("Client", key="sheet_client", max_chars=200, autocomplete="off", persist_state="session")
    right.text_input("Therapist", key="sheet_therapist", max_chars=200, autocomplete="off", persist_state="session")
    left, right = st.columns(2)
    left.date_input("Date", key="sheet_date", persist_state="session")
    right.time_input(
        "Music begins at",
        None,
        key="sheet_begins",
        help="If empty, the sheet shows minutes from the beginning.",
        persist_state="session",
    )
    st.text_input("Goal", key="sheet_goal", max_chars=500, persist_state="session")
    st.text_area("Notes", key="sheet_notes", max_chars=session_sheet.LONGEST, persist_state="session")
    _download(
        "Session sheet",
        f"session-sheet_{file_stem(playlist)}.html",
        partial(session_sheet.session_html, playlist, _session_fields(), accuracy=playlist_accuracy(playlist)),
        "text/html",
        type="primary",
    )
