"""Whole tracks: how the mood of a long recording moves, and where a wanted mood holds best."""

import streamlit as st

from pages import _policy, _shared
from pages import _track_views as views

st.title("Whole tracks")
served = _shared.champion()
policy = _policy.active(served.policies)
_shared.warm_up(served)
st.caption(
    f"Model {served.model.version}. A recording is scored in windows, because a mood seldom lasts for a whole piece "
    "and the model knows clips of 30 seconds."
)
source = views.ask()
plan = views.plan(source)
if source is None or plan is None:
    st.info("Choose a recording of a minute or more: its mood over time appears here.", icon=":material/timeline:")
    st.stop()
done = views.scored(source, plan, served, policy)
if done is not None and not done.empty:
    views.mood(source, plan, done, served)
