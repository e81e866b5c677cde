"""Library: a folder of music, or many files at once, scored in the background."""

import streamlit as st

from pages import _library_views as views
from pages import _policy, _shared, _who

st.title("Library")
served = _shared.champion()
policy = _policy.active(served.policies)
st.caption(
    f"Model {served.model.version}. Policy: {_policy.words(policy)}. Scoring goes on when this page is closed; what is "
    "known and unchanged is not measured again."
)
kept = _shared.store()
if kept is None:
    st.stop()
person = _who.ask(kept) if _who.login_configured() else None  # a login is there to say who may do this
if person is not None:
    _who.badge(kept, person)
views.ask(kept, policy)
views.work(kept, policy)
found = views.results(kept)
if found is None:
    if not views.running(kept):
        st.info("Choose a folder with music: what becomes of its files appears here.", icon=":material/library_music:")
else:
    views.told(found)
    views.not_scored(found)
    views.table(found)
views.on_disk(kept, may_remove=person is None or person.role == "analyst")
