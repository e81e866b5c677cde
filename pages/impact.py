"""Impact: what the errors of the model in use cost, and which threshold costs least."""

import streamlit as st

from pages.shared import show
from pages.views.models import impact_views as views

st.title("Impact")
st.caption(
    "What do wrong answers cost, and from which confidence should an answer be accepted without a person? You set the "
    "prices. The model in use is measured on clips with known emotions."
)
page = views.open_page()
left, right = st.columns(2, gap="large")
with left:
    prices = views.ask_prices()
with right:
    threshold = views.show_cost(page, prices)
by_emotion, worth = st.tabs(["Each emotion", "What an improvement is worth"], key="view", bind="query-params")
if by_emotion.open:
    with by_emotion:
        views.show_emotions(page, prices, threshold)
if worth.open:
    with worth:
        views.show_worth(page, prices, threshold)
show.citation()
