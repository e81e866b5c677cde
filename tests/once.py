"""What is costly to make is made once in a test run, and not once in each worker.

The process that starts the run makes a folder (``begin``), and its workers inherit the folder's name. Whoever needs a
thing first makes it there behind a file lock; the others wait and read it.
"""

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

T = TypeVar("T")

FOLDER = "TESTS_SHARED_FOLDER"  # environment variable that holds the folder's path


def begin() -> None:
    """Make the folder of this run."""
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="tme-tests-")


def end() -> None:
    """Remove the folder of this run."""
    shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


def folder(name: str, make: Callable[[Path], object]) -> Path:
    """A folder that ``make`` fills, in the first process that asks; all processes only read it."""
    path = Path(os.environ[FOLDER]) / name
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            part = path.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)  # left by an attempt that failed
            part.mkdir()
            make(part)
            part.rename(path)
    return path


def value(name: str, make: Callable[[], T]) -> T:
    """What ``make`` returned in the first process that asked; each call gives a copy of its own."""
    made = folder(name, lambda part: (part / "value").write_bytes(pickle.dumps(make())))
    return pickle.loads((made / "value").read_bytes())


def known(name: str) -> object:
    """The value of this name, or None where nobody has asked for it."""
    path = Path(os.environ[FOLDER]) / name / "value"
    return pickle.loads(path.read_bytes()) if path.exists() else None
