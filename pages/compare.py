"""Compare models: which model is best, by how much, and whether the difference is established."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.models.description import describe_model_in_use
from core.settings import Settings
from pages.shared.cached import results
from pages.shared.run_source import set_run_source
from pages.shared.show import citation
from pages.shared.tabs import show_tabs
from pages.views.models import compare_curves, criteria_views
from pages.views.models import compare_views as views

st.title("Compare models")
comparison = results()
set_run_source(comparison)
about, clips = comparison.about, comparison.rows
if about["synthetic"]:
    st.warning("These models were trained on the synthetic stand-in, so their figures say nothing about music.")
views.another_in_use(comparison)
if about["quick"]:
    st.info("This was a quick run: one repeat, no searches and no ablations.", icon=":material/bolt:")
st.caption(
    f"{len(comparison.labels_of)} models on {len(clips)} distinct clips (data {about['data_hash'][:8]}, trained "
    f"{about['created_at'][:10]}): {int((~clips['held_out']).sum())} in grouped, stratified 5-fold cross-validation "
    f"(repeats: {comparison.out_of_fold['repeat'].nunique()}), {int(clips['held_out'].sum())} held out. Every step "
    "that learns from data, preprocessing included, is fitted inside the training folds (no leakage)."
)
shows: dict[str, Callable[[Any], None]] = {
    "Leaderboard": views.board,
    "Pairs": views.pairs,
    "Emotions": views.emotions,
    "Curves": compare_curves.curves,
    "Tuning": views.tuning,
    "Ablations": views.ablations,
    "Criteria": lambda _: criteria_views.criteria(describe_model_in_use(Settings())),
    "Model card": lambda _: criteria_views.card(describe_model_in_use(Settings())),
}
show_tabs(shows, comparison)
citation()
