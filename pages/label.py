"""Label: listen, say which emotion you hear, go on to the next clip."""

import streamlit as st

from pages import _label_parts as parts
from pages import _label_views as views
from pages import _shared, _who

st.title("Label")
kept = _shared.store()
if kept is None:
    st.stop()
person = _who.ask(kept)
with st.container(horizontal=True):
    _who.badge(kept, person)
    parts.options()
tabs = st.tabs(["Next clip", "My answers", "At work"], key="view", bind="query-params")
shows = (parts.desk, views.mine, views.at_work)
for tab, show in zip(tabs, shows, strict=True):
    if tab.open:
        with tab:
            show(kept, person)
