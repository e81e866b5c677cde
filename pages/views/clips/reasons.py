"""Reasons for a prediction, the 50 feature values of the clip, and a what-if form."""

import numpy as np
import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.models import explanation_tables, reference
from core.models.prediction import predict
from core.musical_words import explained
from core.pipeline import scoring
from core.pipeline.scoring import ScoredClip
from core.pipeline.serving import Served
from core.pipeline.work_queue import Way
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, FeatureVector, readable
from pages.figures import clips, style
from pages.shared import messages, show, waiting
from pages.views.clips.clip import ShownClip, file_tag

SLIDERS = 4  # features that can be changed at once


@st.fragment
def show_reasons(shown: ShownClip, served: Served) -> None:
    """Show the strongest reasons for one emotion, in words and as steps from the average clip to this one."""
    scored = shown.scored
    emotion = st.segmented_control(
        "Reasons for and against",
        EMOTIONS,
        format_func=wording.with_sign,
        default=scored.prediction.ranked[0],
        required=True,
        key=f"why_{scored.clip_id[:16]}",
        help="The most probable emotion is chosen first. Each step shows how much a feature changes the probability, "
        "compared with typical clips of all four emotions (method: SHAP).",
    )
    if shown.explanation is None:
        try:
            shown.explanation = _explain(scored, served)
        except CoreError as error:
            messages.problem(error)
            st.button("Try again", key="try_again_reasons", icon=":material/refresh:")
            return
    _draw_reasons(shown, shown.explanation, emotion, served)


def _draw_reasons(shown: ShownClip, explanation: pd.DataFrame, emotion: str, served: Served) -> None:
    scored = shown.scored
    base, steps = explanation_tables.steps(explanation, emotion)
    left, right = st.columns([3, 2], gap="large")
    with left:
        show.chart(
            clips.waterfall(steps, base=base, emotion=emotion),
            key=f"why-{emotion}_{file_tag(scored)}",
            alt=f"Steps from the average probability of {emotion}, {wording.percent(base)}, to this clip's: "
            + explanation_tables.steps_in_words(steps),
        )
    with right:
        st.markdown("**In words**")
        places = reference.percentile_ranks(scored.vector, served.reference)
        st.markdown("\n".join(f"- {s}" for s in explanation_tables.sentences(steps, places, emotion)))
        st.caption(
            "The steps begin at the average probability over typical clips and end at the probability of this clip. "
            "Each step is the effect of one feature. The method is SHAP. It uses a sample, so small effects are "
            "approximate. The steps show what the model uses. They do not show why music moves people."
        )
        show.download(explanation, f"reasons_{file_tag(scored)}", label="All contributions (CSV)")


def _explain(scored: ScoredClip, served: Served) -> pd.DataFrame:
    """Explain a prediction in the line of the server, after all decisions."""
    return waiting.result(
        lambda: scoring.explain(scored, served),
        way=Way.EXPLANATION,
        name="reasons",
        what=(scored.clip_id, served.model.version),
        doing="Explaining the prediction by the 50 features …",
    )


def show_values(scored: ScoredClip, served: Served) -> None:
    """Show the 50 values by group, each with its percentile for each emotion."""
    table = explanation_tables.feature_table(scored.vector, served.reference)
    missing = int(table["value"].isna().sum())
    st.caption(
        "The number under an emotion is the percentage of its training clips with a lower value. Select a row to "
        "compare the clip with the four emotions."
        + (
            f" {wording.counted(missing, 'feature')} could not be measured in this clip (empty cells)."
            if missing
            else ""
        )
    )
    place = {
        e: st.column_config.ProgressColumn(
            wording.with_sign(e),
            min_value=0,
            max_value=100,
            format="%.0f %%",
            color=style.COLOURS[e],
            width="small",
        )
        for e in EMOTIONS
    }
    event = st.dataframe(
        table.drop(columns=["feature", "all"]),
        hide_index=True,
        height=420,
        on_select="rerun",
        selection_mode="single-row",
        key=f"values_{scored.clip_id[:16]}",
        alt="The 50 features of the clip with their percentiles for the four emotions",
        column_config={
            "group": st.column_config.TextColumn("chapter"),
            "name": st.column_config.TextColumn("feature", pinned=True),
            "value": st.column_config.NumberColumn(format="%.4g"),
            "distribution": st.column_config.BarChartColumn(
                "training music", help="Frequency of each value, without the lowest and highest 5 %"
            ),
            **place,
        },
    )
    picked = event.selection.rows
    if picked:
        column = COLUMNS[picked[0]]
        st.caption(explained(BY_COLUMN[column]))
        curves = explanation_tables.quantile_curves(served.reference, column)
        show.chart(
            clips.place(curves, float(scored.vector.values[picked[0]]), column=column),
            key=f"place-{BY_COLUMN[column].name}_{file_tag(scored)}",
            alt=f"{readable(column)} of this clip, {scored.vector.values[picked[0]]:.4g}, compared with the four "
            "emotions",
            data=curves,
        )
    show.download(table.drop(columns="distribution"), f"features_{file_tag(scored)}", label="The 50 values (CSV)")


@st.fragment
def show_what_if(shown: ShownClip, served: Served) -> None:
    """Offer sliders for the strongest features, and the prediction for the changed values; drawn when it is opened."""
    with st.expander("What if?", icon=":material/tune:", key="what_if", on_change="rerun") as box:
        if box.open and shown.explanation is not None:
            _change_features(shown.scored, shown.explanation, served)


def _change_features(scored: ScoredClip, explanation: pd.DataFrame, served: Served) -> None:
    guess = scored.prediction.ranked[0]
    _, steps = explanation_tables.steps(explanation, guess)
    changed = scored.vector.values.copy()
    tag = scored.clip_id[:16]
    left, right = st.columns(2, gap="large")
    with left:
        for column in [c for c in steps["feature"] if c][:SLIDERS]:
            i = COLUMNS.index(column)
            changed[i] = _slider(column, changed[i], served, key=f"if_{column}_{tag}")
    vector = FeatureVector(scored.clip_id, scored.vector.extractor, changed)
    (then,) = predict(served.model, [vector])
    with right:
        table = pd.DataFrame({"as measured": scored.prediction.proba, "what if": then.proba}).rename_axis("emotion")
        before, after = (wording.percents(p) for p in (scored.prediction.proba, then.proba))
        show.chart(
            clips.two_clips(table),
            key=f"what-if_{file_tag(scored)}",
            alt="Probabilities as measured and with the changed features: "
            + ", ".join(f"{e} {before[e]} to {after[e]}" for e in EMOTIONS),
            data=table.reset_index(),
        )
        st.caption(
            "In real music, one feature rarely changes alone, so this shows how the model works and not how music "
            "works."
        )


def _slider(column: str, value: float, served: Served, *, key: str) -> float:
    """Show a slider over the range of the training music, extended to the clip's own value; return its value."""
    known = served.reference.quantiles[reference.ALL][COLUMNS.index(column)]
    own = float(value) if np.isfinite(value) else float(np.median(known))
    low, high = min(float(known[0]), own), max(float(known[-1]), own)
    if low >= high:
        return value
    step = (high - low) / 200
    return float(
        st.slider(
            readable(column),
            low,
            high,
            own,
            step,
            key=key,
            format=_digits(high - low),
            help=explained(BY_COLUMN[column]),
        )
    )


def _digits(span: float) -> str:
    """Printf format with enough digits for a range of this width."""
    return f"%.{max(0, min(5, 2 - int(np.floor(np.log10(span)))))}f"
