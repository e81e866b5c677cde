"""Whole tracks: how the mood of a long recording moves, and where a wanted mood holds best."""

import streamlit as st

from pages.views.clips import timeline as views
from pages.views.clips.clip import open_page

served, policy = open_page("Whole tracks")
st.caption(
    f"Model {served.model.version}. A recording is scored in windows, because a mood seldom lasts for a whole piece "
    "and the model knows clips of 30 seconds."
)
given = views.ask()
plan = views.plan(given.source if given else None)
if given is None or plan is None:
    st.info("Choose a recording of a minute or more: its mood over time appears here.", icon=":material/timeline:")
    st.stop()
done = views.scored(given, plan, served, policy)
if done is not None and not done.empty:
    views.mood(given.source, plan, done, served)
