"""The bytes of a CSV file that a person brings, as a table of text: encoding, delimiter, headers, decimal commas.

Cells stay as they were written; `core.dataset.cleaning` judges them.
"""

import codecs
import csv
import io
import re
from typing import Any

import numpy as np
import pandas as pd

from core.dataset.number_format import point_decimals
from core.errors import TableError
from core.schema import COLUMNS, LABEL

MAX_BYTES = 150 * 10**6
MAX_ROWS = 200_000
MAX_COLUMNS = 1_000
_AT_ONCE = 1_000  # rows that are looked through at once
_NESTED = 3  # times that rows are quoted as one cell, by one program after another
MAX_CELLS = 12 * 10**6  # 200,000 rows of the table's 52 columns; a text cell takes some 60 bytes of memory
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}
_BOMS = (  # the longer ones first: that of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SIGNATURES = {
    b"PK\x03\x04": "an Excel file or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"RIFF": "audio",
    b"fLaC": "audio",
    b"OggS": "audio",
    b"\x89PNG": "a picture",
    b"PAR1": "a Parquet file",
}
_HINT = re.compile(r'"?sep=(\\t|.)?"?[\s,;]*', re.IGNORECASE)  # for Excel: the separator of the lines below
# A line that is one quoted cell; separators may follow it where a spreadsheet has more columns.
_QUOTED_ROW = re.compile(r'^[ \t]*"((?:[^"\n]|"")*+)"[ \t,;|]*$', re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


def read_csv(data: bytes, name: str) -> pd.DataFrame:
    """The table in a CSV file: its columns in the file's order, every cell as text, index = row number from 0.

    data : the file's bytes in UTF-8, UTF-16, UTF-32 or a Turkish Windows encoding, cells divided by comma, semicolon,
    tab, bar or space.  name : what to call the file in an error; it is never opened.
    Headers that differ from the published ones only in case, spaces or punctuation are renamed to them. Decimal commas
    become points. Rows that are quoted as one cell are divided. Cells missing at the end of a row are empty.
    Raises TableError when the file is no such table, lacks columns, or is too large.
    """
    shown = shown_name(name)
    if len(data) > MAX_BYTES:
        raise TableError(
            f"{shown} has {len(data) / 10**6:.0f} MB; a table may have {MAX_BYTES // 10**6} MB. Split the file."
        )
    text = _without_row_quotes(_decode(data, shown))
    header, dialect, body = _header(text, shown)
    names = _names(header, shown)
    if dialect["delimiter"] == ",":
        body = _with_whole_numbers(body, names, dialect["quotechar"])
    frame = _cells(body, names, dialect, shown)
    frame = _without_empty_end(frame)
    if frame.empty:
        raise TableError(f"{shown} has column names but no rows.")
    nameless = [c for c in frame.columns if c.startswith("unnamed ") and (frame[c].str.strip() == "").all()]
    frame = frame.drop(columns=nameless)  # a delimiter at the end of each line
    return point_decimals(frame)


def _cells(body: str, names: list[str], dialect: dict[str, Any], shown: str) -> pd.DataFrame:
    """The rows below the header as text. Raises TableError when there are none, too many, or ragged ones."""
    beyond = ""  # a column for cells that the header has no name for; no other name is empty
    limit = min(MAX_ROWS, MAX_CELLS // len(names))
    try:
        frame = pd.read_csv(
            io.StringIO(body),
            **dialect,
            header=None,
            names=[*names, beyond],
            index_col=False,
            dtype=str,
            keep_default_na=False,
            nrows=limit + 1,
        )
    except pd.errors.ParserError as error:
        raise TableError(f"{shown} cannot be divided into cells: {_reason(error)}.") from error
    if frame.empty:
        raise TableError(f"{shown} has column names but no rows.")
    if len(frame) > limit:
        raise TableError(
            f"{shown} has more than {limit:,} rows, the most that is read of {len(names)} columns. Split the file."
        )
    stray = (frame[beyond].str.strip() != "").to_numpy(dtype=bool)
    if stray.any():
        raise TableError(f"{shown}, row {stray.argmax()} (the first is 0) has more cells than there are column names.")
    return frame.drop(columns=beyond)


def _without_empty_end(frame: pd.DataFrame) -> pd.DataFrame:
    """The table without the rows at its end that hold nothing: spreadsheets add such rows."""
    for start in range((len(frame) - 1) // _AT_ONCE * _AT_ONCE, -1, -_AT_ONCE):
        block = frame.iloc[start : start + _AT_ONCE].apply(lambda column: column.str.strip() != "")
        written = np.flatnonzero(block.any(axis=1).to_numpy())
        if len(written):
            return frame.iloc[: start + written[-1] + 1]
    return frame.iloc[:0]


def _with_whole_numbers(body: str, names: list[str], quote: str) -> str:
    """The rows with quoted numbers, where the comma is the decimal mark and stands between the cells as well.

    A row that has one cell more for each of the 50 features can be read in one way only: each feature is two cells.
    """
    cells = next(csv.reader([body.lstrip("\n").partition("\n")[0]], quotechar=quote), [])
    if len(cells) != len(names) + len(COLUMNS):
        return body
    whole = io.StringIO()
    rows = csv.writer(whole, quotechar=quote, lineterminator="\n")
    for row in csv.reader(io.StringIO(body), quotechar=quote):
        left = iter(row)
        divided = len(row) == len(names) + len(COLUMNS)
        rows.writerow([f"{next(left)},{next(left)}" if n in COLUMNS else next(left) for n in names] if divided else row)
    return whole.getvalue()


def _decode(data: bytes, shown: str) -> str:
    """The bytes as text with plain line ends. Raises TableError when they are none."""
    if not data.strip():
        raise TableError(f"{shown} is empty.")
    for signature, kind in _SIGNATURES.items():
        if data.startswith(signature):
            raise TableError(f"{shown} is {kind}, not a CSV file. Save the table as CSV first.")
    text = None
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if text is None or _CONTROL.search(text):
        raise TableError(f"{shown} is no text in UTF-8, UTF-16 or a Turkish encoding. Save the table as CSV in UTF-8.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encodings(data: bytes) -> list[str]:
    """Encodings to try, the likeliest first."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return [encoding]
    # UTF-16 without a mark: every second byte of plain letters and digits is 0.
    head = data[:4096]
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[offset::2].count(0) > 0.8 * (len(head) // 2):
            return [encoding]
    return ["utf-8", "cp1254", "latin-1"]  # cp1254, Turkish Windows, leaves a few bytes undefined


def _without_row_quotes(text: str) -> str:
    """The text in which rows that were quoted as one cell, as in ``"sad,0.052,0.591"``, are rows of cells."""

    def divided(line: re.Match[str]) -> str:
        return line[1].replace('""', '"') if any(d in line[1] for d in DELIMITERS) else line[0]

    for _ in range(_NESTED):
        before, text = text, _QUOTED_ROW.sub(divided, text)
        if text == before:
            break
    return text


def _header(text: str, shown: str) -> tuple[list[str], dict[str, Any], str]:
    """Column names as written, the dialect (delimiter and quotation mark) of the file, and the rest of the text."""
    first, _, body = text.lstrip("\n").partition("\n")
    if _HINT.fullmatch(first):
        first, _, body = body.lstrip("\n").partition("\n")
    quote = "'" if first.startswith("'") else '"'
    dialects: dict[str, dict[str, Any]]
    dialects = {d: {"delimiter": d, "quotechar": quote, "skipinitialspace": d == " "} for d in DELIMITERS}
    split = {d: next(csv.reader([first], **dialect), []) for d, dialect in dialects.items()}
    known = {d: sum(_key(name) in _KNOWN for name in names) for d, names in split.items()}
    best = max(known, key=lambda d: known[d])
    if not known[best]:
        raise TableError(
            f"The first line of {shown} names none of the 51 columns with {', '.join(DELIMITERS.values())} between "
            f"them; it begins {first[:40]!r}."
        )
    if len(split[best]) > MAX_COLUMNS:
        raise TableError(f"{shown} has {len(split[best])} columns; a table may have {MAX_COLUMNS}.")
    return split[best], dialects[best], body


def _names(header: list[str], shown: str) -> list[str]:
    """A name for each column: the published one where it is meant, else the written one, made unique."""
    names: list[str] = []
    for place, written in enumerate(header):
        name = _KNOWN.get(_key(written)) or written.strip() or f"unnamed {place + 1}"
        if name in names and name in _KNOWN.values():
            raise TableError(f"{shown} has the column {name} twice. Remove or rename one.")
        while name in names:
            name += " (again)"
        names.append(name)
    missing = [c for c in (LABEL, *COLUMNS) if c not in names]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise TableError(
            f"{shown} lacks {len(missing)} of the 51 columns: {', '.join(missing[:3])}{more}. "
            "Name them as in the published table."
        )
    return names


def _key(name: str) -> str:
    """A column name without case, spaces and punctuation; Turkish i's are plain."""
    return re.sub(r"[^a-z0-9]", "", name.casefold().replace("ı", "i"))


_KNOWN = {_key(c): c for c in (LABEL, *COLUMNS)}


def _reason(error: pd.errors.ParserError) -> str:
    """What pandas says about a file that it cannot divide, for a person."""
    ragged = re.search(r"Expected \d+ fields in line (\d+), saw (\d+)", str(error))
    if ragged:
        return f"row {int(ragged[1]) - 1} (the first is 0) has {int(ragged[2])} cells, more than there are column names"
    if "EOF inside string" in str(error):
        return "a quotation mark is opened and never closed"
    return "its rows are not of one form"


def shown_name(name: str) -> str:
    """The last part of a file's name, short and printable."""
    last = re.split(r"[\\/]", name)[-1]
    return "".join(c for c in last if c.isprintable())[:60] or "The file"
