"""Read a user's CSV file as a table of text: detect encoding, delimiter, headers and decimal commas.

The cells stay text; `core.dataset.cleaning` checks their values.
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
from core.source_note import without_header

MAX_BYTES = 150 * 10**6
MAX_ROWS = 200_000
MAX_COLUMNS = 1_000
MAX_HEADER = 100_000  # characters of the first line
_BLOCK_ROWS = 1_000  # rows that are searched in one step
_NESTED = 3  # several programs in turn can quote a whole row as one cell; at most this many levels are removed
MAX_CELLS = 12 * 10**6  # 200,000 rows with 52 columns; a text cell takes about 60 bytes of memory
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}
_BOMS = (  # UTF-32 before UTF-16: its mark begins with the mark of UTF-16
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
_HINT = re.compile(r'"?sep=(\\t|.)?"?[\s,;]*', re.IGNORECASE)  # first line of Excel files: names the separator
# A line that is one quoted cell. Separators can follow if the spreadsheet had more columns.
_QUOTED_ROW = re.compile(r'^[ \t]*"((?:[^"\n]|"")*+)"[ \t,;|]*$', re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


def read_csv(data: bytes, name: str, *, label_needed: bool = True) -> pd.DataFrame:
    """Read a CSV file: columns in the order of the file, all cells as text, index = row number from 0.

    Headers that differ from the published ones only in case, spaces or punctuation get the published name. Decimal
    commas become points. Rows quoted as one cell are split into cells. Missing cells at the end of a row are empty.
    Comments before the header, which begin with ``# ``, are skipped.

    Parameters
    ----------
    data
        The bytes of the file, in UTF-8, UTF-16, UTF-32 or Turkish Windows encoding. Cells are separated by comma,
        semicolon, tab, vertical bar or space.
    name
        Name of the file in error messages; no file of this name is opened.
    label_needed
        Whether a file without the column Class is refused.

    Raises
    ------
    TableError
        If the file is not such a table, lacks columns, or is too large.
    """
    shown = shown_name(name)
    if len(data) > MAX_BYTES:
        raise TableError(
            f"{shown} has {len(data) / 10**6:.0f} MB; the limit is {MAX_BYTES // 10**6} MB. Split the file."
        )
    text = without_header(_without_row_quotes(_decode(data, shown)).lstrip("\n"))
    header, dialect, body = _header(text, shown)
    names = _names(header, shown, label_needed=label_needed)
    if dialect["delimiter"] == ",":
        try:
            body = _with_whole_numbers(body, names, dialect["quotechar"])
        except csv.Error as error:
            raise TableError(f"{shown} cannot be split into cells: {error}. Correct the file.") from error
    frame = _cells(body, names, dialect, shown)
    frame = _without_empty_end(frame)
    if frame.empty:
        raise TableError(f"{shown} has column names but no rows.")
    nameless = [c for c in frame.columns if c.startswith("unnamed ") and (frame[c].str.strip() == "").all()]
    frame = frame.drop(columns=nameless)  # a delimiter at the end of each line
    return point_decimals(frame)


def _cells(body: str, names: list[str], dialect: dict[str, Any], shown: str) -> pd.DataFrame:
    """Read the rows below the header as text. Raises TableError if there are no rows, too many, or too long ones."""
    beyond = ""  # name of a column for surplus cells; no other column name is empty
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
        raise TableError(f"{shown} cannot be split into cells: {_reason(error)}. Correct the file.") from error
    if frame.empty:
        raise TableError(f"{shown} has column names but no rows.")
    if len(frame) > limit:
        raise TableError(
            f"{shown} has more than {limit:,} rows, the limit for a table with {len(names)} columns. Split the file."
        )
    stray = (frame[beyond].str.strip() != "").to_numpy(dtype=bool)
    if stray.any():
        raise TableError(
            f"{shown}: row {stray.argmax()} (the first row is 0) has more cells than there are column names. "
            "Correct this row."
        )
    return frame.drop(columns=beyond)


def _without_empty_end(frame: pd.DataFrame) -> pd.DataFrame:
    """Remove empty rows at the end of the table, which spreadsheets often add."""
    if any(not isinstance(cell, str) or cell.strip() for cell in frame.iloc[-1]):
        return frame
    for start in range((len(frame) - 1) // _BLOCK_ROWS * _BLOCK_ROWS, -1, -_BLOCK_ROWS):
        block = frame.iloc[start : start + _BLOCK_ROWS].apply(lambda column: column.str.strip() != "")
        written = np.flatnonzero(block.any(axis=1).to_numpy())
        if len(written):
            return frame.iloc[: start + written[-1] + 1]
    return frame.iloc[:0]


def _with_whole_numbers(body: str, names: list[str], quote: str) -> str:
    """Quote the numbers of a file that uses the comma both as decimal mark and as separator.

    If a row has exactly 50 cells too many, there is only one reading: each of the 50 features was split in two.
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
    """Decode the bytes to text with ``\\n`` line ends. Raises TableError if they are not text."""
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
        raise TableError(f"{shown} is not text in UTF-8, UTF-16 or a Turkish encoding. Save the table as CSV in UTF-8.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encodings(data: bytes) -> list[str]:
    """Return the encodings to try, the most likely first."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return [encoding]
    # UTF-16 without a byte order mark: every second byte of plain letters and digits is 0.
    head = data[:4096]
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[offset::2].count(0) > 0.8 * (len(head) // 2):
            return [encoding]
    return ["utf-8", "cp1254", "latin-1"]  # cp1254, Turkish Windows, leaves a few bytes undefined


def _without_row_quotes(text: str) -> str:
    """Remove quotation marks around whole rows, as in ``"sad,0.052,0.591"``."""

    def divided(line: re.Match[str]) -> str:
        return line[1].replace('""', '"') if any(d in line[1] for d in DELIMITERS) else line[0]

    for _ in range(_NESTED):
        before, text = text, _QUOTED_ROW.sub(divided, text)
        if text == before:
            break
    return text


def _header(text: str, shown: str) -> tuple[list[str], dict[str, Any], str]:
    """Return the column names, the CSV dialect (delimiter and quotation mark), and the text below the header."""
    first, _, body = text.lstrip("\n").partition("\n")
    if _HINT.fullmatch(first):
        first, _, body = body.lstrip("\n").partition("\n")
    if len(first) > MAX_HEADER:
        raise TableError(
            f"The first line of {shown} has more than {MAX_HEADER:,} characters. Put the column names of the published "
            "table in the first line."
        )
    quote = "'" if first.startswith("'") else '"'
    dialects: dict[str, dict[str, Any]]
    dialects = {d: {"delimiter": d, "quotechar": quote, "skipinitialspace": d == " "} for d in DELIMITERS}
    split = {d: next(csv.reader([first], **dialect), []) for d, dialect in dialects.items()}
    known = {d: sum(_key(name) in _KNOWN for name in names) for d, names in split.items()}
    best = max(known, key=lambda d: known[d])
    if not known[best]:
        raise TableError(
            f"The first line of {shown} contains none of the 51 column names, separated by "
            f"{', '.join(DELIMITERS.values())}; it begins {first[:40]!r}. Put the column names of the published table "
            "in the first line."
        )
    if len(split[best]) > MAX_COLUMNS:
        raise TableError(
            f"{shown} has {len(split[best])} columns; the limit is {MAX_COLUMNS}. Remove columns that are not needed."
        )
    return split[best], dialects[best], body


def _names(header: list[str], shown: str, *, label_needed: bool) -> list[str]:
    """Return a unique name for each column: the published name if it is recognised, else the name in the file."""
    names: list[str] = []
    known: set[str] = set()
    for place, written in enumerate(header):
        name = _KNOWN.get(_key(written)) or written.strip() or f"unnamed {place + 1}"
        if name in known and name in _KNOWN.values():
            raise TableError(f"{shown} has the column {name} twice. Remove or rename one of them.")
        while name in known:
            name += " (again)"
        names.append(name)
        known.add(name)
    needed = (LABEL, *COLUMNS) if label_needed else COLUMNS
    missing = [c for c in needed if c not in names]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise TableError(
            f"{shown} lacks {len(missing)} of the {len(needed)} columns: {', '.join(missing[:3])}{more}. "
            "Use the column names of the published table."
        )
    return names


def _key(name: str) -> str:
    """Normalise a column name: lower case, no spaces or punctuation, ı as i."""
    return re.sub(r"[^a-z0-9]", "", name.casefold().replace("ı", "i"))


_KNOWN = {_key(c): c for c in (LABEL, *COLUMNS)}


def _reason(error: pd.errors.ParserError) -> str:
    """Describe a parser error of pandas in plain words."""
    ragged = re.search(r"Expected \d+ fields in line (\d+), saw (\d+)", str(error))
    if ragged:
        row, cells = int(ragged[1]) - 1, int(ragged[2])
        return f"row {row} (the first row is 0) has {cells} cells, more than there are column names"
    if "EOF inside string" in str(error):
        return "a closing quotation mark is missing"
    return "its rows have different formats"


def shown_name(name: str) -> str:
    """Return the last part of a path, shortened and without control characters, for use in messages."""
    last = re.split(r"[\\/]", name)[-1]
    return "".join(c for c in last if c.isprintable())[:60] or "The file"
