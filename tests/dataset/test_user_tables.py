"""Tables that a person brings, and tables side by side."""

import numpy as np
import pandas as pd
import pytest
from owner import OWNER

from core.dataset import stand_in, user_tables
from core.dataset.loading import load_table
from core.dataset.published import FILE_NAME
from core.dataset.quality import data_quality
from core.errors import TableError
from core.settings import Settings

TEMPO = "_Tempo_Mean"


@pytest.fixture(scope="module")
def made() -> pd.DataFrame:
    return stand_in.sample()


def test_differences_tell_other_values_from_lost_and_gained_ones(made: pd.DataFrame) -> None:
    other = made.copy().astype({TEMPO: object})
    other.loc[0, TEMPO] = made.loc[0, TEMPO] + 1
    other.loc[1, TEMPO] = "?"
    other.loc[2, TEMPO] = f"  {made.loc[2, TEMPO]} "
    other.loc[3, "Class"] = "angry"
    found = user_tables.differences(made, other.drop(index=399))
    assert found.counts.to_dict() == {
        "rows in both": 399,
        "rows only in the first": 1,
        "rows only in the second": 0,
        "equal cells": 399 * 50 - 2,
        "other values": 1,
        "empty only in the first": 0,
        "empty only in the second": 1,
        "other labels": 1,
    }
    assert list(found.cells["row"]) == [0, 1]
    assert np.isnan(found.cells["second"].iloc[1])


def test_side_by_side_counts_rows_of_each_emotion_and_types(made: pd.DataFrame) -> None:
    written = made.astype(str).assign(extra="x")
    written.loc[0, "Class"] = " HAPPY "
    counts = user_tables.compare_quality({"made": data_quality(made), "written": data_quality(written)})
    assert counts.loc["rows: happy"].to_list() == [100, 101]
    assert counts.loc["rows: relax"].to_list() == [100, 99]
    assert counts.loc["columns: number"].to_list() == [50, 0]
    assert counts.loc["columns: number as text"].to_list() == [0, 50]
    assert counts.loc["extra columns"].to_list() == [0, 1]


def test_only_the_published_content_is_adopted(made: pd.DataFrame, tmp_path, table_path) -> None:
    settings = Settings(table=None, data_dir=tmp_path)
    assert not user_tables.store_if_published(made.to_csv(index=False).encode(), settings, by=OWNER)
    assert not user_tables.store_if_published(b"not a table", settings, by=OWNER)
    assert not (tmp_path / "raw").exists()
    assert user_tables.store_if_published(table_path.read_bytes(), settings, by=OWNER)
    assert load_table(settings, allow_download=False).origin == "data/raw"


def test_other_files_in_data_raw_are_offered_and_the_published_one_is_not(tmp_path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert user_tables.list_user_tables(settings) == []
    settings.raw_dir.mkdir()
    for name in (FILE_NAME, "second.csv", "first.csv", "notes.md"):
        (settings.raw_dir / name).write_text("x")
    assert [path.name for path in user_tables.list_user_tables(settings)] == ["first.csv", "second.csv"]


def test_a_file_that_cannot_be_read_is_refused_in_words(tmp_path, monkeypatch) -> None:
    with pytest.raises(TableError, match="gone.csv cannot be read"):
        user_tables.read_bytes(tmp_path / "gone.csv")
    (tmp_path / "big.csv").write_bytes(b"x" * 11)
    monkeypatch.setattr(user_tables, "MAX_BYTES", 10)
    with pytest.raises(TableError, match="big.csv is larger"):
        user_tables.read_bytes(tmp_path / "big.csv")


def test_a_brought_table_is_clean_and_keeps_its_row_numbers(made: pd.DataFrame) -> None:
    dirty = made.astype(str)
    dirty.loc[5, TEMPO] = "error"
    dirty.loc[6, "Class"] = ""
    one = user_tables.read_user_table(dirty.to_csv(index=False).encode(), "mine.csv")
    assert len(one.messy) == 400
    assert np.isnan(one.table.frame.loc[5, TEMPO])
    assert 6 not in one.table.frame.index
    with pytest.raises(TableError, match="mine.csv"):
        user_tables.read_user_table(b"a,b\n1,2\n", "mine.csv")


def test_cleaning_the_modified_table_brings_most_cells_back(modified_csv, published: pd.DataFrame) -> None:
    one = user_tables.read_user_table(modified_csv.read_bytes(), modified_csv.name)
    counts = user_tables.differences(published, one.table.frame).counts
    assert counts["other labels"] == 0
    assert counts["other values"] <= 15
    assert counts["equal cells"] >= 0.97 * counts["rows in both"] * 50


def test_tables_of_users(shared) -> None:
    lost, tabs = shared / "cases" / "C02/decimal_points_lost.csv", shared / "cases" / "C03/tab_separated.csv"
    if not (lost.is_file() and tabs.is_file()):
        pytest.skip("the tables of users are not in the shared folder")
    with pytest.raises(
        TableError, match=r"In decimal_points_lost\.csv the decimal points are lost in 50 of 50 columns"
    ):
        user_tables.read_user_table(lost.read_bytes(), lost.name)
    assert user_tables.read_user_table(tabs.read_bytes(), tabs.name).published
    kept = load_table(Settings(table=tabs), allow_download=False)
    assert (kept.origin, kept.note) == ("environment", "")
