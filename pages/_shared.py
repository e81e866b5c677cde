"""The only Streamlit helpers that pages share: what is cached, and how a chart, a table and a download look."""

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import dataset
from core.dataset import Table
from core.errors import CoreError
from core.file_names import ABOUT, MANIFEST
from core.settings import Settings
from core.spreadsheets import inert_table

if TYPE_CHECKING:  # the model's libraries and the database's are loaded by the pages that need them, not by Home
    from core.comparison import Comparison
    from core.pipeline import Served
    from core.store import Store

# Until app.py has run once in a new server, Streamlit takes a folder named "pages" for its older kind of app and would
# run a page without app.py when the very first visit is a deep link. No public switch turns this off.
if PagesManager.uses_pages_directory and get_script_run_ctx(suppress_warning=True) is not None:
    PagesManager.uses_pages_directory = False
    st.rerun()

SEEN = "guesses_seen"  # in the session: clips of which this person has seen the guess on another page
SAID = "said"  # in the session: what became of the last press of a button
# Downloading keeps the reader's data and tools; PNG export is plotly's camera button.
_CHART_CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}


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
        return dataset.load_table(settings, allow_download=True, progress=progress)
    finally:
        bar.empty()


def table() -> Table:
    """The published table, or the synthetic stand-in where it cannot be had; kept until its file changes."""
    settings = Settings()
    path = settings.table or settings.raw_dir / dataset.FILE_NAME
    return _table(settings, _stamp(path))


@st.cache_data(show_spinner=False)
def _table_at_hand(settings: Settings, stamp: int | None) -> Table:
    return dataset.load_table(settings, allow_download=False)


def table_at_hand() -> Table | None:
    """The published table if it is on this machine: nothing is downloaded, and the stand-in does not count."""
    settings = Settings()
    path = settings.table or settings.raw_dir / dataset.FILE_NAME
    found = _table_at_hand(settings, _stamp(path))
    return None if found.synthetic else found


def say(kind: str, sentence: str) -> None:
    """Keep what became of a press of a button, for `told`. kind : success, info, warning or error."""
    st.session_state[SAID] = (kind, sentence)


def told() -> None:
    """Show what became of the last press of a button, once."""
    if said := st.session_state.pop(SAID, None):
        getattr(st, said[0])(literal(said[1]))


def stand_in_banner(shown: Table) -> None:
    """Say it on every page that shows synthetic values, with a button to try the download again."""
    if not shown.synthetic:
        return
    with st.container(border=True):
        st.warning(
            "**Synthetic stand-in, not measurements.** The published table could not be had, so these 400 rows are "
            f"drawn from summary statistics of it. {shown.note}",
            icon=":material/science:",
        )
        if st.button("Try the download again", icon=":material/download:", key="retry_download"):
            forget_table()
            st.rerun()


def forget_table() -> None:
    """Look for the table anew the next time it is asked for."""
    _table.clear()


def chart(figure: go.Figure, *, key: str, alt: str, data: pd.DataFrame | None = None, **kwargs: Any) -> object:
    """A chart with its text alternative and, below it, its numbers as a table with a CSV download."""
    figure.update_layout(modebar={"orientation": "v"})
    config = _CHART_CONFIG | {"toImageButtonOptions": {"format": "png", "scale": 2, "filename": key}}
    event = st.plotly_chart(figure, key=key, alt=alt, config=config, **kwargs)
    if data is not None:
        with st.expander("The numbers", icon=":material/table:"):
            st.dataframe(data, hide_index=isinstance(data.index, pd.RangeIndex))
            download(data, key)
    return event


def download(frame: pd.DataFrame, name: str, *, label: str = "Download CSV", key: str | None = None) -> None:
    """A CSV download that does not rerun the page; name : file name without ending, naming data and model.

    What people wrote may be in it, so no text in it begins like a formula.
    """
    st.download_button(
        label,
        inert_table(frame).to_csv(index=not isinstance(frame.index, pd.RangeIndex)).encode(),
        file_name=f"{name}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=key or f"download_{name}",
        on_click="ignore",
    )


def file_name(what: str, *, data_hash: str, version: str = "") -> str:
    """Name of a download without its ending: what it is, from which data and, if one had a part in it, which model."""
    parts = [what, f"data-{data_hash[:8]}", f"model-{version}" if version else ""]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join(part for part in parts if part))


@st.cache_resource(show_spinner="Loading the model …", max_entries=3)
def _served(settings: Settings, alias: str, stamp: tuple[str, int | None]) -> "Served":
    """stamp : versions of the registry, and time of the committed model's last change: a new model is a new key."""
    from core import pipeline

    return pipeline.serve(settings, alias=alias)


@st.cache_resource(show_spinner=False)
def warm_up(_served: "Served") -> threading.Thread:
    """Begin, once a server, to load what the first clip needs, while the person is still choosing it."""
    from core import pipeline

    thread = threading.Thread(target=pipeline.warm_up, args=(_served,), name="warm-up", daemon=True)
    thread.start()
    return thread


def champion() -> "Served":
    """The model in use with what was stored beside it; ends the page with a sentence where there is none."""
    from core import registry

    settings = Settings()
    manifest = settings.champion_dir / MANIFEST
    try:
        found = [registry.find(alias, settings=settings) for alias in (registry.CHAMPION, registry.CHALLENGER)]
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
    from core import comparison

    return comparison.read(folder)


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


def literal(text: str) -> str:
    """Text that Markdown shows as it is: names and sentences that came from outside."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])", r"\\\1", text)


def problem(error: CoreError) -> None:
    """What went wrong, as a sentence."""
    st.error(literal(str(error)), icon=":material/error:")


def citation() -> None:
    """Licence and sources of the data, folded away."""
    with st.expander("Data: licence and how to cite", icon=":material/format_quote:"):
        st.markdown(dataset.LICENCE + "\n\n" + "\n".join(f"- {c}" for c in dataset.CITATIONS))
