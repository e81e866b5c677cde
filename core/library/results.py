"""Write the results of a library as one table: a row per scored part of a file, and a row per file without a result.

Rows are read from the store and written in batches, in the order of the files. The table is replaced atomically.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core.atomic import replacing
from core.audio.decoding import file_of
from core.audio.remarks import warnings
from core.audio.tags import from_path
from core.errors import CoreError
from core.features import EXTRACTOR
from core.library.addresses import fault, filesystem, is_local, local_path, safe
from core.library.result_columns import TYPES, parquet_schema
from core.makam.columns import NUMBERS, TEXTS, makam_columns
from core.models.policy import Policy
from core.records import MUSIC_TAGS, FoundFile, LibraryFile, Plan, Word
from core.schema import COLUMNS, PROBA
from core.spreadsheets import csv_text, write_row
from core.store import Store, answer_votes, copies_of, known_files, makam_table, move_clips, scored_clips
from core.store.library import TEMPO

ENDINGS = (".parquet", ".csv", ".jsonl")
PART = (".library-", ".part")  # prefix and suffix of an unfinished table's name
DECIMALS = 9  # of probabilities; further decimals depend on the batch of clips that the model scored together
ELSEWHERE = "another library"  # same content elsewhere; name and owner of the other library stay private
OLD_S = 3600.0  # an unfinished table without writes for this long was left by a killed run


@dataclass(frozen=True)
class Scorer:
    """Model and policy whose predictions and decisions are exported."""

    model_version: str
    policy: Policy


def check_out(out: str) -> None:
    """Check before the run that the results can be written: a small file is written and removed.

    Raises CoreError when they cannot be written.
    """
    if not out.endswith(ENDINGS):
        raise CoreError(
            f"The name of the results must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}; {out} does not."
        )
    if not is_local(out):
        _check_remote(out)
        return
    place = Path(local_path(out))
    folder = place.parent
    if not folder.exists():
        raise CoreError(f"The results cannot be written to {out}: there is no folder {folder}. Create it first.")
    if place.is_dir():
        raise CoreError(f"The results cannot be written to {out}: this is a folder. Give the name of a file.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        raise CoreError(f"The results cannot be written into {folder}: {fault(error)}.") from error


def _check_remote(out: str) -> None:
    system, path = filesystem(out)
    probe = f"{path}.{os.urandom(8).hex()}.probe"
    try:
        system.pipe_file(probe, b"1")
        system.rm_file(probe)
    except Exception as error:  # each file system raises its own exception types
        raise CoreError(f"The results cannot be written to {safe(out)}: {fault(error)}.") from error


def export(
    out: str,
    batches: Iterable[Sequence[FoundFile]],
    *,
    store: Store,
    plan: Plan,
    scorer: Scorer,
    near: Mapping[str, str],
    root: str = "",
) -> None:
    """Write the table of results; an existing file is replaced when the new one is complete.

    Parameters
    ----------
    out
        Path or address that ends in one of ``ENDINGS``.
    batches
        Files of the library, in their order.
    scorer
        Model and policy whose predictions are exported.
    near
        Near-duplicates: clip_id -> name of the file that sounds the same.
    root
        Prefix of the paths of this library; "" when unknown.

    Raises
    ------
    CoreError
        When the table cannot be written.
    """
    place = Path(local_path(out)) if is_local(out) else None
    _remove_unfinished(place.parent if place else Path(tempfile.gettempdir()))
    try:
        with replacing(place, part=PART) if place else _upload_when_complete(out) as part:
            tables = (rows(batch, store=store, plan=plan, scorer=scorer, near=near, root=root) for batch in batches)
            write_tables(str(part), tables, ending=Path(out).suffix)
    except OSError as error:
        raise CoreError(f"The results cannot be written to {safe(out)}: {fault(error)}.") from error


def _remove_unfinished(folder: Path) -> None:
    """Remove unfinished tables of runs that were killed."""
    for part in folder.glob("*".join(PART)):
        with suppress(OSError):  # another user's file, or removed meanwhile
            if time.time() - part.stat().st_mtime > OLD_S:
                part.unlink()


@contextmanager
def _upload_when_complete(out: str) -> Iterator[Path]:
    """Yield a temporary local file, and upload it to the address when the block succeeds."""
    handle, name = tempfile.mkstemp(prefix=PART[0], suffix=PART[1])
    os.close(handle)
    try:
        yield Path(name)
        system, path = filesystem(out)
        try:
            system.put_file(name, path)
        except Exception as error:  # each file system raises its own exception types
            raise OSError(fault(error)) from error
    finally:
        Path(name).unlink(missing_ok=True)


def write_tables(name: str, tables: Iterator[pd.DataFrame], *, ending: str) -> None:
    """Write tables of results one below the other into a file. ending : one of ``ENDINGS``, the format."""
    {".parquet": _write_parquet, ".csv": _write_csv, ".jsonl": _write_json_lines}[ending](name, tables)


def _write_parquet(name: str, tables: Iterator[pd.DataFrame]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = parquet_schema()
    with pq.ParquetWriter(name, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False))


def _write_csv(name: str, tables: Iterator[pd.DataFrame]) -> None:
    with open(name, "w", encoding="utf-8", newline="") as file:
        write_row(file, TYPES)
        for table in tables:
            file.write(csv_text(table, index=False, header=False))


def _write_json_lines(name: str, tables: Iterator[pd.DataFrame]) -> None:
    """Write an object per row, as JSON lines: unknown numbers are null, unknown text is empty."""
    with open(name, "w", encoding="utf-8", newline="\n") as file:
        for table in tables:
            plain = table.astype(object).where(table.notna(), None)
            for row in plain.to_dict("records"):
                file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def count(path: str) -> int:
    """Return the number of rows of a Parquet file, from its metadata."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def read_results(path: str, filters: list[tuple[str, str, object]] | None = None) -> pd.DataFrame:
    """Read a Parquet file that `export` wrote. Columns that an earlier version did not write are empty.

    filters : as in ``pandas.read_parquet``.
    """
    return _typed(pd.read_parquet(path, filters=filters).reindex(columns=list(TYPES)))


