"""Home: what this is, on which data and model it stands, how good it is, and a door for each kind of person."""

import streamlit as st

from core.errors import CoreError
from core.models import description
from core.models.description import ModelDescription
from core.settings import Settings
from pages.shared import cached, messages, show
from pages.views.home import doors as views

st.title("Turkish Music Emotion")
st.markdown(
    "Which emotion does a piece of Turkish music carry: **angry, happy, relax or sad**? A clip of 30 seconds is "
    "measured in 50 features; a calibrated model says how probable each emotion is, why, and when it is not sure. "
    "It describes recordings, not listeners, and is no basis for clinical decisions."
)
table = cached.table()
show.stand_in_banner(table)
model: ModelDescription | None = None
try:
    found = description.describe_model_in_use(Settings())
    views.figures(found)
    if table.synthetic and not found.metrics["run"]["synthetic"]:
        st.caption("These figures were measured on the published table, not on the stand-in.")
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
