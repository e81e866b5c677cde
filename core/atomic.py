"""Write a file or a folder atomically: a reader sees the old content or the new content, never a mixture.

The new content is written to a temporary file in the same folder, flushed to the disk, and then renamed. After a power
cut or a killed process the old or the new content is there, perhaps with a hidden temporary file or folder that ends in
``.part``.
"""

import ctypes
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PART = (".", ".part")  # prefix and suffix of the name of an unfinished file
_OLD = ".old"  # added to the name of an unfinished folder: the folder that it replaces
ABANDONED_S = 3600.0  # a temporary folder of this age was left by a killed process: writing one takes seconds
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of Linux's renameat2: paths as usual; exchange both names in one step


@contextmanager
def replacing(path: Path, *, part: tuple[str, str] = PART, mode: int = 0o644) -> Iterator[Path]:
    """Yield a temporary file to write to. If the block ends without an error, the file replaces `path`.

    Each caller gets its own temporary file, so two callers may write the same `path` at once: the last one wins.

    Parameters
    ----------
    path
        The file to write. Its folder must exist.
    part
        Prefix and suffix of the name of the temporary file.
    mode
        Permissions of the new file; mkstemp makes it private.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=part[0], suffix=part[1])
    os.close(handle)
    unfinished = Path(name)
    try:
        yield unfinished
        _flush(unfinished)
        unfinished.chmod(mode)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    _flush_folder(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Write the bytes to the file `path`; its folder must exist."""
    with replacing(path) as unfinished:
        unfinished.write_bytes(data)


def replace_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files (name -> content) into the folder `folder`. An existing folder of that name is replaced."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=PART[1]))
    try:
        for name, content in contents.items():
            (unfinished / name).write_bytes(content)
            _flush(unfinished / name)
        unfinished.chmod(0o755)  # mkdtemp makes the folder private
        _flush_folder(unfinished)
        _swap(unfinished, folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    _flush_folder(folder.parent)


def remove_abandoned(parent: Path) -> None:
    """Remove the temporary folders that killed calls of `replace_folder` left in the folder `parent`.

    An old folder whose replacement did not come takes its place again, however young it is.
    """
    for old in parent.glob("*".join((PART[0], PART[1] + _OLD))):
        folder = parent / old.name.removeprefix(PART[0]).removesuffix(PART[1] + _OLD).rpartition(".")[0]
        if not folder.exists():
            os.replace(old, folder)
        elif time.time() - old.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(old, ignore_errors=True)
    for left in parent.glob("*".join(PART)):
        if left.is_dir() and time.time() - left.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(left, ignore_errors=True)


def _swap(new: Path, folder: Path) -> None:
    """Replace a folder by a new one and remove the old one."""
    if folder.exists() and _exchange(new, folder):
        shutil.rmtree(new, ignore_errors=True)  # the old content
    else:
        _swap_in_two_steps(new, folder)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step. Returns False where the system or the file system cannot do it."""
    if not sys.platform.startswith("linux"):
        return False
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)  # since glibc 2.28
    names = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return renameat2 is not None and renameat2(*names) == 0


def _swap_in_two_steps(new: Path, folder: Path) -> None:
    """Replace a folder by a new one and remove the old one; restore the old one if this fails."""
    old = new.with_name(new.name + _OLD)
    if folder.exists():
        os.replace(folder, old)
    try:
        os.replace(new, folder)
    except BaseException:
        if old.exists():
            os.replace(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _flush(path: Path) -> None:
    """Wait until the content of the file is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk. Windows has no such call and does this by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
