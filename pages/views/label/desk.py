"""Parts of the Label page: the clip on the desk, its player, the answer buttons and the progress."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from core import wording
from core.access import Action, Person
from core.audio import drawing
from core.errors import CoreError
from core.labelling import practice
from core.labelling.desk import (
    Form,
    Seat,
    advance,
    mark_drawn,
    prefer_pair,
    refresh,
    show_guess,
    toggle_skip,
)
from core.labelling.queue import Item
from core.pipeline import kept_audio
from core.schema import EMOTIONS
from core.settings import Settings
from core.store import MAX_COMMENT, UNDO_DEPTH, Rater, Store, first_content
from pages.figures import style
from pages.shared import assets, cached, messages
from pages.views.label.desk_actions import answer, current_seat, next_clip, sentence, take_back
from pages.views.label.keys import GUIDE

KEYS = dict(zip(EMOTIONS, "1234", strict=True))
SKIP_KEYS = {"bad audio": "B", "ambiguous": "A", "none of the four": "N"}
HARDEST = ("relax", "sad")  # the model confuses these two most often
POINTS = 300  # points of the waveform that are drawn


@st.cache_data(show_spinner=False, max_entries=16, hash_funcs={Person: lambda by: by.may(Action.LABEL)})
def _load_audio(
    clip_id: str,
    path: str | None,
    start_s: float,
    duration_s: float,
    settings: Settings,
    by: Person,
    _first: Callable[[str], str],
) -> tuple[bytes, str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Audio that browsers can play, its media type, and the waveform."""
    audio = kept_audio.load_audio(
        clip_id, path, start_s=start_s, duration_s=duration_s, settings=settings, by=by, first=_first
    )
    return audio.data, audio.media_type, drawing.envelope(audio.clip, POINTS)


def show_player(store: Store, item: Item, *, autoplay: bool = False, loop: bool = False) -> None:
    """Show the player with its waveform. Raises CoreError if there is no audio."""
    data, form, waveform = _load_audio(
        item.clip_id,
        item.path,
        item.start_s,
        item.duration_s,
        Settings(),
        store.by,
        partial(first_content, store),
    )
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


@st.fragment
def show_desk(store: Store, person: Rater) -> None:
    """Show one clip and its answer buttons."""
    try:
        seat = current_seat(person)
        prefer_pair(seat, HARDEST if st.session_state.get("sad_or_relax") else ())
        refresh(seat, store)
    except CoreError as error:
        messages.problem(error)
        return
    show_progress(seat)
    with st.container():  # always present, so the player below keeps its position and continues
        _show_outcome(seat)
    if seat.form is None:
        show_empty_desk(seat, store)
        with st.bottom:
            st.empty()  # a fragment can later fill only containers from its first run
        return
    audible = _show_clip(store, seat.form)
    with st.bottom:  # always on the screen: a guess that is stored as shown must be visible
        _show_guess_and_comment(seat, store, seat.form)
        show_answers(seat, store, seat.form, audible=audible)


def _show_outcome(seat: Seat) -> None:
    if seat.outcome is None:
        st.markdown("&nbsp;")
    elif seat.outcome.kind == "failed":
        st.error(messages.literal(seat.outcome.remark), icon=":material/error:")
    else:  # one line, so that the clip stays visible on a phone
        st.markdown(f":blue[:material/info: {messages.literal(sentence(seat.outcome))}]")


def show_progress(seat: Seat) -> None:
    """Show the progress of the person and of all raters."""
    p = seat.desk.progress
    mine = p.answered + p.left
    st.progress(
        min(max(p.answered / mine, 0.0), 1.0) if mine else 0.0,
        text=f"**You:** {p.answered} answered, {p.left} to go · **All:** {p.settled} of {p.clips} clips settled"
        + (f" · Practice: {p.practice} of your clips are synthetic and train no model" if p.practice else ""),
    )


def _show_clip(store: Store, form: Form) -> bool:
    """Show the player of the clip; return False if it cannot be played."""
    item, audible = form.item, True
    try:
        show_player(
            store, item, autoplay=st.session_state.get("autoplay", True), loop=st.session_state.get("loop", False)
        )
    except CoreError as error:
        audible = False
        st.error(f"{messages.literal(str(error))} Skip it as bad audio: press S, then B.", icon=":material/volume_off:")
    return audible


def _show_guess_and_comment(seat: Seat, store: Store, form: Form) -> None:
    """Show the model's guess, the field for a comment and the person's earlier answer."""
    item = form.item
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="about_clip"):
        wanted = st.toggle(
            "Guesses",
            value=True,
            key="guesses",
            bind="query-params",
            help="Show the guess of the model. For some clips, chosen at random, the guess stays hidden, so that its "
            "influence on people can be measured.",
        )
        with st.popover("Comment", icon=":material/edit_note:"):
            st.text_input(
                "Comment (optional)",
                value=form.comment,
                key=f"comment_{form.token}",
                max_chars=MAX_COMMENT,
                help="The comment is stored with your answer. Press Enter to use the answer keys again.",
            )
        how = show_guess(seat, form, wanted=wanted)
        if how == "shown":
            st.markdown(
                f"The model's guess is **{wording.with_sign(item.guess)}** ({wording.percent(item.confidence)}).",
                width="content",
            )
        elif how == "hidden at random":
            st.markdown(
                ":material/visibility_off: The guess is hidden for this clip (chosen at random).", width="content"
            )
        if item.synthetic:
            st.badge("synthetic, for practice", icon=":material/science:", color="gray")
        if form.before:
            st.markdown(
                f"Your earlier answer is **{messages.literal(wording.with_sign(form.before))}**. A new answer "
                "replaces it.",
                width="content",
            )
            st.button("Keep this answer", icon=":material/check:", key="leave", on_click=next_clip, args=(seat, store))


