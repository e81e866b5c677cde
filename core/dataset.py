"""The published table: find it, fetch it, verify what it holds, and say where it came from."""

import csv
import hashlib
import io
import threading
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.cleaning import validate
from core.copies import duplicate_groups, unique_rows
from core.errors import DownloadError, TableError
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, LABEL
from core.settings import Settings
from core.split import held_out, replace_file

__all__ = [
    "CITATIONS",
    "FILE_NAME",
    "LICENCE",
    "PUBLISHED_HASH",
    "Table",
    "as_table",
    "content_hash",
    "duplicate_groups",
    "fetch",
    "held_out",
    "load_table",
    "read_published",
    "unique_rows",
]

FILE_NAME = "Acoustic Features.csv"
ROWS = 400
ROWS_AN_EMOTION = 100
# content_hash of the published table; quoted and unquoted copies of the file have the same.
PUBLISHED_HASH = "5a7e28abb9110eabcd83081edda6995410dc49466727b269805497c0308c09bf"
MAX_BYTES = 10**7  # the published archive has 0.06 MB, the table 0.17 MB
TOTAL_TIMEOUTS = 6  # a download may last that many times the time without an answer
_POLL_S = 0.05
LICENCE = (
    "Turkish Music Emotion, by Mehmet Bilal Er, licensed under CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)"
)
CITATIONS = (
    "Er, M. B. (2019). Turkish Music Emotion [Dataset]. UCI Machine Learning Repository. "
    "https://doi.org/10.24432/C5JG93",
    "Er, M. B., & Esin, E. M. (2021). Music Emotion Recognition with Machine Learning Based on Audio Features. "
    "Journal of Computer Science, 6(3), 133-144. https://doi.org/10.53070/bbd.945894",
    "Er, M. B., & Aydilek, I. B. (2019). Music Emotion Recognition by Using Chroma Spectrogram and Deep Visual "
    "Features. International Journal of Computational Intelligence Systems, 12(2), 1622-1634. "
    "https://doi.org/10.2991/ijcis.d.191216.001",
)


@dataclass(frozen=True, eq=False)
class Table:
    """Labelled rows of features.

    frame : columns Class and the 50 features (float64, NaN = not measurable), index = row number from 0.
    origin : "environment", "data/raw", "download", "upload" or "synthetic".
    content_hash : `content_hash` of the frame.  synthetic : made by `core.standin`, no measurement.
    note : what a person should know about how the table was found; empty when all went well.
    Raises TableError when the columns, the labels or the values are not of that form.
    """

    frame: pd.DataFrame
    origin: str
    content_hash: str
    synthetic: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if tuple(self.frame.columns) != (LABEL, *COLUMNS):
            raise TableError(f"A table has the columns {LABEL} and the {len(COLUMNS)} features in their order.")
        unknown = set(self.frame[LABEL].unique()) - set(EMOTIONS)
        if unknown:
            raise TableError(f"{sorted(map(str, unknown))[0]!r} is no emotion: {', '.join(EMOTIONS)}.")
        values = self.frame[list(COLUMNS)]
        if not all(dtype == np.float64 for dtype in values.dtypes) or np.isinf(values.to_numpy()).any():
            raise TableError("The features of a table are finite numbers, or NaN where nothing could be measured.")


def content_hash(frame: pd.DataFrame) -> str:
    """SHA-256 over labels and values in schema order, so that the file's spelling (quotes, ``0.030``) does not matter.

    Returns 64 hexadecimal digits.
    """
    values = frame[list(COLUMNS)].to_numpy(dtype="<f8") + 0.0  # a copy; + 0.0 turns -0.0 into 0.0
    values[np.isnan(values)] = np.nan
    digest = hashlib.sha256("\n".join([LABEL, *COLUMNS, *frame[LABEL].astype(str), ""]).encode())
    digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def as_table(frame: pd.DataFrame, *, origin: str, synthetic: bool = False, note: str = "") -> Table:
    """A frame with the right columns as a `Table`; other columns are left out, the hash is computed."""
    frame = frame[[LABEL, *COLUMNS]].astype(dict.fromkeys(COLUMNS, np.float64))
    return Table(frame, origin, content_hash(frame), synthetic, note)


