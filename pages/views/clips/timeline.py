"""Parts of the Whole tracks page: the recording, its windows, its mood over time and its steadiest section."""

import time
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
import streamlit as st

from core import wording
from core.audio import decoding, encoding, synthetic
from core.audio.decoding import Source
from core.errors import CoreError
from core.models.policy import Decision, Policy
from core.models.prediction import votes_text
from core.pipeline import scoring
from core.pipeline.deciding import Decided
from core.pipeline.serving import Served
from core.pipeline.timeline import (
    STRETCH_S,
    ScoredWindow,
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
from core.windows import HOP_S
from core.windows import spans as cut_spans
from core.wording import clock, with_sign
from pages.figures import audio
from pages.shared import cached, messages, show
from pages.shared.window_sliders import ask_windows
from pages.views.clips.clip import upload

RUN = "track_run"  # session key: the `TrackRun` on the screen
DEMO = "Demo: four characters, one after the other (synthetic)"
METHODS: dict[Literal["mean", "vote"], str] = {"mean": "mean probability", "vote": "vote of the windows"}
COLUMNS = {f"p_{e}": e for e in EMOTIONS}


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording that a person chose. origin : one of ``core.store.ORIGINS``."""

    source: Source
    origin: str


@dataclass(frozen=True)
class WindowPlan:
    """How a recording is cut into windows.

    length_s : length of a window in s.  hop_s : distance between starts in s.  spans : start and end of each in s.
    """

    length_s: float
    hop_s: float
    spans: tuple[tuple[float, float], ...]


@dataclass(eq=False)
class TrackRun:
    """The windows scored so far, for one recording, one window plan and one model."""

    key: tuple[object, ...]
    windows: list[ScoredWindow] = field(default_factory=list)
    stopped: bool = False


@st.cache_resource(show_spinner="Making the demo …", max_entries=1)
def _demo() -> bytes:
    return encoding.wav(synthetic.medley())


def choose_recording() -> Recording | None:
    """Ask for a recording; None until one is chosen. Shows an error and stops if it has no usable audio."""
    file = upload("track_file", about="A whole piece or session. The audio is not stored.")
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


def score_windows(recording: Recording, plan: WindowPlan, served: Served, policy: Policy) -> pd.DataFrame | None:
    """Score the windows; return the timeline so far. Scored windows stay in the session, so stopping loses nothing."""
    source = recording.source
    key = (source.digest, plan.length_s, plan.hop_s, served.model.version)
    run: TrackRun | None = st.session_state.get(RUN)
    if run is None or run.key != key:
        run = st.session_state[RUN] = TrackRun(key)
    total = len(plan.spans)
    if len(run.windows) < total and not run.stopped:
        _score_missing(run, recording, plan, served, policy)
    if len(run.windows) < total:
        st.info(f"Stopped after {len(run.windows)} of {total} windows.", icon=":material/pause:")
        st.button("Go on", key="go_on", icon=":material/play_arrow:", on_click=_set_stopped, args=(run, False))
    return timeline_table(run.windows) if run.windows else None


def scored_windows() -> list[ScoredWindow]:
    """The windows of the recording on the screen that were scored so far."""
    run: TrackRun | None = st.session_state.get(RUN)
    return [] if run is None else run.windows


def _set_stopped(run: TrackRun, stopped: bool) -> None:
    run.stopped = stopped


def _score_missing(run: TrackRun, recording: Recording, plan: WindowPlan, served: Served, policy: Policy) -> None:
    """Score the missing windows, with a progress bar, until all are done or the person presses Stop."""
    total, store = len(plan.spans), cached.store()
    with st.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(len(run.windows) / total, text=f"{len(run.windows)} of {total} windows …")
        # A press ends this run of the page at the next progress update.
        stop = st.empty()
        stop.button("Stop", icon=":material/stop:", on_click=_set_stopped, args=(run, True), key="stop")
    missing = plan.spans[len(run.windows) :]
    windows = scoring.score_windows(
        recording.source, served, spans=missing, policy=policy, store=store, origin=recording.origin
    )
    try:
        for window in windows:
            run.windows.append(window)
            n = len(run.windows)
            bar.progress(n / total, text=f"Window {min(n + 1, total)} of {total}, up to {clock(window.end_s)} …")
    except CoreError as error:
        messages.problem(error)
        run.stopped = True
    bar.empty()
    stop.empty()


def show_answer(recording: Recording, served: Served, policy: Policy) -> None:
    """Show the answer that the Predict page and folders give for the same file."""
    answer = _answer(recording.source.digest, served.model.version, policy, _source=recording.source, _served=served)
    if isinstance(answer, str):
        st.caption(f":material/info: On Predict: {messages.literal(answer)}")
        return
    guess = answer.prediction.ranked[0]
    votes = votes_text(guess, *answer.prediction.votes)
    named = " or ".join(with_sign(emotion) for emotion in answer.decision.candidates) or "needs review"
    st.caption(
        f":material/graphic_eq: On Predict and in folders, this file has the answer **{named}**: {with_sign(guess)} "
        f"{wording.percent(answer.prediction.confidence)}, {votes} around the middle."
    )


@st.cache_data(show_spinner=False, max_entries=8)
def _answer(digest: str, version: str, policy: Policy, *, _source: Source, _served: Served) -> Decided | str:
    """Return the answer for the file, or why there is none."""
    try:
        started = time.perf_counter()
        return scoring.score_source(_source, _served, policy=policy, store=cached.store(), started=started).decided
    except CoreError as error:
        return str(error)


def show_mood(source: Source, plan: WindowPlan, done: pd.DataFrame, served: Served, policy: Policy) -> None:
    """Show the mood over time, one answer for the recording, and the steadiest section of a chosen mood."""
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
    st.caption(f"{messages.literal(source.name)}, {heard} with music, by {METHODS[method]}: {shares}.")
    for text in warnings(st.session_state[RUN].windows):
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
    tag = f"clip-{source.digest[:8]}_model-{served.model.version}"
    windows = done.drop(columns="remark_kind").rename(columns=COLUMNS)
    show.chart(
        audio.mood(windows, marked=None if stretch is None else (stretch.start_s, stretch.end_s)),
        key=f"mood_{plan.length_s}s-every-{plan.hop_s}s_{tag}",
        alt=f"Probabilities of the four emotions over {source.duration_s:.0f} s; overall {answer.label}",
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


def _show_stretch(source: Source, stretch: Stretch, wanted: str, tag: str, *, doubtful: bool) -> None:
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
        wav = window_audio(source.digest, stretch.start_s, stretch.end_s, _source=source)
    except CoreError as error:
        messages.problem(error)
        return
    st.audio(wav, format="audio/wav", alt=f"Player: the steadiest section, {at}")
    st.download_button(
        "Download this section (WAV)",
        wav,
        file_name=f"{wanted}_{stretch.start_s:.0f}-{stretch.end_s:.0f}s_{tag}.wav",
        mime="audio/wav",
        key="section_download",
        icon=":material/download:",
        on_click="ignore",
    )


@st.cache_data(show_spinner=False, max_entries=8)
def window_audio(digest: str, start_s: float, end_s: float, _source: Source) -> bytes:
    """Part of a recording as a WAV file. digest, start_s, end_s : cache key."""
    return encoding.wav(decoding.excerpt(_source, start_s=start_s, length_s=end_s - start_s).clip.y)
