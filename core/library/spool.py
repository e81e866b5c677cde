"""A list of files on disk, so that a run over a million files needs no memory for their names."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice

from core.records import FoundFile


class Spool:
    """A list of found files in a temporary file, which is deleted at the end of the ``with`` block."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8", prefix="library-")  # noqa: SIM115 - closed by `with`
        self.count = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, item: FoundFile) -> None:
        self._file.write(json.dumps(asdict(item)) + "\n")
        self.count += 1

    def __iter__(self) -> Iterator[FoundFile]:
        self._file.seek(0)
        for line in self._file:
            yield FoundFile(**json.loads(line))

    def batches(self, size: int) -> Iterator[list[FoundFile]]:
        """Yield the files in their order, in lists of at most size files."""
        rest = iter(self)
        while batch := list(islice(rest, size)):
            yield batch
