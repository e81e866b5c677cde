"""Parts of the Label page: the clip on the desk, the guess, the answer buttons and the progress."""

import textwrap

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import wording
from core.errors import CoreError
from core.labelling.desk import Form, Seat, catch_up, mark_drawn, prefer_pair, refresh, show_guess, upcoming
from core.schema import EMOTIONS
from core.store import MAX_COMMENT, Rater, Store, Way
from pages.shared import assets, messages, plays
from pages.views.label.desk_actions import SCRIPT, answer, current_seat, draft, next_clip, sentence, undo_button
from pages.views.label.desk_empty import show_empty_desk
from pages.views.label.keys import KEYS, SKIP_KEYS
from pages.views.label.player import load_ahead, show_player, show_spectrogram

COMMENT_SHOWN = 16  # characters of a comment on its button, which has to fit on a phone
HARDEST = ("relax", "sad")  # the model confuses these two most often


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
    progress = st.empty()
    _show_progress(seat, progress)
    with st.container():  # always present, so the player below keeps its position and continues
        _show_outcome(seat)
    if seat.form is None:
        show_empty_desk(seat, store)
        with st.bottom:
            st.empty()  # a fragment can later fill only containers from its first run
        return
    audible = _show_clip(store, seat.form)
    with st.bottom:  # always on the screen: a guess that is stored as shown must be visible
        how = _show_guess(seat, store, seat.form)
        show_answers(seat, store, seat.form, audible=audible, guess=how)
    _look_ahead(seat, store, progress)


def _look_ahead(seat: Seat, store: Store, progress: DeltaGenerator) -> None:
    """Count and load what comes next while the person listens, so that the next clip plays at once."""
    try:
        counted = catch_up(seat, store)
    except CoreError as error:
        messages.problem(error)
        return
    if counted:
        _show_progress(seat, progress)
    following = upcoming(seat)
    if following is not None:
        load_ahead(store, following)


def _show_outcome(seat: Seat) -> None:
    if seat.outcome is None:
        st.markdown("&nbsp;")
    elif seat.outcome.kind == "failed":
        st.error(messages.literal(seat.outcome.remark), icon=":material/error:")
    else:  # one line, so that the clip stays visible on a phone
        st.markdown(f":blue[:material/info: {messages.literal(sentence(seat.outcome))}]")


def _show_progress(seat: Seat, place: DeltaGenerator) -> None:
    """Show the progress of the person and of all raters, or the progress in the task."""
    p, task = seat.desk.progress, seat.desk.task
    if task is not None:
        place.progress(
            min(task.answered / max(task.clips, 1), 1.0),
            text=f"**Task “{messages.literal(task.name)}”:** {task.answered} of {task.clips} answered",
        )
        return
    mine = p.answered + p.left
    place.progress(
        min(max(p.answered / mine, 0.0), 1.0) if mine else 0.0,
        text=f"**You:** {p.answered} answered, {p.left} to go · **All:** {p.settled} of {p.clips} clips settled"
        + (f" · Practice: {p.practice} of your clips are synthetic and train no model" if p.practice else ""),
    )


def _show_clip(store: Store, form: Form) -> bool:
    """Show the player of the clip; return False if it cannot be played."""
    state = st.session_state
    try:
        show_player(store, form.item, autoplay=state.get("autoplay", True), loop=state.get("loop", False))
        if state.get("spectrogram", False):
            show_spectrogram(store, form.item)
    except CoreError as error:
        st.error(f"{messages.literal(str(error))} Skip it as bad audio.", icon=":material/volume_off:")
        return False
    return True


def _show_guess(seat: Seat, store: Store, form: Form) -> str:
    """Show the model's guess if it is wanted, and the person's earlier answer. Returns how the guess is displayed."""
    item = form.item
    how = show_guess(seat, form, wanted=bool(st.session_state.get("guesses", False)))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="about_clip"):
        if how == "shown":
            with st.container(key="guess", width="content"):  # the script of the desk notices whether it is in sight
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
    return how


def show_answers(seat: Seat, store: Store, form: Form, *, audible: bool, guess: str) -> None:
    """Show the answer buttons, always visible, with Undo, Skip and Comment. guess : how the guess is displayed."""
    st.components.v2.component("hands_free", js=assets.script("heard_parts", "hands_free"))(
        key=SCRIPT,
        data={"form": form.token, "guess": guess, "autoplay": bool(st.session_state.get("autoplay", True))},
        on_listening_change=lambda: None,
        height=0,
    )
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
    plays.note_shown(Way.LABEL, form.token, items=1, clip_id=form.item.clip_id)
    with st.container(horizontal=True, gap="small", key="beside_answers"):
        undo_button(seat, store)
        _show_reasons(seat, store, form)
        _show_comment(form)


def _show_reasons(seat: Seat, store: Store, form: Form) -> None:
    """Show the reasons to skip. They open in the browser alone, so a reason that is typed at once after S counts."""
    with st.popover(
        "Skip …", icon=":material/skip_next:", key=f"reasons_{form.token[:8]}", help="Press S, then B, A or N."
    ):
        for reason, key in SKIP_KEYS.items():
            st.button(
                reason.capitalize(),
                key=f"skip_{key}_{form.token[:8]}",
                shortcut=key,
                width="stretch",
                on_click=answer,
                args=(seat, store, form),
                kwargs={"skip": reason},
            )


def _show_comment(form: Form) -> None:
    """Show the field for a comment, and on its button the beginning of a comment that waits for the answer."""
    waits = textwrap.shorten(draft(form), COMMENT_SHOWN, placeholder="…")
    name = f"Comment: {messages.literal(waits)}" if waits else "Comment"
    icon = ":material/speaker_notes:" if waits else ":material/edit_note:"  # a phone has no room for the words
    with st.popover(name, icon=icon, key=f"comments_{form.token[:8]}", help="Press W."):
        st.text_input(
            "Comment (optional)",
            value=form.comment,
            key=f"comment_{form.token}",
            max_chars=MAX_COMMENT,
            help="The comment is stored with your answer. Press Enter to use the answer keys again.",
        )
