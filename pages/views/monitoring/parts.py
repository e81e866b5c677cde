"""What all tabs of the Monitoring page show in one form: the empty state, figures with intervals, steps in words."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core import wording
from core.monitoring.periods import Period, step_words
from core.store import Store

HINTS = {
    "f1": "F1 joins two questions about an emotion: how many clips with it are found, and how many that are called so "
    "are right. Macro-F1 is the mean over the four emotions; 1 is perfect.",
    "promised": "What the model's own probabilities promise for the same clips. People are asked first about clips on "
    "which the model is unsure, so macro-F1 of these clips is low even for a good model.",
    "ece": "Expected calibration error: how far the probabilities are from how often they are right, on average. 0 is "
    "perfect, but with few clips even a perfect model is above 0; the value beside it says how far.",
    "ks": "Kolmogorov-Smirnov distance: the largest gap between two distributions. 0 = the same, 1 = nothing in "
    "common.",
    "psi": "Population stability index: compares the shares of ten groups of values. Commonly, more than 0.2 is called "
    "drift. With few clips it exceeds 0.2 by chance, so the share to expect by chance stands beside it.",
    "q": "p-value with a correction for the number of features (Benjamini-Hochberg): among the features that are "
    "called drifted, at most 5 % are false on average.",
    "p95": "95 of 100 clips were answered faster. From the end of the upload to the answer, with the time in the line "
    "of the server.",
    "unsure": "Clips for which the policy accepts no single emotion: it offers two, or asks for a person. Clips "
    "unlike the training music count here; the alarm about unsure answers leaves them out.",
    "failed": "Clips that the program could not answer by its own fault. Files without usable sound are refused and do "
    "not count here.",
}


@dataclass(frozen=True)
class Seen:
    """What a tab shows: the open store and the period."""

    store: Store
    period: Period

    @property
    def key(self) -> tuple[str, Period]:
        """Cache key of the tables."""
        return self.store.url, self.period


def with_steps(table: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The table with a column step: the name of the period of each row."""
    return table.assign(step=step_words(table["period"], period))


def nothing_yet(what: str, where: str) -> None:
    """Say what will appear here, and from where."""
    st.info(f"Nothing in this period. {what} {where}", icon=":material/hourglass_empty:")


def share(value: float, low: float, high: float) -> str:
    """A share with its interval, or "none yet"."""
    return "none yet" if pd.isna(value) else wording.share_with_interval(value, low, high)


def number(value: float, low: float, high: float) -> str:
    """A figure with its interval: ``"0.71 (0.64 to 0.77)"``; "none yet" without a value."""
    if pd.isna(value):
        return "none yet"
    return f"{value:.2f}" if pd.isna(low) else f"{value:.2f} ({low:.2f} to {high:.2f})"


def seconds(value: float, low: float = float("nan"), high: float = float("nan")) -> str:
    """A time with its interval: ``"0.84 s (0.79 to 0.91 s)"``; "none yet" without a value."""
    if pd.isna(value):
        return "none yet"
    return f"{value:.2f} s" if pd.isna(low) else f"{value:.2f} s ({low:.2f} to {high:.2f} s)"


def percent_column(label: str, meaning: str = "") -> object:
    """Form of a column of shares that are given in percent."""
    return st.column_config.NumberColumn(label, format="%.1f %%", help=meaning or None)


def rows_in_words(seen: Seen) -> str:
    """What a download contains, for its first lines."""
    if seen.period.name == "All":
        return f"all events until {seen.period.until:%Y-%m-%d %H:%M} UTC"
    return f"events from {seen.period.since:%Y-%m-%d %H:%M} to {seen.period.until:%Y-%m-%d %H:%M} UTC"
