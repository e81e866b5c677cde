"""Parts of the page Compare about the model in use: its acceptance criteria and its card."""

import streamlit as st

from core.models.description import ModelDescription
from pages.shared import assets
from pages.shared.show import download, file_name


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
