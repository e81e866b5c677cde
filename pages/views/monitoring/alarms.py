"""The tab Alarms of the Monitoring page: what rings now and what to do, and what rang before."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.monitoring.alarm_state import Alarm, alarm_history, alarms_now, last_look
from core.monitoring.findings import first_judgement
from core.monitoring.rules import RULE_WEEKS, TOGETHER_WEEKS, Rule, Standing
from core.wording import times
from pages.shared import show
from pages.shared.messages import literal
from pages.shared.times import local, local_column
from pages.views.monitoring.parts import Seen, rows_in_words

WATCH = "The command `python -m core watch` looks at the alarms. A schedule of the machine should run it once a day."
PLACES = {  # alarm -> tab with its figures, and the page where something can be done
    Rule.DRIFT: ("Drift", "pages/label.py", "Label clips"),
    Rule.UNLIKE: ("Decisions", "pages/label.py", "Label clips"),
    Rule.UNSURE: ("Decisions", "pages/learning.py", "Learning"),
    Rule.F1: ("Quality", "pages/confusion.py", "Confusion"),
    Rule.LABELS: ("Quality", "pages/agreement.py", "Agreement"),
}
STANDINGS = {Standing.RINGS: "● rings", Standing.QUIET: "○ quiet", Standing.UNKNOWN: "… too few data"}


def show_now(seen: Seen, found: Sequence[Alarm]) -> None:
    """Show what to do now: each ringing alarm with what was seen, how sure it is, and what helps.

    found : all alarms, of ``alarms_now``.
    """
    st.subheader("What to do now")
    ringing = [alarm for alarm in found if alarm.rings]
    newest = last_look(seen.store)
    if not found or newest is None:
        st.info(f"The alarms were not checked yet. {WATCH}", icon=":material/notifications_off:")
        return
    if not ringing and not any(alarm.judges for alarm in found):
        when = f"Last check: {literal(local(newest))}."
        st.info(
            f"Nothing is judged yet. {first_judgement(datetime.now(UTC))} {when}", icon=":material/hourglass_empty:"
        )
        return
    if not ringing:
        st.success(f"Nothing. No alarm rings. Last check: {literal(local(newest))}.", icon=":material/check_circle:")
        return
    for alarm in ringing:
        _card(alarm)


def _card(alarm: Alarm) -> None:
    finding = alarm.finding
    with st.container(border=True):
        since = f", since {literal(local(alarm.since))}" if alarm.since else ""
        st.markdown(f":orange-badge[:material/notifications_active: rings] **{finding.name}**{since}")
        st.markdown(literal(finding.seen))
        st.markdown(f"**Do this:** {literal(finding.to_do)}")
        st.caption(literal(f"{finding.sure} {finding.by_chance}".strip()))
        tab, page, label = PLACES[finding.rule]
        with st.container(horizontal=True):
            st.page_link(
                "pages/monitoring.py", label=f"Tab {tab}", query_params={"tab": tab}, icon=":material/monitoring:"
            )
            st.page_link(page, label=label, icon=":material/arrow_forward:")


def show_alarms(seen: Seen) -> None:
    """Show all alarms as they are now, and when they rang in the period."""
    found = alarms_now(seen.store)
    show_now(seen, found)
    if not found:
        return
    st.subheader("All alarms")
    for alarm in found:
        _line(alarm)
    st.caption(
        f"Each alarm that depends on chance rings by chance at most once in {RULE_WEEKS} weeks, so that all of them "
        f"together ring by chance at most once in {TOGETHER_WEEKS} weeks. Each whole week is judged once. {WATCH}"
    )
    _history(seen)


def _line(alarm: Alarm) -> None:
    """One alarm as text: in a table, these sentences would be cut off."""
    finding = alarm.finding
    st.markdown(f"**{finding.name}** ({STANDINGS[finding.standing]}). {literal(finding.seen)}")
    st.caption(f"{literal(finding.by_chance)} As of {literal(local(alarm.looked_at))}.".strip())


def _history(seen: Seen) -> None:
    st.subheader("When they rang")
    table = alarm_history(seen.store, since=seen.period.since)
    if table.empty:
        st.info("No alarm started or stopped in this period.", icon=":material/history:")
        return
    shown = pd.DataFrame(
        {
            "when": local_column(table["at"]),
            "alarm": table["name"],
            "what happened": table["rings"].map({True: "● started", False: "○ stopped"}),
            "what was seen": table["seen"],
            "model": table["model_version"],
        }
    )
    show.frame(
        shown,
        hide_index=True,
        alt="History of the alarms",
        column_config={"what was seen": st.column_config.Column(width="large")},
    )
    show.download(table, "monitoring_alarms", rows=rows_in_words(seen))
    st.caption(f"An alarm started {times(int(table['rings'].sum()))} in this period.")
