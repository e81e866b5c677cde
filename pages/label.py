"""Label: listen, say which emotion you hear, go on to the next clip."""

import streamlit as st

from pages.shared import cached, who
from pages.views.label import desk as parts
from pages.views.label import my_answers as views

st.title("Label")
kept = cached.store()
if kept is None:
    st.stop()
person = who.ask(kept)
with st.container(horizontal=True):
    who.badge(kept, person)
    parts.options()
tabs = st.tabs(["Next clip", "My answers", "At work"], key="view", bind="query-params")
shows = (parts.show_desk, views.mine, views.at_work)
for tab, show in zip(tabs, shows, strict=True):
    if tab.open:
        with tab:
            show(kept, person)
