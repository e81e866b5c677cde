"""Monitoring: traffic, speed, decisions, quality, drift and alarms over time, and what to do now."""

import streamlit as st

from core.monitoring.periods import LENGTHS, USUAL
from core.wording import duration
from pages.shared import cached, messages, tabs, who
from pages.views.monitoring import activity, alarms, drift, overview, quality, report, slices, tables
from pages.views.monitoring.parts import Seen

st.title("Monitoring")
store = cached.store()
if store is None:
    st.stop()
person = who.require_analyst(store, why=who.ONLY_ROLE, show_result=messages.show_pending_message)
with st.container(horizontal=True):
    who.badge(store, person)
    report.offer(store)
asked = st.pills("Period", list(LENGTHS), default=USUAL, key="period", bind="query-params", required=True)
seen = Seen(store, tables.period(str(asked)))
st.caption(
    f"The figures are at most {duration(tables.fresh_s(seen.period))} old. Days and weeks are those of UTC. No name of "
    "a person is noted."
)
shows = {
    "Overview": overview.show_overview,
    "Traffic": activity.traffic,
    "Speed": activity.speed,
    "Decisions": activity.decisions,
    "Quality": quality.show_quality,
    "Drift": drift.show_drift,
    "Alarms": alarms.show_alarms,
    "Slices": slices.show_slices,
}
tabs.show_tabs(shows, seen, key="tab")
