"""The mood in an MP4 file (M4A): the freeform atom ``----:com.apple.iTunes:MOOD`` in ``moov/udta/meta/ilst``.

The sound may be after ``moov``. Then its positions (``stco``, ``co64``) move with it. Sources: ISO/IEC 14496-12, and
the layout of iTunes.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from core.audio.byte_edits import Edit
from core.errors import AudioError

_UNUSUAL = "The M4A file is of an unusual kind, so the mood is not written into it."
_MOST_ATOMS = 100_000
_TO_TAGS = (b"moov", b"udta", b"meta", b"ilst")
_TO_POSITIONS = (b"mdia", b"minf", b"stbl")


@dataclass(frozen=True)
class _Atom:
    """An atom. at, end : its bytes.  inside : where its content begins."""

    name: bytes
    at: int
    inside: int
    end: int


def moods(data: bytes) -> tuple[str, ...]:
    """The moods in the tags."""
    path = _path(data)
    if len(path) < len(_TO_TAGS):
        return ()
    return tuple(_mood(data, atom) for atom in _atoms(data, path[-1].inside, path[-1].end) if _is_mood(data, atom))


def edits(data: bytes, mood: str) -> tuple[Edit, ...]:
    """The edits that write a mood as the only one."""
    path = _path(data)
    if any(atom.name == b"moof" for atom in _atoms(data, 0, len(data))) or not path:
        raise AudioError(_UNUSUAL)
    if any(atom.end - atom.at >= 1 << 31 or atom.inside - atom.at not in (8, 12) for atom in path):
        raise AudioError(_UNUSUAL)
    item, gone = _freeform(mood), []
    if len(path) == len(_TO_TAGS):
        known = list(_atoms(data, path[-1].inside, path[-1].end))
        gone = [Edit(atom.at, data[atom.at : atom.end], b"") for atom in known if _is_mood(data, atom)]
    new = _wrapped(item, path)
    place = path[-1].end
    changed = len(new) - sum(len(edit.old) for edit in gone)
    if gone and gone[-1].at + len(gone[-1].old) == place:  # two edits must not begin at the same place
        last = gone.pop()
        insert = Edit(last.at, last.old, new)
    else:
        insert = Edit(place, b"", new)
    sizes = [
        Edit(atom.at, data[atom.at : atom.at + 4], struct.pack(">I", atom.end - atom.at + changed)) for atom in path
    ]
    return (*sizes, *gone, insert, *_positions(data, path[0], changed))


def _freeform(mood: str) -> bytes:
    parts = (
        _atom(b"mean", bytes(4) + b"com.apple.iTunes"),
        _atom(b"name", bytes(4) + b"MOOD"),
        _atom(b"data", struct.pack(">II", 1, 0) + mood.encode()),
    )
    return _atom(b"----", b"".join(parts))


def _wrapped(item: bytes, path: list[_Atom]) -> bytes:
    """The item with those atoms around it that the file does not have."""
    missing = _TO_TAGS[len(path) :]
    if b"ilst" in missing:
        item = _atom(b"ilst", item)
    if b"meta" in missing:
        kind = _atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
        item = _atom(b"meta", bytes(4) + kind + item)
    return _atom(b"udta", item) if b"udta" in missing else item


def _atom(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def _path(data: bytes) -> list[_Atom]:
    """The atoms that lead to the tags, as far as the file has them."""
    path: list[_Atom] = []
    begin, end = 0, len(data)
    for name in _TO_TAGS:
        found = next((atom for atom in _atoms(data, begin, end) if atom.name == name), None)
        if found is None:
            break
        if name == b"meta" and data[found.inside + 4 : found.inside + 8] != b"hdlr":
            found = _Atom(name, found.at, found.inside + 4, found.end)  # version and flags, which QuickTime has not
        path.append(found)
        begin, end = found.inside, found.end
    return path


def _atoms(data: bytes, begin: int, end: int) -> Iterator[_Atom]:
    for _ in range(_MOST_ATOMS):
        if begin + 8 > end:
            return
        size, name = struct.unpack_from(">I4s", data, begin)
        head = 8
        if size == 1 and begin + 16 <= end:
            size, head = struct.unpack_from(">Q", data, begin + 8)[0], 16
        elif size == 0:
            size = end - begin
        if size < head or begin + size > end:
            raise AudioError(_UNUSUAL)
        yield _Atom(name, begin, begin + head, begin + size)
        begin += size


def _is_mood(data: bytes, atom: _Atom) -> bool:
    if atom.name != b"----":
        return False
    parts = {part.name: data[part.inside + 4 : part.end] for part in _atoms(data, atom.inside, atom.end)}
    return parts.get(b"name", b"").upper() == b"MOOD"


def _mood(data: bytes, atom: _Atom) -> str:
    parts = {part.name: data[part.inside + 8 : part.end] for part in _atoms(data, atom.inside, atom.end)}
    return parts.get(b"data", b"").decode("utf-8", "replace")


def _positions(data: bytes, moov: _Atom, changed: int) -> Iterator[Edit]:
    """The edits that move the positions of the sound after ``moov``."""
    for track in (atom for atom in _atoms(data, moov.inside, moov.end) if atom.name == b"trak"):
        inside = [track]
        for name in _TO_POSITIONS:
            inside = [a for parent in inside for a in _atoms(data, parent.inside, parent.end) if a.name == name]
        for table in (a for parent in inside for a in _atoms(data, parent.inside, parent.end)):
            if table.name not in (b"stco", b"co64"):
                continue
            form = ">I" if table.name == b"stco" else ">Q"
            begin, width = table.inside + 8, struct.calcsize(form)
            count = struct.unpack_from(">I", data, table.inside + 4)[0]
            old = data[begin : begin + count * width]
            if len(old) != count * width or begin + len(old) > table.end:
                raise AudioError(_UNUSUAL)
            moved = (p + changed if p >= moov.end else p for (p,) in struct.iter_unpack(form, old))
            try:
                new = b"".join(struct.pack(form, p) for p in moved)
            except struct.error as error:
                raise AudioError(_UNUSUAL) from error
            if new != old:
                yield Edit(begin, old, new)
