"""Library: score a folder of music, or many files at once, in the background."""

import streamlit as st

from pages.shared import cached, login, who
from pages.shared.policy import active, describe_policy
from pages.views.library import run_choice, run_results
from pages.views.library import runs as views

st.title("Library")
served = cached.champion()
policy = active(served.policies)
st.caption(
    f"Model {served.model.version}. Policy: {describe_policy(policy)}. Scoring continues when you close this page. "
    "Files that were scored before and have not changed are not measured again."
)
store = cached.store()
if store is None:
    st.stop()
person = who.require_person(store) if login.login_configured() else None  # with a login, only known people may do this
if person is not None:
    who.badge(store, person)
views.ask_music(store, policy)
views.show_progress(store, policy)
results = run_choice.choose_results(store)
if results is None:
    if not views.running(store):
        st.info("Choose a folder with music. The results of its files appear here.", icon=":material/library_music:")
else:
    run_results.show_summary(results)
    views.offer_again(store, policy, results.job)
    run_results.show_not_scored(results)
    run_results.show_unlike(results)
    run_results.show_table(results)
views.show_disk_usage(store)
