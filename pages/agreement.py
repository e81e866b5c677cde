"""Agreement: how far people agree, what is settled, disputes, the pull of a shown guess, and labels as files."""

import streamlit as st

from core.errors import CoreError
from core.labelling import agreement, truth
from core.store import feedback_table
from pages.shared import cached, messages, who
from pages.views.label import agreement_views as views
from pages.views.label import disputes as dispute
from pages.views.label import files, people

st.title("Agreement")
kept = cached.store()
if kept is None:
    st.stop()
person = who.analyst(kept, told=dispute.told)
with st.container(horizontal=True, vertical_alignment="center"):
    who.badge(kept, person)
    synthetic = st.toggle(
        "Synthetic clips too",
        key="synthetic",
        bind="query-params",
        help="What people said of synthetic clips is practice. It trains no model, and is left out unless you ask.",
    )
try:
    everything = feedback_table(kept)
    needed = truth.raters_needed(kept)
except CoreError as error:
    messages.problem(error)
    st.stop()
said = everything if synthetic else agreement.of_music(everything)
shows = {
    "Overview": lambda: views.overview(kept, said, needed, synthetic=synthetic),
    "Disputes": lambda: dispute.disputed(kept, person, said, needed),
    "Pull of the guess": lambda: views.pull(said),
    "Raters": lambda: people.raters(kept, person, needed),
    "Clips": lambda: people.all_clips(kept, said, needed),
    "Files": lambda: files.show(kept, person, said, everything, needed),
}
for tab, show in zip(st.tabs(list(shows), key="view", bind="query-params"), shows.values(), strict=True):
    if tab.open:
        with tab:
            show()
