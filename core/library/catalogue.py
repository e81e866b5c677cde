"""Results of a library as a catalogue: slices by makam, usul, era and performer, and an export for MusicBrainz.

The MusicBrainz style is the JSON of its web service, version 2: recordings with credits, releases, tags and relations.
Makam and usul are attributes of the work, under the names that MusicBrainz gives them. No identifiers are invented.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from core.atomic import replacing
from core.errors import CoreError
from core.library import results
from core.schema import EMOTIONS
from core.turkish import fold, turkish_order
from core.wording import percent

SLICES = ("makam", "usul", "era", "performer")
MUSICBRAINZ = ".json"
UNDECIDED = "undecided"  # scored, but the policy accepted no emotion
UNKNOWN = "unknown"  # no makam, usul, year or performer


def read_catalogue(path: Path) -> pd.DataFrame:
    """Read results that a run wrote as Parquet. Raises CoreError when the file is missing or is no such table."""
    try:
        table = results.read_results(str(path))
    except (OSError, ValueError) as error:
        raise CoreError(
            f"{path} cannot be read as results of a library. Name a .parquet file that 'python -m core score' wrote."
        ) from error
    if not table["state"].ne("").all():
        raise CoreError(f"{path} holds no results of a library: its rows have no state. Name another file.")
    return table


def selected(
    table: pd.DataFrame, *, makam: str = "", usul: str = "", performer: str = "", era: int | None = None
) -> pd.DataFrame:
    """Return the rows that agree with all that is given. Case, accents and the Turkish i do not matter.

    era : a year of the decade.
    """
    for column, wanted in (("makam", makam), ("usul", usul), ("performer", performer)):
        if wanted:
            table = table[table[column].map(fold) == fold(wanted)]
    return table if era is None else table[_decade(table).eq(era // 10 * 10).fillna(value=False)]


def moods_by(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Count the decisions of the scored rows in each slice, the largest slice first.

    by : one of ``SLICES``; spellings that differ in case and accents are one slice, under the most frequent spelling.
    Columns are the emotions, ``UNDECIDED`` and ``all``.
    """
    scored = table[table["state"] == "scored"]
    words = _decade(scored).astype("string").add("s") if by == "era" else scored[by].astype("string")
    words = words.fillna("").replace("", UNKNOWN)
    folded = words.map(fold)
    spelling = words.groupby(folded).agg(lambda same: same.value_counts().index[0])
    moods = scored["decision"].replace("", UNDECIDED)
    counts = pd.crosstab(folded.map(spelling), moods).reindex(columns=[*EMOTIONS, UNDECIDED], fill_value=0)
    counts = counts.assign(all=counts.sum(axis=1)).rename_axis(index=by, columns=None)
    order = sorted(counts.index, key=lambda name: (-counts.loc[name, "all"], turkish_order(name)))
    return counts.loc[order]


def _decade(table: pd.DataFrame) -> pd.Series:
    return table["year"] // 10 * 10


def write_catalogue(table: pd.DataFrame, out: Path) -> None:
    """Write rows of results; an existing file is replaced when the new one is complete.

    out : ends in one of ``results.ENDINGS``, or in ``MUSICBRAINZ``.  Raises CoreError when it cannot be written.
    """
    ending = out.suffix
    if ending not in (*results.ENDINGS, MUSICBRAINZ):
        raise CoreError(f"{out} must end in {', '.join((*results.ENDINGS, MUSICBRAINZ))}.")
    try:
        with replacing(out) as unfinished:
            if ending == MUSICBRAINZ:
                text = json.dumps(musicbrainz(table), ensure_ascii=False, indent=1)
                unfinished.write_text(text + "\n", "utf-8")
            else:
                results.write_tables(str(unfinished), iter([table]), ending=ending)
    except OSError as error:
        raise CoreError(f"{out} cannot be written: {error.strerror}. Check the folder and the disk.") from error


def musicbrainz(table: pd.DataFrame) -> dict[str, Any]:
    """Return the scored recordings in the style of MusicBrainz: one for each content, however many parts it has."""
    scored = table[table["state"] == "scored"]
    recordings = [_recording(parts) for _, parts in scored.groupby("content_hash", sort=False)]
    return {"recording-count": len(recordings), "recording-offset": 0, "recordings": recordings}


def _recording(parts: pd.DataFrame) -> dict[str, Any]:
    """One recording; what is unknown is left out, as MusicBrainz does."""
    one = parts.iloc[0]
    moods = parts.loc[parts["decision"] != "", "decision"].value_counts(sort=False)
    known = {
        "title": one["title"],
        "length": None if pd.isna(one["file_duration_s"]) else round(1000 * one["file_duration_s"]),  # ms
        "first-release-date": "" if pd.isna(one["year"]) else f"{one['year']:04d}",
        "artist-credit": [{"name": one["artist"], "joinphrase": "", "artist": {"name": one["artist"]}}]
        if one["artist"]
        else [],
        "releases": [{"title": one["album"]}] if one["album"] else [],
        "genres": [{"name": one["genre"], "count": 1}] if one["genre"] else [],
        "tags": [{"name": str(name), "count": int(count)} for name, count in sorted(moods.items())],
        "relations": _relations(one),
        "annotation": f"{one['guess']}: {percent(one['confidence'])}, by model {one['model_version']} from "
        f"features of {one['extractor']}.",
    }
    return {"video": False, **{name: value for name, value in known.items() if value not in ("", None, [])}}


def _relations(one: "pd.Series[Any]") -> list[dict[str, Any]]:
    named = (("Makam (Ottoman, Turkish)", one["makam"]), ("Usul (Ottoman, Turkish)", one["usul"]))
    attributes = [{"type": name, "value": value} for name, value in named if value]
    found: list[dict[str, Any]] = []
    if attributes:
        work = {"title": one["title"], "attributes": attributes}
        found.append({"type": "performance", "target-type": "work", "direction": "forward", "work": work})
    if one["performer"]:
        artist = {"name": one["performer"]}
        found.append({"type": "performer", "target-type": "artist", "direction": "backward", "artist": artist})
    return found
