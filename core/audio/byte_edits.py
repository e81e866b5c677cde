"""Changes of a file's bytes that can be undone exactly, because they contain the bytes before and after."""

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import CoreError


@dataclass(frozen=True)
class Edit:
    """Bytes that take the place of others. at : position in the file before all edits."""

    at: int
    old: bytes
    new: bytes


def apply(data: bytes, edits: Sequence[Edit]) -> bytes:
    """The file after the edits. Raises CoreError when it does not hold the bytes that an edit replaces."""
    parts, done = [], 0
    for edit in sorted(edits, key=lambda edit: edit.at):
        if edit.at < done or data[edit.at : edit.at + len(edit.old)] != edit.old:
            raise CoreError("The file does not hold the bytes that must be replaced. It was changed meanwhile.")
        parts += [data[done : edit.at], edit.new]
        done = edit.at + len(edit.old)
    return b"".join([*parts, data[done:]])


def inverse(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """The edits that undo these, for the file after them."""
    back, shift = [], 0
    for edit in sorted(edits, key=lambda edit: edit.at):
        back.append(Edit(edit.at + shift, edit.new, edit.old))
        shift += len(edit.new) - len(edit.old)
    return tuple(back)


def pack(edits: Sequence[Edit]) -> str:
    """The edits as text, for a row of the database."""
    rows = [[edit.at, *(base64.b64encode(part).decode() for part in (edit.old, edit.new))] for edit in edits]
    return base64.b64encode(zlib.compress(json.dumps(rows).encode())).decode()


def unpack(text: str) -> tuple[Edit, ...]:
    """The edits that ``pack`` made a text of."""
    rows = json.loads(zlib.decompress(base64.b64decode(text)))
    return tuple(Edit(at, base64.b64decode(old), base64.b64decode(new)) for at, old, new in rows)
