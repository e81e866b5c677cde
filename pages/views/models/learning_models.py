"""The History view of the Learning page: all versions, the way back to the previous champion, past jobs."""

import streamlit as st

from core import file_names
from core.access import Person
from core.errors import CoreError
from core.models import registry
from core.pipeline import jobs
from core.pipeline.serving import Served
from core.settings import Settings
from core.store import Rater, Store, jobs_table
from core.training import promotion, retraining
from pages.shared import who
from pages.shared.messages import keep_message, literal
from pages.shared.show import download, frame
from pages.shared.times import local_column
from pages.views.models import version_views


def person_now(store: Store) -> Person:
    """The person who asks, if still an analyst. Raises CoreError otherwise."""
    who.still_analyst(store)
    return store.by


def _roll_back(store: Store, shown: str) -> None:
    try:
        version = promotion.roll_back(Settings(), shown=shown, by=person_now(store), store=store)
        keep_message(
            "success",
            f"In use again: {version}. The replaced model becomes the challenger, unless there is another challenger. "
            f"{start_rescoring(store)}",
        )
    except CoreError as error:
        keep_message("error", str(error))


def start_rescoring(store: Store) -> str:
    """Start to rescore the stored clips, unless a run is active (it takes up new models by itself)."""
    if jobs.running(store, retraining.RESCORE) is None:
        try:
            jobs.launch(store, retraining.RESCORE, ["rescore"], settings=Settings())
        except CoreError as error:
            return f"But the stored clips could not be scored again: {error}"
    return "The stored clips are scored again in the background."


def history(store: Store, person: Rater, served: Served) -> None:
    """Show all versions over time, what changed between two, the button that goes back, and past jobs."""
    st.markdown(f"In use: `{served.model.version}`, {literal(served.model.source)}.")
    present = registry.find(file_names.CHAMPION, settings=Settings())
    st.button(
        "Go back to the previous champion",
        icon=":material/undo:",
        key="rollback",
        on_click=_roll_back,
        args=(store, present.version if present else ""),
        disabled=present is None,
        help="Makes the model that the present champion replaced the champion again. Nothing is deleted.",
    )
    known = version_views.all_versions()
    version_views.over_time(known)
    version_views.decisions(known)
    version_views.two_versions(known)
    st.header("All versions")
    table = known.registered
    if table.empty:
        st.info(
            "The registry is empty. The model that comes with the program is in use.", icon=":material/inventory_2:"
        )
    else:
        times = [name for name in ("created_at", "promoted_at") if name in table]
        shown = table.assign(**{name: local_column(table[name]) for name in times}).fillna({"rolled_back": ""})
        frame(
            shown,
            hide_index=True,
            alt="Versions in the registry",
        )
        download(table, "versions")
    with st.expander("Past jobs", icon=":material/history:"):
        frame(jobs_table(store).drop(columns=["result", "cancel"]), hide_index=True, alt="Jobs, newest first")
