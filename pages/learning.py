"""Learning: when to retrain, what a training changed, and which model is in use."""

import streamlit as st

from core.errors import CoreError
from pages.shared import cached, messages, who
from pages.views.models import learning_decide, learning_models, learning_shadow, learning_train

st.title("Learning")
store = cached.store()
if store is None:
    st.stop()
person = who.require_analyst(store, show_result=messages.show_pending_message)
who.badge(store, person)
messages.show_pending_message()
st.caption(
    "A new model is trained on the labels that raters agree on. If it is better than the model in use, a person "
    "decides whether to promote it."
)
served = cached.champion()
shows = {
    "Train": learning_train.train,
    "Champion and challenger": learning_decide.decide,
    "Shadow": learning_shadow.shadow,
    "History": learning_models.history,
}
for tab, show in zip(st.tabs(list(shows), key="view", bind="query-params"), shows.values(), strict=True):
    if tab.open:
        with tab:
            try:
                show(store, person, served)
            except CoreError as error:
                messages.problem(error)
