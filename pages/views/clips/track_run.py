"""Score the windows of a recording on the Whole tracks page; the result stays in the session without the file."""

import secrets
import time
from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from core.audio import decoding, encoding
from core.audio.decoding import Source
from core.errors import CoreError, QueueFull, WorkerDied
from core.models.policy import Policy
from core.pipeline import scoring, window_scoring
from core.pipeline.deciding import Decided
from core.pipeline.noting import Asked
from core.pipeline.serving import Served
from core.pipeline.timeline import ScoredWindow, timeline_table
from core.pipeline.work_queue import Way
from core.schema import FeatureVector
from core.store import Store
from core.store import Way as EventWay
from core.wording import clock
from pages.shared import cached, messages, waiting

SECTIONS = 4  # sections of 30 s whose sound stays in the session, 2.6 MB each
RUN = "track_run"  # session key: the `TrackRun` on the screen


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


@dataclass(frozen=True)
class Named:
    """What the page still knows of a recording when its file is gone."""

    name: str
    digest: str
    duration_s: float


@dataclass(eq=False)
class TrackRun:
    """The windows scored so far, for one recording, one window plan and one model.

    It stays in the session without the file, so that the result is there when the person comes back to the page.
    Nothing of it is stored in the database, except the windows that the person answers about.

    measured : features of the windows of this recording, by clip id, also of earlier plans and models.
    answer : of the same file on Predict, or why there is none, with what it depends on.
    sections : WAV of the sections that were shown.
    recording : random name of the recording in the events.
    """

    key: tuple[object, ...]
    about: Named
    plan: WindowPlan
    windows: list[ScoredWindow] = field(default_factory=list)
    measured: dict[str, FeatureVector] = field(default_factory=dict)
    stopped: bool = False
    answer: tuple[tuple[object, ...], Decided | str] | None = None
    sections: dict[tuple[float, float], bytes] = field(default_factory=dict)
    recording: str = field(default_factory=lambda: secrets.token_hex(8))


def score_windows(recording: Recording, plan: WindowPlan, served: Served, policy: Policy) -> pd.DataFrame | None:
    """Score the windows; return the timeline so far. Scored windows stay in the session, so stopping loses nothing."""
    source = recording.source
    key = (source.digest, plan.length_s, plan.hop_s, served.model.version)
    run: TrackRun | None = st.session_state.get(RUN)
    if run is None or run.key != key:
        about = Named(source.name, source.digest, source.duration_s)
        before = run if run is not None and run.about.digest == source.digest else None
        run = st.session_state[RUN] = TrackRun(key, about, plan)
        if before is not None:
            run.measured, run.answer, run.recording = before.measured, before.answer, before.recording
    total = len(plan.spans)
    if len(run.windows) < total and not run.stopped:
        _score_missing(run, recording, plan, served, policy)
    if len(run.windows) < total:
        st.info(f"Stopped after {len(run.windows)} of {total} windows.", icon=":material/pause:")
        st.button("Go on", key="go_on", icon=":material/play_arrow:", on_click=_set_stopped, args=(run, False))
    return timeline_table(run.windows) if run.windows else None


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
    known = store.as_now() if store is not None else None
    try:
        for span in plan.spans[len(run.windows) :]:
            window = _score_window(run, recording, span, served, policy, known)
            run.windows.append(window)
            if window.result is not None:
                run.measured[window.clip_id] = window.result.file.clips[0].vector
            n = len(run.windows)
            bar.progress(n / total, text=f"Window {min(n + 1, total)} of {total}, up to {clock(window.end_s)} …")
    except CoreError as error:
        messages.problem(error)
        run.stopped = True
    bar.empty()
    stop.empty()


def _score_window(
    run: TrackRun, recording: Recording, span: tuple[float, float], served: Served, policy: Policy, store: Store | None
) -> ScoredWindow:
    """Score a window in the line of the server. After each window, it is somebody else's turn."""
    measured, asked = dict(run.measured), Asked(EventWay.TRACKS, recording=run.recording)
    return waiting.result(
        lambda: window_scoring.score_window(
            recording.source,
            served,
            span=span,
            policy=policy,
            store=store,
            origin=recording.origin,
            measured=measured,
            asked=asked,
        ),
        way=Way.DECISION,
        name="track",
        what=(run.key, span),
    )


def answer_for_the_file(run: TrackRun, source: Source, served: Served, policy: Policy) -> Decided | str:
    """Return the answer of the Predict page for the whole file, or why there is none."""
    key = (source.digest, served.model.version, policy)
    if run.answer is None or run.answer[0] != key:
        opened = cached.store()
        store = opened.as_now() if opened is not None else None

        def work() -> Decided:
            began_s = time.perf_counter()
            return scoring.score_source(source, served, policy=policy, store=store, started=began_s).decided

        try:
            decided: Decided | str = waiting.result(
                work,
                way=Way.DECISION,
                name="track",
                what=key,
                doing="Deciding for the whole file …",
            )
        except (QueueFull, WorkerDied) as error:
            return str(error)  # the next run of the page asks again
        except CoreError as error:
            decided = str(error)
        run.answer = key, decided
    return run.answer[1]


def section_wav(source: Source | None, start_s: float, end_s: float) -> bytes | None:
    """Return a section as WAV, from the session if it was shown before; None when the file is gone."""
    sections, span = st.session_state[RUN].sections, (start_s, end_s)
    if span not in sections and source is not None:
        part = decoding.excerpt(source, start_s=start_s, length_s=end_s - start_s)
        sections[span] = encoding.wav(part.clip.y)
        for old in list(sections)[:-SECTIONS]:
            del sections[old]
    found: bytes | None = sections.get(span)
    return found
