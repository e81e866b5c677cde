"""Parts of the Whole tracks page: the recording, its windows, its mood over time and its steadiest section."""

from typing import Literal

import pandas as pd
import streamlit as st

from core import wording
from core.audio import decoding, encoding, synthetic
from core.audio.decoding import Source
from core.errors import CoreError
from core.models.policy import Decision, Policy
from core.models.prediction import votes_text
from core.pipeline.serving import Served
from core.pipeline.timeline import (
    STRETCH_S,
    Stretch,
    decide_overall,
    overall,
    steadiest,
    timeline_table,
    warnings,
)
from core.records import RemarkKind
from core.schema import EMOTIONS, PROBA
from core.settings import Settings
from core.store import Way
from core.windows import HOP_S
from core.windows import spans as cut_spans
from core.wording import clock, with_sign
from pages.figures import audio
from pages.shared import messages, plays, show
from pages.shared.window_sliders import ask_windows
from pages.views.clips.clip import upload
from pages.views.clips.track_run import (
    RUN,
    Recording,
    TrackRun,
    WindowPlan,
    answer_for_the_file,
    section_wav,
)
from pages.views.clips.window_words import hear_windows

DEMO = "Demo: four characters, one after the other (synthetic)"
METHODS: dict[Literal["mean", "vote"], str] = {"mean": "mean probability", "vote": "vote of the windows"}
COLUMNS = {f"p_{e}": e for e in EMOTIONS}


@st.cache_resource(show_spinner="Making the demo …", max_entries=1)
def _demo() -> bytes:
    return encoding.wav(synthetic.medley())


def choose_recording() -> Recording | None:
    """Ask for a recording; None until one is chosen. Shows an error and stops if it has no usable audio."""
    file = upload("track_file", about="A whole piece or concert. The audio is not stored.")
    example = st.checkbox(DEMO, key="track_demo", disabled=file is not None)
    if file is None and not example:
        return None
    try:
        if file is not None:
            return Recording(decoding.inspect(file.getvalue(), file.name, max_mb=Settings().max_upload_mb), "upload")
        return Recording(decoding.inspect(_demo(), "demo, four characters (synthetic)"), "demo")
    except CoreError as error:
        messages.problem(error)
        st.stop()


def plan_windows(source: Source | None) -> WindowPlan | None:
    """Ask for length and distance of the windows."""
    length, hop = ask_windows(hop_s=HOP_S, bind="query-params")
    if source is None:
        return None
    try:
        return WindowPlan(length, hop, tuple(cut_spans(source.duration_s, length_s=length, hop_s=hop)))
    except CoreError as error:
        messages.problem(error)
        st.stop()


def show_earlier(served: Served, policy: Policy) -> bool:
    """Show the result of this session again, without its file. Returns False if there is none of this model."""
    run: TrackRun | None = st.session_state.get(RUN)
    if run is None or not run.windows or run.key[-1] != served.model.version:
        return False
    done, total = len(run.windows), len(run.plan.spans)
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.info(
        f"The result of **{messages.literal(run.about.name)}** from before"
        + ("" if done == total else f": {done} of {total} windows")
        + ". Choose the file again to change the windows.",
        icon=":material/history:",
    )
    right.button("Close", key="close_track", icon=":material/close:", on_click=_close)
    _show_answer(run)
    show_mood(None, timeline_table(run.windows), served, policy)
    return True


def _close() -> None:
    st.session_state.pop(RUN, None)


def show_answer(recording: Recording, served: Served, policy: Policy) -> None:
    """Show the answer that the Predict page and folders give for the same file."""
    run: TrackRun = st.session_state[RUN]
    answer_for_the_file(run, recording.source, served, policy)
    _show_answer(run)


def _show_answer(run: TrackRun) -> None:
    if run.answer is None:
        return
    answer = run.answer[1]
    if isinstance(answer, str):
        st.caption(f":material/info: On Predict: {messages.literal(answer)}")
        return
    guess = answer.prediction.ranked[0]
    votes = votes_text(guess, *answer.prediction.votes)
    named = " or ".join(with_sign(emotion) for emotion in answer.decision.candidates) or "needs review"
    why = "" if answer.decision.candidates else f" {messages.literal(answer.decision.reason)}"
    st.caption(
        f":material/graphic_eq: On Predict and in folders, this file has the answer **{named}**: {with_sign(guess)} "
        f"{wording.percent(answer.prediction.confidence)}, {votes} around the middle.{why}"
    )


