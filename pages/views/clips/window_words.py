"""What people say about the windows of a recording, on the Whole tracks page."""

from dataclasses import replace
from functools import partial

import pandas as pd
import streamlit as st

from core.audio.decoding import Source
from core.errors import CoreError
from core.labelling.hearing import Heard
from core.labelling.whose_word import winning_moods
from core.pipeline.serving import Served
from core.pipeline.timeline import ScoredWindow, with_words
from core.pipeline.window_scoring import keep_window
from core.records import Word
from core.schema import EMOTIONS, PROBA
from core.store import Store, Way
from core.wording import clock, counted, percent, with_sign
from pages.shared import cached, hearing, messages, plays, who
from pages.views.clips.track_run import TrackRun, section_wav

MOST = 10  # windows that are named in the sentence about them
WITH_AN_ANSWER = (
    "With your answer, the name and the tags of the file are stored, and the times and the 50 values of this window. "
    "Analysts see them. The sound is not stored. You can delete the window on Predict, under *Your stored clips*."
)


def hear_windows(run: TrackRun, source: Source | None, done: pd.DataFrame, served: Served) -> pd.DataFrame:
    """Let people say what they hear in a window; return the timeline with the moods that count.

    An answer belongs to its window, from its start to its end, and not to the whole piece.

    source : the file of the run; None when it is gone.  done : the timeline of the windows, by the model.
    """
    store = cached.store()
    known = sorted(run.windows, key=lambda window: window.start_s)
    asked = {k: window for k, window in enumerate(known) if window.proba}
    if store is None or not asked:
        return done
    only = hearing.model_only()
    try:
        won = _won(store, done, asked, only)
    except CoreError as error:
        messages.problem(error)
        return done
    spoken = won[won["word"].ne(Word.MODEL) & won["skip"].eq("")]
    said = {k: str(spoken.loc[k, "mood"]) for k in asked if k in spoken.index}
    with st.expander(f"Say what you hear in a window ({len(said)} said)", icon=":material/hearing:", key="say_windows"):
        hearing.show_receipt()
        _ask(run, source, asked, won, served)
        who.optional_person(store)
    if said:
        named = [f"{_name(asked[k])} {with_sign(mood)}" for k, mood in said.items()]
        more = " and others" if len(named) > MOST else ""
        st.caption(
            f"People named the mood of {counted(len(named), 'window')}: {', '.join(named[:MOST])}{more}. "
            "These moods are used below."
        )
    return with_words(done, said).assign(whose_word=won["word"].reindex(done.index).fillna(""))


def _won(store: Store, done: pd.DataFrame, asked: dict[int, ScoredWindow], model_only: bool) -> pd.DataFrame:
    """Return whose word each window is; index: number of the row of the timeline."""
    rows = done.loc[list(asked), list(PROBA)].to_numpy()
    model = pd.Series([EMOTIONS[k] for k in rows.argmax(axis=1)], [asked[k].clip_id for k in asked])
    won = winning_moods(model, *hearing.words(store), model_only=model_only)
    return won.assign(model_mood=model).set_axis(list(asked))


def _ask(
    run: TrackRun, source: Source | None, asked: dict[int, ScoredWindow], won: pd.DataFrame, served: Served
) -> None:
    """Show one window with its player, and ask for its mood."""
    number = st.selectbox("Window", list(asked), format_func=lambda k: _name(asked[k]), key="say_window")
    if number not in asked:
        return
    window, row = asked[number], won.loc[number]
    try:
        wav = section_wav(source, window.start_s, window.end_s)
    except CoreError as error:
        messages.problem(error)
        return
    if wav is None:
        st.caption(":material/volume_off: Choose the file again to hear this window.")
    else:
        plays.audio(wav, way=Way.TRACKS, clip_id=window.clip_id, format="audio/wav", alt=f"Player: {_name(window)}")
    guess = str(row["model_mood"])
    differ = " People differ about this window." if row["differ"] else ""
    st.caption(f"The model: {with_sign(guess)} {percent((window.proba or {})[guess])}.{differ}")
    heard, name = Heard(guess, clip_id=window.clip_id), f"{run.about.name}, {_name(window)}"
    keep = partial(_keep, heard, window, served)
    hearing.ask_mood(heard, own=str(row["own"]), own_id=row["own_id"], name=name, keep=keep)
    st.caption(WITH_AN_ANSWER)


def _keep(heard: Heard, window: ScoredWindow, served: Served, store: Store) -> Heard:
    return replace(heard, prediction_id=keep_window(window, served, store))


def _name(window: ScoredWindow) -> str:
    return f"{clock(window.start_s)} to {clock(window.end_s)}"
