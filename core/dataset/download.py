"""Bytes from a server, in bounded time and size, and one file out of a zip archive."""

import io
import lzma
import threading
import time
import zipfile
import zlib
from collections.abc import Callable

from core.errors import DownloadError

MAX_BYTES = 10**7  # the published archive has 0.06 MB, the table 0.17 MB
TOTAL_TIMEOUTS = 6  # a download may last that many times the time without an answer
_POLL_S = 0.05  # between two looks at the transfer


class _Sink:
    """What pooch writes to and reports to: bytes in memory, with a limit and a way to stop."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.total = 0  # set by pooch from the header, which says 0 where the server names no length
        self.stopped = False

    def write(self, chunk: bytes) -> None:
        if self.stopped or len(self.data) + len(chunk) > MAX_BYTES:
            raise ValueError(f"it sent more than {MAX_BYTES // 10**6} MB")
        self.data += chunk

    def flush(self) -> None: ...

    def update(self, _: int) -> None: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...


def download_file(url: str, *, timeout_s: float, progress: Callable[[int, int | None], None] | None) -> bytes:
    """The body of a server's answer. Raises DownloadError with the reason, within a bounded time.

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


def member(archive: bytes, name: str, *, url: str) -> bytes:
    """The file called `name` in a zip archive, in whatever folder.

    Raises DownloadError when there is none, or it is damaged or larger than 10 MB.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            inside = [n for n in files.namelist() if n.rsplit("/", 1)[-1] == name]
            if not inside:
                raise DownloadError(f"The archive from {url} holds no file {name!r}.")
            # A header can lie about the size: read one byte more than is allowed and no further.
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
        raise DownloadError(f"What {url} sent is no whole zip archive ({len(archive)} bytes).") from error
    if len(data) > MAX_BYTES:
        raise DownloadError(
            f"The table from {url} is larger than {MAX_BYTES // 10**6} MB: it is not the published one."
        )
    return data
