"""Read the content of one local or remote file, and detect changes during the reading."""

import math
import os
import time
from dataclasses import dataclass
from typing import BinaryIO

from core.errors import CoreError
from core.library.addresses import fault, filesystem
from core.library.find import LEADS_OUT, file_stamp, unsupported
from core.records import FoundFile

FRESH_S = 2.0  # a file modified less than this before reading may change again without a new time stamp
SKEW_S = 3600.0  # largest plausible clock difference of two machines; times further in the future are ignored
PAUSE_S = 0.3  # before the second attempt to read a file that changed during the first
GONE = "The file was removed after the folder was listed."


class UnreadError(CoreError):
    """The file could not be read, or changed while it was read; a later run retries it."""


class GoneError(UnreadError):
    """The file does not exist on the machine that reads it."""


@dataclass(frozen=True, eq=False)
class Content:
    """Content of a file.

    Parameters
    ----------
    data
        The bytes.
    size
        Their number.
    stamp
        Stamp of the file when it was read or listed; empty when the file was modified just before.
    """

    data: bytes
    size: int
    stamp: str


def access_problem(path: str) -> str:
    """Return why this machine cannot access a file, as a sentence; empty when it can."""
    try:
        if "://" in path:
            system, name = filesystem(path)
            system.invalidate_cache()
            system.info(name)
        else:
            os.stat(path)
    except FileNotFoundError:
        return "There is no such file."
    except CoreError as error:
        return str(error)
    except Exception as error:  # each file system raises its own exception types
        return f"It cannot be read: {fault(error)}."
    return ""


def read_content(item: FoundFile, *, max_mb: float) -> Content:
    """Read the whole content of a file; a file that changes while it is read is read a second time.

    Raises
    ------
    UnreadError
        When the file changes again, cannot be read, or is larger than max_mb (10⁶ bytes).
    GoneError
        When the file does not exist.
    """
    content = _read_once(item, max_mb)
    if content is None:
        time.sleep(PAUSE_S)
        content = _read_once(item, max_mb)
    if content is None:
        raise UnreadError("The file changed twice while it was read. Score it again when it is complete.")
    return content


def _read_once(item: FoundFile, max_mb: float) -> Content | None:
    """Read the file once; None when it changed meanwhile."""
    try:
        return _read_remote(item, max_mb) if "://" in item.path else _read_local(item, max_mb)
    except FileNotFoundError as error:
        raise GoneError(GONE) from error
    except OSError as error:
        raise UnreadError(f"It cannot be read: {fault(error)}.") from error


def _read_local(item: FoundFile, max_mb: float) -> Content | None:
    with open(item.path, "rb") as file:
        _check_place(file, item.within)
        before = os.fstat(file.fileno())
        if before.st_size > max_mb * 1e6:
            raise UnreadError(_too_large(item.path, before.st_size, max_mb))
        data = file.read()
        after = os.fstat(file.fileno())
    if len(data) != before.st_size or file_stamp(before) != file_stamp(after):
        return None
    ages = [time.time() - moment for moment in (after.st_mtime, after.st_ctime)]
    fresh = any(-SKEW_S < age < FRESH_S for age in ages)
    return Content(data, len(data), "" if fresh else file_stamp(after))


def _check_place(file: BinaryIO, within: str) -> None:
    """Raise UnreadError when an open file is outside a folder; its path may have become a link since it was listed."""
    if not within:
        return
    real, folder = os.path.realpath(f"/proc/self/fd/{file.fileno()}"), os.path.realpath(within)
    if real != folder and not real.startswith(folder.rstrip("/") + "/"):
        raise UnreadError(LEADS_OUT)


def _read_remote(item: FoundFile, max_mb: float) -> Content | None:
    if item.size > max_mb * 1e6:
        raise UnreadError(_too_large(item.path, item.size, max_mb))
    system, path = filesystem(item.path)
    try:
        data = system.cat_file(path)
        system.invalidate_cache()
        info = system.info(path)
    except OSError:
        raise
    except Exception as error:  # each file system raises its own exception types
        raise UnreadError(f"It cannot be read: {fault(error)}.") from error
    size = info.get("size")
    if size is not None and int(size) != len(data):
        return None
    if len(data) > max_mb * 1e6:  # the listing had no size
        raise UnreadError(_too_large(item.path, len(data), max_mb))
    return Content(data, len(data), item.stamp)  # stamp of the listing: the next listing shows later changes


def _too_large(path: str, size: int, max_mb: float) -> str:
    """Return the message for a too large file. The size is rounded up, so that it always exceeds the limit."""
    return unsupported(path) or (
        f"The file has {math.ceil(size / 1e5) / 10:g} MB; the limit is {max_mb:g} MB. "
        "Raise the limit with --max-mb (TME_MAX_UPLOAD_MB for the page), or convert the file to FLAC or MP3."
    )
