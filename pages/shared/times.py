"""Moments in the time zone of the reader."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
import streamlit as st

from core.wording import moment


def zone() -> tzinfo:
    """Return the time zone of the reader's browser; UTC if the browser does not name a known one."""
    try:
        return ZoneInfo(str(st.context.timezone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def local(when: datetime) -> str:
    """Return a moment as the reader's clock shows it, with the name of the time zone."""
    return moment(when, zone())


def local_column(times: pd.Series) -> pd.Series:
    """Return a column of moments in the reader's time zone, for a table on the page."""
    return pd.to_datetime(times, utc=True).dt.tz_convert(zone())
