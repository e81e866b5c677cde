"""The tab Spread of the Moods page: how often each mood is found by artist, makam, karar and other groups."""

import pandas as pd
import streamlit as st

from core import wording
from core.playlists import pieces, selection
from core.playlists.mood_shares import mood_shares
from core.schema import EMOTIONS
from pages.figures import playlists
from pages.shared import show
from pages.views.library.pieces import Library


def show_spread(library: Library, shown: pd.DataFrame, chosen: str | None) -> None:
    """Show the distribution of moods by artist, album, folder, makam, performer or karar."""
    by = st.segmented_control(
        "By",
        list(pieces.GROUPINGS),
        format_func=pieces.GROUPINGS.__getitem__,
        default="artist",
        required=True,
        key="by",
        bind="query-params",
    )
    table = selection.count_moods(shown, by)
    if list(table["group"]) == [pieces.UNKNOWN]:
        st.info(f"No piece has an entry for {pieces.GROUPINGS[by].lower()}.", icon=":material/label_off:")
        return
    first = table.iloc[0]
    show.chart(
        playlists.spread(table, what=pieces.GROUPINGS[by]),
        key=show.file_name(f"moods-by-{by}", data_hash=library.name, version=library.version),
        alt=f"Pieces of each emotion by {by}; the largest group is {first['group']} with {first['pieces']} pieces",
        data=table.round({"minutes": 1}),
    )
    _shares(shown, pieces.GROUPINGS[by], by)
    if len(table) > 20:
        st.caption(f"The chart shows the 20 largest of {len(table)} groups; the table of numbers has all.")


def _shares(rows: pd.DataFrame, what: str, by: str) -> None:
    """Show which share of each group has a mood, with intervals, numbers and a test against the other groups."""
    mood = st.segmented_control(
        "Share of one mood",
        EMOTIONS,
        format_func=wording.with_sign,
        default="relax",
        required=True,
        key="share_of",
        bind="query-params",
    )
    table = mood_shares(rows.rename(columns={"guess": "mood"}), mood, by)
    shown = pd.DataFrame(
        {
            "group": table[by],
            "share": [
                wording.share_with_interval(share, low, high)
                for share, low, high in zip(table["share"], table["low"], table["high"], strict=True)
            ],
            "with_mood": table["with_mood"],
            "pieces": table["n"],
            "p_holm": table["p_holm"],
        }
    )
    show.frame(
        shown,
        hide_index=True,
        placeholder="",
        alt=f"Share of {mood} pieces by {what.lower()}",
        column_config={
            "group": st.column_config.TextColumn(what),
            "share": st.column_config.TextColumn(f"Share of {mood}", help="With its 95 % interval."),
            "with_mood": st.column_config.NumberColumn(f"{mood.capitalize()} pieces", format="%d"),
            "pieces": st.column_config.NumberColumn("Pieces", format="%d"),
        },
    )
    st.caption(
        "The test compares each group with all others (Fisher, corrected by Holm). It needs five pieces. The pieces of "
        "one artist or one session are not independent, so a small p is a hint and no proof."
    )
    if by == "makam_suggested":
        st.caption("A suggested makam is a guess of the program about the scale and its use. It is not a fact.")
    show.download(table, f"share-of-{mood}-by-{by}")
