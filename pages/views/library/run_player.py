"""Tables of results whose rows can be heard in place, and the ways from a result to its pieces on Moods."""

from typing import Any

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.library.results import GROUPS
from core.pipeline import kept_audio
from core.settings import Settings
from core.store import Job, Way, first_content
from core.wording import clock
from pages.shared import cached, messages, plays, show
from pages.views.library import passage


def window_times(rows: pd.DataFrame) -> list[str]:
    """Times of the windows of results: ``"1:30 to 2:00"``; empty without a window."""
    return [
        "" if pd.isna(start) or pd.isna(end) else f"{clock(start)} to {clock(end)}"
        for start, end in zip(rows["start_s"], rows["end_s"], strict=True)
    ]


def playable_table(rows: pd.DataFrame, columns: list[str], *, name: str, column_config: Any) -> None:
    """Show rows of results as a table; the selected row is played below it.

    name : distinguishes the tables of a page. Other rows are another table, so that no old selection stays.
    """
    content = int(pd.util.hash_pandas_object(rows["clip_id"], index=False).sum()) % 16**8
    event = show.frame(
        rows[columns],
        hide_index=True,
        column_config=column_config,
        key=f"library_rows_{name}_{content:08x}",
        on_select="rerun",
        selection_mode="single-row",
        alt=f"{len(rows)} results; selecting a row plays it",
    )
    picked = event["selection"]["rows"] if event else []
    if picked:
        show_player(rows.iloc[picked[0]])
    else:
        st.caption(":material/touch_app: Select a row to hear it.")


def show_player(row: pd.Series) -> None:
    """Play the part of a file that has this result, and link to its piece."""
    store = cached.store()
    if store is None:
        return
    times = window_times(pd.DataFrame([row]))[0]
    with st.container(border=True):
        st.markdown(f"**{messages.literal(row['file'])}**, {times}")
        try:
            start_s, end_s = float(row["start_s"]), float(row["end_s"])
            audio = kept_audio.load_audio(
                row["clip_id"],
                row["path"],
                start_s=start_s,
                duration_s=end_s - start_s,
                settings=Settings(),
                by=store.by,
                first=lambda content: first_content(store, content),
            )
        except CoreError as error:
            st.caption(f":material/volume_off: {messages.literal(str(error))}")
        else:
            plays.audio(
                audio.data,
                way=Way.LIBRARY,
                clip_id=str(row["clip_id"]),
                format=audio.media_type,
                alt=f"Player: {row['file']}, {times}",
            )
        st.page_link(
            "pages/moods.py",
            label="Open this piece on Moods",
            icon=":material/mood:",
            query_params={passage.HEAR: str(row["content_hash"])},
        )
        link_to_clip_reasons(str(row["clip_id"]))


def link_to_clip_reasons(clip_id: str) -> None:
    """Link to the reasons of the model in use for a clip of a library."""
    st.page_link(
        "pages/explain.py",
        label="Why this emotion?",
        icon=":material/psychology:",
        query_params={"view": "One clip", "clip": clip_id},
        help="Opens the features that raise and lower the probabilities of this clip.",
    )


def link_to_group(job: Job, group: str) -> None:
    """Link to Moods with just the pieces of one group of a run, so that a person can listen to them."""
    label = "Listen to them" if group == "unlike" else "Listen to the files that need a person"
    st.page_link(
        "pages/moods.py",
        label=label,
        icon=":material/headphones:",
        query_params={"run": str(job.job_id), "group": group},
        help=f"Opens Moods with just the pieces of this run {GROUPS[group]}.",
    )
