"""The tables of the Monitoring page, cached for all sessions together.

A period ends at the next full minute, a long one at the next full ten minutes. It is the key of the cache, so all
figures of a page are of the same moment, and new ones are read when the next minute begins. The page asks for the right
before it reads them.
"""

from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from core.monitoring import health, quality
from core.monitoring.periods import Period, period_named
from core.store import Store

LONG_S = 600.0  # the figures of long periods are at most so old
_SHORT_S = 60.0
_LONG = timedelta(days=60)
_ENTRIES = 48


def fresh_s(period: Period) -> float:
    """How old the figures of a period can be."""
    return LONG_S if period.until - period.since > _LONG else _SHORT_S


def period(name: str) -> Period:
    """The period of this name, which ends at the next full minute or ten minutes."""
    now = datetime.now(UTC)
    step = timedelta(seconds=fresh_s(period_named(name, now)))
    begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return period_named(name, begin + ((now - begin) // step + 1) * step)


@st.cache_data(ttl=LONG_S, show_spinner="Counting the clips …", max_entries=_ENTRIES)
def traffic(url: str, when: Period, _store: Store) -> pd.DataFrame:
    """The clips that came, see ``core.monitoring.health.traffic``. url : address of the store."""
    return health.traffic(_store, when)


@st.cache_data(ttl=LONG_S, show_spinner="Counting the seconds …", max_entries=_ENTRIES)
def latency(url: str, when: Period, _store: Store) -> pd.DataFrame:
    """How fast clips were answered, see ``core.monitoring.health.latency``."""
    return health.latency(_store, when)


@st.cache_data(ttl=LONG_S, show_spinner=False, max_entries=_ENTRIES)
def stages(url: str, when: Period, _store: Store) -> pd.DataFrame:
    """Where the time goes, see ``core.monitoring.health.stages``."""
    return health.stages(_store, when)


@st.cache_data(ttl=LONG_S, show_spinner="Counting the decisions …", max_entries=_ENTRIES)
def decisions(url: str, when: Period, _store: Store) -> pd.DataFrame:
    """What was decided, see ``core.monitoring.health.decisions``."""
    return health.decisions(_store, when)


@st.cache_data(ttl=LONG_S, show_spinner=False, max_entries=_ENTRIES)
def synthetic(url: str, when: Period, _store: Store) -> int:
    """How many of the answered clips are synthetic, see ``core.monitoring.health.synthetic``."""
    return health.synthetic(_store, when)


@st.cache_data(ttl=LONG_S, show_spinner="Counting the slices …", max_entries=_ENTRIES)
def slices(url: str, when: Period, by: str, _store: Store) -> pd.DataFrame:
    """The figures of each slice, see ``core.monitoring.health.slices``."""
    return health.slices(_store, when, by)


@st.cache_data(ttl=LONG_S, show_spinner="Reading the labels …", max_entries=8)
def labelled(url: str, when: Period, _store: Store) -> pd.DataFrame:
    """Predictions with later labels, see ``core.monitoring.quality.labelled_predictions``."""
    return quality.labelled_predictions(_store, when)


@st.cache_data(ttl=LONG_S, show_spinner="Measuring the quality …", max_entries=_ENTRIES)
def quality_over_time(url: str, when: Period, _store: Store) -> pd.DataFrame:
    """The figures of each model over time, see ``core.monitoring.quality.quality_over_time``."""
    return quality.quality_over_time(labelled(url, when, _store), when)
