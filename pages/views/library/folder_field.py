"""The field for a folder with music: typed, chosen from the last folders, or browsed."""

import streamlit as st

from core.allowed_places import LONGEST
from core.errors import CoreError
from core.library import browse, run
from core.library.find import READ
from core.settings import Settings
from core.store import Store, done_jobs
from core.wording import counted
from pages.shared import messages

FOLDER = "library_folder"  # session key: the text of the field
_SCORED = "library_scored"  # session key: folders that this session scored, newest first
_LAST, _BROWSED = "library_last", "library_browsed"  # session keys: what was chosen below the field


def ask_folder(store: Store) -> None:
    """Show the field for a folder, and the ways to fill it."""
    settings = Settings()
    root = settings.library_dir
    last = _last_folders(store, settings)
    st.text_input(
        "Folder on the machine that runs this page",
        value="" if FOLDER in st.session_state else str(root or next(iter(last), "")),
        max_chars=LONGEST,
        key=FOLDER,
        persist_state="session",
        placeholder="Type or paste a path",
        help=f"All files in this folder and its subfolders that end in {', '.join(READ)}, except hidden files. The "
        "music is not moved or changed. Quotation marks around the path are ignored, and ~ is the home folder of this "
        "program." + (f" Only folders inside {root} are allowed." if root else ""),
    )
    with st.popover("Last folders and browse", icon=":material/folder_open:"):
        if last:
            _choice("Last folders", last, _LAST, "Use a folder again")
        _browse(store, settings)


def remember(folder: str) -> None:
    """Remember a folder that this session scores."""
    known = st.session_state.get(_SCORED, [])
    st.session_state[_SCORED] = [folder, *(other for other in known if other != folder)][: browse.REMEMBERED]


def _last_folders(store: Store, settings: Settings) -> list[str]:
    session = st.session_state.get(_SCORED, [])
    try:
        return browse.last_folders(done_jobs(store, run.JOB), settings, by=store.by, session=session)
    except CoreError as error:
        messages.problem(error)
        return []


def _browse(store: Store, settings: Settings) -> None:
    """Show the folders inside the folder of the field, and the way up."""
    try:
        level = browse.open_folder(str(st.session_state.get(FOLDER) or ""), settings, by=store.by)
    except CoreError as error:
        st.caption(messages.literal(str(error)))
        return
    where = messages.literal(level.folder) if level.folder else "Places with music"
    st.caption(f":material/folder: {where}: {counted(len(level.folders), 'folder')}.")
    ways = [*([level.parent] if level.parent else []), *level.folders]
    if ways:
        _choice("Folders here", ways, _BROWSED, "Open a folder", up=level.parent)
    if level.parent == "":
        st.button(
            "All places with music", key="library_places", icon=":material/arrow_upward:", on_click=_use, args=("",)
        )


def _choice(label: str, folders: list[str], key: str, placeholder: str, *, up: str | None = None) -> None:
    """Show a box that writes the chosen folder into the field. up : the folder that is the way up."""

    def name(folder: str) -> str:
        return f"↑ {folder}" if folder == up else folder

    st.selectbox(
        label,
        folders,
        index=None,
        format_func=name,
        key=key,
        placeholder=placeholder,
        on_change=_use_choice,
        args=(key,),
    )


def _use_choice(key: str) -> None:
    chosen = st.session_state[key]
    st.session_state[key] = None
    if chosen is not None:
        _use(chosen)


def _use(folder: str) -> None:
    st.session_state[FOLDER] = folder
