"""The criteria, the evaluation table and the card of one model, with downloads."""

import pandas as pd
import streamlit as st

from core.evaluation.criteria import Check, check_criteria, check_table
from core.evaluation.evaluation_table import HEADLINE, ROW_WORDS, EvaluationTable, Figure
from core.evaluation.stored_evaluation import predictions_csv, stored_results
from core.models.description import ModelDescription
from core.schema import EMOTIONS
from core.settings import Settings
from core.wording import share_with_interval
from pages.shared import assets, cached
from pages.shared.messages import literal
from pages.shared.show import comments, download, file_name, frame

SIGNS = {"pass": "✔ pass", "fail": "✘ fail", "undecided": "? undecided", "not measured": "– not measured"}
_SHOWN = ("macro_f1", "accuracy", "class_gap", "ece")
_SHARES = ("accepted", "accepted_right")


def checks(found: list[Check], *, alt: str) -> pd.DataFrame:
    """Show checks with their verdicts as a table that fits a phone, and the notes below; return all columns."""
    table = check_table(found)
    shown = pd.DataFrame(
        {
            "verdict": table["verdict"].map(SIGNS),
            "name": table["name"],
            "figure (95 % interval)": [check.text for check in found],
            "target": table["target"],
            "measured on": [f"{ROW_WORDS[c.row].label}, {c.clips} clips" if c.clips else "–" for c in found],
        }
    )
    st.table(shown, hide_index=True, alt=alt)
    for check in found:
        if check.note:
            st.caption(literal(f"{check.name}: {check.note}"))
    return table


def criteria(model: ModelDescription) -> None:
    """Show the acceptance criteria, each with pass, fail or undecided, and the evaluation table."""
    table = cached.evaluation(model)
    st.markdown(f"Model in use: **{literal(model.version)}**, {literal(model.source)}.")
    st.caption(
        "Pass or fail: the whole 95 % confidence interval is on one side of the target. Undecided: the target is "
        "inside the interval, so more labelled clips are needed."
    )
    found = checks(check_criteria(table), alt="Acceptance criteria")
    download(found, file_name("criteria", data_hash=model.data_hash, version=model.version))
    st.markdown("**Evaluation table.** Every page and report takes its figures from this table and names the row.")
    evaluation_table(table, model)
    sign_off_download(model)


def evaluation_table(table: EvaluationTable, model: ModelDescription) -> None:
    """Show one line for each row of the table, and offer all figures."""
    rows = [row for row in table.rows if table.find("macro_f1", row=row) is not None]
    lines, more = [], []
    for row in rows:
        known, one = table.clips(row), table.figure("macro_f1", row=row)
        label = {"row": ROW_WORDS[row].label}
        texts = {m: _text(table.find(m, row=row)) for m in _SHOWN}
        lines.append(label | {"clips": one.clips, "protocol": one.protocol} | texts)
        shares = {m: _text(table.find(m, row=row), share=True) for m in _SHARES}
        f1 = {f"f1_{e}": _text(table.find("f1", emotion=e, row=row)) for e in EMOTIONS}
        more.append(label | f1 | shares | {"clips hash": known.short if known else "not recorded"})
    # Two tables, each as wide as a page.
    frame(pd.DataFrame(lines), hide_index=True, alt="Evaluation table of the model")
    frame(pd.DataFrame(more), hide_index=True, alt="Evaluation table: F1 of each emotion, and accepted clips")
    for row in rows:
        st.caption(f"**{ROW_WORDS[row].label}**: {ROW_WORDS[row].meaning}")
    if not rows or HEADLINE not in rows:
        st.caption("The headline was not recorded for this model. Train again to record it.")
    with st.container(horizontal=True):
        name = file_name("evaluation", data_hash=model.data_hash, version=model.version)
        download(table.lines, name, label="All figures (CSV)")
        predictions = file_name("predictions", data_hash=model.data_hash, version=model.version)
        first = comments(predictions, model=model.version, data=model.data_hash)
        st.download_button(
            "Predictions behind them (CSV)",
            lambda: predictions_csv(stored_results(model, Settings()), comments=first),
            file_name=f"{predictions}.csv",
            mime="text/csv",
            icon=":material/download:",
            key="download_predictions",
            on_click="ignore",
            help="Label and probabilities of each clip, for each row of the table: every figure can be computed again.",
        )


def _text(figure: Figure | None, *, share: bool = False) -> str:
    """Figure with its interval. share : in percent, as on the other pages."""
    if figure is None:
        return "not recorded"
    return share_with_interval(figure.value, figure.low, figure.high) if share else figure.text


def sign_off_download(model: ModelDescription, *, live: pd.DataFrame | None = None) -> None:
    """Offer the sign-off report of the model. live : its row of live feedback, if it is known here."""

    def make() -> bytes:
        from core.training.sign_off import sign_off, sign_off_html

        row = None if live is None else lambda _model: live

        return sign_off_html(sign_off(Settings(), version=model.registered, in_use=not model.registered, live=row))

    st.download_button(
        "Sign-off report (HTML)",
        make,
        file_name=file_name("sign-off", data_hash=model.data_hash, version=model.version) + ".html",
        mime="text/html",
        icon=":material/assignment_turned_in:",
        on_click="ignore",
        key=f"sign_off_{model.role}",
        help="One page for printing: verdict and reasons, evaluation table, criteria, versions, and who decided.",
    )


def card(model: ModelDescription) -> None:
    """Show the model card, with a download."""
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
    headline = cached.evaluation(model).find("macro_f1")
    if headline is not None:
        st.caption(f"Model in use: {literal(model.version)}. {headline.origin}: macro-F1 {headline.text}.")
    assets.style("model_card")
    with st.container(border=True, key="card"):
        st.markdown(model.card)
