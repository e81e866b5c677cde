"""The results of a library as one table: a row a scored part of a file, and a row for each file that was not scored.

Rows are read from the store and written in batches, in the order of the files, into a file that appears when it is
whole.
"""

import csv
import io
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd

from core.atomic import replacing
from core.audio.decoding import file_of
from core.audio.tags import from_path
from core.errors import CoreError
from core.features import EXTRACTOR
from core.library.addresses import fault, filesystem, is_local, local_path, safe
from core.models.policy import Policy
from core.records import Found, LibraryFile, Plan
from core.schema import COLUMNS, EMOTIONS
from core.spreadsheets import escape_once
from core.store import Store, copies_of, known_files, move_clips, scored_clips

ENDINGS = (".parquet", ".csv")
PART = (".library-", ".part")  # how the name of a table begins and ends that is not whole yet
TEMPO = "_Tempo_Mean"
PROBA = [f"p_{emotion}" for emotion in EMOTIONS]
# What others wrote, and what repeats it; a spreadsheet must not take it for a formula.
MUSIC = ("makam", "usul", "performer")
TEXT = ("file", "reason", "same_content_as", "near_duplicate_of", "artist", "title", "album", "genre", *MUSIC)
DECIMALS = 9  # of probabilities: the last ones depend on which clips the model was asked about together
ELSEWHERE = "another library"  # has the same content: whose it is, and how it is named there, is not told
OLD_S = 3600.0  # a part that nobody has written to for so long was left behind by a run that was killed
TYPES: dict[str, str] = {
    **dict.fromkeys(("file", "path", "state", "reason", "clip_id", "content_hash"), "str"),
    **dict.fromkeys(("same_content_as", "near_duplicate_of", "artist", "title", "album", "genre"), "str"),
    "year": "Int64",
    **dict.fromkeys(MUSIC, "str"),
    **dict.fromkeys(("file_duration_s", "start_s", "end_s", *PROBA), "float64"),
    "guess": "str",
    **dict.fromkeys(("confidence", "margin"), "float64"),
    **dict.fromkeys(("decision", "candidates", "decision_reason"), "str"),
    **dict.fromkeys(("tempo_bpm", "loudness_lufs", *COLUMNS), "float64"),
    **dict.fromkeys(("model_version", "policy", "extractor", "remarks"), "str"),
}


@dataclass(frozen=True)
class LibraryAnswer:
    """Whose answers are asked of the store: the model, and the policy that made decisions of its probabilities."""

    model_version: str
    policy: Policy


def check_out(out: str) -> None:
    """Refuse a place for the results before hours of work are put into them: a small file is written and removed."""
    if not out.endswith(ENDINGS):
        raise CoreError(f"The results are written as {' or '.join(ENDINGS)}; {out} ends otherwise.")
    if not is_local(out):
        _check_far(out)
        return
    place = Path(local_path(out))
    folder = place.parent
    if not folder.exists():
        raise CoreError(f"The results cannot be written to {out}: there is no folder {folder}. Make it first.")
    if place.is_dir():
        raise CoreError(f"The results cannot be written to {out}: there is a folder of that name.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        raise CoreError(f"The results cannot be written into {folder}: {fault(error)}.") from error


def _check_far(out: str) -> None:
    system, path = filesystem(out)
    probe = f"{path}.{os.urandom(8).hex()}.probe"
    try:
        system.pipe_file(probe, b"1")
        system.rm_file(probe)
    except Exception as error:  # every kind of storage has faults of its own
        raise CoreError(f"The results cannot be written to {safe(out)}: {fault(error)}.") from error


def export(
    out: str,
    batches: Iterable[Sequence[Found]],
    *,
    store: Store,
    plan: Plan,
    said: LibraryAnswer,
    near: Mapping[str, str],
    root: str = "",
) -> None:
    """Write the table; a file that is there is replaced when the new one is whole.

    batches : the files of the library, in their order.  near : clip_id -> name of the file that sounds the same.
    root : what the paths of these files begin with, and those of no other library do.
    """
    place = Path(local_path(out)) if is_local(out) else None
    _sweep(place.parent if place else Path(tempfile.gettempdir()))
    try:
        with replacing(place, part=PART) if place else _sending(out) as part:
            tables = (rows(batch, store=store, plan=plan, said=said, near=near, root=root) for batch in batches)
            (_write_parquet if out.endswith(".parquet") else _write_csv)(str(part), tables)
    except OSError as error:
        raise CoreError(f"The results cannot be written to {safe(out)}: {fault(error)}.") from error


def _sweep(folder: Path) -> None:
    """Remove what runs left behind that were killed as they wrote."""
    for part in folder.glob("*".join(PART)):
        with suppress(OSError):  # somebody else's, or gone meanwhile
            if time.time() - part.stat().st_mtime > OLD_S:
                part.unlink()


@contextmanager
def _sending(out: str) -> Iterator[Path]:
    """Give a file of this machine to write into, and send it to the address when the block ends well."""
    handle, name = tempfile.mkstemp(prefix=PART[0], suffix=PART[1])
    os.close(handle)
    try:
        yield Path(name)
        system, path = filesystem(out)
        try:
            system.put_file(name, path)
        except Exception as error:  # every kind of storage has faults of its own
            raise OSError(fault(error)) from error
    finally:
        Path(name).unlink(missing_ok=True)


def _write_parquet(name: str, tables: Iterator[pd.DataFrame]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"str": pa.string(), "float64": pa.float64(), "Int64": pa.int64()}
    schema = pa.schema([(column, kinds[kind]) for column, kind in TYPES.items()])
    with pq.ParquetWriter(name, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False))


