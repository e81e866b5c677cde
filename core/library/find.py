"""Finding the audio files of a folder tree, here or at an address, and reading one that may not hold still.

On this machine the tree is walked by ``os.scandir``; addresses (``s3://``, ``memory://`` ...) go through fsspec.
"""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core.errors import CoreError
from core.library.addresses import fault, filesystem, is_local, local_path, safe
from core.records import Found

READ = (".wav", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64")
# Told as refused, unless the content is something that can be read.
NOT_READ = (
    *(".m4a", ".m4b", ".mp4", ".aac", ".ac3", ".wma", ".opus", ".ape", ".wv", ".mpc", ".tta", ".tak", ".shn", ".mka"),
    *(".ra", ".rm", ".ram", ".dsf", ".dff", ".amr", ".dts", ".mid"),
)
SUFFIXES = READ + NOT_READ
# What is left out of the list, as the summary counts it.
HIDDEN, NO_AUDIO, LINKED = "hidden", "not audio", "behind links to what is read anyway"


Beat = Callable[[], None]
Skip = Callable[[str], None]


def do_nothing(_: str = "") -> None:
    """What is called when nobody wants to hear."""


# --- finding ---------------------------------------------------------------------------------------------------------


def find_audio(folder: str, *, within: str = "", beat: Beat = do_nothing, skip: Skip = do_nothing) -> Iterator[Found]:
    """The audio files of a folder tree, or the one file that is named, in the order of their names below it.

    folder : a path, or an address that fsspec knows. Hidden files and folders are left out, as is all that does not
        end like audio. What cannot be read (a link that leads back, a folder without rights, a pipe) is listed with
        its problem. Links to files are followed; links to folders too, unless they lead to where we read anyway.
    within : a folder out of which no link is followed; "" follows them anywhere.
    beat : called for all that is looked at, audio or not.
    skip : called for each file or folder that is left out, with ``HIDDEN``, ``NO_AUDIO`` or ``LINKED``.
    Memory holds the number of each folder that was seen, and of the folders that are open the names that may be audio
    (100 bytes a file: 20 MB for 200,000 in one folder), but of one at an address all that the storage says of it.
    Raises CoreError when there is no such folder.
    """
    if "://" in folder:
        yield from _find_remote(folder, within, beat, skip)
        return
    root = os.path.abspath(os.path.expanduser(folder))
    bounds = os.path.realpath(within) if within else ""
    if os.path.isfile(root):
        name, out = os.path.basename(root), _leads_out(root, bounds)
        yield Found(_printable(root), _printable(name), problem=out) if out else _found_file(root, name)
        return
    try:
        os.scandir(root).close()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise CoreError(f"The folder {_printable(root)} cannot be read: {why}. Give the path of a folder.") from error
    yield from _walk(root, bounds, beat, skip)


def _walk(root: str, bounds: str, beat: Beat, skip: Skip) -> Iterator[Found]:
    """Depth first without recursion, so that no depth is too deep."""
    real_root = os.path.realpath(root)
    seen: dict[tuple[int, int], str] = {}
    open_folders = [_entries(root, "", seen, bounds, beat, skip)]
    while open_folders:
        entry = next(open_folders[-1], None)
        if entry is None:
            open_folders.pop()
        elif isinstance(entry, Found):
            yield entry
        else:
            path, name, is_link = entry
            problem = _leads_back(path, real_root) or _leads_out(path, bounds) if is_link else ""
            if problem:
                yield Found(_printable(path), _printable(name), problem=problem)
            elif is_link and _read_anyway(path, real_root):
                skip(LINKED)
            else:
                open_folders.append(_entries(path, name + "/", seen, bounds, beat, skip))


_Folder = tuple[str, str, bool]  # path, name below the root, is it a link


def _entries(
    path: str, prefix: str, seen: dict[tuple[int, int], str], bounds: str, beat: Beat, skip: Skip
) -> Iterator[Found | _Folder]:
    """What is in one folder, in the order of names."""
    try:
        here = os.stat(path)
        key = (here.st_dev, here.st_ino)
        if key in seen:
            yield Found(
                _printable(path), _printable(prefix[:-1]), problem=f"Leads to a folder that was read as {seen[key]}."
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
        yield Found(
            _printable(path), _printable(prefix[:-1]), problem=f"This folder cannot be opened: {error.strerror}."
        )
        return
    for name in sorted([*files, *folders, *problems]):
        whole = os.path.join(path, name)
        if name in folders:
            yield whole, prefix + name, folders[name]
        elif problem := problems.get(name) or (_leads_out(whole, bounds) if bounds else ""):
            yield Found(_printable(whole), _printable(prefix + name), problem=problem)
        else:
            beat()
            yield _found_file(whole, prefix + name)


def _classify(entry: "os.DirEntry[str]", files: list[str], folders: dict[str, bool], problems: dict[str, str]) -> str:
    """Put the entry's name where it belongs, or nowhere, and say why."""
    if entry.name.startswith("."):
        return HIDDEN
    try:
        if entry.is_dir():
            folders[entry.name] = entry.is_symlink()
            return ""
        if entry.is_symlink():
            entry.stat()  # whether it leads to anything
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
    """Why a path that leads out of the folder that may be read is not followed."""
    if not bounds or _inside(os.path.realpath(path), bounds):
        return ""
    return "A symbolic link that leads out of the folder that may be scored. It is not followed."


def _leads_back(path: str, real_root: str) -> str:
    """Why a link to a folder is not followed: it would never end."""
    target = os.path.realpath(path)
    around = os.path.realpath(os.path.dirname(path))
    if _inside(around, target) or _inside(real_root, target):
        return "A symbolic link that leads back to a folder around it: a loop. It is not followed."
    return ""


def _read_anyway(path: str, real_root: str) -> bool:
    """Whether a link leads to a folder of this tree that is read under its own name."""
    target = os.path.realpath(path)
    below = os.path.relpath(target, real_root)
    return _inside(target, real_root) and not any(part.startswith(".") for part in Path(below).parts)


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _is_audio(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _error_reason(error: OSError, *, link: bool) -> str:
    if link and error.errno == 2:
        return "A symbolic link that leads to nothing."
    if error.errno == 40:
        return "A symbolic link that leads to itself: a loop."
    return f"It cannot be read: {error.strerror}."


def _printable(name: str) -> str:
    """The name with what is no text replaced, to be shown and stored."""
    return os.fsencode(name).decode("utf-8", errors="replace")


def _found_file(path: str, name: str) -> Found:
    """A file with its size and stamp."""
    if _printable(path) != path:
        problem = "Its name holds bytes that are no text (UTF-8). Rename it."
        return Found(_printable(path), _printable(name), problem=problem)
    try:
        here = os.stat(path)
    except OSError as error:
        return Found(path, name, problem=_error_reason(error, link=os.path.islink(path)))
    problem = "" if stat.S_ISREG(here.st_mode) else "This is no file but a pipe or a device."
    return Found(path, name, here.st_size, file_stamp(here), problem)


def file_stamp(here: os.stat_result) -> str:
    """Changes with any write; the second number also where a copy sets the first one back."""
    return f"{here.st_mtime_ns} {here.st_ctime_ns}"


def _find_remote(address: str, within: str, beat: Beat, skip: Skip) -> Iterator[Found]:
    if is_local(address):
        yield from find_audio(local_path(address), within=within, beat=beat, skip=skip)
        return
    system, root = filesystem(address)
    system.invalidate_cache()
    try:
        one = None if system.isdir(root) else system.info(root)
    except Exception as error:  # every kind of storage has faults of its own
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
        elif isinstance(entry, Found):
            yield entry
        else:
            folders.append(_remote_entries(system, entry, prefix, beat, skip))


def _remote_entries(system: Any, folder: str, prefix: str, beat: Beat, skip: Skip) -> Iterator[Found | str]:
    try:
        listed = sorted(system.ls(folder, detail=True), key=lambda info: info["name"].rstrip("/"))
    except Exception as error:  # as above
        yield Found(system.unstrip_protocol(folder), folder, problem=f"This folder cannot be opened: {fault(error)}.")
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


def _remote_file(system: Any, info: dict[str, Any], name: str) -> Found:
    path = system.unstrip_protocol(info["name"])
    try:
        (path + name).encode()
    except UnicodeEncodeError:
        shown = path.encode(errors="replace").decode()
        return Found(shown, shown, problem="Its name holds characters that are no text. Rename it.")
    if "::" in path:  # fsspec takes it for two addresses
        return Found(path, name, problem="Its name or folder holds '::', which no address may. Rename it.")
    return Found(path, name, int(info.get("size") or 0), address_stamp(info))


def address_stamp(info: dict[str, Any]) -> str:
    """What the storage says that changes with the content; empty when it says nothing."""
    known = ("ETag", "etag", "LastModified", "last_modified", "mtime", "modified", "created", "md5Hash")
    return " ".join(str(info[key]) for key in known if info.get(key))


def unsupported(path: str) -> str:
    """What a person is told of a file whose name ends like audio of a kind that is not read; empty for others."""
    ending = os.path.splitext(path)[1].lower()
    kind = ending[1:].upper()
    return f"The format {kind} is not supported: convert it to WAV or FLAC." if ending in NOT_READ else ""
