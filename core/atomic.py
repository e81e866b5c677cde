"""Write a file or a folder whole or not at all: a reader sees the old content or the new one, never a part.

The new content is written beside the old one, flushed to the disk, and then renamed. A power cut or a killed process
leaves the old content, and at most a hidden file that ends in ``.part``.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PART = (".", ".part")  # how the name of a file begins and ends that is not whole yet


@contextmanager
def replacing(path: Path, *, part: tuple[str, str] = PART) -> Iterator[Path]:
    """Give a file to write into. When the block ends well, that file takes the place of `path`.

    Each caller gets a file of its own, so two may write the same `path` at the same time: the last one wins.

    Parameters
    ----------
    path : the file to write. Its folder must exist.
    part : how the name of the unfinished file begins and ends.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=part[0], suffix=part[1])
    os.close(handle)
    unfinished = Path(name)
    try:
        yield unfinished
        unfinished.chmod(0o644)  # mkstemp makes the file private
        _flush(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    _flush_folder(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Write the bytes as the file `path`; its folder must exist."""
    with replacing(path) as unfinished:
        unfinished.write_bytes(data)


def replace_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files (name -> content) as the folder `folder`. An earlier folder of that name goes as a whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
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


def _swap(new: Path, folder: Path) -> None:
    """Put a folder in the place of another one, which is removed; when that fails, the other one is put back."""
    old = new.with_name(f"{new.name}.old")
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
    """Wait until the disk holds the file's content."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Wait until the disk holds the names in a folder. Windows cannot be asked for that and does it by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
