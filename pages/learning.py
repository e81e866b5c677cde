"""Learning: when to train again, what a training changed, and which model is in use."""

import streamlit as st

from core.errors import CoreError
from pages import _learning_models as models
from pages import _learning_train, _shared, _who

st.title("Learning")
kept = _shared.store()
if kept is None:
    st.stop()
person = _who.analyst(kept, told=_shared.told)
_who.badge(kept, person)
_shared.told()
st.caption("People's agreed labels make a new model; it has to beat the one in use, and a person decides.")
served = _shared.champion()
shows = {
    "Train": _learning_train.train,
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
                _shared.problem(error)
