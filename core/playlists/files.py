"""Write playlists as files: M3U8 and XSPF for players, CSV for spreadsheets. Texts from audio tags are escaped here.

Players do not read a gain from a playlist (VLC 3.0 ignores the option as unsafe), so the gain is written as a comment
for the person who sets the volume. `core.playlists.levelled_copies` writes copies with the gain applied.
"""

import hashlib
import io
import re
from collections.abc import Sequence
from math import isnan
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from core.playlists.playlist import Playlist
from core.schema import EMOTIONS
from core.source_note import SourceNote
from core.spreadsheets import BOM, write_row
from core.wording import counted

XSPF = "http://xspf.org/ns/0/"
CREATOR = "Turkish Music Emotion"
COLUMNS = {  # column of the playlist -> column of the CSV file
    "number": "number",
    "begins_s": "begins_s",
    "step": "step",
    "title": "title",
    "artist": "artist",
    "album": "album",
    "duration_s": "duration_s",
    "guess": "emotion",
    "word": "whose_word",
    "model_mood": "emotion_of_model",
    "model_confidence": "confidence_of_model",
    **{f"p_{e}": f"p_{e}" for e in EMOTIONS},
    **{f"want_{e}": f"wanted_{e}" for e in EMOTIONS},
    "standing": "standing",
    "tempo": "tempo_bpm",
    "pulse": "counted_bpm",
    "want_tempo": "wanted_bpm",
    "lufs": "loudness_lufs",
    "gain_db": "gain_db",
    "level_lufs": "level_lufs",
    "weak": "weak",
    "synthetic": "synthetic",
    "path": "path",
    "model_version": "model_version",
}


