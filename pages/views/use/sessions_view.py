"""What sessions with clients led to, in figures that say nothing about one client."""

import streamlit as st

from core.monitoring.use import MEASURES
from core.store import Store
from core.store.use_figures import BLOCK, LEAST_CLIENTS
from core.wording import counted
from pages.shared import show
from pages.views.use import period as known

PRIVACY = (
    f"Each figure is the mean of the sessions of at least {LEAST_CLIENTS} clients, and changes only when {BLOCK} more "
    "sessions are there. So nobody can find out from it what one client felt. The page shows no client and no "
    "therapist."
)


def show_sessions(store: Store) -> None:
    """Show satisfaction, change of mood and length of the sessions, by quarter."""
    table = known.satisfaction(store.url, store)
    if table.empty:
        st.info(
            f"There is nothing to show yet. The figures need ended sessions of at least {LEAST_CLIENTS} clients in a "
            "quarter of a year. Enter the mood before and after a session and its rating on the Sessions page.",
            icon=":material/event_note:",
        )
        st.caption(PRIVACY)
        return
    quarter = table["quarter"].iloc[0]
    newest = {row["measure"]: row for row in table[table["quarter"].eq(quarter)].to_dict("records")}
    st.markdown(f"The newest quarter with enough sessions is **{quarter}**.")
    for box, (measure, about) in zip(st.columns(len(MEASURES)), MEASURES.items(), strict=True):
        if measure not in newest:
            box.metric(about.name, "not yet", border=True, help=about.meaning)
            continue
        row = newest[measure]
        box.metric(about.name, about.text(row["mean"]), border=True, help=about.meaning)
        box.caption(
            f"95 % interval {about.number(row['low'])} to {about.number(row['high'])}, "
            f"{counted(int(row['n']), 'session')}"
        )
    st.header("By quarter")
    shown = table.assign(
        measure=table["measure"].map(lambda measure: MEASURES[measure].name),
        **{
            name: [MEASURES[m].text(v) for m, v in zip(table["measure"], table[name], strict=True)]
            for name in ("mean", "low", "high")
        },
    )
    show.frame(
        shown,
        hide_index=True,
        column_config={"n": st.column_config.NumberColumn("sessions", help="With this entry.")},
        alt="What sessions with clients led to, by quarter",
    )
    show.download(table, "sessions-by-quarter")
    st.caption(f"{PRIVACY} The period above does not matter here: all quarters are shown.")
