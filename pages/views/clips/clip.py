"""Parts of the Predict page: the choice of a clip, its player and the form for an answer."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core import wording
from core.audio import decoding, drawing, encoding, formats, synthetic
from core.audio.beats import Beats
from core.audio.packed import MEDIA_TYPE, PackedClip
from core.errors import CoreError, QueueFull, WorkerDied
from core.labelling import answer_form
from core.labelling.answer_form import AnswerForm
from core.models.policy import Policy
from core.pipeline import scoring
from core.pipeline.noting import Asked
from core.pipeline.scoring import ScoredClip
from core.pipeline.serving import Served
from core.pipeline.stability import Firmness
from core.pipeline.work_queue import Way
from core.records import MeasuredFile
from core.schema import EMOTIONS
from core.settings import Settings
from core.store import MAX_COMMENT, Store
from core.store import Way as EventWay
from core.wording import clock
from pages.shared import cached, login, messages, plays, start, uploads, waiting
from pages.shared.policy import active
from pages.shared.who import name_unconfirmed, optional_person

SOURCES = {"upload": "Upload a file", "record": "Record", "demo": "Demo clip"}
PLACES = ("clip", "reasons", "firmness")  # in the line of the server: of a clip, and of what is asked about it
RESULT = "clip_result"  # session key: the clip on the screen
WITH_AN_ANSWER = (
    "With your answer, the name, the tags and the 50 values of this clip are stored. Analysts see them. The sound is "
    "not stored."
)


@dataclass(frozen=True, eq=False)
class ChosenClip:
    """A clip that a person chose. origin : one of ``core.store.ORIGINS``."""

    data: bytes
    name: str
    origin: str


@dataclass(eq=False)
class ShownClip:
    """A scored clip in the session, with all that is needed to show it again without the file.

    scored : its samples are packed.  file : what is stored of the file if the person answers or shares the clip.
    wave : as from ``core.audio.drawing.envelope``.
    """

    scored: ScoredClip
    file: MeasuredFile
    wave: tuple[np.ndarray, np.ndarray, np.ndarray]
    explanation: pd.DataFrame | None = None
    firmness: tuple[str, Policy, Firmness | None] | None = None  # model and policy of the decision; None: asked for
    beats: Beats | None = None


def forget_clip() -> None:
    """Remove the clip of this session, because another one was chosen."""
    st.session_state.pop(RESULT, None)
    for place in PLACES:
        waiting.leave(place)


def close_clip() -> None:
    """Remove the clip from the screen, and empty the upload field by giving it a new key."""
    forget_clip()
    st.session_state["clip_round"] = st.session_state.get("clip_round", 0) + 1


def open_page(title: str) -> tuple[Served, Policy]:
    """Show the title of a page that scores audio; return the model and the policy in use."""
    st.title(title)
    start.wait()
    served = cached.champion()
    return served, active(served.policies)


def upload(key: str, *, about: str, on_change: Callable[[], None] | None = None) -> UploadedFile | None:
    """Show the upload field for audio. It accepts any file, so that the page can explain why a file is refused."""
    file: UploadedFile | None = uploads.file_field(
        f"A file with music ({formats.common_names()})",
        key=key,
        largest_mb=Settings().max_upload_mb,
        way_out=decoding.TOO_LARGE,
        on_change=on_change,
        help=f"{about} Supported formats are {formats.names()}: files that end in {', '.join(formats.ENDINGS)}.",
    )
    return file


def choose_clip() -> ChosenClip | None:
    """Ask for a clip; None until one is chosen."""
    source = st.segmented_control(
        "Where is the clip?",
        list(SOURCES),
        format_func=SOURCES.__getitem__,
        default="upload",
        required=True,
        key="clip_source",
        persist_state="session",
    )
    turn = st.session_state.get("clip_round", 0)
    if source == "upload":
        file = upload(
            f"clip_file_{turn}",
            on_change=forget_clip,
            about=f"At least {decoding.SHORTEST_S} s. If the file is longer than {decoding.EXCERPT_S:.0f} s, "
            f"{_windows_text(active(cached.champion().policies))} analysed.",
        )
        return ChosenClip(file.getvalue(), file.name, "upload") if file else None
    if source == "record":
        recorded = st.audio_input(
            "Record with the microphone",
            sample_rate=44_100,
            key=f"clip_recording_{turn}",
            on_change=forget_clip,
            help="Record about 30 seconds of music, near the microphone.",
        )
        return ChosenClip(recorded.getvalue(), "recording.wav", "recording") if recorded else None
    character = st.pills(
        "Synthetic clips of 15 s, made by this program",
        [*synthetic.DEMOS, *synthetic.EXAMPLES],
        format_func=wording.with_sign,
        key=f"clip_demo_{turn}",
        on_change=forget_clip,
        help="The sign shows the emotion that the recipe aims at. It is not a ground truth. The first four clips are "
        "dry and unlike the training music, so they end in a review. The last two sound as in a room: the model "
        "accepts them. The recipe of the last one aims at happy, and the model hears sad: a sure model can be wrong.",
    )
    return _demo_clip(character) if character else None


def _windows_text(policy: Policy) -> str:
    """Say which part of a longer file is analysed."""
    length = f"{decoding.EXCERPT_S:.0f} s"
    if policy.windows == 1:
        return f"only the middle {length} are"
    return f"{policy.windows} windows of {length} around its middle, {policy.apart_s:g} s apart, are"


def _demo_clip(character: str) -> ChosenClip:
    recipe = (synthetic.DEMOS | synthetic.EXAMPLES)[character]
    title = recipe.title.replace(
        "/", "\N{FRACTION SLASH}"
    )  # a slash in a metre such as 9/8 must not look like a folder
    return ChosenClip(encoding.wav(synthetic.render(recipe)), title, "demo")


def current_clip(chosen: ChosenClip | None, served: Served) -> ShownClip | None:
    """Score the chosen clip, or take the one on the screen; decide by the policy in use. None if scoring fails."""
    policy = active(served.policies)
    shown: ShownClip | None = st.session_state.get(RESULT)
    try:
        if shown is None and chosen is not None:
            shown = _score(chosen, served, policy)
        elif shown is not None:
            before = shown.scored.prediction.model_version
            is_stored = shown.scored.prediction_id is not None
            shown.scored = scoring.rescore(shown.scored, served, policy, cached.store() if is_stored else None)
            if before != served.model.version:
                shown.explanation = None
    except CoreError as error:
        messages.problem(error)
        if isinstance(error, QueueFull | WorkerDied):
            st.button("Try again", key="try_again", icon=":material/refresh:")
        return None
    st.session_state[RESULT] = shown
    return shown


def _score(chosen: ChosenClip, served: Served, policy: Policy) -> ShownClip:
    """Score a clip in the line of the server."""
    opened, largest_mb = cached.store(), Settings().max_upload_mb
    store = opened.as_now() if opened is not None else None
    asked = Asked.on_page(chosen.origin)

    def work() -> ShownClip:
        scored, file = scoring.score_own(
            chosen.data,
            chosen.name,
            served,
            policy=policy,
            store=store,
            origin=chosen.origin,
            max_mb=largest_mb,
            asked=asked,
        )
        return ShownClip(scoring.packed(scored), file, drawing.envelope(scored.recording.clip))

    return waiting.result(
        work,
        way=Way.DECISION,
        name="clip",
        what=(chosen.name, served.model.version, policy),
        doing="Decoding, and measuring 50 features …",
        on_leave=close_clip,
    )


def show_player(shown: ShownClip) -> None:
    """Show the player with exactly the audio whose 50 values are shown."""
    clip = shown.scored.recording.clip
    plays.audio(
        PackedClip.of(clip).data,
        way=EventWay.PAGE,
        clip_id=clip.clip_id,
        format=MEDIA_TYPE,
        alt=f"Player: the {clip.duration_s:.1f} s that were analysed",
    )
    if shown.scored.others:
        start_s = shown.scored.recording.start_s
        end_s = start_s + clip.duration_s
        st.caption(f"The player and the 50 values: the window from {clock(start_s)} to {clock(end_s)}.")


def file_tag(scored: ScoredClip) -> str:
    """Clip and model, for file names of downloads."""
    return f"clip-{scored.clip_id[:8]}_model-{scored.prediction.model_version}"


def show_answer_form(shown: ShownClip, served: Served) -> None:
    """Ask whether the guess is right; each button stores its answer at once."""
    scored, store = shown.scored, cached.store()
    if store is None:
        st.caption("You cannot answer, because the database cannot be opened.")
        return
    guess, tag = scored.prediction.ranked[0], file_tag(scored)
    answered = (scored.clip_id, scored.prediction.model_version, scored.policy.to_json())
    form = st.session_state.setdefault("answers", {}).setdefault(answered, AnswerForm())
    answers, who = st.container(), st.container()
    with who:
        person = optional_person(store)
    with answers, st.form(f"answer_{tag}", enter_to_submit=False):
        st.markdown(f"**Is {wording.with_sign(guess)} right?** One click stores your answer.")
        order = [guess, *(e for e in EMOTIONS if e != guess)]
        with st.container(horizontal=True):
            clicked = [
                e
                for e in order
                if st.form_submit_button(
                    f"Yes, {wording.with_sign(e)}" if e == guess else f"No, {wording.with_sign(e)}",
                    key=f"say_{e}_{tag}",
                    type="primary" if e == guess else "secondary",
                )
            ]
        comment = st.text_input("Comment (optional)", max_chars=MAX_COMMENT, key=f"note_{tag}")
        st.caption(WITH_AN_ANSWER)
    if clicked and name_unconfirmed():
        st.warning("Not stored yet. First confirm your name, then answer again.", icon=":material/group:")
    elif clicked:
        try:
            scored = _stored(shown, served, store)
            answer_form.store_answer(
                form, store, scored, person, session=login.session(), label=clicked[0], comment=comment or ""
            )
        except CoreError as error:
            messages.problem(error)
    _show_receipt(scored, store, form)


def _stored(shown: ShownClip, served: Served, store: Store) -> ScoredClip:
    """Store the clip without its sound unless it is stored. Raises CoreError when it cannot be stored."""
    if shown.scored.prediction_id is None:
        kept = scoring.keep_clip(shown.scored, shown.file, served, store)
        if kept.prediction_id is None:
            raise CoreError(f"Your answer is not stored. {kept.problem}")
        shown.scored = kept
    return shown.scored


def _show_receipt(scored: ScoredClip, store: Store, form: AnswerForm) -> None:
    """Show the stored answer and an Undo button."""
    if fault := st.session_state.pop("undo_fault", None):
        st.error(messages.literal(fault), icon=":material/error:")
    if form.taken_back is not None:
        back = form.taken_back
        now = (
            f"Your other answer, **{wording.with_sign(back.left)}**, counts now."
            if back.left
            else "You have no answer for this clip now."
        )
        st.info(f"Taken back: {wording.with_sign(back.label)}. {now}", icon=":material/undo:")
    if form.given is None:
        return
    who = messages.literal(form.given.rater)
    st.success(f"Stored: **{wording.with_sign(form.given.label)}**, by {who}. {form.remark}", icon=":material/check:")
    st.button(
        "Undo",
        icon=":material/undo:",
        key="undo_answer",
        on_click=_take_back,
        args=(scored, store, form, form.feedback_id),
        help="Takes this answer back.",
    )


def _take_back(scored: ScoredClip, store: Store, form: AnswerForm, feedback_id: int) -> None:
    """Take an answer back. feedback_id : the answer that the Undo button was drawn for."""
    try:
        answer_form.take_back_answer(form, store, scored, feedback_id)
    except CoreError as error:
        st.session_state["undo_fault"] = str(error)
