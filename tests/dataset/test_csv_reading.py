"""CSV files as people bring them."""

import csv

import pandas as pd
import pytest

from core.dataset import csv_reading, stand_in
from core.dataset.cleaning import clean
from core.dataset.csv_reading import read_csv
from core.errors import TableError
from core.schema import COLUMNS, LABEL


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return stand_in.sample(n_per_class=10)


@pytest.fixture(scope="module")
def text(sample) -> str:
    return sample.to_csv(index=False)


@pytest.fixture(scope="module")
def cells(sample) -> pd.DataFrame:
    return sample.astype(str)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1254"]
)
def test_encodings(text, cells, encoding):
    pd.testing.assert_frame_equal(read_csv(text.encode(encoding), "x.csv"), cells)


def test_turkish_letters_in_a_turkish_encoding(text):
    labels = text.replace("angry", "kızgın").replace("sad", "üzgün")
    for encoding in ("cp1254", "utf-8", "utf-16"):
        read = read_csv(labels.encode(encoding), "x.csv")
        assert set(read[LABEL]) == {"kızgın", "happy", "relax", "üzgün"}
        assert clean(read).table[LABEL].nunique() == 4


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_delimiters_and_quotes(sample, cells, delimiter, quoting):
    data = sample.to_csv(index=False, sep=delimiter, quoting=quoting).encode()
    pd.testing.assert_frame_equal(read_csv(data, "x.csv"), cells)


