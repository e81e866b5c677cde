"""The view of the Explain page for one clip of the table: the steps from typical clips to its probability."""

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core import wording
from core.models import explanation, explanation_tables
from core.schema import COLUMNS, EMOTIONS, FeatureVector
from pages.figures import clips
from pages.shared import entering, show
from pages.shared.messages import literal
from pages.views.models import explain_stored
from pages.views.models.explain_views import Page, own_model

if TYPE_CHECKING:
    from core.pipeline.serving import Served


def one_clip(page: Page) -> None:
    """Show the steps from the typical clips to one row of the table, first for the emotion of its label.

    When the address names a clip of a library, its reasons are shown instead.
    """
    if clip_id := entering.parameter("clip"):
        explain_stored.show_stored_clip(clip_id)
        return
    rows = sorted(page.shap["row"].unique().tolist())
    if problem := unknown_row(st.query_params.get("row"), rows):
        st.warning(problem, icon=":material/link_off:")
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    row = left.selectbox(
        "Row of the table",
        rows,
        key="row",
        bind="query-params",
        help="Row numbers of the published table, counted from 0. Type a number to search.",
    )
    labels = dict(zip(page.comparison.rows["row"], page.comparison.rows["y"], strict=True))
    label = labels.get(row)
    emotion = right.segmented_control(
        "Emotion",
        EMOTIONS,
        format_func=wording.with_sign,
        default=label or EMOTIONS[0],
        required=True,
        key=f"emotion_of_{row}",
        help="The clip's own emotion is chosen first.",
    )
    if label:
        st.caption(f"Row {row} is {wording.with_sign(label)}. {_in_validation(page, row, emotion)}")
    served = own_model(page, needed=False) if page.known is not None else None
    base: float | None = None
    if served is None or page.known is None:
        values = None if page.known is None else page.known.loc[row, list(COLUMNS)]
        own = explanation_tables.stored_explanation(page.shap, row, values=values)
        start, steps = explanation_tables.steps(own, emotion, top=12)
        base = start if "base" in page.shap else None
        st.caption(_about_stored(base, steps, emotion))
    else:
        own = _explained(served.model.version, str(page.comparison.about["data_hash"]), row, page.known, _served=served)
        base, steps = explanation_tables.steps(own, emotion, top=12)
    ends = "" if base is None else f", from {wording.percent(base)} to {wording.percent(base + steps['shap'].sum())}"
    show.chart(
        clips.waterfall(steps, base=base, emotion=emotion),
        key=page.name(f"row-{row}-{emotion}"),
        alt=f"Steps that move the probability of {emotion} for row {row}{ends}: "
        + explanation_tables.steps_in_words(steps),
        data=own if base is not None else own.drop(columns="base"),
    )
    if served is not None and base is not None:
        end = wording.percent(base + steps["shap"].sum())
        st.caption(
            f"Base value: {wording.percent(base)}, the mean probability of {emotion} over {len(served.background)} "
            f"typical clips, {len(served.background) // len(EMOTIONS)} of each emotion. The steps add up to {end}, the "
            "calibrated probability that the model in use shows for this clip."
        )


def unknown_row(asked: str | None, rows: list[int]) -> str:
    """Say that the row of the address has no reasons; "" if it has them or the address names none.

    asked : the row in the address.  rows : rows with reasons, ascending.
    """
    if asked is None or (asked.isdecimal() and int(asked) in rows):
        return ""
    return (
        f"Row {literal(asked[:20])} of the address has no reasons: it is not a row of the training table, or it is a "
        f"copy of another row. Row {rows[0]} is shown instead. Choose a row from {rows[0]} to {rows[-1]}."
    )


def _about_stored(base: float | None, steps: pd.DataFrame, emotion: str) -> str:
    """Say where the stored steps of a model start and end. base : None if no base value is stored."""
    if base is None:
        return (
            "The probability at which the steps start is not stored for this model. So the steps start at zero, and "
            "they show only the change from typical clips. The model in use has its base value; a new training run "
            "stores the base values of all models."
        )
    return (
        f"Base value: {wording.percent(base)}, the mean probability of {emotion} over typical clips. The steps add up "
        f"to {wording.percent(base + steps['shap'].sum())}, the probability of this model before calibration."
    )


def _in_validation(page: Page, row: int, emotion: str) -> str:
    """The probability by models that were not trained on this clip, in words."""
    words = {
        False: "In cross-validation, models that were not trained on this clip gave",
        True: "The clip is held out: a model that was not trained on it gave",
    }
    for held_out, gave in words.items():
        predictions = page.comparison.predictions(page.model, held_out=held_out)
        given = predictions.loc[predictions["row"] == row, f"p_{emotion}"]
        if len(given):
            return f"{gave} {emotion} {wording.percent(given.mean())}."
    return ""


@st.cache_data(show_spinner="Explaining the probability by the 50 features …", max_entries=32)
def _explained(version: str, data_hash: str, row: int, _known: pd.DataFrame, _served: "Served") -> pd.DataFrame:
    vector = FeatureVector(f"row {row}", "table", _known.loc[row, list(COLUMNS)].to_numpy(dtype=float))
    return explanation.explain_clip(_served.model, vector, _served.background, calibrated=True)
