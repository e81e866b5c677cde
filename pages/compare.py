"""Compare models: which model is best, by how much, and whether the difference is established."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.errors import CoreError
from core.models.description import ModelDescription, describe_model_in_use
from core.settings import Settings
from pages.shared import assets
from pages.shared.cached import results
from pages.shared.messages import problem
from pages.shared.show import citation, download, file_name
from pages.views.models import compare_curves
from pages.views.models import compare_views as views


def criteria(model: ModelDescription) -> None:
    """The acceptance criteria, each with pass, fail or undecided."""
    table = model.table("acceptance")
    signs = {"pass": "✔ pass", "fail": "✘ fail", "undecided": "? undecided", "not measured": "– not measured"}
    st.caption(
        "Pass or fail: the whole 95 % confidence interval is on one side of the target. Undecided: the target is "
        "inside the interval, so more labelled clips are needed."
    )
    st.dataframe(
        table.assign(verdict=table["verdict"].map(signs))[["verdict", *table.columns.drop("verdict")]],
        hide_index=True,
        alt="Acceptance criteria: " + ", ".join(f"{r.criterion}: {r.verdict}" for r in table.itertuples()),
        column_config={c: st.column_config.NumberColumn(format="%.3f") for c in ("value", "low", "high")},
    )
    download(table, file_name("criteria", data_hash=model.data_hash, version=model.version))
    price = model.table("gap_price")
    if len(price) == 2:
        as_it_is, closed = price.iloc[0], price.iloc[1]
        st.markdown(
            "**The cost of equal emotions.** If a bias is added for each emotion, the gap between the emotions falls "
            f"from {as_it_is['class_gap']:.2f} to {closed['class_gap']:.2f}, and macro-F1 changes from "
            f"{as_it_is['macro_f1']:.3f} to {closed['macro_f1']:.3f}."
        )


def card(model: ModelDescription) -> None:
    """The model card, with a download."""
    if not model.card:
        st.info("This model has no card. Train fully with: python -m core train", icon=":material/badge:")
        return
    st.download_button(
        "Download the card",
        model.card.encode(),
        file_name=file_name("model-card", data_hash=model.data_hash, version=model.version) + ".md",
        mime="text/markdown",
        key="card_download",
        icon=":material/download:",
        on_click="ignore",
    )
    assets.style("model_card")
    with st.container(border=True, key="card"):
        st.markdown(model.card)


st.title("Compare models")
comparison = results()
about, clips = comparison.about, comparison.rows
if about["synthetic"]:
    st.warning("These models were trained on the synthetic stand-in, so their figures say nothing about music.")
views.another_in_use(comparison)
if about["quick"]:
    st.info("This was a quick run: one repeat, no searches and no ablations.", icon=":material/bolt:")
st.caption(
    f"{len(comparison.labels_of)} models on {len(clips)} distinct clips (data {about['data_hash'][:8]}, trained "
    f"{about['created_at'][:10]}): {int((~clips['held_out']).sum())} in grouped, stratified 5-fold cross-validation "
    f"(repeats: {comparison.out_of_fold['repeat'].nunique()}), {int(clips['held_out'].sum())} held out. Every step "
    "that learns from data, preprocessing included, is fitted inside the training folds (no leakage)."
)
shows: dict[str, Callable[[Any], None]] = {
    "Leaderboard": views.board,
    "Pairs": views.pairs,
    "Emotions": views.emotions,
    "Curves": compare_curves.curves,
    "Tuning": views.tuning,
    "Ablations": views.ablations,
    "Criteria": criteria,
    "Model card": card,
}
for tab, (title, show) in zip(st.tabs(list(shows), key="view", bind="query-params"), shows.items(), strict=True):
    if tab.open:
        with tab:
            try:
                show(describe_model_in_use(Settings()) if title in ("Criteria", "Model card") else comparison)
            except CoreError as error:
                problem(error)
citation()
