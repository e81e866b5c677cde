"""Library: a folder of music, or many files at once, scored in the background."""

import streamlit as st

from pages.shared import cached, who
from pages.shared.policy import active, words
from pages.views.library import run_results
from pages.views.library import runs as views

st.title("Library")
served = cached.champion()
policy = active(served.policies)
st.caption(
    f"Model {served.model.version}. Policy: {words(policy)}. Scoring goes on when this page is closed; what is "
    "known and unchanged is not measured again."
)
kept = cached.store()
if kept is None:
    st.stop()
person = who.ask(kept) if who.login_configured() else None  # a login is there to say who may do this
if person is not None:
    who.badge(kept, person)
views.ask(kept, policy)
views.work(kept, policy)
found = run_results.results(kept)
if found is None:
    if not views.running(kept):
        st.info("Choose a folder with music: what becomes of its files appears here.", icon=":material/library_music:")
else:
    run_results.show_summary(found)
    run_results.not_scored(found)
    run_results.table(found)
views.on_disk(kept, may_remove=person is None or person.role == "analyst")
