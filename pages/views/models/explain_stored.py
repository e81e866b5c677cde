"""The view of the Explain page for one clip of a library: the reasons of the model in use, and the clip's values."""

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core import store, wording
from core.access import Action
from core.features import EXTRACTOR
from core.models import explanation, explanation_tables, reference
from core.models.prediction import predict
from core.schema import COLUMNS, EMOTIONS, FeatureVector
from pages.figures import clips
from pages.shared import cached, show
from pages.shared.messages import literal

if TYPE_CHECKING:
    from core.pipeline.serving import Served


def show_stored_clip(clip_id: str) -> None:
    """Show why the model in use gives a clip of a library its emotion. clip_id : from the address."""
    known = cached.store()
    if known is None:
        return
    if st.button("Show the rows of the table instead", key="rows_instead", icon=":material/table_rows:"):
        st.query_params.pop("clip", None)
        st.rerun()
    if not known.by.may(Action.SEE_LIBRARY):
        st.warning("This clip is of a library. Only therapists and analysts see libraries.", icon=":material/lock:")
        return
    name = store.library_clip_name(known, clip_id)
    values = store.features_of(known, [clip_id], extractor=EXTRACTOR)
    if name is None or values.empty:
        st.warning(
            "No library has the clip of this address, or the present extractor has not measured it. Score the folder "
            "on the Library page, and open the reasons from there.",
            icon=":material/link_off:",
        )
        return
    served = cached.champion()
    vector = FeatureVector(clip_id, EXTRACTOR, values.loc[clip_id, list(COLUMNS)].to_numpy(dtype=float))
    (prediction,) = predict(served.model, [vector])
    st.markdown(f"**{literal(name)}**")
    emotion = st.segmented_control(
        "Emotion",
        EMOTIONS,
        format_func=wording.with_sign,
        default=prediction.ranked[0],
        required=True,
        key=f"emotion_of_{clip_id[:16]}",
        help="The most probable emotion is chosen first.",
    )
    table = _explained(served.model.version, vector, _served=served)
    base, steps = explanation_tables.steps(table, emotion, top=12)
    end = wording.percent(base + steps["shap"].sum())
    file = show.file_name("reasons", data_hash=clip_id, version=served.model.version)
    left, right = st.columns([3, 2], gap="large")
    with left:
        show.chart(
            clips.waterfall(steps, base=base, emotion=emotion),
            key=f"{file}-{emotion}",
            alt=f"Steps that move the probability of {emotion}, from {wording.percent(base)} to {end}: "
            + explanation_tables.steps_in_words(steps),
            data=table,
        )
    with right:
        st.markdown("**In words**")
        places = reference.percentile_ranks(vector, served.reference)
        st.markdown("\n".join(f"- {s}" for s in explanation_tables.sentences(steps, places, emotion)))
        st.caption(
            f"These are reasons of the model in use, {served.model.version}, for the part of the file that it heard. "
            f"The steps start at {wording.percent(base)}, the mean probability of {emotion} over typical clips, and "
            f"add up to {end}. An answer from several parts of a file can differ from the answer for this part."
        )


@st.cache_data(show_spinner="Explaining the probability by the 50 features …", max_entries=32)
def _explained(version: str, vector: FeatureVector, _served: "Served") -> pd.DataFrame:
    return explanation.explain_clip(_served.model, vector, _served.background, calibrated=True)
