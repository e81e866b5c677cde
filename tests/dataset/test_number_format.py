"""Numbers as tables write them, and decimal points that were lost."""

import numpy as np
import pandas as pd
import pytest

from core.dataset import stand_in
from core.dataset.cleaning import clean
from core.dataset.number_format import point_decimals, refuse_lost_points
from core.dataset.parsing import parse
from core.dataset.published import read_published
from core.dataset.user_tables import read_user_table
from core.errors import TableError
from core.schema import COLUMNS, LABEL

LOST = "the decimal points are lost"


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return stand_in.sample(n_per_class=15)


def written(frame: pd.DataFrame, form) -> pd.DataFrame:
    """The table with each number written by ``form``."""
    return frame.map(lambda value: value if isinstance(value, str) else form(value))


def without_points(value: float) -> str:
    return str(round(value * 1000))


def some(sample: pd.DataFrame, columns: list[str], rows: slice = slice(None), form=without_points) -> pd.DataFrame:
    """The table with the numbers of some columns and rows written by ``form``."""
    frame = written(sample, "{:.3f}".format)
    frame.loc[rows, columns] = written(sample, form).loc[rows, columns]
    return frame


ALL = list(COLUMNS)
LARGE = ["_Rolloff_Mean", "_Spectralcentroid_Mean", "_Spectralspread_Mean"]
LOST_TABLES = {
    "all cells": lambda s: some(s, ALL),
    "no final zeros before": lambda s: written(s, lambda v: str(int(repr(v).replace(".", "")))),
    "as numbers with a missing cell": lambda s: some(s, ALL, form=lambda v: f"{round(v * 1000)}.0"),
    "half of the columns": lambda s: some(s, ALL[::2]),
    "one column": lambda s: some(s, ["_Tempo_Mean"]),
    "columns of small numbers": lambda s: some(s, ["_MFCC_Mean_7", "_AttackTime_Mean"]),
    "large numbers with marks": lambda s: some(s, LARGE, form=lambda v: f"{round(v * 1000):,}".replace(",", ".")),
    "a third of the rows": lambda s: some(s, ALL, slice(0, 19)),
    "three rows": lambda s: some(s, ALL, slice(5, 7)),
    "two decimals": lambda s: written(s, lambda v: str(round(v * 100))),
    "one row": lambda s: some(s.iloc[:1], ALL),
}


@pytest.mark.parametrize("case", LOST_TABLES)
@pytest.mark.parametrize("delimiter", [";", ","])
def test_a_table_without_its_decimal_points_is_refused_as_a_whole(sample, case, delimiter):
    data = LOST_TABLES[case](sample).to_csv(index=False, sep=delimiter).encode()
    for read in (read_published, read_user_table):
        with pytest.raises(TableError, match=f"In mine.csv {LOST}.*times too large"):
            read(data, "mine.csv")


def test_the_error_says_where_and_by_how_much(sample):
    with pytest.raises(TableError, match=r"lost in 50 of 50 columns: .* about 1,000 times too large"):
        clean(some(sample, ALL))
    with pytest.raises(TableError, match=r"lost in 1 of 50 columns: .*Row 0, Tempo, contains"):
        clean(some(sample, ["_Tempo_Mean"]))
    with pytest.raises(TableError, match=r"lost in 2 of 60 rows: .*Row 5, "):
        clean(some(sample, ALL, slice(5, 6)))


SOUND_TABLES = {
    "as it is": lambda s: s,
    "whole numbers": lambda s: s.round(0),
    "a few outliers that are whole": lambda s: some(s, ["_Tempo_Mean", "_MFCC_Mean_3"], slice(0, 2)),
    "shares in percent": lambda s: some(s, ["_Lowenergy_Mean"], form=lambda v: str(round(v * 100))),
    "other columns lost": lambda s: s.assign(extra=range(100_000, 100_060)),
}


@pytest.mark.parametrize("case", SOUND_TABLES)
def test_other_tables_are_not_refused(sample, case):
    refuse_lost_points(parse(SOUND_TABLES[case](sample)).numbers)


def test_the_published_and_the_modified_table_have_their_points(published, modified_csv):
    refuse_lost_points(published[list(COLUMNS)].to_numpy())
    refuse_lost_points(parse(pd.read_csv(modified_csv, dtype=str, keep_default_na=False)).numbers)


FORMS = {
    "commas": lambda v: f"{v:.3f}".replace(".", ","),
    "commas, points between thousands": lambda v: f"{v:,.3f}".translate(str.maketrans(",.", ".,")),
    "commas, spaces between thousands": lambda v: f"{v:,.3f}".translate(str.maketrans(",.", "\u00a0,")),
    "commas, narrow spaces": lambda v: f"{v:,.3f}".translate(str.maketrans(",.", "\u202f,")),
    "points, commas between thousands": "{:,.3f}".format,
    "points, apostrophes": lambda v: f"{v:,.3f}".replace(",", "\u2019"),
    "typographic minus": lambda v: f"{v:.3f}".replace("-", "\u2212"),
    "powers of ten": lambda v: f"{v:.9e}".replace(".", ","),
}


@pytest.mark.parametrize("form", FORMS)
def test_numbers_are_read_as_they_are_written(sample, form):
    read = point_decimals(written(sample, FORMS[form]))
    np.testing.assert_array_equal(read[ALL].astype(float), sample[ALL])
    assert (read[LABEL] == sample[LABEL]).all()


def test_columns_and_rows_may_differ_in_their_decimal_mark(sample):
    columns = some(sample, ALL[::2], form=FORMS["commas, points between thousands"])
    rows = some(sample, ALL, slice(0, 29), form=FORMS["commas, points between thousands"])
    for frame in (columns, rows):
        np.testing.assert_array_equal(point_decimals(frame)[ALL].astype(float), sample[ALL])
