"""Agreement of each rater with their own earlier answers and with others, and how each rater listens."""

import pandas as pd
import streamlit as st

from core import wording
from core.settings import Settings
from pages.shared import show
from pages.views.label.answers_of_all import Answers


def show_agreement(answers: Answers) -> None:
    """Show one row per rater."""
    st.header("Agreement and listening by rater")
    least = Settings().least_heard
    with st.spinner("Measuring agreement …"):
        table = answers.by_rater(least)
    if table.empty:
        st.caption("No rater has answered yet.")
        return
    st.dataframe(
        pd.DataFrame(
            {
                "rater": table["rater"],
                "with own earlier answers": _shares(table, "with_self", "self"),
                "clips twice": table["twice"],
                "with others": _shares(table, "with_others", "others"),
                "clips with others": table["clips"],
                "hasty": table["hasty"],
                "of": table["measured"],
                "answer_s": table["answer_s"],
                "heard": 100 * table["heard_share"],
            }
        ),
        hide_index=True,
        alt="Agreement of each rater with their own earlier answers and with others, and how they listen",
        column_config={
            "with own earlier answers": st.column_config.TextColumn(
                help="Equal answers among the clips that a task asked twice, with the 95 % interval (Wilson). The "
                "second answers count for nothing else."
            ),
            "with others": st.column_config.TextColumn(
                help="Equal answers among all pairs with another rater, with the 95 % interval (bootstrap over clips)."
            ),
            "hasty": st.column_config.NumberColumn(
                help=f"Answers that came before the person had heard {wording.whole_percent(least)} of the clip."
            ),
            "of": st.column_config.NumberColumn(help="Answers for which the browser measured the listening."),
            "answer_s": st.column_config.NumberColumn(
                "seconds to answer", format="%.1f", help="From the first sound to the answer, median."
            ),
            "heard": st.column_config.NumberColumn("heard of a clip", format="%.0f %%", help="Median."),
        },
    )
    show.download(table, "agreement-by-rater")


def _shares(table: pd.DataFrame, share: str, name: str) -> list[str]:
    return [
        "not yet" if pd.isna(value) else wording.share_with_interval(value, low, high)
        for value, low, high in zip(table[share], table[f"{name}_low"], table[f"{name}_high"], strict=True)
    ]
