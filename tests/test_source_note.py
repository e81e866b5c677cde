"""The header of a download: what it says, what it never does, and that the program reads its own files."""

import csv
import io
import tomllib

import pandas as pd
import pytest

from core.dataset import stand_in
from core.dataset.csv_reading import read_csv
from core.dataset.user_tables import read_user_table
from core.settings import ROOT
from core.source_note import PROGRAM, SYNTHETIC, VERSION, SourceNote, without_header

NOTE = SourceNote(
    table="Published table", data="5a7e28ab", rows="40 of 400 rows (emotion sad)", link="http://here/explore?by=Class",
    cite="Er, M. B. (2019)",
)  # fmt: skip


def test_the_version_is_that_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_a_header_names_everything_that_is_known_and_nothing_else() -> None:
    lines = NOTE.header("pairs").splitlines()
    assert lines == [
        f"# {PROGRAM}: pairs",
        "# table: Published table",
        "# data: 5a7e28ab",
        "# rows: 40 of 400 rows (emotion sad)",
        "# link: http://here/explore?by=Class",
        "# cite: Er, M. B. (2019)",
    ]


def test_synthetic_rows_are_marked_and_have_no_citation_of_the_data() -> None:
    note = SourceNote(data="abc", cite="Er, M. B. (2019)", synthetic=True)
    assert SYNTHETIC in note.header("rows")
    assert "Er" not in note.header("rows")
    assert note.line("rows").startswith(SYNTHETIC)
    assert note.file_name("rows_data-abc") == "synthetic_rows_data-abc"
    assert NOTE.file_name("rows") == "rows"


@pytest.mark.parametrize("before", [",", ";", "|", "\n", "\r", "\t", "\u2028", ', "', ',"'])
def test_no_part_of_a_value_is_a_formula_or_a_line(before: str) -> None:
    header = SourceNote(table=f"a{before}=1+1", rows=f"a{before}=1+1").header(f"a{before}=1+1")
    for delimiter in ",;\t|":
        rows = list(csv.reader(io.StringIO(header), delimiter=delimiter))
        assert len(rows) == 3
        for row in rows:
            assert row[0].startswith("# ")
            assert not any(cell.strip().startswith("=") for cell in row)


def test_commas_stay_as_they_are_in_files_and_pictures() -> None:
    note = SourceNote(
        rows="12 of 40 rows (makam Hicaz, Rast; Tempo 100 to 120)", cite="Er, M. B., & Esin, E. M. (2021)"
    )
    assert "# rows: 12 of 40 rows (makam Hicaz, Rast; Tempo 100 to 120)\n" in note.header("rows")
    assert "# cite: Er, M. B., & Esin, E. M. (2021)\n" in note.header("rows")
    assert "makam Hicaz, Rast; Tempo" in note.line("rows")


def test_the_program_reads_its_own_download() -> None:
    table = stand_in.sample(n_per_class=2)
    data = (NOTE.header("rows") + table.to_csv(index=False)).encode()
    pd.testing.assert_frame_equal(read_csv(data, "a.csv"), read_csv(table.to_csv(index=False).encode(), "a.csv"))
    assert len(read_user_table(data, "a.csv").rows.frame) == 8
    assert without_header("#,Class\n# 1") == "#,Class\n# 1"
