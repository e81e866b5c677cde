"""Tables for spreadsheets: no text in them runs as a formula, and escaped text can be restored."""

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import spreadsheets

HOSTILE = '=HYPERLINK("http://example.org","x")'


@given(st.text("=+-@'a\t ＝", max_size=6))
def test_text_that_was_marked_comes_back_and_never_begins_like_a_formula(text):
    there = spreadsheets.escape_formula(text)
    assert spreadsheets.unescape_formula(there) == text
    assert not there.startswith(spreadsheets.FORMULA)
    assert spreadsheets.escape_once(spreadsheets.escape_once(text)) == spreadsheets.escape_once(text)
    assert not spreadsheets.escape_once(text).startswith(spreadsheets.FORMULA)


def test_plain_text_does_not_change():
    for text in ("", "Ayşe", "'quoted'", "a=b", " =1", "3-4"):
        assert spreadsheets.escape_formula(text) == spreadsheets.unescape_formula(text) == text
        assert spreadsheets.escape_once(text) == text


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
