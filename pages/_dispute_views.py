"""The clips on which people differ: who said what, and the answer that settles it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from core import agreement, disputes, plots, queueing
from core import store as db
from core.errors import CoreError
from core.schema import EMOTIONS
from core.store import Rater, Store
from pages import _label_parts, _shared, _who

SAID = "agreement_said"  # in the session: what became of the last press of a button
SETTLES = {**{e: plots.words(e) for e in EMOTIONS}, "none of the four": "none of the four", "bad audio": "bad audio"}
PACE = "settle_pace"  # in the session: a `Pace`
TOO_SOON = "That came too soon to count. Listen, then press again."
_KEYS = {**_label_parts.KEYS, "none of the four": "N", "bad audio": "B"}


@dataclass(eq=False)
class Pace:
    """When a person could hear and press. clip_id : before the person.  came_at, pressed_at : moments, monotonic."""

    clip_id: str = ""
    came_at: float = float("-inf")
    pressed_at: float = float("-inf")


def disputed(kept: Store, person: Rater, said: pd.DataFrame, needed: int) -> None:
    """The clips on which people differ, and their settlement by a marked third answer."""
    truth = agreement.ground_truth(said, raters_needed=needed)
    status = st.segmented_control(
        "Clips that are",
        ["disputed", "skipped", "open", "adjudicated"],
        default="disputed",
        required=True,
        key="status",
        bind="query-params",
        format_func=lambda s: f"{s} ({int(truth['status'].eq(s).sum())})",
        help="; ".join(f"{s}: {m}" for s, m in disputes.MEANINGS.items()),
    )
    table = disputes.disputes(said, truth, status=status)
    told()
    if table.empty:
        st.success(f"No clip is {status}.", icon=":material/handshake:")
        _undo_button(kept)
        return
    if len(table) == disputes.MOST:
        st.caption(f"The first {disputes.MOST}, those with most answers; the others follow as these are settled.")
    event = st.dataframe(
        table.drop(columns="clip_id").assign(guess=table["guess"].map(plots.words)),
        hide_index=True,
        key=f"disputes_{status}",
        on_select="rerun",
        selection_mode="single-row",
        alt=f"Clips that are {status}, with who said what",
        column_config={
            "file_name": st.column_config.TextColumn("clip"),
            "last_at": st.column_config.DatetimeColumn("last answer", format="distance"),
            "guess": st.column_config.TextColumn("the model's guess"),
        },
    )
    chosen = picked(event, table)
    row = table.iloc[0] if chosen is None else chosen
    st.subheader(_shared.literal(row["file_name"]))
    st.caption(
        ("The first of the list; choose another above." if chosen is None else "Chosen above.")
        + f" {row['clip_id'][:16]}"
    )
    settle(kept, person, row, said[said["clip_id"].eq(row["clip_id"])])


def picked(event: Mapping[str, Any], table: pd.DataFrame) -> pd.Series | None:
    """The row that was chosen; None without one, and where the choice is older than a table that is shorter now."""
    rows = [row for row in event["selection"]["rows"] if row < len(table)]
    return table.iloc[rows[0]] if rows else None


def settle(kept: Store, person: Rater, row: pd.Series, answers: pd.DataFrame) -> None:
    """One clip, what was said of it, and the answer that settles it."""
    stands = agreement.current_answers(answers)
    _before_you(row["clip_id"])
    with st.container(key="settle"):
        hear(kept, row["clip_id"])
        heard = stands["label"].map(plots.words, na_action="ignore").fillna("skipped: " + stands["skip_reason"])
        st.dataframe(
            agreement.people(stands)
            .to_frame()
            .join([stands["kind"], heard.rename("heard"), stands[["display", "comment", "created_at"]]]),
            hide_index=True,
            alt="What was said of the clip",
            column_config={
                "created_at": st.column_config.DatetimeColumn("when", format="distance"),
                "display": st.column_config.TextColumn("the guess was"),
            },
        )
        own = stands["rater"].eq(person.name) & stands["verified"].eq(person.verified)
        if (own & stands["kind"].eq("answer")).any():
            st.warning("You are one of the raters of this clip. A third person settles it better.")
        token = st.session_state.setdefault(f"settle_{row['clip_id']}", db.new_token())
        st.text_input("Why (optional)", key=f"why_{token}", max_chars=db.MAX_COMMENT)
        st.markdown("**It is settled as**")
        with st.container(horizontal=True):
            for what, words in SETTLES.items():
                st.button(
                    words,
                    key=f"settle_{what}",
                    shortcut=_KEYS[what],
                    on_click=_adjudicate,
                    args=(kept, row["clip_id"], what, token, _newest(answers)),
                )
            _undo_button(kept)


def _undo_button(kept: Store) -> None:
    st.button(
        "Undo",
        key="settle_undo",
        shortcut="Z",
        icon=":material/undo:",
        on_click=_undo,
        args=(kept,),
        help="Takes your newest settlement back.",
    )


def hear(kept: Store, clip_id: str) -> None:
    """The one player for a clip of a list, or why there is nothing to hear."""
    try:
        item = queueing.item(kept, clip_id)
        if item is None or item.path is None:
            st.caption(":material/volume_off: The audio of this clip was not kept.")
        else:
            _label_parts.player(item)
    except CoreError as error:
        st.warning(_shared.literal(str(error)), icon=":material/volume_off:")


def _pace() -> Pace:
    found: Pace = st.session_state.setdefault(PACE, Pace())
    return found


def _before_you(clip_id: str) -> None:
    """Note when a clip came before the person."""
    pace = _pace()
    if pace.clip_id != clip_id:
        pace.clip_id, pace.came_at = clip_id, time.monotonic()


def _too_fast(since: float) -> bool:
    """Whether nobody can have meant this press: too soon after a moment, or after the press before."""
    pace, moment = _pace(), time.monotonic()
    before, pace.pressed_at = max(since, pace.pressed_at), moment
    return moment - before < _label_parts.TOO_FAST_S


def _newest(answers: pd.DataFrame) -> int:
    """Number of the newest settlement of a clip that was on the screen; 0 without one."""
    return int(max(answers.loc[answers["kind"].eq("adjudication"), "feedback_id"], default=0))


def _adjudicate(kept: Store, clip_id: str, what: str, token: str, seen: int) -> None:
    """seen : the newest settlement that the person saw: nobody overrules one unawares."""
    emotion = what in EMOTIONS
    if _too_fast(_pace().came_at):
        st.session_state[SAID] = ("error", TOO_SOON)
        return
    try:
        person = _who.still_analyst(kept)
        said = db.feedback_table(kept, clip_id=clip_id)
        if _newest(said[said["rater"].ne(person.name) | said["verified"].ne(person.verified)]) > seen:
            raise CoreError("Somebody has settled this clip since it came before you. Look again.")
        receipt = db.add_feedback(
            kept,
            token=token,
            rater=person.name,
            verified=person.verified,
            clip_id=clip_id,
            label=what if emotion else None,
            skip_reason=None if emotion else what,
            comment=st.session_state.get(f"why_{token}") or "",
            adjudication=True,
        )
        st.session_state[SAID] = ("success", f"Settled as {what}. {receipt.remark}")
        st.session_state.pop(f"settle_{clip_id}", None)
    except CoreError as error:
        st.session_state[SAID] = ("error", str(error))


def _undo(kept: Store) -> None:
    """Take back the person's newest settlement; what they said as a rater is not touched."""
    if _too_fast(float("-inf")):
        st.session_state[SAID] = ("error", TOO_SOON)
        return
    try:
        person = _who.still_analyst(kept)
        who = {"rater": person.name, "verified": person.verified}
        said = db.feedback_table(kept, **who)
        stands = said[said["kind"].eq("adjudication") & ~said["undone"]]
        if stands.empty:
            st.session_state[SAID] = ("success", "You have settled nothing that could be taken back.")
            return
        last = stands.iloc[-1]
        db.undo(kept, token=f"undo-settled-{last['feedback_id']}", feedback_id=int(last["feedback_id"]), **who)
        st.session_state[SAID] = ("success", f"Taken back: {last['file_name']}.")
    except CoreError as error:
        st.session_state[SAID] = ("error", str(error))


def told() -> None:
    kind, sentence = st.session_state.pop(SAID, ("", ""))
    if kind:
        (st.success if kind == "success" else st.error)(_shared.literal(sentence))
