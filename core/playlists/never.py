"""Pieces and folders that no playlist uses, such as voice memos and ringtones."""

import re
from collections.abc import Iterable

import pandas as pd

PIECE, FOLDER = "piece", "folder"  # kinds of an entry, as in ``core.store.NEVER_KINDS``


def mark_never(pieces: pd.DataFrame, never: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """Return the pieces with the column never: the piece, or a folder that holds its file, is on the list.

    A piece with copies in several folders counts when one of them is on the list.

    Parameters
    ----------
    pieces
        From ``add_places``.
    never
        From ``store.never_table``.
    places
        All known paths of each content, as from ``store.library_places``.
    """
    listed = set(never.loc[never["kind"].eq(PIECE), "value"])
    folders = tuple(_with_end(folder) for folder in never.loc[never["kind"].eq(FOLDER), "value"])
    if folders:
        inside = places["path"].map(lambda path: _tidy(path).startswith(folders))
        listed |= set(places.loc[inside.astype(bool), "content_hash"])
        listed |= set(pieces.index[pieces["path"].map(lambda path: _tidy(path).startswith(folders)).astype(bool)])
    return pieces.assign(never=pieces.index.isin(listed))


def folder_of(path: str) -> str:
    """Folder of a file or of an address; empty when the path names none."""
    match = re.match(r"(.*[^/\\])[/\\]+[^/\\]+$", path)
    return match.group(1) if match and not match.group(1).endswith(":") else ""


def entries_of(piece_id: str, path: str, never: pd.DataFrame) -> list[str]:
    """Return the ids of the entries that keep a piece out of playlists, with the entry of the piece first."""
    of_piece = never["kind"].eq(PIECE) & never["value"].eq(piece_id)
    folders: Iterable[bool] = (
        kind == FOLDER and _tidy(path).startswith(_with_end(value))
        for kind, value in zip(never["kind"], never["value"], strict=True)
    )
    return [*never.loc[of_piece, "id"], *never.loc[list(folders), "id"]]


def _tidy(path: str) -> str:
    return path.replace("\\", "/")


def _with_end(folder: str) -> str:
    return _tidy(folder).rstrip("/") + "/"
