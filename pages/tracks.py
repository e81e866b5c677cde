"""Whole tracks: how the mood of a long recording changes, and where a chosen mood is steadiest."""

import streamlit as st

from pages.views.clips import timeline as views
from pages.views.clips import track_run
from pages.views.clips.clip import open_page

served, policy = open_page("Whole tracks")
st.caption(
    f"Model {served.model.version}. A recording is scored in windows, because the mood of a piece usually changes "
    "and the model was trained on clips of 30 seconds. Nothing of the recording is stored unless you answer about a "
    "window; the result is gone when you close it or this page."
)
recording = views.choose_recording()
plan = views.plan_windows(recording.source if recording else None)
if recording is None or plan is None:
    if views.show_earlier(served, policy):
        st.stop()
    st.info("Choose a recording of a minute or more. Its mood over time appears here.", icon=":material/timeline:")
    st.stop()
done = track_run.score_windows(recording, plan, served, policy)
if done is not None and not done.empty:
    views.show_answer(recording, served, policy)
    views.show_mood(recording.source, done, served, policy)
