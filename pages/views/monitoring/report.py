"""The button that makes the weekly report."""

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from core.monitoring.periods import Period, week_named
from core.monitoring.weekly import file_name, weekly_html, weekly_report
from core.store import Store


def _made(store: Store, week: Period) -> bytes:
    return weekly_html(weekly_report(store, week, now=datetime.now(UTC)))


def offer(store: Store) -> None:
    """Offer the report of the last whole week, and of this week. The report is made when a person asks for it."""
    now = datetime.now(UTC)
    this = f"{now.isocalendar().year}-W{now.isocalendar().week:02d}"
    with st.popover("Weekly report", icon=":material/summarize:"):
        st.caption("One HTML file for printing, with the numbers of the week beside those of the week before.")
        for label, name in (("Last whole week", ""), ("This week until now", this)):
            week = week_named(name, now)
            st.download_button(
                f"{label} ({week.name})",
                partial(_made, store, week),
                file_name=file_name(week),
                mime="text/html",
                icon=":material/download:",
                key=f"download_weekly_{week.name}",
                on_click="ignore",
            )
