"""The text of a file of labels, and the cells of a CSV as spreadsheets, scripts and Label Studio write it."""

import csv
import io
import re
from collections.abc import Iterator

from core.errors import TableError

MOST_COLUMNS = 200
_SEPARATOR = re.compile(r'"?sep=([^"\s\w]|\t)"?', re.IGNORECASE)  # Excel's first line for "this separates the cells"


def decoded(data: bytes) -> str:
    """The text of a file: UTF-8 or UTF-16, with or without a byte order mark, or Windows-1254.

    Raises TableError when it is no text.
    """
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise TableError("The file is an Excel file or a zip archive. Save the table as CSV in UTF-8.")
    for encoding in _encodings(data):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableError("The file cannot be read as text. Save it as CSV in UTF-8.")


def _encodings(data: bytes) -> tuple[str, ...]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ("utf-16",)
    start = data[:2000]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) > len(start) / 4:  # every second byte of Latin letters in UTF-16 is zero
        return ("utf-16-le" if odd > even else "utf-16-be",)
    return ("utf-8-sig", "cp1254")


def csv_lines(text: str) -> Iterator[list[str]]:
    """The cells of each line that is not empty, the header first.

    Cells are separated by what Excel's line ``sep=;`` says, else by the comma, semicolon, tab or bar that the header
    has most of. Lines that were quoted as one cell each are taken apart. Comments before the header, which begin with
    ``# ``, are skipped.
    Raises TableError, also while it is read, when the text is no CSV.
    """
    body = io.StringIO(text, newline="")
    start, first, delimiter = _first_line(body)
    body.seek(start)
    lines = csv.reader(body, delimiter=delimiter or max(",;\t|", key=first.count))
    quoted = False
    try:
        for number, line in enumerate(line for line in lines if line and (len(line) > 1 or line[0].strip())):
            if number == 0:
                quoted = len(line) == 1 and lines.dialect.delimiter in line[0]
            inner = csv.reader(io.StringIO(line[0], newline=""), delimiter=lines.dialect.delimiter) if quoted else None
            yield line if inner is None or len(line) > 1 else next(inner)
    except csv.Error as error:
        raise TableError(f"The file cannot be read as CSV: {error}.") from error


def _first_line(body: io.StringIO) -> tuple[int, str, str]:
    """Where the first line with text begins, what it reads, and the delimiter that a line ``sep=`` before it names."""
    delimiter, start = "", 0
    while line := body.readline():
        text = line.strip("\r\n\ufeff ")
        found = _SEPARATOR.fullmatch(text)
        if found and not delimiter:
            delimiter = found.group(1)
        elif text.strip() and not text.lstrip('"').startswith("# "):  # a spreadsheet can put a comment in quotes
            return start, text, delimiter
        start = body.tell()
    return start, "", delimiter
