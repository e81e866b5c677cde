"""Find the audio files of a folder tree, on this machine or at a remote address.

Local trees are walked with ``os.scandir``; addresses (``s3://``, ``memory://`` ...) are listed with fsspec.
"""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core.audio import formats
from core.errors import CoreError
from core.library.addresses import fault, filesystem, is_local, local_path, safe
from core.records import FoundFile

READ = formats.ENDINGS
NOT_READ = formats.UNREAD_ENDINGS  # reported as refused, unless the content is in a readable format
SUFFIXES = (*READ, *NOT_READ, formats.NOT_AUDIO)
LEADS_OUT = "A symbolic link that leads out of the permitted folder. It is not followed."
# Reasons for leaving files out; the summary counts them.
HIDDEN, NO_AUDIO, LINKED = "hidden", "not audio", "behind links to what is read anyway"


Beat = Callable[[], None]
Skip = Callable[[str], None]


def do_nothing(_: str = "") -> None:
    """Do nothing: the default callback."""


def find_audio(
    folder: str, *, within: str = "", beat: Beat = do_nothing, skip: Skip = do_nothing
) -> Iterator[FoundFile]:
    """Yield the audio files of a folder tree, or one named file, in the order of their names.

    Hidden files and folders are left out, and so are files without an audio suffix. Unreadable entries (a link loop, a
    folder without permission, a pipe) are listed with their problem. Links to files are followed. Links to folders are
    followed unless they lead to a folder of this tree that is read anyway.

    Memory use: the inode of each visited folder, and the names of audio files in the open folders (100 bytes per file:
    20 MB for 200,000 files in one folder). For a remote folder, the complete listing of the open folders.

    Parameters
    ----------
    folder
        A path, or an address that fsspec knows.
    within
        Folder outside which no link is followed; "" follows all links.
    beat
        Called for each entry, audio or not.
    skip
        Called for each file or folder that is left out, with ``HIDDEN``, ``NO_AUDIO`` or ``LINKED``.

    Raises
    ------
    CoreError
        When the folder does not exist or cannot be read.
    """
    if "://" in folder:
        yield from _find_remote(folder, within, beat, skip)
        return
    root = os.path.abspath(os.path.expanduser(folder))
    bounds = os.path.realpath(within) if within else ""
    if os.path.isfile(root):
        name, out = os.path.basename(root), _leads_out(root, bounds)
        yield FoundFile(_printable(root), _printable(name), problem=out) if out else _found_file(root, name, bounds)
        return
    try:
        os.scandir(root).close()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise CoreError(f"The folder {_printable(root)} cannot be read: {why}. Give the path of a folder.") from error
    yield from _walk(root, bounds, beat, skip)


def _walk(root: str, bounds: str, beat: Beat, skip: Skip) -> Iterator[FoundFile]:
    """Walk the tree depth first without recursion, so that deep trees raise no RecursionError."""
    real_root = os.path.realpath(root)
    seen: dict[tuple[int, int], str] = {}
    open_folders = [_entries(root, "", seen, bounds, beat, skip)]
    while open_folders:
        entry = next(open_folders[-1], None)
        if entry is None:
            open_folders.pop()
        elif isinstance(entry, FoundFile):
            yield entry
        else:
            path, name, is_link = entry
            problem = _leads_back(path, real_root) or _leads_out(path, bounds) if is_link else ""
            if problem:
                yield FoundFile(_printable(path), _printable(name), problem=problem)
            elif is_link and _read_anyway(path, real_root):
                skip(LINKED)
            else:
                open_folders.append(_entries(path, name + "/", seen, bounds, beat, skip))


_Folder = tuple[str, str, bool]  # path, name below the root, is it a link


def _entries(
    path: str, prefix: str, seen: dict[tuple[int, int], str], bounds: str, beat: Beat, skip: Skip
) -> Iterator[FoundFile | _Folder]:
    """Yield the audio files and subfolders of one folder, in the order of their names."""
    try:
        here = os.stat(path)
        key = (here.st_dev, here.st_ino)
        if key in seen:
            yield FoundFile(
                _printable(path), _printable(prefix[:-1]), problem=f"The same folder was already read as {seen[key]}."
            )
            return
        seen[key] = _printable(prefix[:-1] or path)
        folders: dict[str, bool] = {}  # name -> is it a link
        problems: dict[str, str] = {}
        files: list[str] = []
        with os.scandir(path) as scan:
            for entry in scan:
                beat()
                if why := _classify(entry, files, folders, problems):
                    skip(why)
    except OSError as error:
        yield FoundFile(
            _printable(path), _printable(prefix[:-1]), problem=f"This folder cannot be opened: {error.strerror}."
        )
        return
    for name in sorted([*files, *folders, *problems]):
        whole = os.path.join(path, name)
        if name in folders:
            yield whole, prefix + name, folders[name]
        elif problem := (_leads_out(whole, bounds) if bounds else "") or problems.get(name, ""):
            yield FoundFile(_printable(whole), _printable(prefix + name), problem=problem)
        else:
            beat()
            yield _found_file(whole, prefix + name, bounds)


def _classify(entry: "os.DirEntry[str]", files: list[str], folders: dict[str, bool], problems: dict[str, str]) -> str:
    """Add the entry's name to files, folders or problems. Returns the reason if it is left out, otherwise ""."""
    if entry.name.startswith("."):
        return HIDDEN
    try:
        if entry.is_dir():
            folders[entry.name] = entry.is_symlink()
            return ""
        if entry.is_symlink():
            entry.stat()  # raises OSError for a broken link
    except OSError as error:
        if _is_audio(entry.name) or entry.is_symlink() and error.errno != 2:
            problems[entry.name] = _error_reason(error, link=entry.is_symlink())
            return ""
        return NO_AUDIO
    if not _is_audio(entry.name):
        return NO_AUDIO
    files.append(entry.name)
    return ""


