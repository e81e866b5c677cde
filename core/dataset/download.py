"""Download a file with limits on time and size, and read one file of a zip archive."""

import io
import lzma
import threading
import time
import zipfile
import zlib
from collections.abc import Callable

from core.errors import DownloadError

MAX_BYTES = 10**7  # the published archive has 0.06 MB, the table 0.17 MB
TOTAL_TIMEOUTS = 6  # time limit of the whole download, as a multiple of the timeout
_POLL_S = 0.05  # interval between two checks of the transfer


class _Sink:
    """In-memory output file and progress bar for pooch, with a size limit and a stop flag."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.total = 0  # set by pooch; 0 if the server does not send a length
        self.stopped = False

    def write(self, chunk: bytes) -> None:
        if self.stopped or len(self.data) + len(chunk) > MAX_BYTES:
            raise ValueError(f"the server sent more than {MAX_BYTES // 10**6} MB")
        self.data += chunk

    def flush(self) -> None: ...

    def update(self, _: int) -> None: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...


def download_file(url: str, *, timeout_s: float, progress: Callable[[int, int | None], None] | None) -> bytes:
    """Download a file into memory, within a time limit.

    The transfer runs in its own thread, because a socket timeout limits neither the DNS lookup nor a server that sends
    one byte at a time. The thread writes only to memory and is abandoned when the time is over.

    Parameters
    ----------
    url
        Address of the file.
    timeout_s
        Seconds without any data after which the download is cancelled.
    progress
        Called with the bytes received so far and the total number of bytes (None = unknown).

    Raises
    ------
    DownloadError
        If the download fails or takes too long; the message gives the reason.
    """
    import pooch

    sink = _Sink()
    failure: list[Exception] = []

    def run() -> None:
        try:
            # pooch passes on full chunks only; with large ones a slow server would look silent.
            pooch.HTTPDownloader(progressbar=sink, chunk_size=64, timeout=timeout_s)(url, sink, None)
        except Exception as error:  # raised again in the caller's thread
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
                    progress(received, sink.total or None)
            elif now - heard > timeout_s + _POLL_S:
                raise DownloadError(f"{url} has not answered for {timeout_s:g} s. Try again, or upload the table.")
            if now - started > TOTAL_TIMEOUTS * timeout_s:
                raise DownloadError(
                    f"{url} is too slow: {received} bytes in {now - started:.0f} s. Try again, or upload the table."
                )
    finally:
        sink.stopped = True
    if failure:
        # OSError: all errors of requests. ValueError: an invalid address, or our size limit
        if isinstance(failure[0], OSError | ValueError):
            raise DownloadError(f"{url} cannot be downloaded: {_reason(failure[0])}.") from failure[0]
        raise failure[0]
    if progress is not None:
        progress(len(sink.data), len(sink.data))
    return bytes(sink.data)


def _reason(error: Exception) -> str:
    """Describe a network error in plain words."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was lost before the end"
    if isinstance(error, requests.ConnectionError):
        return "there is no connection to the server"
    return str(error).rstrip(".") or type(error).__name__


def read_zip_member(archive: bytes, name: str, *, url: str) -> bytes:
    """Read the file `name` from any folder of a zip archive.

    Raises
    ------
    DownloadError
        If the file is missing, damaged or larger than 10 MB.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            inside = [n for n in files.namelist() if n.rsplit("/", 1)[-1] == name]
            if not inside:
                raise DownloadError(f"The archive from {url} does not contain the file {name!r}. Upload the table.")
            # The size in the header can be wrong, so read at most one byte more than the limit.
            with files.open(inside[0]) as file:
                data = file.read(MAX_BYTES + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        OSError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise DownloadError(
            f"The file from {url} is not a complete zip archive ({len(archive)} bytes). Try again, or upload the table."
        ) from error
    if len(data) > MAX_BYTES:
        raise DownloadError(
            f"The table from {url} is larger than {MAX_BYTES // 10**6} MB, so it is not the published table. "
            "Upload the table."
        )
    return data
