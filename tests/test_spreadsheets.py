"""Tables for spreadsheets: no text in them runs as a formula, and escaped text can be restored."""

import io
import re
import shutil
import subprocess

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from required import missing

from core import spreadsheets
from core.labelling.label_text import csv_lines, decoded

HOSTILE = '=HYPERLINK("http://example.org","x")'


UNSEEN = "\u200b\x00\x0b\x1f\x85\u00ad\u200e\u202e\u2028\u2060\u3000\ufeff"  # some programs drop these before a cell
PARTS = [*"=+-@'a;,|\t\n\r ＝\"", " ", *UNSEEN]


@given(st.lists(st.sampled_from(PARTS), max_size=8).map("".join))
def test_marked_text_comes_back_and_no_cell_begins_like_a_formula(text):
    there = spreadsheets.escape_formula(text)
    assert spreadsheets.unescape_formula(there) == text
    for cell in re.split(r"[;,|\t\r\n]", there):  # whatever separates the cells
        assert not cell.lstrip(' "' + UNSEEN).startswith(tuple("=+-@＝")), there


@pytest.mark.parametrize("part", ["\t", ";'", "\n ", "; ", "\x0b ", "'", '"', "\u3000\u200b"])
def test_a_long_text_without_a_formula_is_searched_in_a_few_steps(part):
    """A search that tries every way to take a text apart would not end."""
    text = f"a;{50_000 * part}b"
    assert spreadsheets.unescape_formula(spreadsheets.escape_formula(text)) == text


def test_plain_text_does_not_change():
    for text in ("", "Ayşe", "'quoted'", "a=b", "3-4", "Nihavend; sad, then happy"):
        assert spreadsheets.escape_formula(text) == spreadsheets.unescape_formula(text) == text


def test_the_file_is_read_back_unchanged():
    texts = ["Gel;=cmd|' /C calc'!A0", "=1", "a,=b", "two\n=lines", 'a "quote";-x', "", "Şarkı"]
    data = spreadsheets.csv_for_people(pd.DataFrame({"text": texts, "figure": -1.5}))
    (_, *rows) = csv_lines(decoded(data))
    assert [spreadsheets.unescape_formula(cell) for cell, _ in rows] == texts
    assert {figure for _, figure in rows} == {"-1.5"}


# Separators and languages as LibreOffice numbers them: English (US) with each separator, and Turkish with all of them.
READ_AS = [("44", "1033"), ("59", "1033"), ("9", "1033"), ("59/44/9", "1033"), ("59/44/9", "1055")]


@pytest.mark.libreoffice
def test_libreoffice_finds_no_formula(tmp_path):
    if not (office := shutil.which("soffice")):
        missing("LibreOffice is not installed (Debian: libreoffice-calc-nogui).")
    attack = pd.DataFrame({"title": ["Gel;=1+1", "=1+1", "a\t=1+1", "b,=1+1", 'c";=1+1', "d\n=1+1", " =1+1"]})
    (tmp_path / "raw.csv").write_text(attack.to_csv(index=False), encoding="utf-8")
    (tmp_path / "inert.csv").write_bytes(spreadsheets.csv_for_people(attack))
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    for separator, language in READ_AS:
        out = tmp_path / f"{separator} {language}".replace("/", "-")
        read_as = f"CSV:{separator},34,76,1,,{language},false,true,false,false,false,0,true,false,true"
        convert = [office, profile, "--headless", "--convert-to", "fods", f"--infilter={read_as}", "--outdir", str(out)]
        subprocess.run([*convert, *(tmp_path / f"{n}.csv" for n in ("raw", "inert"))], check=True, capture_output=True)
        raw, inert = ((out / f"{n}.fods").read_text("utf-8").count("table:formula=") for n in ("raw", "inert"))
        assert raw, (separator, language)  # LibreOffice does look for them
        assert not inert, (separator, language)


@pytest.mark.parametrize("kind", ["str", "object", "category"])
def test_texts_headers_and_index_of_a_table_are_inert_and_numbers_stay(kind):
    moment = pd.Timestamp("2026-03-01 14:30", tz="UTC")
    table = pd.DataFrame({"+name": [HOSTILE, None], "figure": [-1.5, 2.0], "when": [moment, pd.NaT]})
    table = table.astype({"+name": kind}).set_axis(pd.Index(["@x", "y"], name="=row"))
    plain = table.to_csv()
    safe = spreadsheets.escape_table(table)
    assert list(pd.read_csv(io.StringIO(safe.to_csv()))) == ["'=row", "'+name", "figure", "when"]
    assert safe.index.tolist() == ["'@x", "y"]
    assert safe["'+name"].iloc[0] == "'" + HOSTILE
    assert safe.to_csv().replace("'", "") == plain.replace("'", "")  # nothing else is changed
    assert table.columns[0] == "+name"  # nor the table that was given


def test_a_table_without_text_is_written_as_before():
    table = pd.DataFrame({"a": [-1, 2], 7: [0.5, float("nan")]})
    assert spreadsheets.escape_table(table).to_csv() == table.to_csv()
    two = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("=a", 1), ("b", "-c")]))
    assert list(spreadsheets.escape_table(two).columns) == [("'=a", 1), ("b", "'-c")]
    assert spreadsheets.escape_table(table.iloc[:0]).to_csv() == table.iloc[:0].to_csv()
    assert spreadsheets.escape_table(pd.DataFrame()).empty
