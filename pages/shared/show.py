"""The only Streamlit helpers that pages share: what is cached, and how a chart, a table and a download look."""

import re
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.dataset import published
from core.dataset.table import Table
from core.spreadsheets import escape_table
from pages.shared.cached import forget_table

# Until app.py has run once in a new server, Streamlit takes a folder named "pages" for its older kind of app and would
# run a page without app.py when the very first visit is a deep link. No public switch turns this off.
if PagesManager.uses_pages_directory and get_script_run_ctx(suppress_warning=True) is not None:
    PagesManager.uses_pages_directory = False
    st.rerun()

SEEN = "guesses_seen"  # in the session: clips of which this person has seen the guess on another page
# Downloading keeps the reader's data and tools; PNG export is plotly's camera button.
_CHART_CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}


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
        escape_table(frame).to_csv(index=not isinstance(frame.index, pd.RangeIndex)).encode(),
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


def citation() -> None:
    """Licence and sources of the data, folded away."""
    with st.expander("Data: licence and how to cite", icon=":material/format_quote:"):
        st.markdown(published.LICENCE + "\n\n" + "\n".join(f"- {c}" for c in published.CITATIONS))
