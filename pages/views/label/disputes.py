"""Disputed clips: the answers of all raters, and the settlement by an analyst."""

import time
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.labelling import agreement, disputes, identity, queue, settlement, truth
from core.labelling.listening import mark_hasty
from core.labelling.settlement import Pace
from core.settings import Settings
from core.store import MAX_COMMENT, Rater, Store, feedback_table, new_token
from core.wording import clip_name
from pages.shared import messages, show, who
from pages.views.label import desk_actions, player
from pages.views.label.answers_of_all import Answers
from pages.views.label.keys import KEYS

PACE = "settle_pace"  # session key: a `Pace`
_KEYS = {**KEYS, "none of the four": "N", "bad audio": "B"}


def show_disputes(store: Store, person: Rater, answers: Answers, needed: int) -> None:
    """Show the disputed clips and the form that settles one of them."""
    truth_table = answers.truth(needed)
    status = st.segmented_control(
        "Clips that are",
        ["disputed", "skipped", "open", "adjudicated"],
        default="disputed",
        required=True,
        key="status",
        bind="query-params",
        format_func=lambda s: f"{disputes.status_word(s)} ({int(truth_table['status'].eq(s).sum())})",
        help="; ".join(f"{disputes.status_word(s)}: {m}" for s, m in disputes.MEANINGS.items()),
    )
    of_clips = feedback_table(store, clip_ids=disputes.most_answered(truth_table, status=status))
    table = disputes.list_disputes(of_clips, truth_table, status=status)
    messages.show_pending_message()
    if table.empty:
        st.success(f"No clip is {disputes.status_word(status)}.", icon=":material/handshake:")
        _undo_button(store)
        return
    if len(table) == disputes.MOST:
        st.caption(f"The {disputes.MOST} clips with the most answers. Others appear when these are settled.")
    event = st.dataframe(
        table.drop(columns="clip_id").assign(
            file_name=show.clip_names(table), guess=table["guess"].map(wording.with_sign)
        ),
        hide_index=True,
        key=f"disputes_{status}",
        on_select="rerun",
        selection_mode="single-row",
        alt=f"Clips that are {disputes.status_word(status)}, with the answers of each rater",
        column_config={
            "file_name": st.column_config.TextColumn("clip"),
            "last_at": st.column_config.DatetimeColumn("last answer", format="distance"),
            "guess": st.column_config.TextColumn("the model's guess"),
        },
    )
    chosen = selected_row(event, table)
    row = table.iloc[0] if chosen is None else chosen
    st.header(messages.literal(clip_name(row["file_name"], row["clip_id"])))
    st.caption(
        "This is the first clip of the list; choose another one above."
        if chosen is None
        else "You chose this clip above."
    )
    show_settlement(store, person, row, of_clips[of_clips["clip_id"].eq(row["clip_id"])])


def selected_row(event: Mapping[str, Any], table: pd.DataFrame) -> pd.Series | None:
    """The selected row, or None. Ignores a selection past the end, because the table may have become shorter."""
    rows = [row for row in event["selection"]["rows"] if row < len(table)]
    return table.iloc[rows[0]] if rows else None


def show_settlement(store: Store, person: Rater, row: pd.Series, answers: pd.DataFrame) -> None:
    """Show a clip, its answers, and the buttons that settle it."""
    current = agreement.current_answers(mark_hasty(answers, Settings().least_heard))
    settlement.show_clip(_pace(), row["clip_id"])
    with st.container(key="settle"):
        play_clip(store, row["clip_id"])
        heard = current["label"].map(wording.with_sign, na_action="ignore").fillna("skipped: " + current["skip_reason"])
        st.dataframe(
            agreement.people(current)
            .to_frame()
            .join(
                [
                    current["kind"].replace("adjudication", "settlement"),
                    heard.rename("heard"),
                    current[["display", "hasty", "comment", "created_at"]],
                ]
            ),
            hide_index=True,
            alt="Answers about the clip",
            column_config={
                "created_at": st.column_config.DatetimeColumn("when", format="distance"),
                "display": st.column_config.TextColumn("the guess was"),
                "hasty": st.column_config.CheckboxColumn(help="The person had heard little of the clip."),
            },
        )
        raters = current.loc[current["kind"].eq("answer"), ["rater", "verified"]].itertuples(index=False)
        if any(identity.is_same_person(person, *rater) for rater in raters):
            st.warning("You are one of the raters of this clip. It is better if another person settles it.")
        token = st.session_state.setdefault(f"settle_{row['clip_id']}", new_token())
        st.text_input("Why (optional)", key=f"why_{token}", max_chars=MAX_COMMENT)
        st.markdown("**Settle this clip as**")
        with st.container(horizontal=True):
            for verdict in settlement.VERDICTS:
                st.button(
                    wording.with_sign(verdict),
                    key=f"settle_{verdict}",
                    shortcut=_KEYS[verdict],
                    on_click=_settle,
                    args=(store, row["clip_id"], verdict, token, truth.newest_settlement(answers)),
                )
            _undo_button(store)


def _undo_button(store: Store) -> None:
    st.button(
        "Undo",
        key="settle_undo",
        shortcut="Z",
        icon=":material/undo:",
        on_click=_undo,
        args=(store,),
        help="Takes back your newest settlement.",
    )


def play_clip(store: Store, clip_id: str) -> None:
    """Show the player for a clip of a list, or why there is no audio."""
    try:
        item = queue.item(store, clip_id)
        if item is None or item.path is None:
            st.caption(":material/volume_off: The audio of this clip was not stored.")
        else:
            player.show_player(store, item)
    except CoreError as error:
        st.warning(messages.literal(str(error)), icon=":material/volume_off:")


def _pace() -> Pace:
    if PACE not in st.session_state:
        st.session_state[PACE] = Pace(time.monotonic)
    pace: Pace = st.session_state[PACE]
    return pace


def _settle(store: Store, clip_id: str, verdict: str, token: str, seen: int | None) -> None:
    """Settle a clip. seen : the newest settlement that the person saw, to detect a conflict."""
    if not settlement.accept_press(_pace(), settles=True):
        messages.keep_message("error", desk_actions.TOO_SOON)
        return
    comment = str(st.session_state.get(f"why_{token}") or "")
    try:
        person = who.still_analyst(store)
        receipt = settlement.settle(store, person, clip_id, verdict, token=token, seen=seen, comment=comment)
        messages.keep_message("success", f"Settled as {verdict}. {receipt.remark}")
        st.session_state.pop(f"settle_{clip_id}", None)
    except CoreError as error:
        messages.keep_message("error", str(error))


def _undo(store: Store) -> None:
    if not settlement.accept_press(_pace(), settles=False):
        messages.keep_message("error", desk_actions.TOO_SOON)
        return
    try:
        name = settlement.take_back_settlement(store, who.still_analyst(store))
        sentence = "You have no settlement to take back." if name is None else f"Taken back: {name}."
        messages.keep_message("success", sentence)
    except CoreError as error:
        messages.keep_message("error", str(error))