def read_published(data: bytes) -> pd.DataFrame:
    """The published file as a frame; quoted and unquoted spellings give the same.

    Raises TableError that says what differs from a table of 50 numbers and a label in each row. Nothing is repaired
    here: that is `core.cleaning`.
    """
    try:
        text = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, quoting=csv.QUOTE_MINIMAL)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise TableError("The file is no CSV table. Get it again from the UCI repository, data set 862.") from error
    missing = [c for c in (LABEL, *COLUMNS) if c not in text.columns]
    if missing:
        raise TableError(f"The table lacks {len(missing)} of its 51 columns, first {missing[0]}.")
    frame = text[[LABEL, *COLUMNS]].copy()
    for column in COLUMNS:
        frame[column] = pd.to_numeric(text[column], errors="coerce").astype(np.float64)
    bad = frame[list(COLUMNS)].isna().to_numpy()
    if bad.any():
        row, place = np.argwhere(bad)[0]
        cell = text[COLUMNS[place]].iloc[row]
        raise TableError(f"Row {row}, {BY_COLUMN[COLUMNS[place]].name}: {cell!r} is no number. Clean the table first.")
    unknown = ~frame[LABEL].isin(EMOTIONS)
    if unknown.any():
        row = int(np.argmax(unknown))
        raise TableError(f"Row {row}: {frame[LABEL].iloc[row]!r} is no emotion. Clean the table first.")
    return frame


def _verify(frame: pd.DataFrame, *, expected: str) -> None:
    """Refuse what is not the published table. Raises TableError that says in which respect."""
    if content_hash(frame) == expected:
        return
    counts = frame[LABEL].value_counts()
    if len(frame) != ROWS or any(counts.get(e, 0) != ROWS_AN_EMOTION for e in EMOTIONS):
        raise TableError(
            f"The published table has {ROWS} rows, {ROWS_AN_EMOTION} an emotion; this one has {len(frame)} "
            f"({', '.join(f'{e} {counts.get(e, 0)}' for e in EMOTIONS)})."
        )
    validate(frame)
    raise TableError("The values are not those of the published table: their hash differs.")


def load_table(
    settings: Settings,
    *,
    allow_download: bool,
    progress: Callable[[int, int], None] | None = None,
) -> Table:
    """The best table at hand: from the environment, from data/raw, by download, else the synthetic stand-in.

    The result's ``note`` says what was tried in vain and why; it is never hidden.
    """
    notes = []
    for path, origin in ((settings.table, "environment"), (settings.raw_dir / FILE_NAME, "data/raw")):
        if path is None or (origin == "data/raw" and not path.exists()):
            continue
        try:
            frame = read_published(path.read_bytes())
            if origin == "data/raw":
                _verify(frame, expected=PUBLISHED_HASH)
            elif content_hash(frame) != PUBLISHED_HASH:
                validate(frame)
                notes.append(f"The table {path} differs from the published one.")
        except OSError as error:
            notes.append(f"The table {path} ({origin}) cannot be read: {error.strerror or error}.")
        except TableError as error:
            notes.append(f"The table {path} ({origin}) is not used. {error}")
        else:
            return as_table(frame, origin=origin, note=" ".join(notes))
    if allow_download:
        try:
            frame = fetch(settings, progress=progress)
            return as_table(frame, origin="download", note=" ".join(notes))
        except DownloadError as error:
            notes.append(str(error))
    from core import standin

    return as_table(standin.sample(), origin="synthetic", synthetic=True, note=" ".join(notes))