def show_answers(seat: Seat, store: Store, form: Form, *, audible: bool) -> None:
    """Show the four answer buttons, always visible, with Undo and Skip."""
    assets.style("label")
    st.components.v2.component("hands_free", js=assets.script("hands_free"))(key="hands_free", height=0)
    common = (seat, store, form)
    with st.container(key="emotions"):
        for place, pair in zip(st.columns(2, gap="small"), (EMOTIONS[:2], EMOTIONS[2:]), strict=True):
            with place.container(horizontal=True, gap="small"):
                for emotion in pair:
                    st.button(
                        wording.with_sign(emotion),
                        # A key per clip: a late press still answers the clip that the button was drawn for.
                        key=f"say_{emotion}_{form.token[:8]}",
                        shortcut=KEYS[emotion],
                        width="stretch",
                        disabled=not audible,
                        on_click=answer,
                        args=common,
                        kwargs={"label": emotion},
                    )
    mark_drawn(seat, form)
    with st.container(horizontal=True, gap="small"):
        _undo(seat, store)
        st.button("Skip …", key="skip", shortcut="S", icon=":material/skip_next:", on_click=toggle_skip, args=(seat,))
        if seat.skipping:
            for reason, key in SKIP_KEYS.items():
                st.button(
                    reason.capitalize(),
                    key=f"skip_{key}_{form.token[:8]}",
                    shortcut=key,
                    on_click=answer,
                    args=common,
                    kwargs={"skip": reason},
                )


def _undo(seat: Seat, store: Store) -> None:
    st.button(
        "Undo",
        key="undo",
        shortcut="Z",
        icon=":material/undo:",
        on_click=take_back,
        args=(seat, store, seat.undo_token),
        help=f"Takes back your newest answer. Works for your last {UNDO_DEPTH} answers, also after a reload.",
    )


def show_empty_desk(seat: Seat, store: Store) -> None:
    """Explain why the desk is empty: no clips, or all are answered."""
    p = seat.desk.progress
    if p.clips == 0:
        st.info(
            "**There are no clips to label yet.** Score a library, or score clips with *Keep the audio* switched on. "
            "You can also practise with synthetic clips. They are marked, and no model is trained on your answers.",
            icon=":material/queue_music:",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("pages/predict.py", label="Score a clip", icon=":material/graphic_eq:")
            st.page_link("pages/library.py", label="Score a library", icon=":material/library_music:")
            add_demo_clips(seat, store)
        return
    st.success(
        f"**You are done.** You have answered {p.answered} of {p.clips} clips"
        + (f"; {p.settled} are settled." if p.settled else "."),
        icon=":material/done_all:",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link("pages/predict.py", label="Score more clips", icon=":material/graphic_eq:")
        st.button(
            "Look for new clips", key="look_again", icon=":material/refresh:", on_click=next_clip, args=(seat, store)
        )
        _undo(seat, store)
        add_demo_clips(seat, store)


def add_demo_clips(seat: Seat, store: Store) -> None:
    """Show a button that adds synthetic clips to the queue."""
    recipes = practice.demo_recipes()
    if not st.button(f"Add {len(recipes)} synthetic clips to the queue", icon=":material/science:", key="put_demo"):
        return
    from pages.shared import policy

    served = cached.champion()
    bar = st.progress(0.0, text="Making and scoring synthetic clips …")
    try:
        for done, recipe in enumerate(recipes, 1):
            practice.add_demo(recipe, store, served, policy=policy.default(served.policies), settings=Settings())
            bar.progress(done / len(recipes), text=f"Made and scored {done} of {len(recipes)} synthetic clips")
        advance(seat, store)
    except CoreError as error:
        messages.problem(error)
        return
    st.rerun()


def show_options() -> None:
    """Show the order of the queue, the options of the player and the labelling guide."""
    st.toggle(
        "Sad or relax first",
        key="sad_or_relax",
        bind="query-params",
        help="Clips between sad and relax come before other clips, from the next clip on. The model confuses "
        "these two most often. Clips on which a challenger differs still come before them.",
    )
    with st.popover("Player", icon=":material/tune:"):
        st.toggle("Play each clip automatically", value=True, key="autoplay", bind="query-params")
        st.toggle("Repeat the clip", value=False, key="loop", bind="query-params")
        st.caption(
            "The space bar starts and stops the music. Browsers play automatically only after your first key press "
            "or click."
        )
    with st.popover("What to listen for", icon=":material/help:"):
        st.markdown(GUIDE)
