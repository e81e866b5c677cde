"""Raters with their roles, and all stored clips."""

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.labelling import agreement, disputes
from core.labelling.identity import is_same_person
from core.labelling.truth import MOST_RATERS, count_only_verified, counts_only_verified, set_raters_needed
from core.pipeline import kept_audio
from core.settings import Settings
from core.store import RATER_ROLES, Rater, Store, newest_clips, raters_table, set_role
from core.wording import clip_name
from pages.shared import login, messages, show, who
from pages.shared.entering import LONGEST
from pages.views.label import rater_views
from pages.views.label.answers_of_all import Answers
from pages.views.label.disputes import play_clip, selected_row

MOST_CLIPS = 2_000  # clips that are listed at once; all are sent to the browser
_DELETED = "clips_deleted"  # session key: number of deleted clips
_WORDS = "clips_words"  # key of the search field
LISTED_ROLE = "analyst (listed)"  # role of raters listed in secrets.toml; it is not in the store


def show_raters(store: Store, person: Rater, answers: Answers, needed: int) -> None:
    """Show the raters with their roles, how many must agree, and how each of them agrees and listens."""
    _show_roles(store, person, answers, needed)
    rater_views.show_agreement(answers)


def _show_roles(store: Store, person: Rater, answers: Answers, needed: int) -> None:
    messages.show_pending_message()
    _raters_needed_form(store, needed)
    try:
        table = raters_table(store)
    except CoreError as error:
        messages.problem(error)
        return
    table = _with_counts(table, answers)
    listed = [who.is_listed(*rater) for rater in zip(table["rater"], table["verified"], strict=True)]
    event = st.dataframe(
        table.assign(role=table["role"].mask(pd.Series(listed, index=table.index, dtype=bool), LISTED_ROLE)),
        hide_index=True,
        key="raters",
        on_select="rerun",
        selection_mode="single-row",
        placeholder="–",
        alt="Raters with their roles and numbers of answers",
        column_config={
            "verified": st.column_config.CheckboxColumn(help="The name comes from a login."),
            "answers": st.column_config.NumberColumn(
                help="Answers that count now, one for each clip, also about synthetic clips."
            ),
            "skips": st.column_config.NumberColumn(help="Those of the answers that name no emotion."),
            "undone": st.column_config.NumberColumn(help="Rows that were taken back."),
            "last_at": st.column_config.DatetimeColumn("last answer", format="distance"),
        },
    )
    row = selected_row(event, table)
    if row is None:
        st.caption("Choose a rater to change their role.")
        return
    if who.is_listed(row["rater"], row["verified"]):
        st.caption(
            f"{messages.literal(row['rater'])} is listed in secrets.toml and stays an analyst until the entry is "
            "removed."
        )
        return
    own = is_same_person(person, row["rater"], row["verified"])
    with st.container(horizontal=True):
        for other in (role for role in RATER_ROLES if role != row["role"]):
            st.button(
                f"Make {messages.literal(row['rater'])} {'an' if other == 'analyst' else 'a'} {other}",
                key=f"change_role_{other}",
                icon=":material/badge:",
                on_click=_set_role,
                args=(store, row["rater"], other, bool(row["verified"])),
                help="You would lose access to this page." if own else None,
            )


def _with_counts(raters: pd.DataFrame, answers: Answers) -> pd.DataFrame:
    """The raters with the numbers of answers that count."""
    none = agreement.Counts(0, 0, 0, 0)
    counts = [
        answers.of_raters.get((str(rater), bool(verified)), none)
        for rater, verified in zip(raters["rater"], raters["verified"], strict=True)
    ]
    return raters.assign(answers=[n.answers for n in counts], skips=[n.skips for n in counts])


def _raters_needed_form(store: Store, needed: int) -> None:
    """Show the number of agreeing raters. Only the button changes it, because the field alone may be out of date."""
    field = (
        f"raters_needed_{needed}"  # a new key when another person changes the rule, so the field shows the new value
    )
    with st.form("raters_needed_form"), st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Agreeing raters that make a label",
            1,
            MOST_RATERS,
            needed,
            key=field,
            help="Two is recommended. Use one if you label alone; mistakes are then not noticed.",
        )
        only = counts_only_verified(store)
        st.checkbox(
            "Only people who logged in count",
            only,
            key=f"{field}_{only}",
            disabled=login.login_configured(),
            help="Always so as long as a login is configured. Stored answers do not change.",
        )
        st.form_submit_button(
            "Change the rule",
            key="change_rule",
            icon=":material/rule:",
            on_click=_set_needed,
            args=(store, field, f"{field}_{only}"),
        )


