"""Names of table columns in words, with units and meanings. People see no identifier of the program."""

from functools import cache
from typing import Any

import pandas as pd
import streamlit as st

from core.makam.columns import MAKAM_COLUMNS
from core.musical_words import explained
from core.schema import BY_COLUMN, EMOTIONS, readable
from core.wording import with_sign

_LOW = "Lower end of the 95 % interval."
_HIGH = "Upper end of the 95 % interval."
# Columns of numbers with their printf format. A p-value has two digits, because the first ones may be zeros.
_FORMATS = {
    **dict.fromkeys(("p", "p_corrected", "p_holm", "q"), "%.2g"),
    **dict.fromkeys(("effect", "by_chance", "delta"), "%.2f"),
    **dict.fromkeys(("ks", "psi", "shift"), "%.3f"),
    **dict.fromkeys(("median_first", "median_second"), "%.4g"),
}
# Column -> words for the heading, and its meaning for the tooltip.
_WORDS = {
    "n": ("values", "Number of known values of the feature."),
    "p": ("p", "p-value of the test, without a correction."),
    "p_corrected": ("p, corrected", "p-value with a correction for the number of tests."),
    "p_holm": ("p, corrected", "p-value with the correction of Holm for the number of comparisons."),
    "low": ("95 % from", _LOW),
    "high": ("95 % to", _HIGH),
    "effect": ("effect size", "0 = the groups are equal; 1 = the group decides the value."),
    "by_chance": ("effect by chance", "Mean effect size of groups without any difference."),
    "n_first": ("rows of the first", ""),
    "n_second": ("rows of the second", ""),
    "median_first": ("median of the first", ""),
    "median_second": ("median of the second", ""),
    "delta": ("Cliff's delta", "0 = no difference; 1 = every value of the first group is larger; -1 = smaller."),
    "begins_s": ("begins (s)", "Seconds from the start of the playlist."),
    "start_s": ("from (s)", ""),
    "end_s": ("to (s)", ""),
    "duration_s": ("length (s)", ""),
    "tempo": ("tempo (bpm)", ""),
    "fit": ("distance from the wanted mood", "0 = the wanted mood; 1 = far from it."),
    "change": ("step in mood", "Distance from the mood of the previous piece, from 0 to 1."),
    "ks": ("KS distance", "Kolmogorov-Smirnov distance from the training music, from 0 to 1."),
    "q": ("q", "p-value with a correction for the number of features."),
    "psi": ("PSI", "Population stability index."),
    "shift": ("shift (sd)", "Difference from the training music, in its standard deviations."),
    "train": ("training clips", ""),
    "created_at": ("made at", "UTC"),
    "promoted_at": ("promoted at", "UTC"),
    "started_at": ("started at", "UTC"),
    "heartbeat": ("last sign of life", "UTC"),
    "mean_abs_shap": ("mean effect", "Mean change of the probability, up or down."),
    "shap": ("effect", "Change of the probability by this feature (SHAP)."),
    "base": ("base value", "Probability at which the steps start."),
    "y": ("label", "Emotion of the label."),
    **MAKAM_COLUMNS,
}


@cache
def _figures() -> dict[str, tuple[str, str]]:
    """Figures of models in words; the module is imported only for tables with such figures."""
    from core.evaluation.leaderboard import MEASURES, PER_EMOTION, TIMES

    return {name: (about.label, about.meaning) for name, about in (PER_EMOTION | TIMES | MEASURES).items()} | {
        "accepted": ("Accepted", "Share of the clips for which the policy accepts one emotion."),
        "accepted_right": ("Right when accepted", "Share of the accepted clips with the right emotion."),
    }


def words(column: str) -> tuple[str, str]:
    """Return the heading of a column and its meaning. The meaning is empty for a column that needs none."""
    if column in BY_COLUMN:
        return readable(column), explained(BY_COLUMN[column])
    if column in _WORDS:
        return _WORDS[column]
    for start, what in (("p_", "Probability of {}."), ("f1_", "F1 of {}."), ("want_", "Wanted probability of {}.")):
        emotion = column.removeprefix(start)
        if column.startswith(start) and emotion in EMOTIONS:
            name = {"p_": "", "f1_": "F1 ", "want_": "wanted "}[start] + with_sign(emotion)
            return name, what.format(emotion)
    if column in _figures():
        return _figures()[column]
    return (column.upper() if column.startswith("pc") and column[2:].isdigit() else column.replace("_", " ")), ""


def named(frame: pd.DataFrame) -> dict[str, Any]:
    """Headings in words, with tooltips, for the columns and the index of a table of the program."""
    names = [c for c in (*frame.columns, *frame.index.names) if isinstance(c, str)]
    config: dict[str, Any] = {}
    for column in names:
        heading, meaning = words(column)
        form = "%.4g" if column.startswith("median ") else _FORMATS.get(column)
        if form is not None and column in frame and pd.api.types.is_numeric_dtype(frame[column]):
            config[column] = st.column_config.NumberColumn(heading, help=meaning or None, format=form)
        elif column in frame and pd.api.types.is_datetime64_any_dtype(frame[column]):
            config[column] = st.column_config.DatetimeColumn(heading, help=meaning or None, format="D MMM YYYY, HH:mm")
        elif heading != column or meaning:
            config[column] = st.column_config.Column(heading, help=meaning or None)
    return config


def in_words(frame: pd.DataFrame) -> pd.DataFrame:
    """Replace identifiers in the cells by words: names of features, and names of figures in the column ``measure``."""
    changed = {}
    for column in ("column", "feature"):
        if column in frame:
            changed[column] = frame[column].map(lambda cell: readable(cell) if isinstance(cell, str) else cell)
    if "measure" in frame:
        changed["measure"] = frame["measure"].map(lambda cell: _figures().get(cell, (cell, ""))[0])
    return frame.assign(**changed)
