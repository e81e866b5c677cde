"""Label Studio on the Files tab: the export, and the questions about a file from Label Studio."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.labelling import label_studio_export, label_studio_interface
from core.labelling.label_studio_package import CHOICES, chosen_clips, with_facts, write_package
from core.settings import Settings
from core.store import Rater, Store, labels_cache_key
from core.turkish import fold
from core.wording import counted
from pages.shared import messages

MAX_ZIP_MB = 300  # audio in one ZIP, which is built in memory
LEAVE_OUT = "Leave these answers out"


def show_export(store: Store, synthetic: bool, needed: int) -> None:
    """Choose clips, and download them with audio, answers and guesses. synthetic : also clips for practice."""
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
            "With the model's guesses",
            value=True,
            key="studio_guesses",
            help="Raters who see a guess are influenced by it.",
        )
    try:
        chosen = _chosen(store, store.url, labels_cache_key(store), which, synthetic, needed)
    except CoreError as error:
        st.info(messages.literal(str(error)), icon=":material/info:")
        return

    asked = store.as_now()  # a download is made outside the session

    def packed() -> bytes:
        file, most = io.BytesIO(), MAX_ZIP_MB << 20
        write_package(file, asked, None, with_facts(asked, chosen), Settings(), guesses=guesses, most_bytes=most)
        return file.getvalue()

    st.download_button(
        "Label Studio",
        packed,
        file_name="labels.zip",
        mime="application/zip",
        icon=":material/download:",
        key="export_studio",
        on_click="ignore",
        help=f"{len(chosen)} clips with audio, answers and guesses. The ZIP holds at most {MAX_ZIP_MB} MB of audio; "
        "`python -m core export-labels` has no limit.",
    )
    with st.expander("How to use the ZIP in Label Studio", icon=":material/help:"):
        st.markdown("\n".join(f"{n}. {step}" for n, step in enumerate(label_studio_export.HOW_TO, 1)))
        st.markdown(label_studio_export.BACK)
        st.code(label_studio_interface.label_studio_config(), language="xml")


@st.cache_resource(show_spinner=False, max_entries=2, ttl=600)
def _chosen(_store: Store, url: str, mark: tuple[object, ...], which: str, synthetic: bool, needed: int) -> pd.Series:
    """Clips for the export. url, mark : address and state of the store."""
    return chosen_clips(_store, which=which, synthetic=synthetic, raters_needed=needed)


def ask_column(columns: Sequence[str], message: str, file_id: str) -> str | None:
    """Ask which column holds the emotions; None until one is chosen."""
    st.warning(messages.literal(message), icon=":material/help:")
    return st.selectbox(
        "Which column holds the emotions?",
        list(columns),
        index=None,
        key=f"control_{file_id}",
        placeholder="Choose a column",
    )


def ask_accounts(accounts: Mapping[str, int], raters: pd.DataFrame, person: Rater, file_id: str) -> dict[str, str]:
    """Ask which rater each Label Studio account belongs to.

    accounts : account to its number of answers.  raters : from the store.
    Returns account to rater; "" leaves its answers out.
    """
    names = list(dict.fromkeys([person.name, *raters.loc[~raters["verified"].astype(bool), "rater"]]))
    answers: dict[str, str] = {}
    for number, (account, n) in enumerate(accounts.items()):
        usual = next((k for k, name in enumerate(names) if fold(name) == fold(account)), None)
        answer = st.selectbox(
            f"Who is this? Account {messages.literal(account)} of Label Studio, {counted(n, 'answer')}",
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
            f"Several accounts belong to {messages.literal(', '.join(shared))}. If they answered the same clip, only "
            "the "
            "latest answer counts.",
            icon=":material/group:",
        )
    return answers
