"""Just the pieces of one run on Moods, when the address names a run."""

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.library.results import GROUPS, contents_of
from core.records import Word
from core.wording import counted
from pages.shared import cached, entering, messages
from pages.views.library.run_choice import results_of
from pages.views.library.run_folders import folder_name

ADDRESS = ("run", "group")  # parameters of the address


def only_of_run(table: pd.DataFrame) -> pd.DataFrame:
    """Return the pieces of the run and the group that the address names, with a way back; without a run, all pieces.

    table : pieces of the library, by content hash.
    """
    number, group = entering.parameter("run"), entering.parameter("group")
    if not number:
        return table
    store = cached.store()
    try:
        results = results_of(store, int(number)) if store is not None and number.isdecimal() else None
    except CoreError as error:
        messages.problem(error)
        results = None
    with st.container(horizontal=True, vertical_alignment="center"):
        if results is None:
            st.caption(":material/link_off: The run in the address is gone. All pieces are shown.", width="content")
            pieces = table
        else:
            pieces = of_group(table, results.rows, group)
            what = f" {GROUPS[group]}" if group in GROUPS else ""
            folder = messages.literal(folder_name(results.job.result["folder"], short=True))
            st.caption(
                f":material/headphones: Only the {counted(len(pieces), 'piece')} of {folder}{what}.", width="content"
            )
        st.button(
            "Show all pieces", key="all_pieces", type="tertiary", icon=":material/select_all:", on_click=_show_all
        )
    return pieces


def of_group(table: pd.DataFrame, rows: pd.DataFrame, group: str) -> pd.DataFrame:
    """Return the pieces of a group of a run, without those that a person has listened to since.

    table : pieces of the library, by content hash.  rows : results of the run.
    """
    pieces = table[table.index.isin(contents_of(rows, group))]
    return pieces[pieces["word"].eq(Word.MODEL)] if group == "review" else pieces


def _show_all() -> None:
    for name in ADDRESS:
        st.query_params.pop(name, None)
