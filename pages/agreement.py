"""Agreement: agreement between raters, disputes, the influence of a shown guess, and import and export of labels."""

import streamlit as st

from core.errors import CoreError
from core.labelling import truth
from pages.shared import cached, messages, tabs, who
from pages.views.label import agreement_views as views
from pages.views.label import answers_of_all, disputes, files, people, tasks

st.title("Agreement")
store = cached.store()
if store is None:
    st.stop()
person = who.require_analyst(store, show_result=messages.show_pending_message)
with st.container(horizontal=True, vertical_alignment="center"):
    who.badge(store, person)
    synthetic = st.toggle(
        "Synthetic clips too",
        key="synthetic",
        bind="query-params",
        help="Answers about synthetic clips are practice: no model is trained on them. Switch this on to count and "
        "export them here. The tab Raters and the audit trail always contain them.",
    )
try:
    answers = answers_of_all.known(store, synthetic=synthetic)
    needed = truth.raters_needed(store)
except CoreError as error:
    messages.problem(error)
    st.stop()
shows = {
    "Overview": lambda: views.show_overview(store, answers, needed),
    "Tasks": lambda: tasks.show_tasks(store),
    "Disputes": lambda: disputes.show_disputes(store, person, answers, needed),
    "Files": lambda: files.show(store, person, answers, needed),
    "Raters": lambda: people.show_raters(store, person, answers, needed),
    "Clips": lambda: people.show_clips(store, answers, needed),
    "Pull of the guess": lambda: views.show_pull(store, synthetic=synthetic),
}
tabs.show_tabs(shows)
