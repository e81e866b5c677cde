"""Parts of the Confusion page: the matrix, the clips of a cell, and the figures of each emotion."""

from typing import Any

import pandas as pd
import streamlit as st

from core import wording
from core.evaluation import label_doubts, leaderboard, metrics
from core.evaluation.leaderboard import PER_EMOTION
from core.evaluation.run_files import Comparison
from core.musical_words import explained
from core.schema import COLUMNS, EMOTIONS, FEATURES, PROBA, readable
from pages.figures import models
from pages.shared import cached, show
from pages.views.models import compare_views, doubt_views

SHOWN = ("_HarmonicChangeDetectionFunction_Std", "_Eventdensity_Mean", "_RMSenergy_Mean")


def forget_cell() -> None:
    """Clear the chosen cell: it belonged to the model or part that was shown before."""
    st.session_state["true"] = st.session_state["called"] = None


def clicked(key: str) -> None:
    """Copy a click on the matrix into the two choices below it, which hold the chosen cell."""
    points = st.session_state[key]["selection"]["points"]
    if points:
        st.session_state["true"], st.session_state["called"] = points[0]["customdata"][:2]


def matrix(comparison: Comparison, model: str, *, held_out: bool) -> tuple[str, str] | None:
    """Show the matrix and the choice of a cell. Returns the chosen cell, or None."""
    shares = st.segmented_control(
        "Cells show", ["clips", "shares"], default="clips", required=True, key="cells", bind="query-params",
        help="Clips: mean number over the repeats. Shares: share of the clips with the true emotion of the row.",
    ) == "shares"  # fmt: skip
    table = metrics.confusion(comparison.predictions(model, held_out=held_out))
    matrix_place = st.container()
    left, right = st.columns(2)
    options: dict[str, Any] = {"bind": "query-params", "wrap": True}
    true = left.pills(
        "True emotion", EMOTIONS, key="true", help="Chooses the row of the matrix without a mouse.", **options
    )
    called = right.pills(
        "Predicted emotion", EMOTIONS, key="called", help="Chooses the column of the matrix.", **options
    )
    chosen = (true, called) if true and called else None
    part = "held-out" if held_out else "cv"
    # The chosen cell is part of the key, so that a second click on the same cell counts as a click.
    key = compare_views.name(comparison, f"confusion-{part}", model)
    with matrix_place:
        show.chart(
            models.confusion(table, shares=shares, chosen=chosen),
            key=f"{key}-{true}-{called}",
            alt="Confusion matrix. "
            + "; ".join(f"{r.y} called {r.predicted}: {r.count:.1f} clips" for r in table.itertuples(index=False)),
            data=table,
            on_select=lambda: clicked(f"{key}-{true}-{called}"),
            selection_mode="points",
        )
    return chosen


def clips(comparison: Comparison, model: str, cell: tuple[str, str], *, held_out: bool) -> None:
    """Show the clips of a cell with their probabilities and, if the table is available, their values."""
    true, called = cell
    table = metrics.confusion_cell(comparison.predictions(model, held_out=held_out), y=true, predicted=called)
    st.header(
        f"{wording.with_sign(true)} predicted as {wording.with_sign(called)}"
        if true != called
        else f"{wording.with_sign(true)}, predicted correctly"
    )
    if table.empty:
        st.info("No clip is in this cell.", icon=":material/check:")
        return
    st.caption(
        f"{len(table)} clips, the most frequent first. Row: row of the published table, counted from 0. Often: share "
        "of the repeats in which the clip is in this cell. Probabilities: mean over the repeats."
    )
    shown = table.rename(columns={"share": "often"}).merge(comparison.rows[["row", "group"]], on="row", how="left")
    values = cached.table()
    if values.content_hash == comparison.about["data_hash"]:
        columns = st.multiselect("Features to show", COLUMNS, default=SHOWN, format_func=readable, key="beside")
        shown = shown.merge(values.frame[columns], left_on="row", right_index=True, how="left")
    else:
        st.caption("The table of the training clips is not available, so the values of the clips are not shown.")
    show.frame(
        shown.assign(
            why=show.link_to_reasons(shown["row"], model=comparison.labels_of[model]),
            **{c: 100 * shown[c] for c in ("often", *PROBA)},
        ),
        hide_index=True,
        alt=f"Clips that are {true} and predicted as {called}",
        column_config={
            p: st.column_config.ProgressColumn(
                wording.with_sign(p[2:]), min_value=0, max_value=100, format="%.1f %%", width=90
            )
            for p in PROBA
        }
        | {f.column: st.column_config.NumberColumn(readable(f.column), help=explained(f)) for f in FEATURES}
        | {
            "row": st.column_config.NumberColumn(pinned=True),
            "why": show.reasons_column(),
            "often": st.column_config.NumberColumn(
                format="%.0f %%", help="Share of the repeats in which the clip is in this cell"
            ),
            "group": st.column_config.NumberColumn("recording", help="Copies of one recording have the same number"),
        },
    )
    show.download(shown, compare_views.name(comparison, f"clips-{true}-called-{called}", model))


