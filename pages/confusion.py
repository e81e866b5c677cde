"""Confusion: which emotion is taken for which, by which clips, and how each emotion fares."""

import streamlit as st

from pages.shared import cached, show
from pages.views.models import compare_views
from pages.views.models import confusion_views as views

st.title("Confusion")
found = cached.results()
compare_views.another_in_use(found)
one, two = st.columns([3, 2], vertical_alignment="bottom")
with one:
    model = compare_views.choose_model(found, bind="query-params", on_change=views.forget_cell)
part = two.segmented_control(
    "Measured by", list(compare_views.PARTS), format_func=compare_views.PARTS.__getitem__, default="cv",
    required=True, key="part", bind="query-params", on_change=views.forget_cell,
    help="Cross-validation: every development clip, not seen in training. Held-out part: few clips, "
    "never used to choose.",
)  # fmt: skip
held_out = part == "held_out"
cell = views.matrix(found, model, held_out=held_out)
if cell is None:
    st.info("Click a cell, or choose both emotions, to list its clips.", icon=":material/ads_click:")
else:
    views.clips(found, model, cell, held_out=held_out)
views.emotions(found, model, held_out=held_out)
show.citation()
