"""The state of a table, counted the same way before and after cleaning."""

import numpy as np
import pandas as pd
import pytest

from core.dataset import stand_in
from core.dataset.cleaning import clean
from core.dataset.quality import CELL_MEASURES, data_quality, iqr_outliers
from core.dataset.user_tables import compare_quality
from core.errors import TableError
from core.schema import COLUMNS, LABEL

TEMPO = "_Tempo_Mean"


@pytest.fixture(scope="module")
def base() -> pd.DataFrame:
    return clean(stand_in.sample()).table.astype(str).reset_index(drop=True)


def test_each_fault_is_counted_once(base):
    frame = pd.concat([base, base.iloc[[0]], base.iloc[[1]]], ignore_index=True).astype(object)
    last = len(frame) - 1
    cells = {
        (last, "_MFCC_Mean_1"): np.nan,  # makes the exact copy of row 1 a near one
        (10, TEMPO): "",
        (11, TEMPO): "error",
        (12, TEMPO): "x",
        (13, TEMPO): " 100.0 ",
        (14, TEMPO): "900",
        (15, TEMPO): "100.00000001",
        (16, "_MFCC_Mean_9"): "9.9",
        (20, LABEL): " SAD ",
        (21, LABEL): "",
        (22, LABEL): "blue",
    }
    for (row, column), value in cells.items():
        frame.loc[row, column] = value
    before, after = data_quality(base), data_quality(frame.assign(extra=[1, *["bad"] * last]))
    difference = (after.summary - before.summary).drop(["outliers (IQR)"])
    assert difference[difference != 0].to_dict() == {
        "rows": 2,
        "columns": 1,
        "extra columns": 1,
        "rows without a label": 2,
        "labels spelt differently": 1,
        "exact copies": 1,
        "near copies": 1,
        "missing": 1,
        "blank": 1,
        "null tokens": 1,
        "not numbers": 1,
        "padded": 1,
        "impossible": 1,
        "long decimals": 1,
        "outliers (robust z > 6)": 1,
    }
    tempo = after.columns.set_index("column").loc[TEMPO]
    assert tempo["type"] == "mixed"
    assert tempo[["blank", "null tokens", "not numbers", "padded", "impossible"]].tolist() == [1] * 5
    assert after.columns.set_index("column").loc["extra", "type"] == "mixed"
    assert after.columns.set_index("column").loc["extra", list(CELL_MEASURES)].isna().all()


def test_types_of_columns(base):
    frame = base.assign(numbers=1.5, words="a", empty="", flags=True)
    types = data_quality(frame).columns.set_index("column")["type"]
    assert types[[LABEL, TEMPO, "numbers", "words", "empty", "flags"]].tolist() == [
        *("text", "number as text", "number", "text", "text", "text")
    ]
    numeric = data_quality(clean(base).table).columns.set_index("column")["type"]
    assert set(numeric[list(COLUMNS)]) == {"number"}


def test_labels_as_they_are_written(base):
    frame = base.copy()
    frame.loc[:2, LABEL] = [" SAD ", "blue", np.nan]
    labels = data_quality(frame).labels.set_index("label")
    assert labels.loc[" SAD ", "emotion"] == "sad"
    assert labels.loc[["blue", ""], "emotion"].tolist() == ["", ""]
    assert labels["rows"].sum() == len(frame)


def test_iqr_outliers_of_a_known_column():
    values = np.full((9, 50), np.nan)
    values[:, 0] = [1, 2, 3, 4, 5, 6, 7, 13.1, -3.1]  # quartiles 2 and 6: the fences are -4 and 12
    assert np.argwhere(iqr_outliers(values)).tolist() == [[7, 0]]


def test_published_modified_and_cleaned_side_by_side(published, modified_csv):
    modified = pd.read_csv(modified_csv, dtype=str, keep_default_na=False)
    tables = {"published": published, "modified": modified, "cleaned": clean(modified).table}
    table = compare_quality({name: data_quality(frame) for name, frame in tables.items()})
    assert table.loc["rows"].tolist() == [400, 408, 383]
    assert table.loc["columns"].tolist() == [51, 52, 51]
    assert table.loc["exact copies"].tolist() == [12, 2, 0]
    assert table.loc["near copies"].tolist() == [0, 18, 0]
    assert table.loc["rows without a label"].tolist() == [0, 5, 0]
    assert table.loc["labels spelt differently"].tolist() == [0, 13, 0]
    assert table.loc["blank", "modified"] + table.loc["null tokens", "modified"] == 303
    assert table.loc["missing", "cleaned"] > 400
    faults = ["blank", "null tokens", "not numbers", "padded", "impossible", "long decimals", "outliers (robust z > 6)"]
    assert table.loc[faults, "cleaned"].tolist() == [0] * len(faults)
    assert (table.loc[["padded", "impossible"], "modified"] > 100).all()


def test_a_table_that_lacks_columns_is_refused(base):
    with pytest.raises(TableError, match="lacks the column _Tempo_Mean"):
        data_quality(base.drop(columns=TEMPO))
