"""A full disk: recognise it behind the errors of libraries, and say in one sentence what that means."""

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import CoreError

_NUMBERS = (errno.ENOSPC, errno.EDQUOT)
_TEXTS = tuple(f"[Errno {number}]" for number in _NUMBERS)


@contextmanager
def full_disk_means(consequence: str) -> Iterator[None]:
    """Raise CoreError with a sentence when the disk is full during the block. Other errors pass unchanged.

    consequence : the rest of the sentence: what did not happen, and what to do.
    """
    try:
        yield
    except CoreError:
        raise
    except Exception as error:
        if is_full_disk(error):
            raise CoreError(f"The disk is full: {consequence}") from error
        raise


def is_full_disk(error: BaseException) -> bool:
    """Return whether a full disk, or an exceeded quota, caused the error. Libraries wrap such errors in their own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, shutil.Error):  # a list of files, each with its error as text
            return any(text in str(cause) for text in _TEXTS)
        if isinstance(cause, OSError) and cause.errno in _NUMBERS:
            return True
        if isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return True
        cause = cause.__cause__ or cause.__context__
    return False