def one_line(text: str) -> str:
    """Return the text on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def gain_text(gain_db: float) -> str:
    """Gain as text, such as ``"-3.2 dB"``; ``"not known"`` for NaN."""
    return "not known" if isnan(gain_db) else f"{gain_db:+.1f} dB"


def artist_and_title(row: dict[str, Any]) -> str:
    """Artist and title on one line, or "untitled"."""
    return one_line(" - ".join(part for part in (row["artist"], row["title"]) if part)) or "untitled"


def row_dicts(playlist: Playlist) -> list[dict[str, Any]]:
    """Rows of the playlist as dictionaries."""
    rows: list[Any] = playlist.rows.to_dict("records")
    return rows


def m3u8(playlist: Playlist, *, files: Sequence[str] | None = None) -> bytes:
    """Content of an M3U8 file: UTF-8; before each path its length and name, and the gain as a comment.

    files : paths in the order of the playlist, for example of levelled copies; default: the paths in the library.
    """
    lines = ["#EXTM3U", "#EXTENC:UTF-8", f"#PLAYLIST:{one_line(playlist.name)}"]
    lines += [f"# {one_line(remark.text)}" for remark in playlist.remarks]
    for row, path in zip(row_dicts(playlist), _paths(playlist, files), strict=True):
        lines.append(f"#EXTINF:{round(row['duration_s'])},{artist_and_title(row)}")
        lines += [f"#EXTALB:{one_line(row['album'])}"] if row["album"] else []
        if files is None:
            lines.append(f"# gain {gain_text(row['gain_db'])} to {row['level_lufs']:.3g} LUFS")
        lines += [f"# {one_line(row['why'])}", _m3u_path(path)]
    return ("\n".join(lines) + "\n").encode()


def _paths(playlist: Playlist, files: Sequence[str] | None) -> list[str]:
    return list(playlist.rows["path"]) if files is None else list(files)


_URI_SYNTAX = re.compile(r"[#?:]|%[0-9A-Fa-f]{2}")  # has a meaning for players that read each line as a URI (VLC 3)


def _m3u_path(path: str) -> str:
    """Path for a line of an M3U8 file: unchanged when players read it correctly, else percent-encoded as a URI."""
    plain = path.isprintable() and not _URI_SYNTAX.search(re.sub(r"^[A-Za-z]:", "", path))
    return path if plain else uri(path)


def uri(path: str) -> str:
    """Convert a path to a percent-encoded URI. Relative paths stay relative.

    The name in an address such as ``s3://bucket/name`` is the stored name, so it is encoded too. Web addresses are
    already encoded and stay unchanged.
    """
    scheme, separator, rest = path.partition("://")
    if separator and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]+", scheme):
        web = scheme.lower() in ("http", "https")
        return f"{scheme}://{quote(rest, safe=_OF_ADDRESSES if web else '/')}"
    if re.match(r"[A-Za-z]:[\\/]|\\\\", path):
        return PureWindowsPath(path).as_uri()
    return PurePosixPath(path).as_uri() if path.startswith("/") else quote(path)


_OF_ADDRESSES = ":/?#[]@!$&'()*+,;=%~"  # characters with a meaning in a web address


def xspf(playlist: Playlist, *, files: Sequence[str] | None = None) -> bytes:
    """Content of an XSPF 1 file: UTF-8, percent-encoded URIs, lengths in ms, gain and reason as annotation.

    files : as in ``m3u8``.
    """
    root = ElementTree.Element("playlist", {"version": "1", "xmlns": XSPF})
    _child(root, "title", playlist.name)
    _child(root, "creator", CREATOR)
    _child(root, "annotation", " ".join((f"Seed {playlist.seed}.", *(remark.text for remark in playlist.remarks))))
    tracks = ElementTree.SubElement(root, "trackList")
    for row, path in zip(row_dicts(playlist), _paths(playlist, files), strict=True):
        track = ElementTree.SubElement(tracks, "track")
        _child(track, "location", uri(path))
        _child(track, "title", row["title"])
        if row["artist"]:
            _child(track, "creator", row["artist"])
        gain = f"Gain {gain_text(row['gain_db'])} to {row['level_lufs']:.3g} LUFS. " if files is None else ""
        _child(track, "annotation", gain + row["why"])
        if row["album"]:
            _child(track, "album", row["album"])
        _child(track, "trackNum", str(row["number"]))
        _child(track, "duration", str(round(1000 * row["duration_s"])))
    ElementTree.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="utf-8") + b"\n"


def _child(parent: ElementTree.Element, name: str, text: str) -> None:
    """Append an element with text. Characters that XML does not allow are removed."""
    ElementTree.SubElement(parent, name).text = "".join(c for c in one_line(text) if c not in "\ufffe\uffff")


def csv_file(playlist: Playlist, *, link: str = "") -> bytes:
    """Content of a CSV file: UTF-8 with a byte order mark, so that spreadsheets show Turkish letters.

    The first lines are comments that say what the file is. link : address of the page with its choices.
    """
    out = io.StringIO()
    out.write(source_of(playlist, link=link).header(f"playlist {playlist.name}").replace("\n", "\r\n"))
    write_row(out, [*COLUMNS.values(), "target_lufs", "seed"], line_end="\r\n")
    for row in row_dicts(playlist):
        cells = (_short(row[name]) for name in COLUMNS)
        write_row(out, [*cells, playlist.target_lufs, playlist.seed], line_end="\r\n")
    return (BOM + out.getvalue()).encode()


def source_of(playlist: Playlist, *, link: str = "") -> SourceNote:
    """Where the pieces of a playlist come from: their number, their models, and whether some are synthetic."""
    rows = playlist.rows
    made = int(rows["synthetic"].astype(bool).sum())
    return SourceNote(
        table="the scored library",
        rows=counted(len(rows), "piece") + (f"; synthetic, made by a program: {made}" if made else ""),
        model=" and ".join(sorted({str(version) for version in rows["model_version"]})),
        link=link,
    )


def _short(value: Any) -> Any:
    """Return the value of a cell: six digits of a number, None for NaN."""
    if isinstance(value, float):
        return None if isnan(value) else float(f"{value:.6g}")
    return value


def file_stem(playlist: Playlist) -> str:
    """Base name of the playlist's files: letters, digits, dashes, and a short hash of pieces and target loudness."""
    word = re.sub(r"[^A-Za-z0-9]+", "-", playlist.name.replace("→", "to")).strip("-").lower()
    identity = repr((list(playlist.rows["piece_id"]), playlist.target_lufs, playlist.softer_lu, playlist.seed))
    return f"{word}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"


def file_name(path: str) -> str:
    """Last part of a path or URI."""
    return re.split(r"[/\\]", path)[-1]


def is_local_file(path: str) -> bool:
    """Return whether the path leads to a file on this machine."""
    return "://" not in path and Path(path).is_absolute() and Path(path).is_file()