def _write_csv(name: str, tables: Iterator[pd.DataFrame]) -> None:
    with open(name, "w", encoding="utf-8", newline="") as file:
        _csv_rows(file, tables, list(TYPES))


def count(path: str) -> int:
    """Rows of a Parquet file, without reading them."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def read_results(path: str, filters: list[tuple[str, str, object]] | None = None) -> pd.DataFrame:
    """Rows of a Parquet file that `export` wrote, also an earlier version of it: what it did not say is empty.

    filters : as of ``pandas.read_parquet``.
    """
    return _typed(pd.read_parquet(path, filters=filters).reindex(columns=list(TYPES)))


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Rows of the table, or some of its columns, as a CSV file for a spreadsheet.

    As `export` writes it, but with a byte order mark, by which spreadsheets know that it is UTF-8 and show Turkish
    letters. The file of the command line has none: programs read it.
    """
    text = io.StringIO()
    _csv_rows(text, iter([table]), list(table.columns))
    return text.getvalue().encode("utf-8-sig")


def _csv_rows(file: IO[str], tables: Iterator[pd.DataFrame], columns: Sequence[str]) -> None:
    csv.writer(file, lineterminator="\n").writerow(columns)
    for table in tables:
        text = {column: table[column].map(escape_once) for column in TEXT if column in columns}
        table.assign(**text).to_csv(file, header=False, index=False, lineterminator="\n")


def rows(
    batch: Sequence[Found], *, store: Store, plan: Plan, said: LibraryAnswer, near: Mapping[str, str], root: str = ""
) -> pd.DataFrame:
    """The rows of some files, columns as in ``TYPES``. near, root : as in `export`."""
    files = known_files(store, plan.name, [found.path for found in batch])
    listed = [row for found in batch for row in _parts(found, files.get(found.path))]
    table = pd.DataFrame(listed).reindex(columns=["clip_id", *(c for c in TYPES if c != "clip_id")])
    clips = _clips(store, said, table)
    if _remember_places(store, plan, table, clips):
        clips = _clips(store, said, table)
    own = clips.reindex(table["clip_id"]).reset_index(drop=True)
    own[[*PROBA, "margin"]] = own[[*PROBA, "margin"]].round(DECIMALS)
    for column in (*PROBA, "guess", "margin", "decision", "lufs", *COLUMNS, "model_version"):
        table["loudness_lufs" if column == "lufs" else column] = own[column]
    copies = _copies(store, plan, table)
    for column in ("artist", "album", "genre", "year", *MUSIC):
        table[column] = own[column]
    table["title"] = _titles(table, own, copies)
    table["policy"] = own["model_version"].map(lambda _: said.policy.to_json(), na_action="ignore")
    table["confidence"] = own[PROBA].max(axis=1)
    table["candidates"] = [" or ".join(json.loads(c)) if isinstance(c, str) and c else "" for c in own["candidates"]]
    table["decision_reason"], table["tempo_bpm"] = own["reason"], own[TEMPO]
    deleted = own["deleted"].fillna(value=False).astype(bool)
    table.loc[deleted, ["state", "reason"]] = ["deleted", "Somebody took this clip out of the library."]
    table["near_duplicate_of"] = [near.get(c, "") for c in table["clip_id"]]
    _same_content(table, copies, root)
    return _typed(table)


