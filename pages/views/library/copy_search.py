"""Page Same recordings: the search for copies in the background, and what the last one found."""

import streamlit as st

from core.access import Action
from core.errors import CoreError
from core.library.copies import JOB
from core.pipeline import jobs
from core.settings import Settings
from core.store import Store, cancel_job, latest_job
from pages.shared import messages


def show_search(store: Store) -> None:
    """Show the button that starts a search, the progress of a search, and what the last one found."""
    job = jobs.running(store, JOB)
    if job is not None:
        _show_running(store, job.job_id)
        return
    last = latest_job(store, JOB)
    with st.container(horizontal=True, vertical_alignment="center"):
        if store.by.may(Action.SCORE_LIBRARY):
            st.button(
                "Look for copies",
                icon=":material/search:",
                key="copies_search",
                on_click=_start,
                args=(store,),
                help="Compares all pieces of the library: first their lengths, then their fingerprints, then their "
                "features. It runs in the background.",
            )
        if last is None:
            st.caption("Nobody has looked for copies yet.", width="content")
        elif last.state == "done":
            st.caption(messages.literal(last.message), width="stretch")
    if last is not None and last.state == "cancelled":
        st.info("The last search was cancelled. A new one goes on there.", icon=":material/pause:")
    elif last is not None and last.state not in ("done", "running"):
        st.error(messages.literal(f"The last search ended early. {last.message}"), icon=":material/error:")


def _start(store: Store) -> None:
    try:
        jobs.launch(store, JOB, ["copies"], settings=Settings())
    except CoreError as error:
        messages.keep_message("error", str(error))


@st.fragment(run_every=1.0)
def _show_running(store: Store, job_id: int) -> None:
    """Show the active search; rerun the page when it ends."""
    job = jobs.running(store, JOB)
    if job is None or job.job_id != job_id:
        st.rerun()
    with st.container(border=True):
        st.progress(job.progress, text=messages.literal(job.message))
        if job.cancel:
            st.caption("Stopping …")
        else:
            st.button("Cancel", icon=":material/cancel:", key="copies_cancel", on_click=_cancel, args=(store, job_id))


def _cancel(store: Store, job_id: int) -> None:
    try:
        cancel_job(store, job_id)
    except CoreError as error:
        messages.keep_message("error", str(error))
