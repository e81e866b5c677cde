"""Charts, tables and downloads in the form that all pages share."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.dataset import citing, published
from core.dataset.table import Table
from core.source_note import SourceNote
from core.spreadsheets import csv_for_people
from core.wording import clip_name
from pages.figures.pictures import PICTURES, draw_picture
from pages.shared import columns
from pages.shared.cached import forget_table

# Until app.py has run once in a new server, Streamlit treats a folder named "pages" as its older kind of app: a first
# visit through a deep link would run the page without app.py. No public option turns this off.
if PagesManager.uses_pages_directory and get_script_run_ctx(suppress_warning=True) is not None:
    PagesManager.uses_pages_directory = False
    st.rerun()

_SOURCE = "source_note"  # session key: where the content of the page comes from
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


def set_source(note: SourceNote | None) -> None:
    """Set where the content of this page comes from; downloads and pictures name it. None: nothing is known."""
    st.session_state[_SOURCE] = note


def source() -> SourceNote:
    """Where the content of this page comes from, with the address of the page as it is now."""
    note: SourceNote = st.session_state.get(_SOURCE) or SourceNote()
    choices = urlencode([(k, v) for k in st.query_params for v in st.query_params.get_all(k)])
    address = (st.context.url or "").split("?")[0]
    return replace(note, link=f"{address}?{choices}" if choices else address)


def chart(
    figure: go.Figure,
    *,
    key: str,
    alt: str,
    data: pd.DataFrame | None = None,
    features: tuple[str, ...] = (),
    **kwargs: Any,
) -> object:
    """Show a chart with its text alternative and, below, its numbers, pictures and citation.

    features : columns of the features that the chart is about; their papers are cited too.
    """
    figure.update_layout(modebar={"orientation": "v"})
    config = _CHART_CONFIG | {"toImageButtonOptions": {"format": "png", "scale": 2, "filename": key}}
    event = st.plotly_chart(figure, key=key, alt=alt, config=config, **kwargs)
    if data is not None:
        with st.expander("Numbers, pictures, citation", icon=":material/table:"):
            frame(data, hide_index=isinstance(data.index, pd.RangeIndex))
            with st.container(horizontal=True):
                download(data, key)
                _pictures(figure, key)
            _citation_of(key, features)
    return event


MISSING = "–"  # stands in cells without a value


def frame(data: pd.DataFrame, *, column_config: Mapping[str, Any] | None = None, **kwargs: Any) -> Any:
    """Show a table of the program with headings in words. Parameters and result as in ``st.dataframe``."""
    config = columns.named(data) | dict(column_config or {})
    return st.dataframe(columns.in_words(data), column_config=config, **{"placeholder": MISSING, **kwargs})


def _pictures(figure: go.Figure, name: str) -> None:
    """Offer the chart as PNG, SVG and PDF with a source line; a file is drawn when it is asked for."""
    note = source()
    for form, mime in PICTURES.items():
        st.download_button(
            form.upper(),
            partial(draw_picture, figure, form, note.line(_what(name)), "synthetic" if note.synthetic else ""),
            file_name=f"{note.file_name(name)}.{form}",
            mime=mime,
            icon=":material/image:",
            key=f"download_{form}_{name}",
            on_click="ignore",
            help="A picture with a source line.",
        )


def _citation_of(name: str, features: tuple[str, ...]) -> None:
    """Show what to cite for a figure or a table, as text and as BibTeX."""
    note = source()
    papers = citing.citations(_what(name), note, columns=features)
    with st.popover("Cite this", icon=":material/format_quote:"):
        if note.synthetic:
            st.caption("These rows are synthetic. They are not the published data, so they do not have its citation.")
        st.code("\n\n".join(paper.text() for paper in papers), language=None, wrap_lines=True)
        st.code("\n\n".join(paper.bibtex() for paper in papers), language="latex", wrap_lines=True)


def _what(name: str) -> str:
    """Name of the content in words, from the name of its file: without the parts for data and model."""
    return name.split("_data-")[0].split("_model-")[0].replace("-", " ").replace("_", " ")


def link_to_reasons(rows: pd.Series, *, model: str = "") -> pd.Series:
    """Addresses of the Explain page, one for each row of the published table. model : its displayed name."""
    return f"explain?view=One%20clip{f'&model={quote(model)}' if model else ''}&row=" + rows.astype(str)


def reasons_column() -> Any:
    """Form of a column with the addresses of ``link_to_reasons``."""
    return st.column_config.LinkColumn("why", display_text="why", help="Opens the reasons for this clip.", width=60)


def download(
    frame: pd.DataFrame, name: str, *, label: str = "Download CSV", key: str | None = None, **facts: Any
) -> None:
    """Offer a table as CSV, without rerunning the page. Text is escaped, so spreadsheets do not run it as a formula.

    The first lines are comments that say what the table is and where it comes from.

    name : file name without ending, with data and model in it.  facts : as in `comments`.
    """
    note = source()
    st.download_button(
        label,
        csv_for_people(frame, comments=comments(name, **facts)),
        file_name=f"{note.file_name(name)}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=key or f"download_{name}",
        on_click="ignore",
    )


def comments(name: str, **facts: Any) -> str:
    """First lines of a CSV file: what it is and where it comes from. A download that is made later cannot ask the page.

    name : file name without ending.  facts : fields of `SourceNote` that only this file has.
    """
    return comments_for(name)(**facts)


def comments_for(name: str) -> Callable[..., str]:
    """Return ``comments`` of this file without its facts, for a download that knows them only when it is made."""
    note, what = source(), _what(name)
    return lambda **facts: replace(note, **facts).header(what)


def clip_names(table: pd.DataFrame) -> list[str]:
    """Names of clips for people: windows of a recording have their times. table : columns file_name and clip_id."""
    return [clip_name(name, clip_id) for name, clip_id in zip(table["file_name"], table["clip_id"], strict=True)]


def file_name(what: str, *, data_hash: str, version: str = "") -> str:
    """File name of a download without its ending: content, data hash and, if given, model version."""
    parts = [what, f"data-{data_hash[:8]}", f"model-{version}" if version else ""]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join(part for part in parts if part))


def citation() -> None:
    """Show licence and sources of the data, and what to cite for the model, in an expander."""
    with st.expander("Data: licence and how to cite", icon=":material/format_quote:"):
        st.markdown(published.LICENCE + "\n\n" + "\n".join(f"- {c}" for c in published.CITATIONS))
        papers = (citing.program("Program and model"), *citing.DATA, citing.TOOLBOX)
        st.code("\n\n".join(paper.bibtex() for paper in papers), language="latex", wrap_lines=True)