def _parts(found: Found, file: LibraryFile | None) -> Iterator[dict[str, Any]]:
    """What the list and the store's file say: a row a window, or one for a file without any."""
    base: dict[str, Any] = {"file": found.name, "path": found.path, "clip_id": "", "extractor": EXTRACTOR}
    if found.problem or file is None:
        yield {**base, "state": "unread", "reason": found.problem or "It was not looked at."}
        return
    base |= {"content_hash": file.content_hash or "", "file_duration_s": file.duration_s}
    base |= {"state": file.state, "reason": file.reason, "remarks": " ".join(file.remarks)}
    if file.state != "scored":
        yield base
        return
    for window in file.windows:
        one = {**base, "clip_id": window.clip_id or "", "start_s": window.start_s, "end_s": window.end_s}
        yield one if window.clip_id else {**one, "state": "refused", "reason": window.remark}


def _clips(store: Store, said: LibraryAnswer, table: pd.DataFrame) -> pd.DataFrame:
    clip_ids = [c for c in table["clip_id"] if c]
    return scored_clips(store, clip_ids, model_version=said.model_version, extractor=EXTRACTOR, policy=said.policy)


def _remember_places(store: Store, plan: Plan, table: pd.DataFrame, clips: pd.DataFrame) -> bool:
    """Tell clips where their file went, when it is no longer where it was; says whether one did."""
    places = dict(zip(table["clip_id"], table["path"], strict=True))
    elsewhere = {
        str(clip): path
        for clip, path in clips["path"].items()
        if isinstance(path, str) and os.path.isabs(path) and path != places[str(clip)]
    }
    now = known_files(store, plan.name, list(elsewhere.values()))
    moved = {
        clip: places[clip]
        for clip, path in elsewhere.items()
        if not os.path.exists(path) or (path in now and now[path].content_hash != file_of(clip))
    }
    if moved:
        move_clips(store, moved)
    return bool(moved)


def _copies(store: Store, plan: Plan, table: pd.DataFrame) -> dict[str, list[str]]:
    """Paths, there or gone, of the files that share their content with another one, by content."""
    return copies_of(store, plan.name, sorted({h for h in table["content_hash"].dropna() if h}))


def _titles(table: pd.DataFrame, own: pd.DataFrame, copies: Mapping[str, Sequence[str]]) -> list[str]:
    """Titles; one that came from the name of a file with this content is told by the name that the file has here."""
    titles = []
    for title, known, path, digest in zip(
        own["title"].fillna(""), own["path"], table["path"], table["content_hash"], strict=True
    ):
        places = [*copies.get(digest, ()), *([known] if isinstance(known, str) else [])]
        named = title in (from_path(place)["title"] for place in places)
        titles.append(from_path(path)["title"] if named else title)
    return titles


def _same_content(table: pd.DataFrame, copies: Mapping[str, Sequence[str]], root: str) -> None:
    """Name the first file of the same content beside each of the others; beside the first, that there are more."""
    there = {
        digest: [p for p in paths if not os.path.isabs(p) or os.path.exists(p)] for digest, paths in copies.items()
    }
    table["same_content_as"] = [
        _first_other(path, there.get(digest, []), root)
        for digest, path in zip(table["content_hash"], table["path"], strict=True)
    ]


def _first_other(path: str, copies: Sequence[str], root: str) -> str:
    """Name of the first copy of this library, ``ELSEWHERE`` where all others are in another one, or nothing."""
    ours = [copy for copy in copies if root and copy.startswith(root)]
    if ours and ours[0] != path:
        return ours[0].removeprefix(root)
    return ELSEWHERE if set(copies) - {path, *ours} else ""


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Columns in their order and types; unknown text is empty."""
    text = {column: table[column].astype(object).fillna("") for column, kind in TYPES.items() if kind == "str"}
    return table.assign(**text)[list(TYPES)].astype(TYPES)