GROUPS = {"unlike": "unlike the training music", "review": "that a person has to listen to"}  # of the scored files


def contents_of(table: pd.DataFrame, group: str) -> set[str]:
    """Return the content hashes of the scored files of a group in a table of results.

    group : one of ``GROUPS``; another text means all scored files. A file that needs a person needs none any more when
        the column whose_word (if there is one) says that somebody has listened to it.
    """
    scored = table[table["state"] == "scored"]
    if group == "unlike":
        scored = scored[scored["unlike"] != ""]
    elif group == "review":
        scored = scored[(scored["decision"] == "") & (scored["candidates"] == "")]
        if "whose_word" in scored.columns:
            scored = scored[scored["whose_word"].eq(Word.MODEL)]
    return set(scored["content_hash"]) - {""}


def rows(
    batch: Sequence[FoundFile], *, store: Store, plan: Plan, scorer: Scorer, near: Mapping[str, str], root: str = ""
) -> pd.DataFrame:
    """Return the rows of some files, with columns as in ``TYPES``. near, root : as in `export`."""
    files = known_files(store, plan.name, [item.path for item in batch])
    listed = [row for item in batch for row in _parts(item, files.get(item.path), plan)]
    table = pd.DataFrame(listed).reindex(columns=["clip_id", *(c for c in TYPES if c != "clip_id")])
    clips = _clips(store, scorer, table)
    if _remember_places(store, plan, table, clips):
        clips = _clips(store, scorer, table)
    own = clips.reindex(table["clip_id"]).reset_index(drop=True)
    own[[*PROBA, "margin"]] = own[[*PROBA, "margin"]].round(DECIMALS)
    for column in (*PROBA, "guess", "margin", "decision", "lufs", *COLUMNS, "model_version"):
        table["loudness_lufs" if column == "lufs" else column] = own[column]
    copies = _copies(store, plan, table)
    for column in ("artist", "album", "genre", "year", *MUSIC_TAGS):
        table[column] = own[column]
    table["title"] = _titles(table, own, copies)
    table["policy"] = own["model_version"].map(lambda _: scorer.policy.to_json(), na_action="ignore")
    table["confidence"] = own[list(PROBA)].max(axis=1)
    table[["windows", "windows_agreeing"]] = _votes(own)
    table["candidates"] = [" or ".join(json.loads(c)) if isinstance(c, str) and c else "" for c in own["candidates"]]
    table["decision_reason"], table["unlike"], table["tempo_bpm"] = own["reason"], own["unlike"], own[TEMPO]
    contents = table["content_hash"].fillna("")
    makams = makam_columns(makam_table(store, sorted({content for content in contents if content})), contents)
    for column in (*TEXTS, *NUMBERS):
        table[column] = makams[column].to_numpy()
    deleted = own["deleted"].fillna(value=False).astype(bool)
    table.loc[deleted, ["state", "reason"]] = ["deleted", "Somebody deleted this clip from the library."]
    table["near_duplicate_of"] = [near.get(c, "") for c in table["clip_id"]]
    _same_content(table, copies, root)
    return _typed(table)


