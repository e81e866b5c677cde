"""The parts of the Label page: the clip on the desk, its player, the four answers, and what a person said before."""

import time
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from core import audio, clips, plots, queueing
from core import store as db
from core.errors import CoreError
from core.queueing import Desk, Item
from core.schema import EMOTIONS
from core.settings import Settings
from core.store import Rater, Store
from pages import _assets, _shared

SEAT = "label_seat"  # in the session
TOO_FAST_S = 1.0  # nobody has heard a clip within this; a key that is held down repeats faster
RECOUNT_S = 10.0  # what others settle meanwhile shows after this, or after RECOUNT_SHARE times what counting takes
RECOUNT_SHARE = 20
KEYS = dict(zip(EMOTIONS, "1234", strict=True))
SKIP_KEYS = {"bad audio": "B", "ambiguous": "A", "none of the four": "N"}
POINTS = 300  # of the waveform

GUIDE = """
Say what **the music** expresses to you - not what the words say, and not what you feel today. Hear at least ten
seconds; where the mood changes, the longer part counts.

- **Angry**: strong and unpleasant. Tense, harsh, driven.
- **Happy**: strong and pleasant. Lively, bright; one wants to move.
- **Relax**: calm and pleasant. At ease, nothing is missing.
- **Sad**: calm and unpleasant. Longing, grief, *hüzün*.

**Skip** it as *ambiguous* when two of them are equally strong after a second hearing, as *none of the four* when it
expresses something else or nothing, as *bad audio* when noise, silence or speech is in the way.
"""


@dataclass(eq=False)
class Form:
    """One clip before a person. A button that is pressed late answers the form that it was drawn with.

    token : makes the answer one answer, however often it is sent.  shown_at : moment, monotonic; moves to when it was
    drawn first.
    before : what the person said of it earlier, in words, and comment : what they wrote then; empty for a new clip.
    seen : the guess has been on the screen, here or on the Predict page.
    """

    item: Item
    token: str
    shown_at: float
    before: str = ""
    comment: str = ""
    seen: bool = False
    drawn: bool = False


@dataclass(eq=False)
class Seat:
    """What the session keeps of a person at work. Answers are not among it: they are in the store at once.

    counted_at, pressed_at, undone_at : moments, monotonic.  counting_s : how long counting took.  note : kind of box,
    sentence.
    """

    person: Rater
    undo_token: str
    desk: Desk = field(default_factory=Desk)
    counted_at: float = 0.0
    counting_s: float = 0.0
    form: Form | None = None
    waiting: list[Item] = field(default_factory=list)
    pressed_at: float = 0.0
    undone_at: float = 0.0
    skipping: bool = False
    note: tuple[str, str] | None = None


