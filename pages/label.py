"""Label: listen to a clip, choose the emotion that you hear, and continue with the next clip."""

import streamlit as st

from pages.shared import cached, who
from pages.views.label import desk as parts
from pages.views.label import desk_options
from pages.views.label import my_answers as views

st.title("Label")
store = cached.store()
if store is None:
    st.stop()
person = who.require_person(store)
with st.container(horizontal=True):
    who.badge(store, person)
    desk_options.show_options()
tabs = st.tabs(["Next clip", "My answers", "At work"], key="view", bind="query-params")
shows = (parts.show_desk, views.show_answers, views.show_influence)
for tab, show in zip(tabs, shows, strict=True):
    if tab.open:
        with tab:
            show(store, person)
