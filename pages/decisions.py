"""Decisions: when the model accepts one emotion, offers two or asks for review, and how often that is right."""

import streamlit as st

from pages.views.models import decision_tabs as tabs
from pages.views.models import decision_views as views

st.title("Decisions")
page = views.open_page()
st.caption(
    f"All figures are for the model in use, {page.model.version} ({page.origin}): each clip is predicted by a model "
    "that was not trained on it. The policy that you set here applies to all pages at once."
)
choose, worth = st.columns([2, 3], gap="large")
with choose:
    policy = views.controls(page)
done = views.decided(page, policy)
with worth:
    views.figures(page, policy, done)
views.share(page, policy)
curve, emotions, sets, badge, sure = st.tabs(
    ["Risk and coverage", "Each emotion", "Sets", "The badge", "Reliability"], key="view", bind="query-params"
)
for tab, view in (
    (curve, tabs.risk),
    (emotions, tabs.each_emotion),
    (sets, tabs.sets),
    (badge, tabs.badge),
    (sure, tabs.reliability),
):
    if tab.open:
        with tab:
            view(page, policy, done)
