"""Impact: what the errors of the model in use cost, and which threshold costs least."""

import streamlit as st

from pages.shared import show
from pages.views.models import impact_slices
from pages.views.models import impact_views as views

st.title("Impact")
st.caption(
    "What do wrong answers cost, and from which confidence should an answer be accepted without a person? You set the "
    "prices. The model in use is measured on clips with known emotions."
)
page, other = views.open_page(), views.challenger()
left, right = st.columns(2, gap="large")
with left:
    prices = views.ask_prices()
with right:
    ways = views.show_cost(page, prices, other)
views.show_ways(page, prices, ways, other)
by_emotion, by_slice = st.tabs(["Each emotion", "Slices"], key="view", bind="query-params")
if by_emotion.open:
    with by_emotion:
        impact_slices.show_emotions(page, prices)
if by_slice.open:
    with by_slice:
        impact_slices.show_slices(page, prices, ways, other)
show.citation()
