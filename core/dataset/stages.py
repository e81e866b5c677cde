"""The first stages from the published table to a model: fetch, clean, split. Each has files as input and as output.

The stages of the training are in ``core.training.stages``; ``dvc.yaml`` joins all of them.
"""

import io
import json
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from core.atomic import replace_file
from core.dataset.cleaning import CHOICES, clean
from core.dataset.published import FILE_NAME, PUBLISHED_HASH, fetch, read_published, verify_published
from core.dataset.split import write_split
from core.dataset.table import Table, as_table, file_md5
from core.dataset.user_tables import is_published, read_bytes, read_messy
from core.errors import TableError
from core.file_names import SPLIT
from core.settings import Settings

CLEANED, REPORT, ORIGIN = "table.csv", "changes.csv", "about.json"


def fetch_table(out: Path, settings: Settings) -> None:
    """Copy the published table to the file `out`: from TME_TABLE, from data/raw, or else from the download.

    Raises TableError if the file is not the published table, and DownloadError if the download fails.
    """
    place = settings.table or settings.raw_dir / FILE_NAME
    if settings.table is None and not place.is_file():
        fetch(settings)
    data = read_bytes(place)
    try:
        verify_published(read_published(data, place.name), expected=PUBLISHED_HASH)
    except TableError as error:
        raise TableError(
            f"{place} is not the published table. {error} To train on a table of your own, name it in params.yaml."
        ) from error
    _write(out.parent, {out.name: data})


def clean_table(source: Path, out: Path, *, without: Collection[str] = ()) -> Table:
    """Clean a table and write it into the folder `out`, with the changes and the MD5 of the source.

    The published table is restored to its published form, and no cell changes.

    without : rules of `core.dataset.cleaning.CHOICES` that are switched off.  Raises TableError as `clean` does.
    """
    unknown = sorted(set(without) - set(CHOICES))
    if unknown:
        raise TableError(f"{unknown[0]!r} is no rule of cleaning. Choose from: {', '.join(CHOICES)}.")
    data = read_bytes(source)
    if is_published(data, source.name):
        frame, report = read_published(data, source.name), pd.DataFrame(columns=["row", "column", "old", "new", "rule"])
    else:
        result = clean(read_messy(data, source.name), without=without, name=source.name)
        frame, report = result.table, result.report
    inputs = {_named(source): file_md5(data)}
    table = as_table(frame.reset_index(drop=True), origin="pipeline", inputs=inputs)
    about = {"inputs": inputs, "data_hash": table.content_hash, "rows": len(table.frame)}
    about |= {"changes": report["rule"].value_counts().to_dict(), "without": sorted(without)}
    files = {CLEANED: table.frame.to_csv(index=False, lineterminator="\n").encode()}
    files[REPORT] = report.to_csv(index=False, lineterminator="\n").encode()
    _write(out, files | {ORIGIN: (json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode()})
    return table


def read_cleaned(folder: Path) -> Table:
    """Read the table that `clean_table` wrote. Raises TableError if it is missing or was changed."""
    data, about = read_bytes(folder / CLEANED), json.loads(read_bytes(folder / ORIGIN))
    frame = pd.read_csv(io.BytesIO(data))
    table = as_table(frame, origin="pipeline", inputs={**about["inputs"], _named(folder / CLEANED): file_md5(data)})
    if table.content_hash != about["data_hash"]:
        raise TableError(f"{folder / CLEANED} was changed after the cleaning. Change the source, and clean it again.")
    return table


def split_table(cleaned: Path, out: Path, *, seed: int) -> dict[str, object]:
    """Write the training, validation and test parts of a cleaned table into the folder `out`; return their facts."""
    return write_split(read_cleaned(cleaned), out, seed=seed)


def check_split(table: Table, folder: Path, held_out: Collection[int]) -> None:
    """Raise TableError unless the parts in a folder are those of the table, with these rows as test part."""
    known = json.loads(read_bytes(folder / SPLIT))
    test = pd.read_csv(folder / "y_test.csv")["row"]
    if known["data_hash"] != table.content_hash or set(test) != set(held_out):
        raise TableError(f"The parts in {folder} do not belong to this table. Run the stage split again.")


def _named(path: Path) -> str:
    """The path inside the repository; the name alone of a file elsewhere, because a model card may be published."""
    return path.name if path.is_absolute() else path.as_posix()


def _write(folder: Path, files: dict[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            replace_file(folder / name, data)
    except OSError as error:
        raise TableError(
            f"The files cannot be written to {folder}: {error.strerror or error}. Check the folder."
        ) from error