def doubts(comparison: Comparison, model: str, *, held_out: bool) -> None:
    """Show the labels that the model contradicts most, for a person to check."""
    st.header("Labels to check")
    table = label_doubts.doubtful_labels(comparison.predictions(model, held_out=held_out))
    if table.empty:
        st.info("The model contradicts no label.", icon=":material/check:")
        return
    clips_here = comparison.predictions(model, held_out=held_out)["row"].nunique()
    part, rows = "held-out" if held_out else "development", len(comparison.rows)
    st.caption(
        f"The probabilities contradict {wording.counted(len(table), 'label')} of {clips_here} {part} "
        f"clips; the map of reasons shows all {rows} clips, development and held-out. These labels are "
        "the first ones to check by ear; the model can also be wrong. Doubt: probability of the suggested emotion less "
        "that of the label, each clip predicted by models that were not trained on it. An emotion is suggested only "
        "where it is as probable as in its own clips on average (confident learning, Northcutt et al. 2021)."
    )
    percent = ("p_label", "p_suggested", "doubt")
    show.frame(
        table.assign(
            why=show.link_to_reasons(table["row"], model=comparison.labels_of[model]),
            **{c: table[c].map(wording.with_sign) for c in ("label", "suggested")},
            **{c: 100 * table[c] for c in percent},
        ),
        hide_index=True,
        alt=f"{len(table)} labels that the model contradicts",
        column_config=doubt_views.COLUMNS
        | {
            "row": st.column_config.NumberColumn(pinned=True, help="Row of the published table, counted from 0"),
            "why": show.reasons_column(),
        },
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        show.download(table, compare_views.name(comparison, "labels-to-check", model))
        st.page_link(
            "pages/explain.py",
            label="These clips on the map of reasons",
            icon=":material/scatter_plot:",
            query_params={"view": "Map", "model": comparison.labels_of[model]},
        )
    st.caption("The sound of the published clips is not published, so raters cannot be asked about these rows.")


def emotions(comparison: Comparison, model: str, *, held_out: bool) -> None:
    """Show the figures of each emotion, and the gap between the best and the worst."""
    st.header("Each emotion")
    gap = leaderboard.class_gap(comparison, model, held_out=held_out)
    st.markdown(gap.words)
    table = leaderboard.per_class(comparison, model, held_out=held_out)
    measures = [m for m in PER_EMOTION if m != "support"]
    show.chart(
        models.class_scores(table, measures=measures, labels=[PER_EMOTION[m].label for m in measures]),
        key=compare_views.name(comparison, "each-emotion", model),
        alt="F1 of each emotion: " + ", ".join(f"{r.emotion} {r.f1:.2f}" for r in table.itertuples()),
    )
    show.frame(
        written(table, measures),
        hide_index=True,
        alt="Precision, recall, F1, AUC and clips of each emotion",
        column_config={about.label: st.column_config.Column(help=about.meaning) for about in PER_EMOTION.values()},
    )
    show.download(table, compare_views.name(comparison, "each-emotion", model))


def written(table: pd.DataFrame, measures: list[str]) -> pd.DataFrame:
    """Format each figure with its interval as text."""
    texts = {"emotion": [wording.with_sign(e) for e in table["emotion"]]}
    for measure in measures:
        lines = table[[measure, f"{measure}_low", f"{measure}_high"]].to_numpy()
        texts[PER_EMOTION[measure].label] = [f"{v:.2f} ({low:.2f}–{high:.2f})" for v, low, high in lines]
    return pd.DataFrame(texts | {PER_EMOTION["support"].label: table["support"].astype(int)})
