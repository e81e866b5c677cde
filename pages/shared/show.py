"""Charts, tables and downloads in the form that all pages share."""

import re
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.dataset import published
from core.dataset.table import Table
from core.spreadsheets import csv_for_people
from pages.shared.cached import forget_table

# Until app.py has run once in a new server, Streamlit treats a folder named "pages" as its older kind of app: a first
# visit through a deep link would run the page without app.py. No public option turns this off.
if PagesManager.uses_pages_directory and get_script_run_ctx(suppress_warning=True) is not None:
    PagesManager.uses_pages_directory = False
    st.rerun()

SEEN = "guesses_seen"  # session key: clips whose guess this person has seen on another page
# The camera button of plotly exports a PNG.
_CHART_CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}


def stand_in_banner(shown: Table) -> None:
    """Warn that the values are synthetic, with a button that retries the download."""
    if not shown.synthetic:
        return
    with st.container(border=True):
        st.warning(
            "**Synthetic stand-in, not measurements.** The published table could not be loaded, so these 400 rows are "
            f"drawn from its summary statistics. {shown.note}",
            icon=":material/science:",
        )
        if st.button("Try the download again", icon=":material/download:", key="retry_download"):
            forget_table()
            st.rerun()


def chart(figure: go.Figure, *, key: str, alt: str, data: pd.DataFrame | None = None, **kwargs: Any) -> object:
    """Show a chart with its text alternative and, below, its numbers as a table with a CSV download."""
    figure.update_layout(modebar={"orientation": "v"})
    config = _CHART_CONFIG | {"toImageButtonOptions": {"format": "png", "scale": 2, "filename": key}}
    event = st.plotly_chart(figure, key=key, alt=alt, config=config, **kwargs)
    if data is not None:
        with st.expander("The numbers", icon=":material/table:"):
            st.dataframe(data, hide_index=isinstance(data.index, pd.RangeIndex))
            download(data, key)
    return event


def download(frame: pd.DataFrame, name: str, *, label: str = "Download CSV", key: str | None = None) -> None:
    """Offer a table as CSV, without rerunning the page. Text is escaped, so spreadsheets do not run it as a formula.

    name : file name without ending, with data and model in it.
    """
    st.download_button(
        label,
        csv_for_people(frame),
        file_name=f"{name}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=key or f"download_{name}",
        on_click="ignore",
    )


def file_name(what: str, *, data_hash: str, version: str = "") -> str:
    """File name of a download without its ending: content, data hash and, if given, model version."""
    parts = [what, f"data-{data_hash[:8]}", f"model-{version}" if version else ""]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join(part for part in parts if part))


def citation() -> None:
    """Show licence and sources of the data in an expander."""
    with st.expander("Data: licence and how to cite", icon=":material/format_quote:"):
        st.markdown(published.LICENCE + "\n\n" + "\n".join(f"- {c}" for c in published.CITATIONS))
