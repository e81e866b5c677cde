"""Home: what the program does, with which data and model, how good it is, and where to start."""

import streamlit as st

from core.errors import CoreError
from core.models import description
from core.models.description import ModelDescription
from core.settings import Settings
from pages.shared import cached, messages, show
from pages.views.home import doors as views

st.title("Turkish Music Emotion")
st.markdown(
    "Which emotion does a piece of Turkish music express: **angry, happy, relax or sad**? The program measures 50 "
    "features of a clip of 30 seconds. A calibrated model then shows how probable each emotion is, why, and when it "
    "is not sure. It describes recordings, not listeners; do not base clinical decisions on it."
)
table = cached.table()
show.stand_in_banner(table)
model: ModelDescription | None = None
try:
    found = description.describe_model_in_use(Settings())
    views.figures(cached.evaluation(found))
    if table.synthetic and not found.metrics["run"]["synthetic"]:
        st.caption("These figures were measured on the published table, not on the synthetic stand-in.")
    model = found
except CoreError as error:
    st.info(messages.literal(str(error)), icon=":material/model_training:")
views.show_doors()
left, right = st.columns(2)
with left:
    views.data(table)
with right:
    if model is not None:
        views.about(model, table)
show.citation()
