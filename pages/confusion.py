"""Confusion: which emotions the model mistakes for each other, on which clips, and the scores of each emotion."""

import streamlit as st

from pages.shared import cached, show
from pages.shared.run_source import set_run_source
from pages.views.models import compare_views, doubt_views
from pages.views.models import confusion_views as views

st.title("Confusion")
comparison = cached.results()
compare_views.another_in_use(comparison)
one, two = st.columns([3, 2], vertical_alignment="bottom")
with one:
    model = compare_views.choose_model(comparison, bind="query-params", on_change=views.forget_cell)
part = two.segmented_control(
    "Measured by", list(compare_views.PARTS), format_func=compare_views.PARTS.__getitem__, default="cv",
    required=True, key="part", bind="query-params", on_change=views.forget_cell,
    help="Cross-validation: every development clip, predicted by a model that was not trained on it. Held-out part: "
    "few clips, never used to choose a model.",
)  # fmt: skip
set_run_source(comparison, algorithm=model, held_out=part == "held_out")
held_out = part == "held_out"
cell = views.matrix(comparison, model, held_out=held_out)
if cell is None:
    st.info("Click a cell, or choose both emotions, to list its clips.", icon=":material/ads_click:")
else:
    views.clips(comparison, model, cell, held_out=held_out)
views.emotions(comparison, model, held_out=held_out)
views.doubts(comparison, model, held_out=held_out)
doubt_views.doubts_of_people()
show.citation()