def quoted_rows(text: str, end: str = "") -> str:
    return "\n".join('"' + line.replace('"', '""') + '"' + end for line in text.rstrip("\n").split("\n"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("end", ["", ";;;", ",,", " "])
def test_rows_that_are_quoted_as_one_cell(sample, cells, delimiter, quoting, end):
    text = sample.to_csv(index=False, sep=delimiter, quoting=quoting)
    pd.testing.assert_frame_equal(read_csv(quoted_rows(text, end).encode(), "x.csv"), cells)
    pd.testing.assert_frame_equal(read_csv(quoted_rows(quoted_rows(text, end)).encode(), "x.csv"), cells)
    head, rest = text.split("\n", 1)
    pd.testing.assert_frame_equal(read_csv(f"{head}\n{quoted_rows(rest, end)}".encode(), "x.csv"), cells)
    first = text.split("\n", 3)
    some = "\n".join([*first[:2], quoted_rows(first[2], end), first[3]])
    pd.testing.assert_frame_equal(read_csv(some.encode(), "x.csv"), cells)


def test_single_quotes(sample, cells):
    data = sample.to_csv(index=False, quoting=csv.QUOTE_ALL, quotechar="'").encode()
    pd.testing.assert_frame_equal(read_csv(data, "x.csv"), cells)


@pytest.mark.parametrize("hint", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;;", "sep=,", "sep=\t", "sep=\\t", "sep=; "])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1254"])
def test_a_hint_for_excel(sample, cells, hint, encoding):
    text = hint + "\r\n" + sample.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n")
    pd.testing.assert_frame_equal(read_csv(text.encode(encoding), "x.csv"), cells)


@pytest.mark.parametrize("columns", [[LABEL, *COLUMNS], [*COLUMNS[:20], LABEL, *COLUMNS[20:]]])
def test_commas_as_decimal_marks_and_between_cells(sample, cells, columns):
    data = sample[columns].to_csv(index=False, decimal=",").replace('"', "")
    assert data.split("\n")[1].count(",") == 100
    read = read_csv(data.encode(), "x.csv")
    pd.testing.assert_frame_equal(read, cells[columns])
    numbered = sample.to_csv(decimal=",").replace('"', "")
    pd.testing.assert_frame_equal(read_csv(numbered.encode(), "x.csv")[list(cells)], cells)


@pytest.mark.parametrize("end", [";" * 50 + "\n", (";" * 50 + "\n") * 3, " ;" * 50])
def test_empty_rows_at_the_end_are_none(sample, cells, end):
    data = sample.to_csv(index=False, sep=";") + end
    pd.testing.assert_frame_equal(read_csv(data.encode(), "x.csv"), cells)
    head, rest = data.split("\n", 1)
    assert len(read_csv(f"{head}\n{end.strip()}\n{rest}".encode(), "x.csv")) > len(cells)
    with pytest.raises(TableError, match="column names but no rows"):
        read_csv(f"{head}\n{end}".encode(), "x.csv")


def test_decimal_commas_in_quotes_between_commas(sample, cells):
    data = sample.to_csv(index=False, decimal=",").encode()
    pd.testing.assert_frame_equal(read_csv(data, "x.csv"), cells)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_blank_lines_and_a_hint_for_excel(text, cells, end):
    data = (end + "sep=," + end + text.replace("\n", end) + end * 3).encode()
    pd.testing.assert_frame_equal(read_csv(data, "x.csv"), cells)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_decimal_commas(sample, delimiter):
    data = sample.to_csv(index=False, sep=delimiter, decimal=",").encode()
    read = read_csv(data, "x.csv")
    assert (read[list(COLUMNS)].astype(float) == sample[list(COLUMNS)]).all(axis=None)


def test_points_between_thousands_where_commas_are_decimal(sample):
    frame = sample.map(lambda v: v if isinstance(v, str) else f"{v:,.3f}".translate(str.maketrans(",.", ".,")))
    frame.loc[1, "_Rolloff_Mean"] = "1.844"
    assert frame["_Rolloff_Mean"].str.contains(r"\d\.\d{3},\d{3}").any()
    read = read_csv(frame.to_csv(index=False, sep=";").encode(), "x.csv")
    values = read[list(COLUMNS)].astype(float)
    assert values.loc[1, "_Rolloff_Mean"] == 1844
    values.loc[1, "_Rolloff_Mean"] = sample.loc[1, "_Rolloff_Mean"]
    assert (values == sample[list(COLUMNS)]).all(axis=None)


def test_points_stay_points_where_they_are_decimal(sample):
    frame = sample.astype(object)
    frame.loc[0, "_Tempo_Mean"] = "1,5"
    read = read_csv(frame.to_csv(index=False, sep=";").encode(), "x.csv")
    assert read.loc[0, "_Tempo_Mean"] == "1,5"
    assert (read.iloc[1:][list(COLUMNS)].astype(float) == sample.iloc[1:][list(COLUMNS)]).all(axis=None)


def test_cells_stay_as_they_are_written(text):
    first = text.split("\n")[1]
    changed = text.replace(first, ",".join([" RELAX ", " 0.05 ", "", "NULL", "?", *first.split(",")[5:]]))
    row = read_csv(changed.encode(), "x.csv").iloc[0]
    assert row.tolist()[:5] == [" RELAX ", " 0.05 ", "", "NULL", "?"]


def test_almost_right_headers_are_renamed(sample, cells):
    names = {
        LABEL: " CLASS",
        "_Tempo_Mean": "tempo mean",
        "_RMSenergy_Mean": "RMSENERGY_MEAN",
        "_MFCC_Mean_12": "mfcc-mean-12",
    }
    read = read_csv(sample.rename(columns=names).to_csv(index=False).encode(), "x.csv")
    pd.testing.assert_frame_equal(read, cells)


def test_all_headers_without_their_underscore(sample, cells):
    read = read_csv(sample.rename(columns=lambda c: c.lstrip("_").upper()).to_csv(index=False).encode(), "x.csv")
    pd.testing.assert_frame_equal(read, cells)


def test_other_columns_stay_whatever_their_names(sample):
    frame = pd.concat(
        [sample, sample[[LABEL]].set_axis(["note"], axis=1), sample[[LABEL]].set_axis(["note"], axis=1)], axis=1
    )
    assert list(read_csv(frame.to_csv(index=False).encode(), "x.csv").columns)[-2:] == ["note", "note (again)"]
    numbered = read_csv(sample.to_csv(index=True).encode(), "x.csv")
    assert numbered.columns[0] == "unnamed 1"
    assert numbered.iloc[:, 0].tolist() == [str(i) for i in range(40)]


def test_a_delimiter_at_the_end_of_each_line_is_no_column(text, cells):
    data = text.replace("\n", ",\n").encode()
    pd.testing.assert_frame_equal(read_csv(data, "x.csv"), cells)
    below_only = text.replace("\n", ",\n").replace(",\n", "\n", 1).encode()
    pd.testing.assert_frame_equal(read_csv(below_only, "x.csv"), cells)


def test_a_short_row_has_empty_cells_at_its_end(text):
    cut = text.rstrip("\n").rsplit(",", 2)[0]
    last = read_csv(cut.encode(), "x.csv").iloc[-1]
    assert last.tolist()[-2:] == ["", ""]
    assert last.iloc[-3] != ""


REFUSED = {
    "nothing": (b"", "x.csv is empty"),
    "blank": (b" \n\n", "x.csv is empty"),
    "a mark only": (b"\xef\xbb\xbf", "contains none of the 51 column names"),
    "Excel": (b"PK\x03\x04....", "is an Excel file or a zip archive"),
    "audio": (b"RIFF....WAVE", "is audio, not a CSV"),
    "binary": (bytes(range(256)) * 50, "is not text in UTF-8"),
    "broken UTF-16": (b"\xff\xfeC", "is not text in UTF-8"),
    "other table": (
        b"a,b\n1,2\n",
        "none of the 51 column names, separated by comma, semicolon, tab, bar, space",
    ),
    "HTML": (b"<!doctype html>\n<p>Class</p>", "contains none of the 51 column names"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_is_refused(case):
    data, message = REFUSED[case]
    with pytest.raises(TableError, match=message):
        read_csv(data, "x.csv")


def test_the_wrong_delimiter_is_refused(text):
    with pytest.raises(TableError, match=r"contains none of the 51 column names.*begins 'Class\^_RMS"):
        read_csv(text.replace(",", "^").encode(), "x.csv")


def test_missing_columns_are_named(sample):
    gone = ["_Tempo_Mean", "_Rolloff_Mean"]
    with pytest.raises(TableError, match="lacks 2 of the 51 columns: _Tempo_Mean, _Rolloff_Mean"):
        read_csv(sample.drop(columns=gone).to_csv(index=False).encode(), "x.csv")
    with pytest.raises(TableError, match="lacks 50 of the 51 columns: _RMSenergy_Mean, .* and 47 more"):
        read_csv(b"Class\nsad\n", "x.csv")


def test_a_column_that_comes_twice_is_refused(sample):
    twice = sample.assign(**{"TEMPO MEAN": 1})
    with pytest.raises(TableError, match="the column _Tempo_Mean twice"):
        read_csv(twice.to_csv(index=False).encode(), "x.csv")


def test_ragged_rows_are_refused_with_their_number(text):
    lines = text.split("\n")
    lines[3] += ",7,8"
    with pytest.raises(TableError, match=r"row 2 \(the first row is 0\) has 53 cells"):
        read_csv("\n".join(lines).encode(), "x.csv")
    lines = text.split("\n")
    lines[3] += ",7"
    with pytest.raises(TableError, match=r"row 2 \(the first row is 0\) has more cells"):
        read_csv("\n".join(lines).encode(), "x.csv")
    with pytest.raises(TableError, match="closing quotation mark is missing"):
        read_csv((text + '"sad').encode(), "x.csv")


def test_row_names_in_front_do_not_shift_the_columns(text):
    head, *rows = text.rstrip("\n").split("\n")
    data = "\n".join([head, *(f"{i},{row}" for i, row in enumerate(rows))]).encode()
    with pytest.raises(TableError, match="more cells than there are column names"):
        read_csv(data, "x.csv")


def test_a_header_alone_is_refused(text):
    head = text.split("\n")[0]
    for data in (head, head + "\n", head + "\n\n"):
        with pytest.raises(TableError, match="column names but no rows"):
            read_csv(data.encode(), "x.csv")


def test_too_many_rows_and_too_many_bytes_are_refused(text):
    data = (text.split("\n")[0] + "\n").encode() + ("," * 50 + "\n").encode() * 200_001
    with pytest.raises(TableError, match="more than 200,000 rows"):
        read_csv(data, "x.csv")
    with pytest.raises(TableError, match="x.csv has 204 MB; the limit is 150 MB"):
        read_csv(bytes(204 * 10**6), "x.csv")


def test_the_limit_of_rows_is_exact(text, monkeypatch):
    monkeypatch.setattr(csv_reading, "MAX_ROWS", 40)
    assert len(read_csv(text.encode(), "x.csv")) == 40
    with pytest.raises(TableError, match="more than 40 rows"):
        read_csv((text + text.split("\n")[1]).encode(), "x.csv")


def test_too_many_columns_are_refused(text):
    head, rest = text.split("\n", 1)
    with pytest.raises(TableError, match="has 1251 columns; the limit is 1000"):
        read_csv((head + ",x" * 1200 + "\n" + rest).encode(), "x.csv")


def test_the_name_of_a_file_is_shown_without_its_path():
    with pytest.raises(TableError, match=r"^passwd is empty"):
        read_csv(b"", "../../etc/passwd")
    with pytest.raises(TableError, match=r"^x\.csv is empty"):
        read_csv(b"", "C:\\tables\\x\n.csv")
    with pytest.raises(TableError, match=r"^The file is empty"):
        read_csv(b"", "")


def test_the_modified_table(modified_csv):
    read = read_csv(modified_csv.read_bytes(), modified_csv.name)
    expected = pd.read_csv(modified_csv, dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(read, expected)
    assert read.shape == (408, 52)
