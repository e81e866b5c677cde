"""The period of the Use page, and its figures, which all sessions share for a minute."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import streamlit as st

from core.monitoring import use
from core.store import Store
from core.store.checks import now

FRESH_S = 60  # seconds for which figures are not counted again


@dataclass(frozen=True)
class Period:
    """Whole weeks. name : as in the address."""

    name: str
    since: datetime
    until: datetime

    def file_name(self, what: str) -> str:
        """Name of a download without its ending: ``"plays-by-week_2026-08-31_2026-11-30"``."""
        return f"{what}_{self.since:%Y-%m-%d}_{self.until:%Y-%m-%d}"


def ask_period() -> Period:
    """Ask for the period; it is in the address."""
    name = st.segmented_control(
        "Period",
        list(use.PERIODS),
        default="13 weeks",
        required=True,
        key="period",
        bind="query-params",
        help="Whole weeks from Monday to Sunday, in UTC, with the running week.",
    )
    return Period(str(name), *use.weeks_until(now(), use.PERIODS[str(name)]))


@st.cache_data(show_spinner="Counting …", ttl=FRESH_S, max_entries=32)
def hearings(url: str, period: Period, by: str, _store: Store) -> pd.DataFrame:
    """As ``core.monitoring.use.hearings``."""
    return use.hearings(_store, period.since, period.until, by=by)


@st.cache_data(show_spinner="Counting …", ttl=FRESH_S, max_entries=16)
def visits(url: str, period: Period, _store: Store) -> tuple[int, float]:
    """As ``core.monitoring.use.visits``."""
    return use.visits(_store, period.since, period.until)


@st.cache_data(show_spinner="Counting …", ttl=FRESH_S, max_entries=16)
def answers(url: str, period: Period, _store: Store) -> tuple[pd.DataFrame, tuple[int, float]]:
    """As ``core.monitoring.use.answers`` and ``median_answer_s``."""
    between = period.since, period.until
    return use.answers(_store, *between), use.median_answer_s(_store, *between)


@st.cache_data(show_spinner="Counting …", ttl=FRESH_S, max_entries=4)
def satisfaction(url: str, _store: Store) -> pd.DataFrame:
    """As ``core.monitoring.use.satisfaction``."""
    return use.satisfaction(_store)
