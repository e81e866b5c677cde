"""The columns of a table of results: one list, from which files and documents derive."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from libraries import results

from core.library.result_columns import RESULT_COLUMNS, SCHEMA_VERSION, TYPES, columns_in_markdown
from core.library.result_contract import result_breaches
from core.library.results import read_results, write_tables
from core.schema import PROBA

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "library.md"


def test_the_document_holds_the_table_of_columns():
    assert f"\n{columns_in_markdown()}\n" in DOCUMENT.read_text("utf-8")


def test_a_parquet_file_says_unit_and_meaning_of_each_column(tmp_path):
    file = tmp_path / "a.parquet"
    table = results(file=["ağıt.flac"], year=[1961], tempo_bpm=[99.5])
    write_tables(str(file), iter([table]), ending=".parquet")
    schema = pq.read_schema(file)
    assert schema.metadata[b"schema_version"] == SCHEMA_VERSION.encode()
    said = {f.name: (f.metadata[b"unit"].decode(), f.metadata[b"meaning"].decode()) for f in schema}
    assert said == {c.name: (c.unit, c.meaning) for c in RESULT_COLUMNS}
    assert said["tempo_bpm"] == ("bpm", "Tempo.")
    pd.testing.assert_frame_equal(read_results(str(file)), table)


def test_json_lines_hold_the_same_rows_with_null_for_unknown_numbers(tmp_path):
    file = tmp_path / "a.jsonl"
    tables = [results(file=["a\nb"], p_sad=[0.123456789], year=[1961]), results(file=["ağıt"], year=[pd.NA])]
    write_tables(str(file), iter(tables), ending=".jsonl")
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [list(row) for row in rows] == [list(TYPES)] * 2
    assert [(row["file"], row["year"], row["p_sad"]) for row in rows] == [
        ("a\nb", 1961, 0.123456789),
        ("ağıt", None, None),
    ]


def row(**given: object) -> pd.DataFrame:
    """A good scored row, with some other values."""
    proba = {"p_angry": 0.1, "p_happy": 0.1, "p_relax": 0.7, "p_sad": 0.1}
    known = {"file": "a.wav", "state": "scored", "guess": "relax", "start_s": 0.0, "end_s": 30.0, **proba, **given}
    return results(**{name: [value] for name, value in known.items()})


@pytest.mark.parametrize(
    ("given", "column"),
    [
        ({}, None),
        ({"state": "refused", "guess": "", **dict.fromkeys(PROBA, np.nan)}, None),
        ({"state": "done"}, "state"),
        ({"file": ""}, "file"),
        ({"year": 19}, "year"),
        ({"confidence": 1.2}, "confidence"),
        ({"windows": -1}, "windows"),
        ({"p_sad": 0.2}, "p_angry"),
        ({"p_sad": np.nan}, "p_angry"),
        ({"guess": "sad"}, "guess"),
        ({"end_s": -1.0}, "end_s"),
        ({"start_s": 31.0}, "end_s"),
    ],
)
def test_the_contract_of_results_finds_wrong_cells_and_rows_that_contradict_themselves(given, column):
    assert [breach.column for breach in result_breaches(row(**given))] == ([column] if column else [])
