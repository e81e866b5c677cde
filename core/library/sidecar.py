"""Sidecar files: a JSON file beside an audio file or a table that says what is known about it."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from core.atomic import replace_file
from core.errors import CoreError
from core.library import results


def write_table_sidecars(table: pd.DataFrame) -> None:
    """A JSON file beside each local file that was scored."""
    scored = table[(table["state"] == "scored") & ~table["path"].str.contains("://")]
    columns = ["start_s", "end_s", *results.PROBA, "guess", "confidence", "decision", "candidates"]
    columns += ["decision_reason", "tempo_bpm", "loudness_lufs"]
    for path, rows in scored.groupby("path", sort=False):
        first = rows.iloc[0]
        parts = json.loads(rows[columns].to_json(orient="records"))
        said = {n: first[n] for n in ("content_hash", "model_version", "extractor")}
        write_sidecar(str(path), {**said, "made_by": "Turkish Music Emotion", "parts": parts})


ENDING = ".emotion.json"  # of the file beside the music
LONGEST_NAME = 255  # bytes, in all usual file systems


def sidecar_path(path: str) -> str:
    """Path of the JSON file beside a file; a name that would be too long with the ending is cut, and stays its own."""
    folder, name = os.path.split(path)
    room = LONGEST_NAME - len(ENDING)
    if len(name.encode()) > room:
        name = f"{name.encode()[: room - 9].decode(errors='ignore')}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return os.path.join(folder, name + ENDING)


def write_sidecar(path: str, said: Mapping[str, Any]) -> None:
    """Write what was found out about a local file into a JSON file beside it, whole or not at all.

    Nothing is written when the same is there already. Raises CoreError when the folder may not be written to.
    """
    place = sidecar_path(path)
    text = json.dumps(said, ensure_ascii=False, indent=1) + "\n"
    try:
        with open(place, encoding="utf-8") as there:
            if there.read() == text:
                return
    except (OSError, ValueError):
        pass  # nothing there, or nothing of ours
    try:
        replace_file(Path(place), text.encode())
    except OSError as error:
        raise CoreError(f"{place} cannot be written: {error.strerror}.") from error
