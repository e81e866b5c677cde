"""Playlists as files: M3U8 and XSPF for players, CSV for tables. Tags come from outside, and are made harmless here.

No player takes a gain from a playlist (VLC 3.0 calls the option unsafe and ignores it), so there it stands as a
comment, for the person at the volume knob; `core.playlists.levelled_copies` writes copies that have it in their sound.
"""

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from math import isnan
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pandas as pd

from core.playlists.playlist import Playlist
from core.schema import EMOTIONS
from core.spreadsheets import escape_once, escape_table

XSPF = "http://xspf.org/ns/0/"
CREATOR = "Turkish Music Emotion"
COLUMNS = {  # of the CSV file, and what they are called there
    "number": "number",
    "begins_s": "begins_s",
    "step": "step",
    "title": "title",
    "artist": "artist",
    "album": "album",
    "duration_s": "duration_s",
    "guess": "emotion",
    **{f"p_{e}": f"p_{e}" for e in EMOTIONS},
    **{f"want_{e}": f"wanted_{e}" for e in EMOTIONS},
    "standing": "standing",
    "tempo": "tempo_bpm",
    "lufs": "loudness_lufs",
    "gain_db": "gain_db",
    "weak": "weak",
    "synthetic": "synthetic",
    "path": "path",
    "model_version": "model_version",
}
TEXT = ("title", "artist", "album", "path")  # what others wrote; a spreadsheet must not take it for a formula


def line(text: str) -> str:
    """Text on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def gain_text(gain_db: float) -> str:
    """A gain as it is shown: ``"-3.2 dB"``; ``"not known"`` without one."""
    return "not known" if isnan(gain_db) else f"{gain_db:+.1f} dB"


def label(row: dict[str, Any]) -> str:
    """Artist and title on one line."""
    return line(" - ".join(part for part in (row["artist"], row["title"]) if part)) or "untitled"


def records(made: Playlist) -> list[dict[str, Any]]:
    """The rows as dictionaries."""
    found: list[Any] = made.rows.to_dict("records")
    return found


def m3u8(made: Playlist, *, files: Sequence[str] | None = None) -> bytes:
    """The playlist as M3U8: UTF-8, one path a line, length and name before it, the gain as a comment.

    files : other paths in the same order, as of levelled copies beside the playlist; those of the library by default.
    """
    lines = ["#EXTM3U", "#EXTENC:UTF-8", f"#PLAYLIST:{line(made.name)}"]
    lines += [f"# {line(remark.text)}" for remark in made.remarks]
    for row, path in zip(records(made), _paths(made, files), strict=True):
        lines.append(f"#EXTINF:{round(row['duration_s'])},{label(row)}")
        lines += [f"#EXTALB:{line(row['album'])}"] if row["album"] else []
        if files is None:
            lines.append(f"# gain {gain_text(row['gain_db'])} to {made.target_lufs:g} LUFS")
        lines += [f"# {line(row['why'])}", _m3u_path(path)]
    return ("\n".join(lines) + "\n").encode()


def _paths(made: Playlist, files: Sequence[str] | None) -> list[str]:
    return list(made.rows["path"]) if files is None else list(files)


_TAKEN_APART = re.compile(r"[#?:]|%[0-9A-Fa-f]{2}")  # by a player that takes each line for an address, as VLC 3 does


def _m3u_path(path: str) -> str:
    """A path that stays on its line, is taken for no comment, and leads players to the file: plain where it can be."""
    plain = path.isprintable() and not _TAKEN_APART.search(re.sub(r"^[A-Za-z]:", "", path))
    return path if plain else uri(path)


def uri(path: str) -> str:
    """A path as an address, percent-encoded; relative ones stay relative.

    Of an address such as ``s3://bucket/name`` the name is encoded too: there it is the name as it is stored. Those of
    the web are encoded already and stay what they are.
    """
    scheme, found, rest = path.partition("://")
    if found and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]+", scheme):
        web = scheme.lower() in ("http", "https")
        return f"{scheme}://{quote(rest, safe=_OF_ADDRESSES if web else '/')}"
    if re.match(r"[A-Za-z]:[\\/]|\\\\", path):
        return PureWindowsPath(path).as_uri()
    return PurePosixPath(path).as_uri() if path.startswith("/") else quote(path)


_OF_ADDRESSES = ":/?#[]@!$&'()*+,;=%~"  # has a meaning in an address


def xspf(made: Playlist, *, files: Sequence[str] | None = None) -> bytes:
    """The playlist as XSPF, version 1: UTF-8, addresses percent-encoded, lengths in ms, gain and reason as annotation.

    files : as in ``m3u8``.
    """
    root = ElementTree.Element("playlist", {"version": "1", "xmlns": XSPF})
    _child(root, "title", made.name)
    _child(root, "creator", CREATOR)
    _child(root, "annotation", " ".join((f"Seed {made.seed}.", *(remark.text for remark in made.remarks))))
    tracks = ElementTree.SubElement(root, "trackList")
    for row, path in zip(records(made), _paths(made, files), strict=True):
        track = ElementTree.SubElement(tracks, "track")
        _child(track, "location", uri(path))
        _child(track, "title", row["title"])
        if row["artist"]:
            _child(track, "creator", row["artist"])
        gain = f"Gain {gain_text(row['gain_db'])} to {made.target_lufs:g} LUFS. " if files is None else ""
        _child(track, "annotation", gain + row["why"])
        if row["album"]:
            _child(track, "album", row["album"])
        _child(track, "trackNum", str(row["number"]))
        _child(track, "duration", str(round(1000 * row["duration_s"])))
    ElementTree.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="utf-8") + b"\n"


def _child(parent: ElementTree.Element, name: str, text: str) -> None:
    """An element with text; characters that XML has no place for are left out by ``line``."""
    ElementTree.SubElement(parent, name).text = "".join(c for c in line(text) if c not in "\ufffe\uffff")


def csv_file(made: Playlist) -> bytes:
    """The playlist as CSV: UTF-8 with a byte order mark, so that spreadsheets show Turkish letters."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*COLUMNS.values(), "target_lufs", "seed"])
    for row in records(made):
        writer.writerow([*(_cell(name, row[name]) for name in COLUMNS), made.target_lufs, made.seed])
    return out.getvalue().encode("utf-8-sig")


def _cell(name: str, value: Any) -> Any:
    if isinstance(value, float):
        return "" if isnan(value) else f"{value:.6g}"
    return escape_once(value) if name in TEXT and isinstance(value, str) else value


def stem(made: Playlist) -> str:
    """A name for its files: letters, digits and dashes, and the beginning of a hash of its pieces and their gains."""
    word = re.sub(r"[^A-Za-z0-9]+", "-", made.name.replace("→", "to")).strip("-").lower()
    content = repr((list(made.rows["piece_id"]), made.target_lufs, made.seed))
    return f"{word}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def file_name(path: str) -> str:
    """The last part of a path or address."""
    return re.split(r"[/\\]", path)[-1]


def table_file(rows: pd.DataFrame) -> bytes:
    """A table as CSV: UTF-8 with a byte order mark, no text in it a formula."""
    return escape_table(rows).to_csv(index=False).encode("utf-8-sig")


def there(path: str) -> bool:
    """Whether a path leads to a file on this machine."""
    return "://" not in path and Path(path).is_absolute() and Path(path).is_file()


def content(path: str) -> str:
    """SHA-256 of a file as hexadecimal digits: the piece that it is. Raises OSError when it cannot be read."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
