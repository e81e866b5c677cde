"""Explain: which features a model uses, overall, for one emotion, for one feature and for one clip of the table."""

import streamlit as st

from pages.shared import cached
from pages.shared.run_source import set_run_source
from pages.views.models import compare_views, explain_clip, explain_map
from pages.views.models import explain_views as views

st.title("Explain")
comparison = cached.results()
compare_views.another_in_use(comparison)
model = views.choose(comparison)
set_run_source(comparison, algorithm=model)
shap = views.contributions(comparison, model)
published = views.own_table(comparison)
overall, swarm, chart, dependence, both, clip, check = st.tabs(
    ["Overall", "Every clip", "Map", "One feature", "Two features", "One clip", "Check"],
    key="view",
    bind="query-params",
)
page = views.Page(comparison, model, shap, published)
for tab, view in (
    (overall, views.overall),
    (swarm, views.every_clip),
    (chart, explain_map.every_place),
    (dependence, views.one_feature),
    (both, views.two_features),
    (clip, explain_clip.one_clip),
    (check, views.check),
):
    if tab.open:
        with tab:
            view(page)
