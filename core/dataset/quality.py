"""What is wrong with a table, counted: the same measures for a messy table and a clean one, so that they compare."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.dataset.cleaning import ROBUST_Z, impossible, robust_z, tails
from core.dataset.near_duplicates import cell_copies
from core.dataset.parsing import BLANK, MISSING, NOT_NUMBER, PADDED, TOKEN, Parsed, parse
from core.schema import COLUMNS, LABEL, readable

IQR_FENCE = 1.5  # interquartile ranges beyond the quartiles; after Tukey (1977)
# Columns of `Quality.columns` that are counts of cells, with what they count.
CELL_MEASURES = {
    "missing": "cells without anything",
    "blank": "cells with spaces or nothing",
    "null tokens": "cells with a word for a missing value",
    "not numbers": "cells with other text",
    "padded": "numbers with spaces around them",
    "impossible": "values that the feature cannot have",
    "long decimals": "values with more than three decimals in a table of three",
    "outliers (IQR)": "values more than 1.5 interquartile ranges outside the quartiles",
    "outliers (robust z)": "values more than six robust standard deviations from the median",
}


@dataclass(frozen=True, eq=False)
class Quality:
    """The state of a table.

    summary : measure -> count over the whole table.
    columns : a row a column: column, name, type ("number", "number as text", "mixed", "text"), and for features the
        counts of `CELL_MEASURES` (missing for other columns).
    labels : a row a spelling: label as written, emotion ("" = none), rows.
    """

    summary: pd.Series
    columns: pd.DataFrame
    labels: pd.DataFrame


def data_quality(frame: pd.DataFrame) -> Quality:
    """Count what is wrong with a table of any types. Raises TableError when one of the 51 columns is missing."""
    parsed = parse(frame)
    cells = _cell_counts(parsed)
    copies = cell_copies(parsed.numbers, parsed.labels)
    labelled = parsed.labels != ""
    summary = {
        "rows": len(frame),
        "columns": frame.shape[1],
        "extra columns": len(parsed.extra),
        "rows without a label": int((~labelled).sum()),
        "labels spelt differently": int((labelled & (parsed.label_rules != "")).sum()),
        "exact copies": int(copies["exact"].sum()),
        "near copies": int((~copies["exact"]).sum()),
        **cells.sum().to_dict(),
    }
    columns = pd.DataFrame(
        {
            "column": [str(c) for c in frame.columns],
            "name": [readable(str(c)) for c in frame.columns],
            "type": [_type(frame.iloc[:, place]) for place in range(frame.shape[1])],
        }
    )
    columns = columns.merge(cells.astype("Int64"), left_on="column", right_index=True, how="left")
    written = parsed.text[LABEL].astype(object).where(parsed.text[LABEL].notna(), "")
    labels = pd.DataFrame({"label": written.to_numpy(), "emotion": parsed.labels}).value_counts().rename("rows")
    return Quality(
        pd.Series(summary, name="count").astype(int),
        columns,
        labels.reset_index().sort_values("emotion", kind="stable"),
    )


def iqr_outliers(values: np.ndarray) -> np.ndarray:
    """Cells outside Tukey's fences of their column. values : shape (n, 50). Returns the same shape, bool."""
    known = pd.DataFrame(values)
    low, high = known.quantile(0.25).to_numpy(), known.quantile(0.75).to_numpy()
    fence = IQR_FENCE * (high - low)
    return (values < low - fence) | (values > high + fence)


def _cell_counts(parsed: Parsed) -> pd.DataFrame:
    """Counts of `CELL_MEASURES`, a row a feature.

    Outliers are counted among possible values only, as cleaning does: an impossible one is counted once.
    """
    values = parsed.numbers.copy()
    cannot = impossible(values)
    values[cannot] = np.nan
    everything = np.ones(len(values), dtype=bool)
    marks = (
        *(parsed.kinds == kind for kind in (MISSING, BLANK, TOKEN, NOT_NUMBER, PADDED)),
        cannot,
        tails(values, everything),
        iqr_outliers(values),
        np.abs(robust_z(values)) > ROBUST_Z,
    )
    counts = {measure: mark.sum(axis=0) for measure, mark in zip(CELL_MEASURES, marks, strict=True)}
    return pd.DataFrame(counts, index=list(COLUMNS))


def _type(cells: pd.Series) -> str:
    """What the cells of a column are; empty ones do not count."""
    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
        return "number"
    written = cells.dropna().astype(str).str.strip()
    written = written[written != ""]
    number = pd.to_numeric(written, errors="coerce").notna()
    if number.all():
        return "number as text" if len(written) else "text"
    return "mixed" if number.any() else "text"
