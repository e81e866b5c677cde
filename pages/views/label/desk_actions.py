"""The seat of a person at the labelling desk, the actions of its buttons, and the sentences about their outcome."""

import time
from collections.abc import Callable
from functools import partial

import streamlit as st

from core import wording
from core.errors import CoreError
from core.labelling import desk as rules
from core.labelling import identity, queue
from core.labelling.desk import (
    Form,
    Outcome,
    Seat,
    advance,
    go_on_beside,
    place_on_desk,
)
from core.labelling.listening import read_listening
from core.settings import Settings
from core.store import UNDO_DEPTH, Rater, Store
from pages.shared import show

SEAT = "label_seat"  # session key: a `Seat`
SCRIPT = "hands_free"  # session key: what the script of the desk measured
TOO_SOON = "You pressed too soon, so the answer does not count. Listen first, then press again."


def current_seat(person: Rater) -> Seat:
    """The person's `Seat` in this session; a new one if another person used the session before."""
    seat: Seat | None = st.session_state.get(SEAT)
    if seat is None or not identity.is_same_person(seat.person, person.name, person.verified):
        seen = st.session_state.setdefault(show.SEEN, set())
        seat = Seat(person, clock=time.monotonic, models=models, guesses_seen=seen)
        st.session_state[SEAT] = seat
    return seat


@st.cache_data(show_spinner=False, ttl=60)
def models() -> queue.Models:
    """The champion and the challenger, cached for one minute."""
    return queue.models(Settings())


def draft(form: Form) -> str:
    """The comment in the field of this form."""
    return str(st.session_state.get(f"comment_{form.token}", form.comment) or "")


def _press(seat: Seat, act: Callable[[], Outcome | None]) -> None:
    """Run the action of a button, and keep its outcome for the screen."""
    seat.outcome = None
    if seat.form is not None:
        rules.hold_draft(seat, draft(seat.form))
    try:
        seat.outcome = act()
    except CoreError as error:
        seat.outcome = Outcome("failed", remark=str(error))


def answer(seat: Seat, store: Store, form: Form, *, label: str | None = None, skip: str | None = None) -> None:
    """Store an answer to the clip that the button was drawn for."""
    state = st.session_state
    comment = draft(form)
    wanted = bool(state.get("guesses", False))
    sent = (state.get(SCRIPT) or {}).get("listening")
    listening = read_listening(sent, form=form.token, duration_s=form.item.duration_s)
    give = partial(rules.answer, label=label, skip=skip, comment=comment, wanted=wanted, listening=listening)
    _press(seat, lambda: give(seat, store, form))


def take_back(seat: Seat, store: Store, token: str) -> None:
    """Take back the newest answer, and show its clip again."""
    _press(seat, lambda: rules.take_back(seat, store, token))


def open_clip(seat: Seat, store: Store, clip_id: str) -> None:
    """Show this clip on the desk."""
    _press(seat, lambda: None if place_on_desk(seat, store, clip_id) else Outcome("clip is gone"))


def next_clip(seat: Seat, store: Store) -> None:
    """Show the next clip; an earlier answer to the current clip stays."""
    _press(seat, lambda: advance(seat, store))


def beside_tasks(seat: Seat, store: Store) -> None:
    """Go on with the common queue after all tasks."""
    _press(seat, lambda: go_on_beside(seat, store))


def undo_button(seat: Seat, store: Store) -> None:
    """Show the button that takes back the newest answer."""
    st.button(
        "Undo",
        key="undo",
        shortcut="Z",
        icon=":material/undo:",
        on_click=take_back,
        args=(seat, store, seat.undo_token),
        help=f"Takes back your newest answer. Works for your last {UNDO_DEPTH} answers, also after a reload.",
    )


def sentence(outcome: Outcome) -> str:
    """Sentence about the outcome of the last press."""
    earlier = wording.with_sign(outcome.answer or "")
    match outcome.kind:
        case "stored" if outcome.remark:
            return outcome.remark
        case "stored" if outcome.before:
            return (
                f"Stored: {outcome.answer}. It replaces your earlier answer from another page, {outcome.before}. "
                "Undo restores the earlier answer."
            )
        case "stored":
            return f"Stored: {outcome.answer}. Undo takes it back."
        case "taken back" if outcome.answer:
            return f"Taken back. Your earlier answer counts again: {earlier}."
    return {
        "too soon": TOO_SOON,
        "taken back": "Taken back. Here is the clip again.",
        "taken back, clip is gone": "Taken back. That clip was deleted, or its audio was not stored.",
        "held down": "One answer was taken back. Press again to take back the answer before it.",
        "nothing to take back": f"There is nothing to take back. Undo works for your last {UNDO_DEPTH} answers.",
        "clip is gone": "That clip was deleted, or its audio was not stored.",
        "clip was deleted": "Your clip was deleted meanwhile. Here is the next clip.",
    }.get(outcome.kind, outcome.remark)
