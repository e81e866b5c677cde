"""The parts of the Label page: the clip on the desk, its player, the four answers, and what a person said before."""

import time
from collections.abc import Callable

import numpy as np
import streamlit as st

from core import wording
from core.audio import drawing
from core.errors import CoreError
from core.labelling import desk as rules
from core.labelling import identity, practice, queue
from core.labelling.desk import (
    Form,
    Outcome,
    Seat,
    advance,
    mark_drawn,
    place_on_desk,
    refresh,
    show_guess,
    toggle_skip,
)
from core.labelling.queue import Item
from core.pipeline import kept_audio
from core.schema import EMOTIONS
from core.settings import Settings
from core.store import MAX_COMMENT, UNDO_DEPTH, Rater, Store
from pages.figures import style
from pages.shared import assets, cached, messages, show
from pages.views.label.keys import GUIDE

SEAT = "label_seat"  # in the session
TOO_SOON = "That came too soon to count. Listen, then press again."
KEYS = dict(zip(EMOTIONS, "1234", strict=True))
SKIP_KEYS = {"bad audio": "B", "ambiguous": "A", "none of the four": "N"}
POINTS = 300  # of the waveform


@st.cache_data(show_spinner=False, max_entries=16)
def _heard(
    clip_id: str, path: str | None, start_s: float, duration_s: float, settings: Settings
) -> tuple[bytes, str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """A file that browsers play, its media type, and the waveform."""
    kept = kept_audio.load_audio(clip_id, path, start_s=start_s, duration_s=duration_s, settings=settings)
    return kept.data, kept.media_type, drawing.envelope(kept.clip, POINTS)


def player(item: Item, *, autoplay: bool = False, loop: bool = False) -> None:
    """The one player with its waveform. Raises CoreError when there is nothing to hear."""
    data, form, waveform = _heard(item.clip_id, item.path, item.start_s, item.duration_s, Settings())
    st.audio(data, format=form, autoplay=autoplay, loop=loop, alt=f"Player: {item.duration_s:.0f} seconds of music")
    figure = style.waveform(*waveform).update_layout(
        height=96, title=None, margin={"l": 0, "r": 0, "t": 0, "b": 0}, dragmode=False
    )
    st.plotly_chart(
        figure.update_xaxes(visible=False, fixedrange=True).update_yaxes(visible=False, fixedrange=True),
        key="waveform",
        alt=f"Waveform of {item.duration_s:.0f} seconds",
        config={"displayModeBar": False},
    )


def seat(person: Rater) -> Seat:
    """The person's seat in this session; a new one when somebody else sat there."""
    found: Seat | None = st.session_state.get(SEAT)
    if found is None or not identity.is_same_person(found.person, person.name, person.verified):
        seen = st.session_state.setdefault(show.SEEN, set())
        found = Seat(person, clock=time.monotonic, models=models, guesses_seen=seen)
        st.session_state[SEAT] = found
    return found


@st.cache_data(show_spinner=False, ttl=60)
def models() -> queue.Models:
    """The champion and the challenger; looked up once a minute."""
    return queue.models(Settings())


# --- what buttons and keys do ----------------------------------------------------------------------------------------


def _press(at: Seat, act: Callable[[], Outcome | None]) -> None:
    """Do what a button says, and keep what became of it for the screen."""
    at.outcome = None
    try:
        at.outcome = act()
    except CoreError as error:
        at.outcome = Outcome("failed", remark=str(error))


def answer(at: Seat, kept: Store, form: Form, *, label: str | None = None, skip: str | None = None) -> None:
    """Store the answer to the clip that the button was drawn with."""
    state = st.session_state
    comment = str(state.get(f"comment_{form.token}") or "")
    wanted = bool(state.get("guesses", True))
    _press(at, lambda: rules.answer(at, kept, form, label=label, skip=skip, comment=comment, wanted=wanted))


def take_back(at: Seat, kept: Store, token: str) -> None:
    """Take back the newest answer, and put its clip on the desk again."""
    _press(at, lambda: rules.take_back(at, kept, token))


def put(at: Seat, kept: Store, clip_id: str) -> None:
    """Put a certain clip on the desk."""
    _press(at, lambda: None if place_on_desk(at, kept, clip_id) else Outcome("clip is gone"))


def go_on(at: Seat, kept: Store) -> None:
    """Put the next clip on the desk; an earlier answer to the one that is there stays."""
    _press(at, lambda: advance(at, kept))


def sentence(outcome: Outcome) -> str:
    """What the person reads about their last press."""
    said = wording.with_sign(outcome.answer or "")
    match outcome.kind:
        case "stored" if outcome.remark:
            return outcome.remark
        case "stored" if outcome.before:
            return (
                f"Stored: {outcome.answer}. It takes the place of your answer from elsewhere, {outcome.before}; "
                "Z brings that one back."
            )
        case "stored":
            return f"Stored: {outcome.answer}. Z takes it back."
        case "taken back" if outcome.answer:
            return f"Taken back; what you said before counts again: {said}."
    return {
        "too soon": TOO_SOON,
        "taken back": "Taken back. Here is the clip again.",
        "taken back, clip is gone": "Taken back. That clip is gone, or its audio was not kept.",
        "held down": "One answer was taken back. Press once more for the one before.",
        "nothing to take back": f"Nothing to take back among your last {UNDO_DEPTH} answers.",
        "clip is gone": "That clip is gone, or its audio was not kept.",
        "clip was deleted": "The clip before you was deleted meanwhile. Here is the next one.",
    }.get(outcome.kind, outcome.remark)


# --- the screen ------------------------------------------------------------------------------------------------------


@st.fragment
def show_desk(kept: Store, person: Rater) -> None:
    """One clip and the answers to it."""
    try:
        at = seat(person)
        refresh(at, kept)
    except CoreError as error:
        messages.problem(error)
        return
    progress(at)
    with st.container():  # always there: what follows keeps its place, and with it the one player
        _note(at)
    if at.form is None:
        nothing_left(at, kept)
        with st.bottom:
            st.empty()  # a fragment may only fill later what it has made at first
        return
    audible = _clip(at, kept, at.form)
    with st.bottom:
        answers(at, kept, at.form, audible=audible)


def _note(at: Seat) -> None:
    if at.outcome is None:
        st.markdown("&nbsp;")
    elif at.outcome.kind == "failed":
        st.error(messages.literal(at.outcome.remark), icon=":material/error:")
    else:  # one line, so that the clip stays in sight on a telephone
        st.markdown(f":blue[:material/info: {messages.literal(sentence(at.outcome))}]")


def progress(at: Seat) -> None:
    """How far the person is, and everybody."""
    p = at.desk.progress
    mine = p.answered + p.left
    st.progress(
        min(max(p.answered / mine, 0.0), 1.0) if mine else 0.0,
        text=f"**You:** {p.answered} answered, {p.left} to go · **All:** {p.settled} of {p.clips} clips settled",
    )


def _clip(at: Seat, kept: Store, form: Form) -> bool:
    """The clip, and what may be known of it; False when it cannot be heard."""
    item, audible = form.item, True
    try:
        player(item, autoplay=st.session_state.get("autoplay", True), loop=st.session_state.get("loop", False))
    except CoreError as error:
        audible = False
        st.error(f"{messages.literal(str(error))} Skip it as bad audio: keys S, then B.", icon=":material/volume_off:")
    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = st.toggle(
            "Guesses",
            value=True,
            key="guesses",
            bind="query-params",
            help="Show what the model hears. For some clips, chosen at random, the guess stays hidden all the same: "
            "only so can its pull on people be measured.",
        )
        how = show_guess(at, form, wanted=wanted)
        if how == "shown":
            st.markdown(
                f"The model hears **{wording.with_sign(item.guess)}** ({item.confidence:.0%}).", width="content"
            )
        elif how == "hidden at random":
            st.markdown(":material/visibility_off: Hidden for this clip, at random.", width="content")
        if item.synthetic:
            st.badge("synthetic, for practice", icon=":material/science:", color="gray")
        with st.popover("Comment", icon=":material/edit_note:"):
            st.text_input(
                "Comment (optional)",
                value=form.comment,
                key=f"comment_{form.token}",
                max_chars=MAX_COMMENT,
                help="Stored with your answer. Enter goes back to the keys.",
            )
        if form.before:
            st.markdown(
                f"You said **{messages.literal(wording.with_sign(form.before))}** before; a new answer replaces it.",
                width="content",
            )
            st.button("Leave it so", icon=":material/check:", key="leave", on_click=go_on, args=(at, kept))
    return audible


def answers(at: Seat, kept: Store, form: Form, *, audible: bool) -> None:
    """The four answers, always in sight, and the ways around them."""
    assets.style("label")
    st.components.v2.component("hands_free", js=assets.script("hands_free"))(key="hands_free", height=0)
    common = (at, kept, form)
    with st.container(key="emotions"):
        for place, pair in zip(st.columns(2, gap="small"), (EMOTIONS[:2], EMOTIONS[2:]), strict=True):
            with place.container(horizontal=True, gap="small"):
                for emotion in pair:
                    st.button(
                        wording.with_sign(emotion),
                        # Pressed late, it answers the clip that it was drawn for.
                        key=f"say_{emotion}_{form.token[:8]}",
                        shortcut=KEYS[emotion],
                        width="stretch",
                        disabled=not audible,
                        on_click=answer,
                        args=common,
                        kwargs={"label": emotion},
                    )
    mark_drawn(at, form)
    with st.container(horizontal=True, gap="small"):
        _undo(at, kept)
        st.button("Skip …", key="skip", shortcut="S", icon=":material/skip_next:", on_click=toggle_skip, args=(at,))
        if at.skipping:
            for reason, key in SKIP_KEYS.items():
                st.button(
                    reason.capitalize(),
                    key=f"skip_{key}_{form.token[:8]}",
                    shortcut=key,
                    on_click=answer,
                    args=common,
                    kwargs={"skip": reason},
                )


def _undo(at: Seat, kept: Store) -> None:
    st.button(
        "Undo",
        key="undo",
        shortcut="Z",
        icon=":material/undo:",
        on_click=take_back,
        args=(at, kept, at.undo_token),
        help=f"Takes your newest answer back, up to {UNDO_DEPTH} of them, also after a reload.",
    )


def nothing_left(at: Seat, kept: Store) -> None:
    """The desk is empty: because nothing is there, or because everything is done."""
    p = at.desk.progress
    if p.clips == 0:
        st.info(
            "**No clip waits for you yet.** Score a library, or clips with *Keep the audio* switched on. "
            "Or try it out with synthetic clips: they are marked, and what you say of them trains no model.",
            icon=":material/queue_music:",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("pages/predict.py", label="Score a clip", icon=":material/graphic_eq:")
            st.page_link("pages/library.py", label="Score a library", icon=":material/library_music:")
            put_demo(at, kept)
        return
    st.success(
        f"**Nothing is left for you.** You have answered {p.answered} of {p.clips} clips"
        + (f"; {p.settled} are settled." if p.settled else "."),
        icon=":material/done_all:",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link("pages/predict.py", label="Score more clips", icon=":material/graphic_eq:")
        st.button("Look for new clips", icon=":material/refresh:", on_click=go_on, args=(at, kept))
        _undo(at, kept)
        put_demo(at, kept)


def put_demo(at: Seat, kept: Store) -> None:
    """Fill the queue with synthetic clips."""
    recipes = practice.demo_recipes()
    if not st.button(f"Put {len(recipes)} synthetic clips into the queue", icon=":material/science:", key="put_demo"):
        return
    from pages.shared import policy

    served = cached.champion()
    bar = st.progress(0.0, text="Making and scoring synthetic clips …")
    try:
        for done, recipe in enumerate(recipes, 1):
            practice.add_demo(recipe, kept, served, policy=policy.default(served.policies), settings=Settings())
            bar.progress(done / len(recipes), text=f"Made and scored {done} of {len(recipes)} synthetic clips")
        advance(at, kept)
    except CoreError as error:
        messages.problem(error)
        return
    st.rerun()


def options() -> None:
    """How the player behaves, and what the four emotions mean."""
    with st.popover("Player", icon=":material/tune:"):
        st.toggle("Play each clip at once", value=True, key="autoplay", bind="query-params")
        st.toggle("Play it over and over", value=False, key="loop", bind="query-params")
        st.caption("The space bar plays and stops. Browsers play nothing by themselves before the first key or click.")
    with st.popover("What to listen for", icon=":material/help:"):
        st.markdown(GUIDE)
