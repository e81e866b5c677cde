"""Predict: the emotion of one clip, its probability, the reasons, and a form for your answer."""

import pandas as pd
import streamlit as st

from core.wording import ROUNDING, percents
from pages.figures import style
from pages.shared import messages, show
from pages.shared.policy import describe_policy
from pages.views.clips import clip as parts
from pages.views.clips import decision, own_clips, reasons
from pages.views.clips import picture as pictures

served, policy = parts.open_page("Predict")
st.caption(
    f"Model {served.model.version}, from {served.model.source}. Policy: {describe_policy(policy)}. "
    "It supports a person's judgement and never replaces it."
)
chosen = parts.choose_clip()
own_clips.show_own_clips()
shown = parts.current_clip(chosen, served)
if shown is None:
    if chosen is None:
        st.info(
            "Choose a clip. Its emotion, the reasons and its 50 features appear here.", icon=":material/graphic_eq:"
        )
    st.stop()

scored = shown.scored
show.set_source(decision.source_of(scored))
heading, close = st.columns([5, 1], vertical_alignment="bottom")
heading.header(messages.literal(scored.recording.name), divider="gray")
close.button(
    "Close", key="close", icon=":material/close:", on_click=parts.close_clip, help="Remove this clip from the screen."
)
parts.show_player(shown)
left, right = st.columns(2, gap="large")
with left:
    decision.show_decision(scored, served)
    st.session_state.setdefault(show.SEEN, set()).add(scored.clip_id)
    proba = pd.Series(scored.prediction.proba)
    show.chart(
        style.probabilities(proba, threshold=policy.limit(str(proba.idxmax())) if policy.kind == "threshold" else None),
        key=f"probabilities_{parts.file_tag(scored)}",
        alt="Probabilities: " + ", ".join(f"{e} {words}" for e, words in percents(scored.prediction.proba).items()),
        data=proba.rename("probability").rename_axis("emotion").reset_index(),
    )
    st.caption("The four probabilities add up to 100 %.", help=ROUNDING)
    decision.show_firmness(shown, served)
    own_clips.show_answer_and_sharing(shown, served)
with right:
    pictures.waveform(shown)
    pictures.spectrogram(scored.recording.clip)

st.header("Why")
reasons.show_reasons(shown, served)
reasons.show_what_if(shown, served)
st.header("The 50 values")
reasons.show_values(scored, served)
st.caption(
    f"Time from the audio to the decision: {scored.latency_s:.2f} s. Extractor {scored.vector.extractor}. "
    f"Clip {scored.clip_id[:16]}."
)
