"""Who answers and with which role, and every clip that is stored."""

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.labelling import agreement, disputes
from core.labelling.identity import is_same_person
from core.labelling.truth import MOST_RATERS, set_raters_needed
from core.pipeline import kept_audio
from core.settings import Settings
from core.store import Rater, Store, clips_table, raters_table, set_role
from pages.shared import messages, who
from pages.views.label.disputes import SAID, play_clip, selected_row, told

_DELETED = "clips_deleted"  # in the session: how many
LISTED_ROLE = "analyst (listed)"  # the role of whom secrets.toml names; it is not in the store


def show_raters(store: Store, person: Rater, needed: int) -> None:
    """Who answers, with which role, and how many have to agree."""
    told()
    _raters_needed_form(store, needed)
    try:
        table = raters_table(store)
    except CoreError as error:
        messages.problem(error)
        return
    listed = [who.is_listed(*rater) for rater in zip(table["rater"], table["verified"], strict=True)]
    event = st.dataframe(
        table.assign(role=table["role"].mask(pd.Series(listed, index=table.index, dtype=bool), LISTED_ROLE)),
        hide_index=True,
        key="raters",
        on_select="rerun",
        selection_mode="single-row",
        alt="Raters with their roles and numbers of answers",
        column_config={
            "verified": st.column_config.CheckboxColumn(help="The name comes from a login."),
            "answers": st.column_config.NumberColumn(help="That stand."),
            "last_at": st.column_config.DatetimeColumn("last answer", format="distance"),
        },
    )
    row = selected_row(event, table)
    if row is None:
        st.caption("Choose a rater to change the role.")
        return
    if who.is_listed(row["rater"], row["verified"]):
        st.caption(
            f"{messages.literal(row['rater'])} is listed in secrets.toml, and is an analyst as long as that is so."
        )
        return
    other = "rater" if row["role"] == "analyst" else "analyst"
    own = is_same_person(person, row["rater"], row["verified"])
    st.button(
        f"Make {messages.literal(row['rater'])} {'an' if other == 'analyst' else 'a'} {other}",
        icon=":material/badge:",
        on_click=_set_role,
        args=(store, row["rater"], other, bool(row["verified"])),
        help="You would leave this page." if own else None,
    )


def _raters_needed_form(store: Store, needed: int) -> None:
    """The rule for everybody, changed by its button alone: a field that is only shown changes nothing."""
    field = f"raters_needed_{needed}"  # where somebody else changes the rule, the field begins again from theirs
    with st.form("raters_needed_form"), st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Agreeing raters that make a label",
            1,
            MOST_RATERS,
            needed,
            key=field,
            help="Two is the rule. One is for a person who labels alone: then nobody catches a slip.",
        )
        st.form_submit_button("Change the rule", icon=":material/rule:", on_click=_set_needed, args=(store, field))


def _set_needed(store: Store, field: str) -> None:
    try:
        who.still_analyst(store)
        number = int(st.session_state[field])
        set_raters_needed(store, number)
        st.session_state[SAID] = ("success", f"Agreeing raters that make a label from now on: {number}.")
    except CoreError as error:
        st.session_state[SAID] = ("error", str(error))


def _set_role(store: Store, name: str, role: str, verified: bool) -> None:
    try:
        who.still_analyst(store)
        set_role(store, name, role, verified=verified)
    except CoreError as error:
        st.session_state[SAID] = ("error", str(error))


def show_clips(store: Store, answers: pd.DataFrame, needed: int) -> None:
    """Every clip that is stored, what it is, and its removal."""
    told()
    try:
        table = clips_table(store)
    except CoreError as error:
        messages.problem(error)
        return
    if table.empty:
        st.info("No clip is stored yet.", icon=":material/queue_music:")
        return
    truth = agreement.ground_truth(answers, raters_needed=needed)
    shown = table[["file_name", "origin", "duration_s", "created_at"]].assign(
        audio=table["path"].notna(),
        status=table["clip_id"].map(truth["status"].astype(object)).fillna(disputes.UNTOUCHED),
        label=table["clip_id"].map(truth["label"]).map(wording.with_sign, na_action="ignore"),
    )
    event = st.dataframe(
        shown,
        hide_index=True,
        key=f"clips_{st.session_state.get(_DELETED, 0)}",  # after a deletion no row is chosen
        on_select="rerun",
        selection_mode="single-row",
        alt="Clips with their origin, status and label",
        column_config={
            "file_name": st.column_config.TextColumn("clip"),
            "duration_s": st.column_config.NumberColumn("length (s)", format="%.1f"),
            "created_at": st.column_config.DatetimeColumn("came", format="distance"),
            "audio": st.column_config.CheckboxColumn("audio kept"),
        },
    )
    row = selected_row(event, table)
    if row is None:
        st.caption("Choose a clip to hear or to delete it.")
        return
    st.subheader(messages.literal(row["file_name"]))
    play_clip(store, row["clip_id"])
    # Its own key: a press that comes late, when another clip stands here, is no press for that one.
    if st.button("Delete this clip …", icon=":material/delete:", key=f"delete_{row['clip_id']}"):
        _ask_delete(store, row["clip_id"], row["file_name"])


@st.dialog("Delete this clip?", icon=":material/delete:")
def _ask_delete(store: Store, clip_id: str, name: str) -> None:
    st.markdown(
        f"**{messages.literal(name)}** leaves queues, libraries and training, and its kept audio is removed from the "
        "disk. A file of a library stays where it is. What people said of it stays in the audit trail, and counts no "
        "more. This cannot be taken back; scoring the file again brings the clip."
    )
    with st.container(horizontal=True):
        done = st.button("Delete it", key="delete_now", on_click=_delete, args=(store, clip_id, name))
        if st.button("Keep it", type="primary", key="delete_not") or done:
            st.rerun()


def _delete(store: Store, clip_id: str, name: str) -> None:
    try:
        who.still_analyst(store)
        kept_audio.delete_clip(store, clip_id, settings=Settings())
        st.session_state[_DELETED] = st.session_state.get(_DELETED, 0) + 1
        st.session_state[SAID] = ("success", f"{name} is deleted.")
    except CoreError as error:
        st.session_state[SAID] = ("error", str(error))
