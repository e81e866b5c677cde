"""What pages load once and share: the table, the model in use, the comparison, the store."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.dataset import loading, published
from core.dataset.table import Table
from core.errors import CoreError
from core.file_names import ABOUT, MANIFEST
from core.settings import Settings
from pages.shared.messages import literal

if TYPE_CHECKING:  # the model's libraries and the database's are loaded by the pages that need them, not by Home
    from core.evaluation.run_files import Comparison
    from core.pipeline.serving import Served
    from core.store import Store


def _stamp(path: Path) -> int | None:
    """When a file was changed last, in ns; None when there is no file. Zero is a date that files of archives have."""
    return path.stat().st_mtime_ns if path.is_file() else None


@st.cache_data(show_spinner=False)
def _table(settings: Settings, stamp: int | None) -> Table:
    """stamp : from ``_stamp``: a new file is a new key."""
    bar = st.progress(0.0, text="Looking for the published table …")

    def progress(done: int, total: int | None) -> None:
        bar.progress(min(done / total, 1.0) if total else 0.0, text=f"Downloading the table: {done / 1000:.0f} kB")

    try:
        return loading.load_table(settings, allow_download=True, progress=progress)
    finally:
        bar.empty()


def table() -> Table:
    """The published table, or the synthetic stand-in where it cannot be had; kept until its file changes."""
    settings = Settings()
    path = settings.table or settings.raw_dir / published.FILE_NAME
    return _table(settings, _stamp(path))


@st.cache_data(show_spinner=False)
def _table_at_hand(settings: Settings, stamp: int | None) -> Table:
    return loading.load_table(settings, allow_download=False)


def table_at_hand() -> Table | None:
    """The published table if it is on this machine: nothing is downloaded, and the stand-in does not count."""
    settings = Settings()
    path = settings.table or settings.raw_dir / published.FILE_NAME
    found = _table_at_hand(settings, _stamp(path))
    return None if found.synthetic else found


def forget_table() -> None:
    """Look for the table anew the next time it is asked for."""
    _table.clear()


@st.cache_resource(show_spinner="Loading the model …", max_entries=3)
def _served(settings: Settings, alias: str, stamp: tuple[str, int | None]) -> "Served":
    """stamp : versions of the registry, and time of the committed model's last change: a new model is a new key."""
    from core.pipeline import serving

    return serving.serve(settings, alias=alias)


@st.cache_resource(show_spinner=False)
def warm_up(_served: "Served") -> threading.Thread:
    """Begin, once a server, to load what the first clip needs, while the person is still choosing it."""
    from core.pipeline import serving

    thread = threading.Thread(target=serving.warm_up, args=(_served,), name="warm-up", daemon=True)
    thread.start()
    return thread


def champion() -> "Served":
    """The model in use with what was stored beside it; ends the page with a sentence where there is none."""
    from core import file_names
    from core.models import registry

    settings = Settings()
    manifest = settings.champion_dir / MANIFEST
    try:
        found = [registry.find(alias, settings=settings) for alias in (file_names.CHAMPION, file_names.CHALLENGER)]
        version = " ".join(one.version if one else "-" for one in found)
    except CoreError:
        version = "unreadable"  # the committed model stands in, and its source says why
    try:
        return _served(settings, "champion", (version, _stamp(manifest)))
    except CoreError as error:
        st.error(literal(str(error)), icon=":material/model_training:")
        st.stop()


@st.cache_resource(show_spinner="Reading the results …", max_entries=2)
def _comparison(folder: Path, stamp: int | None) -> "Comparison":
    from core.evaluation import run_files

    return run_files.read_run(folder)


def results() -> "Comparison":
    """What the last training run found out about all models; ends the page with a sentence where there is nothing.

    One object for all sessions: look, do not change.
    """
    folder = Settings().comparison_dir
    about = folder / ABOUT
    try:
        return _comparison(folder, _stamp(about))
    except CoreError as error:
        st.info(literal(str(error)), icon=":material/model_training:")
        st.stop()


@st.cache_resource(show_spinner=False, max_entries=3, ttl=86_400)  # opening makes the daily backup
def _store(url: str) -> "Store":
    from core.store import open_store

    return open_store(url)


def store() -> "Store | None":
    """The open database; where it cannot be opened, a sentence on the page and None."""
    try:
        return _store(Settings().database)
    except CoreError as error:
        st.error(literal(str(error)), icon=":material/database_off:")
        return None
