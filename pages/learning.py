"""Learning: when to train again, what a training changed, and which model is in use."""

import streamlit as st

from core.errors import CoreError
from pages.shared import cached, messages, who
from pages.views.models import learning_models as models
from pages.views.models import learning_train

st.title("Learning")
kept = cached.store()
if kept is None:
    st.stop()
person = who.analyst(kept, told=messages.show_pending_message)
who.badge(kept, person)
messages.show_pending_message()
st.caption("People's agreed labels make a new model; it has to beat the one in use, and a person decides.")
served = cached.champion()
shows = {
    "Train": learning_train.train,
    "Champion and challenger": models.decide,
    "Shadow": models.shadow,
    "History": models.history,
}
for tab, show in zip(st.tabs(list(shows), key="view", bind="query-params"), shows.values(), strict=True):
    if tab.open:
        with tab:
            try:
                show(kept, person, served)
            except CoreError as error:
                messages.problem(error)
