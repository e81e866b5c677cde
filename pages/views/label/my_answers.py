"""A person's own answers, and what a model learned from them."""

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.labelling.truth import own_latest
from core.store import Rater, Store
from pages.shared import messages, show
from pages.views.label import desk_actions

MOST_SHOWN = 500


def show_answers(store: Store, person: Rater) -> None:
    """Show the person's answers, with a button to hear a clip again and change the answer."""
    try:
        current = own_latest(store, rater=person.name, verified=person.verified, limit=MOST_SHOWN)
    except CoreError as error:
        messages.problem(error)
        return
    if current.empty:
        st.info("You have no answers yet. They appear here, and you can change them.", icon=":material/history:")
        return
    st.caption(
        f"{wording.counted(len(current), 'clip')}, the newest first. Choose one to hear it again and change your "
        "answer. The answers of others are not shown, so that they do not influence you."
    )
    event = st.dataframe(
        _rows(current),
        hide_index=True,
        key="my_answers",
        on_select="rerun",
        selection_mode="single-row",
        alt="Your answers",
        column_config={
            "when": st.column_config.DatetimeColumn(format="distance", width=135),
            "you heard": st.column_config.TextColumn(width=180),
            "guess": st.column_config.TextColumn(help="Whether you saw the guess of the model.", width="small"),
            "comment": st.column_config.TextColumn(width="large"),
        },
    )
    chosen = [k for k in event["selection"]["rows"] if k < len(current)]  # the table may have become shorter
    row = current.iloc[chosen[0]] if chosen else None
    st.button(
        "Hear it again",
        key="hear_again",
        icon=":material/replay:",
        disabled=row is None or bool(row["deleted"]),
        help="Choose a row first. Deleted clips cannot be played.",
        on_click=_again,
        args=(store, person, None if row is None else row["clip_id"]),
    )


def _rows(current: pd.DataFrame) -> pd.DataFrame:
    heard = current["label"].map(wording.with_sign, na_action="ignore").fillna("skipped: " + current["skip_reason"])
    return pd.DataFrame(
        {
            "when": current["created_at"],
            "you heard": heard,
            "clip": show.clip_names(current),
            "guess": current["display"].map({"shown": "seen"}).fillna("not seen"),
            "comment": current["comment"],
            "note": current["deleted"].map({True: "clip deleted", False: ""}),
        }
    )


def _again(store: Store, person: Rater, clip_id: str) -> None:
    desk_actions.open_clip(desk_actions.current_seat(person), store, clip_id)
    st.session_state["view"] = "Next clip"


def show_influence(store: Store, person: Rater) -> None:
    """Show what a model learned from the person's answers."""
    from pages.views.label import my_influence  # loads the model libraries, which the desk does not need

    my_influence.show_influence(store, person)
