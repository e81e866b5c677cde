"""Model files whose bytes depend on the model only, not on the process that wrote them.

skops numbers the objects of a model by their addresses in memory, and the archive holds the time of writing. So two
files of one model differ. Here objects are numbered in their order, equal constants share a number, unused bytes inside
records are zero, and the time is constant. Two models are equal to the bit exactly when these files are equal.
"""

import io
import json
import zipfile
from typing import Any

import numpy as np

_SCHEMA = "schema.json"
_ID, _FILE = "__id__", "file"  # of a node in the schema
_TIME = (1980, 1, 1, 0, 0, 0)  # the first time that an archive can hold


def canonical(data: bytes) -> bytes:
    """Rewrite a skops file. It loads as before. Files that were rewritten once do not change again."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(contents.pop(_SCHEMA))
    numbers: dict[Any, int] = {}
    names: dict[str, str] = {}
    _renumber(schema, numbers, names, contents)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for old, new in names.items():
            _write(archive, new, _without_padding(contents[old]))
        _write(archive, _SCHEMA, json.dumps(schema, indent=1).encode())
    return buffer.getvalue()


def _renumber(node: Any, numbers: dict[Any, int], names: dict[str, str], contents: dict[str, bytes]) -> None:
    """Give objects and files new numbers in the order in which the schema names them."""
    if isinstance(node, list):
        for part in node:
            _renumber(part, numbers, names, contents)
    if not isinstance(node, dict):
        return
    if isinstance(node.get(_ID), int):
        # Whether equal constants are one object in memory is chance.
        key = (node["__class__"], node["content"]) if node.get("is_json") else node[_ID]
        node[_ID] = numbers.setdefault(key, len(numbers) + 1)
    file = node.get(_FILE)
    if isinstance(file, str) and file in contents:
        node[_FILE] = names.setdefault(file, f"{len(names) + 1:05d}.{file.rpartition('.')[2]}")
    for part in node.values():
        _renumber(part, numbers, names, contents)


def _without_padding(content: bytes) -> bytes:
    """Set the unused bytes between the fields of records to zero: they hold what was in the memory before."""
    if not content.startswith(b"\x93NUMPY"):
        return content
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if not array.dtype.names:
        return content
    clean = np.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    buffer = io.BytesIO()
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    about = zipfile.ZipInfo(name, _TIME)
    about.external_attr = 0o644 << 16
    archive.writestr(about, content, zipfile.ZIP_DEFLATED, 9)
