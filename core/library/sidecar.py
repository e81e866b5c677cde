"""Write sidecar files: a JSON file next to each audio file, with its results."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from core.atomic import replace_file
from core.errors import CoreError
from core.schema import PROBA

ENDING = ".emotion.json"  # suffix of a sidecar's name
LONGEST_NAME = 255  # bytes, in all usual file systems


def write_table_sidecars(table: pd.DataFrame) -> None:
    """Write a sidecar file for each scored local file of a table of results."""
    scored = table[(table["state"] == "scored") & ~table["path"].str.contains("://")]
    columns = ["start_s", "end_s", *PROBA, "guess", "confidence", "decision", "candidates"]
    columns += ["decision_reason", "unlike", "tempo_bpm", "loudness_lufs"]
    for path, rows in scored.groupby("path", sort=False):
        first = rows.iloc[0]
        parts = json.loads(rows[columns].to_json(orient="records"))
        versions = {n: first[n] for n in ("content_hash", "model_version", "extractor")}
        write_sidecar(str(path), {**versions, "made_by": "Turkish Music Emotion", "parts": parts})


def sidecar_path(path: str) -> str:
    """Return the path of a file's sidecar. A name over 255 bytes is shortened and gets a hash, so it stays unique."""
    folder, name = os.path.split(path)
    room = LONGEST_NAME - len(ENDING)
    if len(name.encode()) > room:
        name = f"{name.encode()[: room - 9].decode(errors='ignore')}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return os.path.join(folder, name + ENDING)


def write_sidecar(path: str, content: Mapping[str, Any]) -> None:
    """Write the sidecar file of a local file atomically, unless it already has this content.

    Raises CoreError when the sidecar cannot be written.
    """
    place = sidecar_path(path)
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    try:
        with open(place, encoding="utf-8") as existing:
            if existing.read() == text:
                return
    except (OSError, ValueError):
        pass  # no sidecar yet, or not a text file
    try:
        replace_file(Path(place), text.encode())
    except OSError as error:
        raise CoreError(f"{place} cannot be written: {error.strerror}.") from error