def _leads_out(path: str, bounds: str) -> str:
    """Return why a path outside the permitted folder is not followed; empty when it is inside."""
    return "" if not bounds or _inside(os.path.realpath(path), bounds) else LEADS_OUT


def _leads_back(path: str, real_root: str) -> str:
    """Return why a link to a folder is not followed; empty unless the link makes a loop."""
    target = os.path.realpath(path)
    around = os.path.realpath(os.path.dirname(path))
    if _inside(around, target) or _inside(real_root, target):
        return "A symbolic link that leads back to one of its parent folders: a loop. It is not followed."
    return ""


def _read_anyway(path: str, real_root: str) -> bool:
    """Return whether a link leads to a folder of this tree that is read under its own name."""
    target = os.path.realpath(path)
    below = os.path.relpath(target, real_root)
    return _inside(target, real_root) and not any(part.startswith(".") for part in Path(below).parts)


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _is_audio(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _error_reason(error: OSError, *, link: bool) -> str:
    if link and error.errno == 2:
        return "A broken symbolic link: its target does not exist."
    if error.errno == 40:
        return "A symbolic link that leads to itself: a loop."
    return f"It cannot be read: {error.strerror}."


def _printable(name: str) -> str:
    """Return the name with undecodable bytes replaced, so that it can be shown and stored."""
    return os.fsencode(name).decode("utf-8", errors="replace")


def _found_file(path: str, name: str, bounds: str) -> FoundFile:
    """Return a file with its size and stamp, or with its problem. bounds : folder that it must be in when read."""
    if _printable(path) != path:
        problem = "Its name contains bytes that are not valid UTF-8. Rename the file."
        return FoundFile(_printable(path), _printable(name), problem=problem)
    try:
        here = os.stat(path)
    except OSError as error:
        return FoundFile(path, name, problem=_error_reason(error, link=os.path.islink(path)))
    problem = "" if stat.S_ISREG(here.st_mode) else "This is a pipe or a device, not a file."
    return FoundFile(path, name, here.st_size, file_stamp(here), problem, bounds)


def file_stamp(here: os.stat_result) -> str:
    """Return modification and status-change time in ns. A copy may set back the first, but not the second."""
    return f"{here.st_mtime_ns} {here.st_ctime_ns}"


def _find_remote(address: str, within: str, beat: Beat, skip: Skip) -> Iterator[FoundFile]:
    if is_local(address):
        yield from find_audio(local_path(address), within=within, beat=beat, skip=skip)
        return
    system, root = filesystem(address)
    system.invalidate_cache()
    try:
        one = None if system.isdir(root) else system.info(root)
    except Exception as error:  # each file system raises its own exception types
        raise CoreError(f"{safe(address)} cannot be read: {fault(error)}.") from error
    if one is not None:
        yield _remote_file(system, one, root.rsplit("/", 1)[-1])
        return
    prefix = root.rstrip("/") + "/"
    folders = [_remote_entries(system, root, prefix, beat, skip)]
    while folders:
        entry = next(folders[-1], None)
        if entry is None:
            folders.pop()
        elif isinstance(entry, FoundFile):
            yield entry
        else:
            folders.append(_remote_entries(system, entry, prefix, beat, skip))


def _remote_entries(system: Any, folder: str, prefix: str, beat: Beat, skip: Skip) -> Iterator[FoundFile | str]:
    try:
        listed = sorted(system.ls(folder, detail=True), key=lambda info: info["name"].rstrip("/"))
    except Exception as error:  # each kind of storage has its own errors; the run names this folder and goes on
        yield FoundFile(
            system.unstrip_protocol(folder), folder, problem=f"This folder cannot be opened: {fault(error)}."
        )
        return
    for info in listed:
        beat()
        path = info["name"].rstrip("/")
        name = path.rsplit("/", 1)[-1]
        if path == folder.rstrip("/"):
            continue
        if name.startswith("."):
            skip(HIDDEN)
            continue
        if info["type"] == "directory":
            yield path
        elif _is_audio(name):
            yield _remote_file(system, info, path.removeprefix(prefix))
        else:
            skip(NO_AUDIO)


def _remote_file(system: Any, info: dict[str, Any], name: str) -> FoundFile:
    path = system.unstrip_protocol(info["name"])
    try:
        (path + name).encode()
    except UnicodeEncodeError:
        shown = path.encode(errors="replace").decode()
        return FoundFile(shown, shown, problem="Its name contains broken characters. Rename the file.")
    if "::" in path:  # fsspec would read it as a chain of two addresses
        return FoundFile(path, name, problem="Its path contains '::', which is not allowed in an address. Rename it.")
    return FoundFile(path, name, int(info.get("size") or 0), address_stamp(info))


def address_stamp(info: dict[str, Any]) -> str:
    """Return the remote file's metadata that changes with its content (ETag, times); empty when there is none."""
    known = ("ETag", "etag", "LastModified", "last_modified", "mtime", "modified", "created", "md5Hash")
    return " ".join(str(info[key]) for key in known if info.get(key))


def unsupported(path: str) -> str:
    """Return a message for a file with the suffix of an unsupported audio format; empty for other files."""
    ending = os.path.splitext(path)[1].lower()
    kind = ending[1:].upper()
    return f"The format {kind} is not supported: convert it to WAV or FLAC." if ending in NOT_READ else ""
