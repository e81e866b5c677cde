"""Plays, skips and finished sounds, and the length of visits."""

import pandas as pd
import streamlit as st

from core import wording
from core.monitoring import use
from core.store import Store
from pages.figures import use as figures
from pages.shared import show
from pages.views.use import period as known
from pages.views.use.period import Period

RULE = (
    "A play: half of the sound was heard, or 4 minutes of it. A skip: someone stopped the sound before that. Finished: "
    "a play that went on to the end. Each counts once."
)
MISLEAD = (
    "Skips alone mislead: who looks for one piece skips many, and a good list that is only checked is skipped too. "
    "Read them beside plays and finished sounds."
)


def show_listening(store: Store, period: Period) -> None:
    """Show plays, skips and finished by week and by page, and the median visit."""
    weeks = known.hearings(store.url, period, "week", store)
    if weeks.empty:
        st.info(
            "Nobody has heard anything in this period. Plays, skips and finished sounds appear here as soon as "
            "somebody plays a clip or a list on any page.",
            icon=":material/headphones:",
        )
        st.caption(RULE)
        return
    total = use.with_shares(weeks[["plays", "skips", "finished"]].sum().to_frame().T).iloc[0]
    number, seconds = known.visits(store.url, period, store)
    boxes = st.columns(4)
    boxes[0].metric("Plays", f"{total['plays']:,.0f}", border=True, help=RULE)
    boxes[1].metric(
        "Finished",
        f"{total['finished']:,.0f}",
        border=True,
        help="Plays that went on to the end of the sound.",
    )
    boxes[2].metric("Skips", f"{total['skips']:,.0f}", border=True, help=MISLEAD)
    boxes[3].metric(
        "Median visit",
        "not yet" if not number else wording.duration(seconds),
        border=True,
        help="From the first list or sound of a browser window to the last one. Visits without a sound do not count.",
    )
    ends = wording.share_with_interval(total["skip_share"], total["low"], total["high"])
    finished = (
        f" {wording.whole_percent(total['finished_share'])} of the plays went on to the end." if total["plays"] else ""
    )
    st.markdown(
        f"Of {wording.counted(int(total['plays'] + total['skips']), 'sound')}, **{ends} were skipped**.{finished} "
        f"The median is over {wording.counted(number, 'visit')}. {MISLEAD}"
    )
    name = period.file_name("plays-by-week")
    show.chart(
        figures.hearings(weeks, period.since, period.until),
        key=name,
        alt="Plays, finished sounds and skips week by week: "
        + "; ".join(f"{r.week:%d %b %Y} {r.plays}, {r.finished}, {r.skips}" for r in weeks.tail(8).itertuples()),
        data=weeks,
    )
    st.header("By page")
    pages = known.hearings(store.url, period, "way", store)
    show.frame(
        _in_percent(pages),
        hide_index=True,
        column_config={
            "way": st.column_config.TextColumn("page"),
            "skip_share": st.column_config.NumberColumn(
                "share skipped", format="%.0f %%", help="Share of the plays and skips that were skips."
            ),
            "low": st.column_config.NumberColumn("95 % from", format="%.0f %%"),
            "high": st.column_config.NumberColumn("95 % to", format="%.0f %%"),
            "finished_share": st.column_config.NumberColumn(
                "share finished", format="%.0f %%", help="Share of the plays that went on to the end."
            ),
        },
        alt="Plays, skips and finished sounds of each page",
    )
    show.download(pages, period.file_name("plays-by-page"))
    st.caption(f"{RULE} On the Label page, an answer ends the sound, so nothing is a skip there.")


def _in_percent(table: pd.DataFrame) -> pd.DataFrame:
    shares = ("skip_share", "low", "high", "finished_share")
    return table.assign(
        way=table["way"].map(lambda way: use.PAGES.get(way, way)), **{name: 100 * table[name] for name in shares}
    )