def _set_needed(store: Store, field: str, only: str) -> None:
    try:
        who.still_analyst(store)
        number = int(st.session_state[field])
        set_raters_needed(store, number)
        if not login.login_configured():
            count_only_verified(store, bool(st.session_state[only]))
        messages.keep_message("success", f"From now on, the number of agreeing raters that make a label is {number}.")
    except CoreError as error:
        messages.keep_message("error", str(error))


def _set_role(store: Store, name: str, role: str, verified: bool) -> None:
    try:
        who.still_analyst(store)
        set_role(store, name, role, verified=verified)
    except CoreError as error:
        messages.keep_message("error", str(error))


def show_clips(store: Store, answers: Answers, needed: int) -> None:
    """Show the stored clips with their status, a player and a delete button; of many clips the newest ones."""
    messages.show_pending_message()
    words = str(st.session_state.get(_WORDS) or "")
    try:
        table, number = newest_clips(store, limit=MOST_CLIPS, search=words)
    except CoreError as error:
        messages.problem(error)
        return
    if words or number > MOST_CLIPS:
        st.text_input("Search file names", key=_WORDS, max_chars=LONGEST)
        newest = f"The newest {MOST_CLIPS:,} of {number:,} clips are shown." if number > MOST_CLIPS else ""
        st.caption(f"{newest} Search for a name to find others." if newest else f"{wording.counted(number, 'clip')}.")
    if table.empty and words:
        st.info("No file name has these words.", icon=":material/filter_alt_off:")
        return
    if table.empty:
        st.info("No clip is stored yet.", icon=":material/queue_music:")
        return
    truth = answers.truth(needed)
    shown = table[["file_name", "origin", "duration_s", "created_at"]].assign(
        file_name=show.clip_names(table),
        audio=table["path"].notna(),
        status=table["clip_id"]
        .map(truth["status"])
        .astype(object)
        .fillna(disputes.UNTOUCHED)
        .map(disputes.status_word),
        label=table["clip_id"].map(truth["label"]).map(wording.with_sign, na_action="ignore"),
    )
    event = st.dataframe(
        shown,
        hide_index=True,
        key=f"clips_{st.session_state.get(_DELETED, 0)}",  # a new key clears the selection after a deletion
        on_select="rerun",
        selection_mode="single-row",
        placeholder="–",
        alt="Clips with their origin, status and label",
        column_config={
            "file_name": st.column_config.TextColumn("clip"),
            "duration_s": st.column_config.NumberColumn("length (s)", format="%.1f"),
            "created_at": st.column_config.DatetimeColumn("added", format="distance"),
            "audio": st.column_config.CheckboxColumn("audio stored"),
        },
    )
    row = selected_row(event, table)
    if row is None:
        st.caption("Choose a clip to hear or delete it.")
        return
    name = clip_name(row["file_name"], row["clip_id"])
    st.header(messages.literal(name))
    play_clip(store, row["clip_id"])
    # A key per clip, so that a late press never deletes another clip.
    if st.button("Delete this clip …", icon=":material/delete:", key=f"delete_{row['clip_id']}"):
        _ask_delete(store, row["clip_id"], name)


@st.dialog("Delete this clip?", icon=":material/delete:")
def _ask_delete(store: Store, clip_id: str, name: str) -> None:
    st.markdown(
        f"**{messages.literal(name)}** is removed from queues, libraries and training, and its stored audio is deleted "
        "from the disk. The music file of a library stays where it is. The answers stay in the audit trail but no "
        "longer "
        "count. This cannot be undone, but you can score the file again."
    )
    with st.container(horizontal=True):
        done = st.button("Delete", key="delete_now", on_click=_delete, args=(store, clip_id, name))
        if st.button("Cancel", type="primary", key="delete_not") or done:
            st.rerun()


def _delete(store: Store, clip_id: str, name: str) -> None:
    try:
        who.still_analyst(store)
        kept_audio.delete_clip(store, clip_id, settings=Settings())
        st.session_state[_DELETED] = st.session_state.get(_DELETED, 0) + 1
        messages.keep_message("success", f"{name} is deleted.")
    except CoreError as error:
        messages.keep_message("error", str(error))
