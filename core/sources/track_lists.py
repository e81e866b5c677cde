"""Tracks from a CSV file: a row names a track, and perhaps its sound by a path or a web address."""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from core.errors import CoreError
from core.library.find import find_audio
from core.records import FoundFile
from core.source_note import without_header
from core.sources.downloads import Downloads
from core.sources.protocol import FACTS, Item, Licence, Page, SourceError, pages, without_empty
from core.spreadsheets import unescape_formula

MAX_MB = 50
COLUMNS = (*FACTS, "licence")
LICENCE = Licence(
    "as the list says",
    "The column licence of the list says what may be done with a track. Fetch only sound that you may copy.",
    sound=True,
)


class TrackList:
    """The rows of a CSV file.

    Parameters
    ----------
    path
        The file, in UTF-8, with commas, semicolons or tabs. Known columns: ``COLUMNS``; others are not read.
    downloads
        Fetches the sound of rows with a web address.
    """

    licence = LICENCE

    def __init__(self, path: Path, *, downloads: Downloads) -> None:
        self.path = Path(os.path.abspath(path.expanduser()))
        self.name, self._downloads, self._local = str(self.path), downloads, False

    @property
    def place(self) -> str:
        """The folder of the list; the folder of the downloads if no row had a path so far."""
        return str(self.path.parent if self._local else self._downloads.folder)

    def list(self, after: str = "") -> Iterator[Page]:
        """Yield the rows that name a track. The list always begins at the first row."""
        yield from pages(_item(row) for row in self._rows() if row.get("address") or row.get("title"))

    def fetch(self, item: Item) -> FoundFile | None:
        """Return the file of a row: where it is, below the folder of the list, or fetched from the web."""
        address = str(item.facts.get("address", ""))
        if not address:
            return None
        if address.lower().startswith(("http://", "https://")):
            return self._downloads.fetch(address)
        if "://" in address or "::" in address:
            return FoundFile(address, address, problem="Only paths and web addresses (https://) can be in a list.")
        return self._below(address)

    def _below(self, address: str) -> FoundFile:
        folder = self.path.parent
        path = os.path.normpath(folder / address.replace("\\", "/"))
        inside = Path(path).is_relative_to(folder)
        if not inside or not os.path.isfile(path):
            why = "There is no such file." if inside else "The path leads out of the folder of the list."
            return FoundFile(path, address, problem=f"{why} Give a path below the folder of the list.")
        self._local = True
        (found,) = find_audio(path, within=str(folder))
        return found

    def _rows(self) -> Iterator[Mapping[str, str]]:
        text = without_header(_text(self.path))
        head = text.partition("\n")[0]
        delimiter = max(",;\t", key=head.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            names = [name.strip().lower() for name in next(reader, [])]
            if not {"address", "title"} & set(names):
                raise SourceError(
                    f"{self.name} has no column address and no column title. Name its columns in the first row: "
                    f"{', '.join(COLUMNS)}."
                )
            for cells in reader:
                row = dict(zip(names, map(str.strip, map(unescape_formula, cells)), strict=False))
                if any(row.values()):
                    yield {name: row[name] for name in COLUMNS if row.get(name)}
        except csv.Error as error:
            raise SourceError(f"{self.name} is not a CSV file: line {reader.line_num}, {error}. Repair it.") from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_MB * 1e6:
            raise SourceError(f"{path} is larger than {MAX_MB} MB. Divide the list.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CoreError(f"The list {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not in UTF-8. Save it again as “CSV UTF-8”.") from error


def _item(row: Mapping[str, str]) -> Item:
    facts: dict[str, object] = {name: row[name] for name in FACTS if name in row}
    for name, kind in (("year", int), ("duration_s", float)):
        if name in facts:
            facts[name] = _number(row[name], kind)
    who = "\x1f".join((row.get("artist", ""), row.get("title", ""), row.get("album", ""))).casefold()
    return Item(row.get("address") or row.get("isrc") or who, without_empty(facts), licence=row.get("licence", ""))


def _number(text: str, kind: type) -> int | float | None:
    """Read a number; None when it is none. ``1971.0`` is a year, too."""
    try:
        value = float(text.replace(",", "."))
        return kind(value) if abs(value) < 1e9 else None
    except ValueError:
        return None