def _parts(item: FoundFile, file: LibraryFile | None, plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the rows of one file without predictions: a row per answer, or one row for a file without one."""
    base: dict[str, Any] = {"file": item.name, "path": item.path, "clip_id": "", "extractor": EXTRACTOR}
    if item.problem or file is None:
        yield {**base, "state": "unread", "reason": item.problem or "The run did not read this file."}
        return
    base |= {"content_hash": file.content_hash or "", "file_duration_s": file.duration_s}
    base |= {"state": file.state, "reason": file.reason, "remarks": " ".join(remark.text for remark in file.remarks)}
    base["warnings"] = " ".join(warnings(file.remarks))
    if file.state != "scored":
        yield base
        return
    for window in file.windows[:1] if plan.whole else file.windows:
        one = {**base, "clip_id": window.clip_id or "", "start_s": window.start_s, "end_s": window.end_s}
        yield one if window.clip_id else {**one, "state": "refused", "reason": window.remark}


def _votes(own: pd.DataFrame) -> pd.DataFrame:
    """Return the number of windows of each answer, and how many of them have its guess; empty without an answer."""
    votes = [
        answer_votes(str(guess), windows) if isinstance(guess, str) else (None, None)
        for guess, windows in zip(own["guess"], own["windows"], strict=True)
    ]
    return pd.DataFrame(votes, index=own.index, columns=["windows", "windows_agreeing"], dtype="Int64")


def _clips(store: Store, scorer: Scorer, table: pd.DataFrame) -> pd.DataFrame:
    clip_ids = [c for c in table["clip_id"] if c]
    return scored_clips(store, clip_ids, model_version=scorer.model_version, extractor=EXTRACTOR, policy=scorer.policy)


def _remember_places(store: Store, plan: Plan, table: pd.DataFrame, clips: pd.DataFrame) -> bool:
    """Update the paths of clips whose file moved. Returns True if any path was updated."""
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
    """Return the paths of files with identical content, existing or not, by content hash."""
    return copies_of(store, plan.name, sorted({h for h in table["content_hash"].dropna() if h}))


def _titles(table: pd.DataFrame, own: pd.DataFrame, copies: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the titles. A title that came from the name of a copy is replaced by the title from this file's name."""
    titles = []
    for title, known, path, digest in zip(
        own["title"].fillna(""), own["path"], table["path"], table["content_hash"], strict=True
    ):
        places = [*copies.get(digest, ()), *([known] if isinstance(known, str) else [])]
        named = title in (from_path(place)["title"] for place in places)
        titles.append(from_path(path)["title"] if named else title)
    return titles


def _same_content(table: pd.DataFrame, copies: Mapping[str, Sequence[str]], root: str) -> None:
    """Fill the column `same_content_as` with the name of the first file that has the same content."""
    existing = {
        digest: [p for p in paths if not os.path.isabs(p) or os.path.exists(p)] for digest, paths in copies.items()
    }
    table["same_content_as"] = [
        _first_other(path, existing.get(digest, []), root)
        for digest, path in zip(table["content_hash"], table["path"], strict=True)
    ]


def _first_other(path: str, copies: Sequence[str], root: str) -> str:
    """Return the name of the first copy in this library, ``ELSEWHERE`` if only other libraries have copies, or ""."""
    ours = [copy for copy in copies if root and copy.startswith(root)]
    if ours and ours[0] != path:
        return ours[0].removeprefix(root)
    return ELSEWHERE if set(copies) - {path, *ours} else ""


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with columns in their order and types; missing text becomes ""."""
    text = {column: table[column].astype(object).fillna("") for column, kind in TYPES.items() if kind == "str"}
    return table.assign(**text)[list(TYPES)].astype(TYPES)
