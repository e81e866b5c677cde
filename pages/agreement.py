"""Agreement: how far people agree, what is settled, disputes, the pull of a shown guess, and labels as files."""

import streamlit as st

from core import agreement, queueing
from core import store as db
from core.errors import CoreError
from pages import _agreement_views as views
from pages import _dispute_views as dispute
from pages import _label_files as files
from pages import _people_views as people
from pages import _shared, _who

st.title("Agreement")
kept = _shared.store()
if kept is None:
    st.stop()
person = _who.analyst(kept, told=dispute.told)
with st.container(horizontal=True, vertical_alignment="center"):
    _who.badge(kept, person)
    synthetic = st.toggle(
        "Synthetic clips too",
        key="synthetic",
        bind="query-params",
        help="What people said of synthetic clips is practice. It trains no model, and is left out unless you ask.",
    )
try:
    everything = db.feedback_table(kept)
    needed = queueing.raters_needed(kept)
except CoreError as error:
    _shared.problem(error)
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
