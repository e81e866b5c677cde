"""Label Studio on the page of files: the export that plays there, and the questions that its files raise."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.labelling import label_studio_export, label_studio_interface
from core.labelling.label_studio_package import CHOICES, choose_clips, write_package
from core.settings import Settings
from core.store import Rater, Store, feedback_table, labels_cache_key
from core.turkish import fold
from pages.shared import messages

MOST_MB = 300  # of sound in one ZIP: a page holds it in memory
LEAVE_OUT = "Leave these answers out"


def export(kept: Store, said: pd.DataFrame, needed: int, *, file_name: str) -> None:
    """Choose clips, and download them with sound, answers and guesses."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.segmented_control(
            "Clips for Label Studio",
            list(CHOICES),
            default="all",
            required=True,
            key="studio_which",
            format_func=lambda choice: CHOICES[choice],
        )
        guesses = st.toggle(
            "With the model's guesses", value=True, key="studio_guesses", help="A guess that is seen sways people."
        )
    try:
        chosen = _chosen(kept, kept.url, labels_cache_key(kept), which, bool(st.session_state.get("synthetic")), needed)
    except CoreError as error:
        st.info(messages.literal(str(error)), icon=":material/info:")
        return

    def packed() -> bytes:
        file = io.BytesIO()
        settings, most = Settings(), MOST_MB << 20
        write_package(file, kept, said, chosen, settings, guesses=guesses, most_bytes=most)
        return file.getvalue()

    st.download_button(
        "Label Studio",
        packed,
        file_name=file_name,
        mime="application/zip",
        icon=":material/download:",
        key="export_studio",
        on_click="ignore",
        help=f"{len(chosen)} clips with sound, answers and guesses. At most {MOST_MB} MB of sound come at once; "
        "`python -m core export-labels` writes any number.",
    )
    with st.expander("How the ZIP plays in Label Studio", icon=":material/help:"):
        st.markdown("\n".join(f"{n}. {step}" for n, step in enumerate(label_studio_export.HOW_TO, 1)))
        st.markdown(label_studio_export.BACK)
        st.code(label_studio_interface.label_studio_config(), language="xml")


@st.cache_resource(show_spinner=False, max_entries=2, ttl=600)
def _chosen(_kept: Store, url: str, mark: tuple[object, ...], which: str, synthetic: bool, needed: int) -> pd.DataFrame:
    """url, mark : of the store, and of what it holds."""
    return choose_clips(_kept, feedback_table(_kept), which=which, synthetic=synthetic, raters_needed=needed)


def which_column(columns: Sequence[str], message: str, file_id: str) -> str | None:
    """Ask which column holds the emotions; None until that is answered."""
    st.warning(messages.literal(message), icon=":material/help:")
    return st.selectbox(
        "Which column holds the emotions?",
        list(columns),
        index=None,
        key=f"control_{file_id}",
        placeholder="Choose a column",
    )


def who_is_this(accounts: Mapping[str, int], raters: pd.DataFrame, person: Rater, file_id: str) -> dict[str, str]:
    """Ask who each account of Label Studio is, and return what was said: account to rater, empty = left out.

    accounts : with their numbers of answers.  raters : from the store.
    """
    names = list(dict.fromkeys([person.name, *raters.loc[~raters["verified"].astype(bool), "rater"]]))
    answers: dict[str, str] = {}
    for number, (account, n) in enumerate(accounts.items()):
        usual = next((k for k, name in enumerate(names) if fold(name) == fold(account)), None)
        answer = st.selectbox(
            f"Who is this? Account {messages.literal(account)} of Label Studio, {n} answers",
            [*names, LEAVE_OUT],
            index=usual,
            key=f"account_{file_id}_{number}",
            placeholder="Choose a rater, or type a new name",
            accept_new_options=True,
        )
        if answer:
            answers[account] = "" if answer == LEAVE_OUT else answer.strip()
    shared = [name for name, n in Counter(filter(None, answers.values())).items() if n > 1]
    if shared:
        st.warning(
            f"Several accounts are {messages.literal(', '.join(shared))}: of their answers about one clip the latest "
            "counts.",
            icon=":material/group:",
        )
    return answers
