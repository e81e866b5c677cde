"""Hold the tables that all visitors brought, up to a limit of memory. The table that waited longest leaves first."""

import hashlib
import threading
from collections import OrderedDict

from core.dataset.csv_reading import shown_name
from core.dataset.user_tables import UserTable, read_user_table
from core.errors import TableError


class Shelf:
    """Tables by the hash of their file. All visitors share the tables: do not change them.

    most_mb : memory of all tables together.
    """

    def __init__(self, most_mb: float) -> None:
        self.most_mb = most_mb
        self._tables: OrderedDict[str, tuple[UserTable, float]] = OrderedDict()  # the oldest use first
        self._lock = threading.Lock()
        self._reading = threading.Lock()  # reading takes several times the memory of the table: one at a time

    @property
    def held_mb(self) -> float:
        """Memory of the tables that are held now, in MB."""
        with self._lock:
            return sum(size for _, size in self._tables.values())

    def add(self, data: bytes, name: str) -> str:
        """Read, clean and hold a table; return its key. Tables that waited longest leave if there is no room.

        Raises TableError if the file is no table, or needs more memory than all tables may have.
        """
        key = hashlib.sha256(data).hexdigest()
        with self._reading:
            if self.get(key) is not None:
                return key
            table = read_user_table(data, name)
            size = memory_mb(table)
            if size > self.most_mb:
                raise TableError(
                    f"{shown_name(name)} needs {size:,.0f} MB of memory; all tables together may have "
                    f"{self.most_mb:,.0f} MB. Split the file."
                )
            with self._lock:
                self._tables[key] = (table, size)
                while sum(size for _, size in self._tables.values()) > self.most_mb:
                    self._tables.popitem(last=False)
        return key

    def get(self, key: str) -> UserTable | None:
        """Return a table by its key; None if it has left."""
        with self._lock:
            if key not in self._tables:
                return None
            self._tables.move_to_end(key)
            return self._tables[key][0]


def memory_mb(table: UserTable) -> float:
    """Return the memory of a table with its report of changes, in MB."""
    cleaned = table.cleaned
    frames = (
        table.messy,
        table.rows.frame,
        cleaned.frame,
        cleaned.table,
        cleaned.report,
        cleaned.unlabelled,
        table.table.frame,
    )
    return float(sum(frame.memory_usage(deep=True).sum() for frame in frames)) / 1e6
