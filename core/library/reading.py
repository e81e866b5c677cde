"""Read the bytes of one file, on this machine or on a server, and notice when it changes meanwhile."""

import math
import os
import time
from dataclasses import dataclass

from core.errors import CoreError
from core.library.addresses import fault, filesystem
from core.library.find import file_stamp, unsupported
from core.records import Found

FRESH_S = 2.0  # a file changed so short a time before it was read may change again within the clock's step
SKEW_S = 3600.0  # of clocks of two machines; a time further in the future is wrong, and says nothing of today
PAUSE_S = 0.3  # before a file that changed while it was read is read once more
GONE = "It was there when the folder was listed, and is gone."


class UnreadError(CoreError):
    """The file could not be read, or did not hold still; another time it may."""


class GoneError(UnreadError):
    """There is no such file where it was to be read."""


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Content:
    """The bytes of a file, its size, and its stamp at that moment or before; empty when it was changed just then."""

    data: bytes
    size: int
    stamp: str


def access_problem(path: str) -> str:
    """Why a file cannot be seen from here, as a sentence; empty when it can."""
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
    except Exception as error:  # every kind of storage has faults of its own
        return f"It cannot be read: {fault(error)}."
    return ""


def read_content(found: Found, *, max_mb: float) -> Content:
    """The whole content of a file.

    A file that changes while it is read is read once more. Raises UnreadError when it changes again, cannot be read, or
    is larger than max_mb, and GoneError when there is no such file.
    """
    content = _read_once(found, max_mb)
    if content is None:
        time.sleep(PAUSE_S)
        content = _read_once(found, max_mb)
    if content is None:
        raise UnreadError("It changed while it was read, twice. Score it again when it is complete.")
    return content


def _read_once(found: Found, max_mb: float) -> Content | None:
    """None when the file changed meanwhile."""
    try:
        return _read_remote(found, max_mb) if "://" in found.path else _read_local(found, max_mb)
    except FileNotFoundError as error:
        raise GoneError(GONE) from error
    except OSError as error:
        raise UnreadError(f"It cannot be read: {fault(error)}.") from error


def _read_local(found: Found, max_mb: float) -> Content | None:
    with open(found.path, "rb") as file:
        before = os.fstat(file.fileno())
        if before.st_size > max_mb * 1e6:
            raise UnreadError(_too_large(found.path, before.st_size, max_mb))
        data = file.read()
        after = os.fstat(file.fileno())
    if len(data) != before.st_size or file_stamp(before) != file_stamp(after):
        return None
    ages = [time.time() - moment for moment in (after.st_mtime, after.st_ctime)]
    fresh = any(-SKEW_S < age < FRESH_S for age in ages)
    return Content(data, len(data), "" if fresh else file_stamp(after))


def _read_remote(found: Found, max_mb: float) -> Content | None:
    if found.size > max_mb * 1e6:
        raise UnreadError(_too_large(found.path, found.size, max_mb))
    system, path = filesystem(found.path)
    try:
        data = system.cat_file(path)
        system.invalidate_cache()
        info = system.info(path)
    except OSError:
        raise
    except Exception as error:  # every kind of storage has faults of its own
        raise UnreadError(f"It cannot be read: {fault(error)}.") from error
    size = info.get("size")
    if size is not None and int(size) != len(data):
        return None
    if len(data) > max_mb * 1e6:  # the list named no size
        raise UnreadError(_too_large(found.path, len(data), max_mb))
    return Content(data, len(data), found.stamp)  # as listed: if it changed since, the next list says so


def _too_large(path: str, size: int, max_mb: float) -> str:
    """The size is rounded up, so that it is never less than the limit that it exceeds, and never 0 MB."""
    return unsupported(path) or (
        f"It has {math.ceil(size / 1e5) / 10:g} MB; at most {max_mb:g} MB are read. "
        "Raise the limit with --max-mb (TME_MAX_UPLOAD_MB for the page), or export it as FLAC or MP3."
    )
