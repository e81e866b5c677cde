"""A table that breaks its contract: the message names column, row, value and what to do."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from core.__main__ import app
from core.dataset.contracts import LABELLED, Breach, breaches, read_table
from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, LABEL


@pytest.fixture
def good(published):
    return published.head(3).reset_index(drop=True)


def written(table, path, *, note=""):
    path.write_text(note + table.to_csv(index=False), "utf-8")
    return path


def test_the_published_table_keeps_its_contract_and_each_fault_has_its_place(good, tmp_path):
    assert breaches(read_table(written(good, tmp_path / "a.csv")), LABELLED) == []
    bad = good.astype(object)
    bad.loc[0, LABEL] = "hapy"
    bad.loc[1, "_RMSenergy_Mean"] = "0,2"
    bad.loc[2, "_RMSenergy_Mean"] = 7
    bad.loc[1, "_Tempo_Mean"] = None  # unknown is allowed
    found = breaches(read_table(written(bad, tmp_path / "b.csv", note="# a note\n# another\n")), LABELLED)
    assert found == [
        Breach(LABEL, 4, "'hapy'", f"must be one of: {', '.join(EMOTIONS)}."),
        Breach(
            "_RMSenergy_Mean", 5, "'0,2'", "is no number. Write a number with a decimal point, or leave the cell empty."
        ),
        Breach("_RMSenergy_Mean", 6, "'7'", "must be from 0 to 1. Check the unit, and how it was measured."),
    ]


def test_missing_and_double_columns_are_named_and_more_columns_are_allowed(good):
    assert breaches(good.assign(note="x"), LABELLED) == []
    without = good.drop(columns=[COLUMNS[4]])
    assert breaches(without, LABELLED) == [Breach(COLUMNS[4], None, "", "is missing. Add the column.")]
    twice = pd.concat([good, good[[LABEL]]], axis=1)
    assert [b.advice for b in breaches(twice, LABELLED)] == ["is there twice. Remove or rename one of them."]


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_typed_files_are_checked_as_they_are(good, tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    bad = good.assign(**{LABEL: [1, 2, 3], "_Tempo_Mean": [True, False, True]})
    bad.to_parquet(path) if ending == "parquet" else bad.to_json(path, orient="records", lines=True)
    found = breaches(read_table(path), LABELLED)
    first = 0 if ending == "parquet" else 1
    assert [(b.column, b.row) for b in found] == [(c, first + k) for c in (LABEL, "_Tempo_Mean") for k in range(3)]
    assert found[0].advice == "is no text. Write it as text."


@pytest.mark.parametrize(("name", "content"), [("a.xlsx", b"PK"), ("a.parquet", b"PAR1"), ("a.csv", b"\xff\xfe\x00")])
def test_a_file_that_is_no_table_is_refused_with_a_sentence(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TableError, match=f"{name} (must end in|is no readable)"):
        read_table(path)


def test_the_command_says_what_to_mend(good, tmp_path):
    def run(*words):
        return CliRunner().invoke(app, ["check-table", *map(str, words)])

    whole = run(written(good, tmp_path / "a.csv"))
    assert (whole.exit_code, whole.output) == (0, "a.csv: 3 rows, a good table of the kind labelled.\n")
    bad = run(written(good.assign(_Tempo_Mean=-1), tmp_path / "b.csv"))
    assert bad.exit_code == 1
    assert bad.output.splitlines()[0].startswith("column _Tempo_Mean, row 2: '-1' must be from ")
    assert bad.output.endswith("b.csv is not yet a good table of the kind labelled: 3 places to mend.\n")
    assert "choose one of labelled" in str(run("a.csv", "--kind", "x").exception)
