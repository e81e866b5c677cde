"""Labels of people that the model contradicts, and the form that asks raters for these clips again."""

import secrets
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core import wording
from core.access import Action
from core.errors import CoreError
from core.labelling import raters, tasks
from core.models.description import ModelDescription, describe_model_in_use
from core.settings import Settings
from core.store import MAX_NAME, Store, clips_for_tasks, labels_cache_key, raters_table
from core.training import label_checks, labelled_data
from pages.shared import cached, login, messages, show, who

FRESH_S = 60.0  # seconds for which a computed list is shown again
_TURN = "check_task_turn"  # session key: number of tasks that were made, so that each form and table is new


@st.cache_data(show_spinner="Looking for doubtful labels …", ttl=FRESH_S, max_entries=4)
def _doubts(url: str, stamp: tuple[object, ...], _store: Store, _model: ModelDescription) -> tuple[pd.DataFrame, int]:
    """List doubtful labels whose sound is stored, and count the labels that raters agreed on.

    url, stamp : cache key, which changes with labels and model.
    """
    data = labelled_data.current_data(_store, cached.table())
    doubts = label_checks.doubtful_answers(_store, _model, data, Settings())
    known = clips_for_tasks(_store, raters=(), clip_ids=doubts["clip_id"].tolist())
    table = doubts.merge(known[["clip_id", "file_name"]], on="clip_id", validate="one_to_one")
    return table, len(data.labelled)


def doubts_of_people() -> None:
    """Show the labels of people that the model in use contradicts, and offer to ask raters again."""
    st.header("Labels of people to check")
    store = cached.store()
    if store is None:
        return
    if not store.by.may(Action.MAKE_TASK):
        st.caption("An analyst also sees here which labels of people the model contradicts, and asks raters again.")
        return
    messages.show_pending_message()
    if cached.table().synthetic:
        st.info("This list needs the published table. Add it on the Explore page.", icon=":material/table_view:")
        return
    try:
        model = describe_model_in_use(Settings())
        table, agreed = _doubts(store.url, (model.version, *labels_cache_key(store)), store, model)
    except CoreError as error:
        messages.problem(error)
        return
    if table.empty:
        icon = ":material/check:" if agreed else ":material/hourglass_empty:"
        st.info(none_in_words(agreed), icon=icon)
        return
    _ask_again(store, table)


def none_in_words(agreed: int) -> str:
    """Say that no label is doubtful, or that there is none yet. agreed : number of labels that raters agreed on."""
    if agreed:
        labels = wording.counted(agreed, "label")
        return f"The model in use contradicts none of the {labels} that raters agreed on."
    return (
        "No labels that raters agreed on yet, so there is nothing to check. Label clips on the Label page, and ask "
        "other raters to label the same clips."
    )


def _ask_again(store: Store, table: pd.DataFrame) -> None:
    """Show the clips; the chosen ones become a task for raters."""
    turn = st.session_state.get(_TURN, 0)
    st.caption(
        f"The model in use contradicts {wording.counted(len(table), 'label')} that raters agreed on. Choose clips in "
        "the first column, and ask raters who have not heard them. The Label page shows them these clips first."
    )
    percent = ("p_label", "p_suggested", "doubt")
    event = show.frame(
        table[["file_name", "label", "suggested", *percent]].assign(
            file_name=show.clip_names(table),
            **{c: table[c].map(wording.with_sign) for c in ("label", "suggested")},
            **{c: 100 * table[c] for c in percent},
        ),
        hide_index=True,
        key=f"doubts_of_people_{turn}",
        on_select="rerun",
        selection_mode="multi-row",
        alt=f"{len(table)} labels of people that the model contradicts",
        column_config=COLUMNS | {"file_name": st.column_config.TextColumn("clip")},
    )
    rows = [row for row in event["selection"]["rows"] if row < len(table)]
    chosen = table["clip_id"].iloc[rows].tolist()
    people = raters_table(store)
    names = {
        raters.shown(name, verified): (name, bool(verified))
        for name, verified in zip(people["rater"], people["verified"], strict=True)
        if not raters.nameless(name)
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name of the task",
            f"Labels to check, {datetime.now(UTC):%-d %B %Y}",
            max_chars=MAX_NAME,
            key=f"check_name_{turn}",
        )
        asked = st.multiselect(
            "Raters",
            list(names),
            key=f"check_raters_{turn}",
            accept_new_options=not login.login_configured(),
            placeholder="Choose raters" if login.login_configured() else "Choose raters or type their names",
        )
        st.button(
            f"Ask again about {wording.counted(len(chosen), 'clip')}" if chosen else "Ask again",
            key="task_check",
            icon=":material/assignment_add:",
            disabled=not chosen or not asked,
            on_click=_make,
            args=(store, name, chosen, [names.get(one, (one, False)) for one in asked]),
            help="Choose clips in the table and raters first.",
        )


COLUMNS = {
    "p_label": st.column_config.NumberColumn("of the label", format="%.0f %%"),
    "p_suggested": st.column_config.NumberColumn("of the suggested", format="%.0f %%"),
    "doubt": st.column_config.NumberColumn(format="%.0f points"),
}


def _make(store: Store, name: str, clip_ids: list[str], people: list[tuple[str, bool]]) -> None:
    try:
        who.still_analyst(store)
        tasks.make_check_task(store, name=name, clip_ids=clip_ids, raters=people, seed=secrets.randbits(31))
        st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
        counted = wording.counted(len(people), "rater")
        messages.keep_message("success", f"The task is made. The Label page shows it to {counted} now.")
    except CoreError as error:
        messages.keep_message("error", str(error))
