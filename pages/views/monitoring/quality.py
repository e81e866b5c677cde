"""The tab Quality of the Monitoring page: how good the models were on clips that people labelled later."""

from typing import Any

import pandas as pd
import streamlit as st

from core import wording
from core.monitoring import health, quality
from core.schema import EMOTIONS
from pages.figures import monitoring as figures
from pages.shared import show
from pages.shared.messages import literal
from pages.views.monitoring import parts, tables
from pages.views.monitoring.parts import HINTS, Seen


def show_quality(seen: Seen) -> None:
    """Show macro-F1 over time beside what was promised, and the figures of each model in the whole period."""
    table = tables.quality_over_time(*seen.key, seen.store)
    if table.empty:
        parts.nothing_yet(
            "Macro-F1, F1 of each emotion and the calibration appear here,",
            f"as soon as people agree on labels of scored clips: at least {quality.LEAST} in one step. They label on "
            "the page Label.",
        )
        st.page_link("pages/label.py", label="Label clips", icon=":material/headphones:")
        return
    whole, steps = table[table["period"].isna()], table[table["period"].notna()]
    for row in whole.to_dict("records"):
        _sentence(row)
    _over_time(seen, steps)
    st.subheader("Each model in the whole period")
    shown = _shown(whole)
    show.frame(
        shown,
        hide_index=True,
        alt="Figures of each model in the period",
        column_config={
            "macro-F1": st.column_config.TextColumn(help=HINTS["f1"]),
            "promised": st.column_config.TextColumn(help=HINTS["promised"]),
            "calibration error (ECE)": st.column_config.TextColumn(help=HINTS["ece"]),
        },
    )
    show.download(whole.drop(columns="period"), "monitoring_quality-of-models", rows=parts.rows_in_words(seen))
    st.caption(
        "One clip of each recording, in the step in which it was scored. Only predictions that came before every "
        "answer about the recording count, so no model was trained on these recordings. If raters had switched on the "
        "model's guess, the figures are too high; the page Agreement says how much it influences them. Intervals: 95 %."
    )


def _sentence(row: dict[Any, Any]) -> None:
    version, n = row["model_version"], wording.counted(int(row["clips"]), "labelled recording")
    if pd.isna(row["f1"]):
        st.markdown(f"**{literal(version)}**: {n} in this period; at least {quality.LEAST} are needed for a figure.")
        return
    if row["f1"] < row["promised_low"]:
        verdict = (
            f"**This is less than its probabilities promise** ({row['promised']:.2f}; below {row['promised_low']:.2f} "
            "only once in 40 times by chance). Look at the tabs Drift and Slices, and think of a training."
        )
    else:
        verdict = f"Its probabilities promise {row['promised']:.2f}, so it is as good as it says."
    st.markdown(
        f"**{literal(version)}**: macro-F1 {parts.number(row['f1'], row['f1_low'], row['f1_high'])} on {n}. {verdict}"
    )


def _over_time(seen: Seen, steps: pd.DataFrame) -> None:
    shown = parts.with_steps(steps, seen.period)
    changes = parts.with_steps(health.model_changes(seen.store, seen.period), seen.period)
    changes = changes[changes["period"] >= shown["period"].min()]
    every = pd.concat([shown[["period", "step"]], changes[["period", "step"]]]).sort_values("period")
    show.chart(
        figures.quality(shown, changes, steps=list(dict.fromkeys(every["step"]))),
        key="monitoring_quality",
        alt="Macro-F1 of each model over time",
        data=shown.drop(columns="period"),
    )
    if len(changes):
        listed = "; ".join(f"{row.step}: {row.words}" for row in changes.itertuples())
        st.caption(f"Changes of the model: {literal(listed)}.")
    few = int(shown["f1"].isna().sum())
    if few:
        st.caption(
            f"{wording.counted(few, 'step')} had fewer than {quality.LEAST} labelled recordings and no figure. A "
            "longer period has longer steps."
        )


def _shown(whole: pd.DataFrame) -> pd.DataFrame:
    """The figures of each model as texts."""
    rows = []
    for row in whole.to_dict("records"):
        each = {
            f"F1 {wording.with_sign(e)}": parts.number(row[f"f1_{e}"], row[f"f1_{e}_low"], row[f"f1_{e}_high"])
            for e in EMOTIONS
        }
        ece = "none yet" if pd.isna(row["ece"]) else f"{row['ece']:.2f}, perfect: {row['ece_perfect']:.2f}"
        rows.append(
            {
                "model": row["model_version"],
                "recordings": int(row["clips"]),
                "macro-F1": parts.number(row["f1"], row["f1_low"], row["f1_high"]),
                "promised": parts.number(row["promised"], float("nan"), float("nan")),
                **each,
                "right": parts.share(row["accuracy"], row["accuracy_low"], row["accuracy_high"]),
                "calibration error (ECE)": ece,
            }
        )
    return pd.DataFrame(rows)
