"""The stages fetch, clean and split: what they write, and what they refuse."""

import hashlib
import json

import pandas as pd
import pytest

from core.dataset.published import PUBLISHED_HASH
from core.dataset.stages import check_split, clean_table, fetch_table, read_cleaned, split_table
from core.errors import TableError
from core.settings import Settings


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_fetch_copies_the_named_table_byte_by_byte(table_path, tmp_path):
    out = tmp_path / "raw" / "table.csv"
    fetch_table(out, Settings(table=table_path, data_dir=tmp_path))
    assert out.read_bytes() == table_path.read_bytes()


def test_fetch_refuses_another_table_and_writes_nothing(published, tmp_path):
    other = tmp_path / "other.csv"
    published.assign(_Tempo_Mean=published["_Tempo_Mean"] + 1).to_csv(other, index=False)
    out = tmp_path / "raw" / "table.csv"
    with pytest.raises(TableError, match=r"other\.csv is not the published table.*name it in params\.yaml"):
        fetch_table(out, Settings(table=other, data_dir=tmp_path))
    assert not out.parent.exists()


def test_the_published_table_stays_as_it_is(table_path, tmp_path):
    made = clean_table(table_path, tmp_path)
    again = read_cleaned(tmp_path)
    assert made.content_hash == again.content_hash == PUBLISHED_HASH
    assert again.inputs == {table_path.name: md5(table_path), "table.csv": md5(tmp_path / "table.csv")}
    assert pd.read_csv(tmp_path / "changes.csv").empty


def test_a_dirty_table_is_cleaned_with_a_report(modified_csv, tmp_path):
    clean_table(modified_csv, tmp_path / "all")
    clean_table(modified_csv, tmp_path / "few", without=["outlier"])
    everything, fewer = (json.loads((tmp_path / name / "about.json").read_text()) for name in ("all", "few"))
    assert everything["changes"] == pd.read_csv(tmp_path / "all" / "changes.csv")["rule"].value_counts().to_dict()
    assert everything["changes"]["outlier"] > 0
    assert "outlier" not in fewer["changes"]
    assert read_cleaned(tmp_path / "all").content_hash == everything["data_hash"] != fewer["data_hash"]


def test_an_unknown_rule_is_refused(table_path, tmp_path):
    with pytest.raises(TableError, match=r"'typo' is no rule of cleaning\. Choose from: "):
        clean_table(table_path, tmp_path / "out", without=["typo"])
    assert not (tmp_path / "out").exists()


def test_a_clean_table_that_somebody_changed_is_not_used(table_path, tmp_path):
    clean_table(table_path, tmp_path)
    frame = pd.read_csv(tmp_path / "table.csv")
    frame.loc[0, "_Tempo_Mean"] += 1
    frame.to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(TableError, match="was changed after the cleaning"):
        read_cleaned(tmp_path)


def test_parts_of_another_table_are_refused(published, table_path, tmp_path):
    table = clean_table(table_path, tmp_path / "cleaned")
    facts = split_table(tmp_path / "cleaned", tmp_path / "parts", seed=3)
    test = pd.read_csv(tmp_path / "parts" / "y_test.csv")["row"].tolist()
    assert (facts["seed"], facts["data_hash"], len(test)) == (3, PUBLISHED_HASH, facts["counts"]["test"]["clips"])
    check_split(table, tmp_path / "parts", test)
    with pytest.raises(TableError, match="Run the stage split again"):
        check_split(table, tmp_path / "parts", test[1:])
    published.iloc[::-1].to_csv(tmp_path / "other.csv", index=False)
    other = clean_table(tmp_path / "other.csv", tmp_path / "cleaned")
    assert other.content_hash == PUBLISHED_HASH  # the order of the rows does not matter
    published.iloc[1:].to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(TableError, match="do not belong to this table"):
        check_split(clean_table(tmp_path / "other.csv", tmp_path / "cleaned"), tmp_path / "parts", test)
