"""Count the errors of a table. The measures are the same for messy and clean tables, so they can be compared."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.dataset.cleaning import ROBUST_Z, impossible, robust_z, tails
from core.dataset.near_duplicates import cell_copies
from core.dataset.parsing import BLANK, MISSING, NOT_NUMBER, PADDED, TOKEN, Parsed, parse
from core.schema import COLUMNS, LABEL, readable

IQR_FENCE = 1.5  # distance of the fences from the quartiles in interquartile ranges; source: Tukey (1977)
# Columns of `Quality.columns` with counts of cells, and the description of each count.
CELL_MEASURES = {
    "missing": "cells without a value",
    "blank": "empty cells and cells with only spaces",
    "null tokens": "cells with a word for a missing value",
    "not numbers": "cells with other text",
    "padded": "numbers with spaces around them",
    "impossible": "values outside the possible range of the feature",
    "long decimals": "values with more than three decimals, in a table with three decimals",
    "outliers (IQR)": "values more than 1.5 interquartile ranges outside the quartiles",
    "outliers (robust z > 6)": "values more than six robust standard deviations from the median",
}


@dataclass(frozen=True, eq=False)
class Quality:
    """Data quality of a table.

    Parameters
    ----------
    summary
        Measure -> count over the whole table.
    columns
        One row per column: column, name, type ("number", "number as text", "mixed", "text"), and the counts of
        `CELL_MEASURES` (only for features).
    labels
        One row per spelling: label as written, emotion ("" = none), rows.
    """

    summary: pd.Series
    columns: pd.DataFrame
    labels: pd.DataFrame


def data_quality(frame: pd.DataFrame) -> Quality:
    """Count the errors of a table. Raises TableError if one of the 51 columns is missing."""
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
    """Mark values, shape (n, 50), outside Tukey's fences of their column. Returns the same shape, bool."""
    known = pd.DataFrame(values)
    low, high = known.quantile(0.25).to_numpy(), known.quantile(0.75).to_numpy()
    fence = IQR_FENCE * (high - low)
    return (values < low - fence) | (values > high + fence)


def _cell_counts(parsed: Parsed) -> pd.DataFrame:
    """Count the cells of each measure in `CELL_MEASURES`, one row per feature.

    As in cleaning, impossible values are not counted again as outliers.
    """
    values = parsed.numbers.copy()
    is_impossible = impossible(values)
    values[is_impossible] = np.nan
    everything = np.ones(len(values), dtype=bool)
    marks = (
        *(parsed.kinds == kind for kind in (MISSING, BLANK, TOKEN, NOT_NUMBER, PADDED)),
        is_impossible,
        tails(values, everything),
        iqr_outliers(values),
        np.abs(robust_z(values)) > ROBUST_Z,
    )
    counts = {measure: mark.sum(axis=0) for measure, mark in zip(CELL_MEASURES, marks, strict=True)}
    return pd.DataFrame(counts, index=list(COLUMNS))


def _type(cells: pd.Series) -> str:
    """Return the type of the cells of a column; empty cells are ignored."""
    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
        return "number"
    written = cells.dropna().astype(str).str.strip()
    written = written[written != ""]
    number = pd.to_numeric(written, errors="coerce").notna()
    if number.all():
        return "number as text" if len(written) else "text"
    return "mixed" if number.any() else "text"