@st.cache_data(show_spinner=False, max_entries=16)
def _heard(
    clip_id: str, path: str | None, start_s: float, duration_s: float, settings: Settings
) -> tuple[bytes, str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """A file that browsers play, its media type, and the waveform."""
    kept = clips.load_audio(clip_id, path, start_s=start_s, duration_s=duration_s, settings=settings)
    return kept.data, kept.form, audio.envelope(kept.clip, POINTS)


def player(item: Item, *, autoplay: bool = False, loop: bool = False) -> None:
    """The one player with its waveform. Raises CoreError when there is nothing to hear."""
    data, form, waveform = _heard(item.clip_id, item.path, item.start_s, item.duration_s, Settings())
    st.audio(data, format=form, autoplay=autoplay, loop=loop, alt=f"Player: {item.duration_s:.0f} seconds of music")
    figure = plots.waveform(*waveform).update_layout(
        height=96, title=None, margin={"l": 0, "r": 0, "t": 0, "b": 0}, dragmode=False
    )
    st.plotly_chart(
        figure.update_xaxes(visible=False, fixedrange=True).update_yaxes(visible=False, fixedrange=True),
        key="waveform",
        alt=f"Waveform of {item.duration_s:.0f} seconds",
        config={"displayModeBar": False},
    )


def seat(kept: Store, person: Rater) -> Seat:
    """The person's seat, new where there is none or somebody else sat there."""
    found: Seat | None = st.session_state.get(SEAT)
    if found is None or found.person.name != person.name or found.person.verified != person.verified:
        found = Seat(person, db.new_token())
        st.session_state[SEAT] = found
        _advance(found, kept)
    return found


def count(at: Seat, kept: Store) -> None:
    """Look at the whole queue again."""
    began = time.monotonic()
    at.desk = queueing.desk(kept, rater=at.person.name, verified=at.person.verified, models=models())
    at.counted_at = time.monotonic()
    at.counting_s = at.counted_at - began


@st.cache_data(show_spinner=False, ttl=60)
def models() -> queueing.Models:
    """The models in use and in the shadow; looked up once a minute."""
    return queueing.models(Settings())


def _advance(at: Seat, kept: Store) -> None:
    """Put the next clip before the person; None when there is none."""
    item = _first_there(at, kept)
    if item is None:
        count(at, kept)
        at.waiting = list(at.desk.items)
        item = _first_there(at, kept)
    _lay(at, item)


def _first_there(at: Seat, kept: Store) -> Item | None:
    """The next clip that waits, leaving out what was deleted meanwhile."""
    while at.waiting:
        item = queueing.item(kept, at.waiting.pop(0).clip_id, models=models())
        if item is not None:
            return item
    return None


def _lay(at: Seat, item: Item | None) -> None:
    at.form = None if item is None else Form(item, db.new_token(), time.monotonic(), seen=_seen(item))
    at.skipping = False


def _seen(item: Item) -> bool:
    return item.clip_id in st.session_state.get(_shared.SEEN, ())


def put(at: Seat, kept: Store, clip_id: str) -> None:
    """Put a certain clip before the person; the one that lay there waits."""
    item = queueing.item(kept, clip_id, models=models())
    if item is None or item.path is None:
        at.note = ("info", "That clip is gone, or its audio was not kept.")
        return
    if at.form is not None:
        at.waiting.insert(0, at.form.item)
    at.waiting = [other for other in at.waiting if other.clip_id != clip_id]
    said, comment = queueing.said(kept, clip_id, rater=at.person.name, verified=at.person.verified)
    # It was heard before, so no answer comes too soon.
    before = plots.words(said) if said in EMOTIONS else said
    at.form = Form(item, db.new_token(), 0.0, before=before, comment=comment, seen=_seen(item), drawn=True)
    at.skipping = False


def leave(at: Seat, kept: Store) -> None:
    """Let an earlier answer stand, and go on."""
    at.note = None
    try:
        _advance(at, kept)
    except CoreError as error:
        at.note = ("error", str(error))


# --- what buttons and keys do ----------------------------------------------------------------------------------------


def _too_fast(at: Seat, form: Form) -> bool:
    """Whether nobody can have meant this press: too soon after the clip came, or after the press before."""
    moment, before = time.monotonic(), max(form.shown_at, at.pressed_at)
    at.pressed_at = moment
    return moment - before < TOO_FAST_S


def answer(at: Seat, kept: Store, form: Form, *, label: str | None = None, skip: str | None = None) -> None:
    """Store an answer and go on. Sent twice, or with a key held down, it counts once."""
    at.note = None
    if _too_fast(at, form):
        at.note = ("info", "That came too soon to count. Listen, then press again.")
        return
    try:
        who = {"rater": at.person.name, "verified": at.person.verified}
        before, _ = queueing.said(kept, form.item.clip_id, **who)
        receipt = db.add_feedback(
            kept,
            token=form.token,
            **who,
            label=label,
            skip_reason=skip,
            prediction_id=form.item.prediction_id,
            clip_id=form.item.clip_id,
            display=_display(at, form),
            shown_label=form.item.guess if form.seen else None,
            comment=st.session_state.get(f"comment_{form.token}") or "",
        )
        at.note = ("info", receipt.remark or _stored(label or str(skip), before, known=form.before))
        if receipt.new and not before:
            at.desk = Desk(at.desk.items, at.desk.progress.after_one())
        if form is at.form:
            _advance(at, kept)
    except CoreError as error:
        at.note = ("error", str(error))


def _stored(answer: str, before: str, *, known: str) -> str:
    """What became of an answer. before : what stood until now.  known : whether the person knew of it."""
    said = f"Stored: {answer}."
    if before and not known:
        return f"{said} It takes the place of your answer from elsewhere, {before}; Z brings that one back."
    return f"{said} Z takes it back."


def _display(at: Seat, form: Form) -> str:
    """What was on the screen: a guess that was seen counts as shown, one that was switched on just now does not."""
    how = queueing.display(form.item, rater=at.person.name, wanted=_wanted())
    return "shown" if form.seen else how if how != "shown" else "hidden by choice"


def take_back(at: Seat, kept: Store, token: str) -> None:
    """Take back the newest answer, and put its clip on the desk again."""
    at.note, at.undo_token = None, db.new_token()
    moment, before = time.monotonic(), at.undone_at
    at.undone_at = at.pressed_at = moment
    if moment - before < TOO_FAST_S:
        at.note = ("info", "One answer was taken back. Press once more for the one before.")
        return
    who = {"rater": at.person.name, "verified": at.person.verified}
    try:
        receipt = db.undo(kept, token=token, source="label", **who)
        if receipt is None:
            at.note = ("info", f"Nothing to take back among your last {db.UNDO_DEPTH} answers.")
            return
        clip_id = queueing.newest_undo(kept, **who)
        count(at, kept)
        at.note = ("info", "Taken back. Here is the clip again.")
        if clip_id is not None:
            put(at, kept, clip_id)
            if at.form is not None and at.form.before:
                at.note = ("info", f"Taken back; what you said before counts again: {at.form.before}.")
    except CoreError as error:
        at.note = ("error", str(error))


def _toggle_skip(at: Seat) -> None:
    at.skipping = not at.skipping


def _wanted() -> bool:
    return bool(st.session_state.get("guesses", True))


# --- the screen ------------------------------------------------------------------------------------------------------


@st.fragment
def desk(kept: Store, person: Rater) -> None:
    """One clip and the answers to it."""
    try:
        at = seat(kept, person)
        if time.monotonic() - at.counted_at > max(RECOUNT_S, RECOUNT_SHARE * at.counting_s):
            count(at, kept)
        if at.form is not None and queueing.item(kept, at.form.item.clip_id) is None:
            at.note = ("info", "The clip before you was deleted meanwhile. Here is the next one.")
            _advance(at, kept)
    except CoreError as error:
        _shared.problem(error)
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
    kind, sentence = at.note or ("", "")
    if kind == "error":
        st.error(_shared.literal(sentence), icon=":material/error:")
    else:  # one line, so that the clip stays in sight on a telephone
        said = f":blue[:material/info: {_shared.literal(sentence)}]" if sentence else "&nbsp;"
        st.markdown(said)


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
        st.error(f"{_shared.literal(str(error))} Skip it as bad audio: keys S, then B.", icon=":material/volume_off:")
    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = st.toggle(
            "Guesses",
            value=True,
            key="guesses",
            bind="query-params",
            help="Show what the model hears. For some clips, chosen at random, the guess stays hidden all the same: "
            "only so can its pull on people be measured.",
        )
        how = queueing.display(item, rater=at.person.name, wanted=wanted)
        if how == "shown":
            form.seen = True
            st.markdown(f"The model hears **{plots.words(item.guess)}** ({item.confidence:.0%}).", width="content")
        elif how == "hidden at random":
            st.markdown(":material/visibility_off: Hidden for this clip, at random.", width="content")
        if item.synthetic:
            st.badge("synthetic, for practice", icon=":material/science:", color="gray")
        with st.popover("Comment", icon=":material/edit_note:"):
            st.text_input(
                "Comment (optional)",
                value=form.comment,
                key=f"comment_{form.token}",
                max_chars=db.MAX_COMMENT,
                help="Stored with your answer. Enter goes back to the keys.",
            )
        if form.before:
            st.markdown(
                f"You said **{_shared.literal(form.before)}** before; a new answer replaces it.", width="content"
            )
            st.button("Leave it so", icon=":material/check:", key="leave", on_click=leave, args=(at, kept))
    return audible


def answers(at: Seat, kept: Store, form: Form, *, audible: bool) -> None:
    """The four answers, always in sight, and the ways around them."""
    _assets.style("label")
    st.components.v2.component("hands_free", js=_assets.script("hands_free"))(key="hands_free", height=0)
    common = (at, kept, form)
    with st.container(key="emotions"):
        for place, pair in zip(st.columns(2, gap="small"), (EMOTIONS[:2], EMOTIONS[2:]), strict=True):
            with place.container(horizontal=True, gap="small"):
                for emotion in pair:
                    st.button(
                        plots.words(emotion),
                        # Pressed late, it answers the clip that it was drawn for.
                        key=f"say_{emotion}_{form.token[:8]}",
                        shortcut=KEYS[emotion],
                        width="stretch",
                        disabled=not audible,
                        on_click=answer,
                        args=common,
                        kwargs={"label": emotion},
                    )
    if not form.drawn:
        form.shown_at, form.drawn = time.monotonic(), True
    with st.container(horizontal=True, gap="small"):
        _undo(at, kept)
        st.button("Skip …", key="skip", shortcut="S", icon=":material/skip_next:", on_click=_toggle_skip, args=(at,))
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
        help=f"Takes your newest answer back, up to {db.UNDO_DEPTH} of them, also after a reload.",
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
        st.button("Look for new clips", icon=":material/refresh:", on_click=_advance, args=(at, kept))
        _undo(at, kept)
        put_demo(at, kept)


def put_demo(at: Seat, kept: Store) -> None:
    """Fill the queue with synthetic clips."""
    recipes = queueing.demo_recipes()
    if not st.button(f"Put {len(recipes)} synthetic clips into the queue", icon=":material/science:", key="put_demo"):
        return
    from pages import _policy

    served = _shared.champion()
    bar = st.progress(0.0, text="Making and scoring synthetic clips …")
    try:
        for done, recipe in enumerate(recipes, 1):
            queueing.add_demo(recipe, kept, served, policy=_policy.default(served.policies), settings=Settings())
            bar.progress(done / len(recipes), text=f"Made and scored {done} of {len(recipes)} synthetic clips")
        _advance(at, kept)
    except CoreError as error:
        _shared.problem(error)
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
