"""Home: what the program does, its data and model, how good the model is, and links for each kind of user."""

import streamlit as st

from core.errors import CoreError
from core.models import description
from core.models.description import InUse
from core.settings import Settings
from pages.shared import cached, messages, show
from pages.views.home import doors as views

st.title("Turkish Music Emotion")
st.markdown(
    "Which emotion does a piece of Turkish music carry: **angry, happy, relax or sad**? The program measures 50 "
    "features of a 30-second clip. A calibrated model gives the probability of each emotion, explains it, and shows "
    "when it is not sure. It describes recordings, not listeners, and is no basis for clinical decisions."
)
table = cached.table()
show.stand_in_banner(table)
model: InUse | None = None
try:
    described = description.describe_model_in_use(Settings())
    views.figures(described)
    if table.synthetic and not described.metrics["run"]["synthetic"]:
        st.caption("These figures come from the published table, not from the stand-in.")
    model = described
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
