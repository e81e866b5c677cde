"""Agreement between raters over time."""

import pandas as pd
import streamlit as st

from core.labelling.agreement import ALPHA_WORDS, RELIABLE, TENTATIVE
from core.labelling.agreement_by_month import agreement_by_month
from core.store import Store, answer_months, answers_key, answers_table
from core.wording import counted, whole_percent
from pages.figures import use as figures
from pages.shared import show


@st.cache_data(show_spinner="Measuring agreement …", max_entries=4, ttl=3600)
def _by_month(key: tuple[object, ...], _store: Store) -> pd.DataFrame:
    return agreement_by_month(answers_table(_store), answer_months(_store))


def show_agreement(store: Store) -> None:
    """Show alpha month by month, with its interval."""
    months = _by_month(answers_key(store), store)
    if months.empty:
        st.info(
            "No clip has answers of two raters yet. Their agreement appears here, month by month, as soon as two "
            "people have labelled the same clip.",
            icon=":material/handshake:",
        )
        st.caption(ALPHA_WORDS)
        return
    newest = months.iloc[-1]
    st.markdown(
        f"**{newest['month']:%B %Y}**: {counted(int(newest['clips']), 'clip')} with answers of two people or more, by "
        f"{counted(int(newest['raters']), 'rater')}. "
        f"{whole_percent(newest['raw'])} of the pairs of answers are equal."
    )
    figure = figures.over_time(
        months.rename(columns={"month": "when", "alpha_low": "low", "alpha_high": "high"}),
        "alpha",
        title="Agreement between raters (alpha)",
        axis="alpha",
        marks={RELIABLE: "reliable", TENTATIVE: "tentative"},
    )
    show.chart(
        figure,
        key="agreement-by-month",
        alt="Alpha month by month: "
        + "; ".join(f"{r.month:%b %Y} {r.alpha:.2f} ({r.clips} clips)" for r in months.tail(12).itertuples()),
        data=months,
    )
    st.caption(
        f"{ALPHA_WORDS} A clip belongs to the month of its newest answer. The period above does not matter here: all "
        "months are shown."
    )
    st.page_link("pages/agreement.py", label="Agreement by rater and emotion", icon=":material/handshake:")
