"""The effect of a person's labels: which of their clips a model now gets right, and F1 before and after."""

import pandas as pd
import streamlit as st

from core import file_names, wording
from core.errors import CoreError
from core.evaluation.before_after import PARTS, read_change_table
from core.file_names import CHANGES, EACH
from core.models import description
from core.models.description import ModelDescription
from core.schema import ALL
from core.settings import Settings
from core.store import Rater, Store
from core.training import labelled_data
from pages.figures.learning import CHANGE_SIGNS, before_after
from pages.shared import messages, show

STATES = {
    "in training": ("in training", "The newest model was trained on them."),
    "agreed": ("agreed, next in training", "Enough raters agree; the next training uses them."),
    "waiting": ("waiting for another rater", "They are used when enough raters agree."),
    "disputed": ("in dispute", "Raters disagree; another answer decides."),
    "outvoted": ("outvoted", "The others agreed on another emotion."),
}


def newest_trained_model() -> ModelDescription | None:
    """The newest model trained on labels: the challenger, else the champion; None without one."""
    for alias in (file_names.CHALLENGER, file_names.CHAMPION):
        model = description.describe_alias(alias, settings=Settings())
        if model is not None and (model.folder / EACH).is_file():
            return model
    return None


def show_influence(store: Store, person: Rater) -> None:
    """Show the whole view for this person."""
    try:
        model = newest_trained_model()
        changes = read_change_table(model, EACH) if model else None
        changes = (
            pd.DataFrame(columns=["clip_id", "before", "after", "after_p", "change"]) if changes is None else changes
        )
        table = labelled_data.own_labels(store, changes, rater=person.name, verified=person.verified)
    except CoreError as error:
        messages.problem(error)
        return
    if table.empty:
        st.info(
            "You have not labelled a clip with an emotion yet. The effect of your labels appears here.",
            icon=":material/history:",
        )
        return
    counts = table["state"].value_counts()
    with st.container(horizontal=True):
        for state, (label, meaning) in STATES.items():
            if counts.get(state, 0) or state in ("in training", "waiting"):
                st.metric(label.capitalize(), int(counts.get(state, 0)), help=meaning, border=True)
    if model is None:
        st.info(
            "No model has been trained on labels yet. After a training, you see here which of your clips it gets "
            "right.",
            icon=":material/model_training:",
        )
        return
    _clips(table[table["state"] == "in training"])
    _f1(model)


def _clips(mine: pd.DataFrame) -> None:
    """Show the person's clips that the newest model was trained on."""
    st.header("Your clips in the newest model")
    if mine.empty:
        st.caption("The last training used none of your labels.")
        return
    right, wrong = (int((mine["change"] == change).sum()) for change in ("now right", "now wrong"))
    before, after = (int((mine[side] == mine["label"]).sum()) for side in ("before", "after"))
    st.markdown(
        f"The previous model was right on {before} of {len(mine)} clips, the new model on {after}: "
        f"**{right} now right, {wrong} now wrong**."
    )
    st.caption(
        "No answer is memorised: each clip is predicted by a model that was not trained on it (cross-validation, or "
        "the previous model itself if the clip is new to it). The model in use is trained on all clips. These counts "
        "do not say which model is better; the page Learning compares both models on the same clips."
    )
    order = mine.sort_values("change", key=lambda c: c.map(list(CHANGE_SIGNS).index), kind="stable")
    st.dataframe(
        pd.DataFrame(
            {
                "change": order["change"].map(CHANGE_SIGNS),
                "clip": show.clip_names(order),
                "you": order["you"].map(wording.with_sign),
                "previous model": order["before"].map(wording.with_sign),
                "new model": order["after"].map(wording.with_sign),
                "probability of your label": order["after_p"].map(wording.percent_number, na_action="ignore"),
            }
        ),
        hide_index=True,
        alt="Your clips in training, with the answers of the previous and the new model",
        column_config={
            "probability of your label": st.column_config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100)
        },
    )


def _f1(model: ModelDescription) -> None:
    """Show F1 of each emotion before and after, with intervals."""
    table = read_change_table(model, CHANGES)
    if table is None or table.empty:
        return
    st.header("The effect of all labels")
    parts = list(table["part"].unique())
    part = st.segmented_control(
        "Clips", parts, format_func=PARTS.__getitem__, default=parts[0], required=True, key="work_part",
        help="Held-out clips are never used for training. Development clips and labelled clips are measured by "
        "cross-validation.",
    )  # fmt: skip
    f1 = table[(table["part"] == part) & table["measure"].isin(["macro_f1", "f1"])]
    f1 = f1.assign(label=["all four" if e == ALL else wording.with_sign(e) for e in f1["emotion"]])
    show.chart(
        before_after(f1, before="before", after="after", title="F1 before and after"),
        key=show.file_name(f"labels-at-work-{part}", data_hash=model.data_hash, version=model.version),
        alt="; ".join(f"{r.label}: {r.before:.2f} before, {r.after:.2f} after" for r in f1.itertuples()),
        data=f1.drop(columns="label"),
    )
    st.caption(
        "The bars are 95 % confidence intervals. If they overlap widely, more labels are needed to see a difference."
    )