def fetch(
    settings: Settings,
    *,
    progress: Callable[[int, int], None] | None = None,
    expected: str = PUBLISHED_HASH,
) -> pd.DataFrame:
    """Download the archive, check what the table in it holds, and keep the table in data/raw.

    progress : called in the caller's thread with bytes so far and bytes in all (0 = not known).
    expected : `content_hash` that the table must have.
    Raises DownloadError with the reason; nothing is left behind then.
    """
    url, folder = settings.download_url, settings.raw_dir
    archive = _download(url, timeout_s=settings.download_timeout_s, progress=progress)
    data = _member(archive, url)
    try:
        frame = read_published(data)
        _verify(frame, expected=expected)
    except TableError as error:
        raise DownloadError(f"What {url} sent is not the published table. {error}") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / FILE_NAME, data)
    except OSError as error:
        raise DownloadError(f"The table cannot be written to {folder}: {error.strerror or error}.") from error
    return frame


class _Sink:
    """What pooch writes to and reports to: bytes in memory, with a limit and a way to stop."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.total = 0  # set by pooch from the header; 0 = not known
        self.stopped = False

    def write(self, chunk: bytes) -> None:
        if self.stopped or len(self.data) + len(chunk) > MAX_BYTES:
            raise ValueError(f"it sent more than {MAX_BYTES // 10**6} MB")
        self.data += chunk

    def flush(self) -> None: ...

    def update(self, _: int) -> None: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...


def _download(url: str, *, timeout_s: float, progress: Callable[[int, int], None] | None) -> bytes:
    """The body of the answer. Raises DownloadError.

    The transfer runs in a thread of its own: a timeout of the socket alone bounds neither the look-up of the name nor
    a server that sends one byte at a time. The thread writes to memory only, and is left to die when time is up.
    """
    import pooch

    sink = _Sink()
    failure: list[Exception] = []

    def run() -> None:
        try:
            # Small chunks: one is handed on only when it is full, which a slow server should not look silent for.
            pooch.HTTPDownloader(progressbar=sink, chunk_size=64, timeout=timeout_s)(url, sink, None)
        except Exception as error:  # handed to the caller's thread, which raises it
            failure.append(error)

    thread = threading.Thread(target=run, name="download", daemon=True)
    started = heard = time.monotonic()
    thread.start()
    try:
        received = 0
        while thread.is_alive():
            thread.join(_POLL_S)
            now = time.monotonic()
            if len(sink.data) > received:
                received, heard = len(sink.data), now
                if progress is not None:
                    progress(received, sink.total)
            elif now - heard > timeout_s + _POLL_S:
                raise DownloadError(f"{url} has not answered for {timeout_s:g} s. Try again, or upload the table.")
            if now - started > TOTAL_TIMEOUTS * timeout_s:
                raise DownloadError(
                    f"{url} is too slow: {received} bytes in {now - started:.0f} s. Try again, or upload the table."
                )
    finally:
        sink.stopped = True
    if failure:
        # requests' errors are OSErrors; ValueError: an impossible address, or a limit of ours
        if isinstance(failure[0], OSError | ValueError):
            raise DownloadError(f"{url} cannot be downloaded: {_reason(failure[0])}.") from failure[0]
        raise failure[0]
    if progress is not None:
        progress(len(sink.data), len(sink.data))
    return bytes(sink.data)


def _reason(error: Exception) -> str:
    """A network error in a few words for a person."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off before the end"
    if isinstance(error, requests.ConnectionError):
        return "no connection to the server"
    return str(error).rstrip(".") or type(error).__name__


def _member(archive: bytes, url: str) -> bytes:
    """The table's file in the archive. Raises DownloadError when there is none, or it is damaged or too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            names = [n for n in files.namelist() if n.rsplit("/", 1)[-1] == FILE_NAME]
            if not names:
                raise DownloadError(f"The archive from {url} holds no file {FILE_NAME!r}.")
            # A header can lie about the size: read one byte more than is allowed and no further.
            with files.open(names[0]) as member:
                data = member.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DownloadError(f"What {url} sent is no whole zip archive ({len(archive)} bytes).") from error
    if len(data) > MAX_BYTES:
        raise DownloadError(
            f"The table from {url} is larger than {MAX_BYTES // 10**6} MB: it is not the published one."
        )
    return data