def show_mood(source: Source | None, done: pd.DataFrame, served: Served, policy: Policy) -> None:
    """Show the mood over time, what people say, one answer for the recording, and the steadiest section of a mood.

    source : the file of the run in this session; None when it is gone.
    """
    run: TrackRun = st.session_state[RUN]
    about, plan = run.about, run.plan
    done = hear_windows(run, source, done, served)
    method = st.segmented_control(
        "One answer by",
        list(METHODS),
        format_func=METHODS.__getitem__,
        default="mean",
        required=True,
        key="how",
        bind="query-params",
        help="Vote: the emotion of most windows. Mean: also uses how probable the emotions are in each window.",
    )
    try:
        answer = overall(done, method)
    except CoreError as error:
        messages.problem(error)
        show.frame(done[["start_s", "end_s", "remark"]], hide_index=True)
        return
    shown = wording.percents(answer.shares)
    shares = ", ".join(f"{with_sign(e)} {shown[e]}" for e in EMOTIONS)
    _show_headline(decide_overall(done, answer, policy), answer.label)
    heard = wording.counted(answer.windows, "window")
    st.caption(f"{messages.literal(about.name)}, {heard} with music, by {METHODS[method]}: {shares}.")
    for text in warnings(run.windows):
        st.warning(messages.literal(text), icon=":material/graphic_eq:")
    wanted = st.segmented_control(
        f"The steadiest {STRETCH_S:.0f} seconds of",
        EMOTIONS,
        format_func=wording.with_sign,
        default=answer.label,
        required=True,
        key="wanted",
        bind="query-params",
    )
    unlike = done["remark_kind"] == RemarkKind.UNLIKE
    # Windows that the model cannot judge count as missing, unless there are no others.
    judged = steadiest(done.assign(**{p: done[p].where(~unlike) for p in PROBA}), wanted)
    stretch = judged or steadiest(done, wanted)
    tag = f"clip-{about.digest[:8]}_model-{served.model.version}"
    windows = done.drop(columns="remark_kind").rename(columns=COLUMNS)
    show.chart(
        audio.mood(windows, marked=None if stretch is None else (stretch.start_s, stretch.end_s)),
        key=f"mood_{plan.length_s}s-every-{plan.hop_s}s_{tag}",
        alt=f"Probabilities of the four emotions over {about.duration_s:.0f} s; overall {answer.label}",
        data=windows,
    )
    silent = int(done["p_angry"].isna().sum())
    if silent:
        st.caption(f":material/info: Windows without music that can be scored: {silent}. They are gaps in the lines.")
    if unlike.any():
        at = ", ".join(clock(s) for s in done.loc[unlike, "start_s"].head(10))
        more = " and later ones" if unlike.sum() > 10 else ""
        st.warning(
            f"Windows that are unlike the training music of this model: {int(unlike.sum())} of {len(done)}. Check "
            f"their moods by listening: the windows from {at}{more}.",
            icon=":material/warning:",
        )
    if unlike.any() and judged is not None:
        st.caption(
            ":material/info: For the steadiest section, a window that needs review counts as 0 %. So a section with "
            "such a window is recommended only if there is no better one."
        )
    if stretch is not None:
        _show_stretch(source, stretch, wanted, tag, doubtful=judged is None)


def _show_headline(decision: Decision, strongest: str) -> None:
    """Show the answer for the whole recording, by the same rule as for a clip."""
    if decision.action == "review":
        st.header("Needs review", divider="gray")
        st.warning(
            f"{messages.literal(decision.reason)} The strongest emotion is {with_sign(strongest)}.",
            icon=":material/hearing:",
        )
        return
    st.header(" or ".join(with_sign(emotion) for emotion in decision.candidates), divider="gray")
    st.caption(messages.literal(decision.reason))


def _show_stretch(source: Source | None, stretch: Stretch, wanted: str, tag: str, *, doubtful: bool) -> None:
    """Show the section with a player and a download. doubtful : the model cannot judge any of this music."""
    at = f"{clock(stretch.start_s)} to {clock(stretch.end_s)}"
    if doubtful:
        st.warning(
            f"**{at}** is closest to {with_sign(wanted)}, but the model cannot judge this music. Listen first.",
            icon=":material/hearing:",
        )
    elif stretch.fits:
        st.success(
            f"**{at}**: {with_sign(wanted)} in every window, never below {wording.percent(stretch.lowest)}, "
            f"{wording.percent(stretch.mean)} on "
            "average.",
            icon=":material/check_circle:",
        )
    else:
        st.warning(
            f"No section is {with_sign(wanted)} in every window. The best is **{at}**: "
            f"{wording.percent(stretch.mean)} on average, {wording.percent(stretch.lowest)} at its lowest. "
            "In some windows another emotion is stronger, or the window needs review.",
            icon=":material/help:",
        )
    try:
        wav = section_wav(source, stretch.start_s, stretch.end_s)
    except CoreError as error:
        messages.problem(error)
        return
    if wav is None:
        st.caption(":material/volume_off: Choose the file again to hear this section.")
        return
    plays.audio(wav, way=Way.TRACKS, format="audio/wav", alt=f"Player: the steadiest section, {at}")
    st.download_button(
        "Download this section (WAV)",
        wav,
        file_name=f"{wanted}_{stretch.start_s:.0f}-{stretch.end_s:.0f}s_{tag}.wav",
        mime="audio/wav",
        key="section_download",
        icon=":material/download:",
        on_click="ignore",
    )
