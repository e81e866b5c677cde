"""Agreement: agreement between raters, disputes, the influence of a shown guess, and import and export of labels."""

import streamlit as st

from core.errors import CoreError
from core.labelling import agreement, truth
from core.store import feedback_table
from pages.shared import cached, messages, who
from pages.views.label import agreement_views as views
from pages.views.label import disputes, files, people, tasks

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
    all_answers = feedback_table(store)
    needed = truth.raters_needed(store)
except CoreError as error:
    messages.problem(error)
    st.stop()
answers = all_answers if synthetic else agreement.of_music(all_answers)
shows = {
    "Overview": lambda: views.show_overview(store, answers, needed, synthetic=synthetic),
    "Tasks": lambda: tasks.show_tasks(store),
    "Disputes": lambda: disputes.show_disputes(store, person, answers, needed),
    "Files": lambda: files.show(store, person, answers, all_answers, needed),
    "Raters": lambda: people.show_raters(store, person, answers, needed),
    "Clips": lambda: people.show_clips(store, answers, needed),
    "Pull of the guess": lambda: views.show_pull(answers),
}
for tab, show in zip(st.tabs(list(shows), key="view", bind="query-params"), shows.values(), strict=True):
    if tab.open:
        with tab:
            show()
