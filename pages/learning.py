"""Learning: when to retrain, what a training changed, and which model is in use."""

import streamlit as st

from pages.shared import cached, messages, tabs, who
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
tabs.show_tabs(shows, store, person, served)
