"""Count what was erased, so that caches notice it and no number of an erased row is used again.

PostgreSQL never uses a number twice. SQLite would give the number of the newest row again after it was erased, and an
old page would then speak about another row.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from core.store.checks import now
from core.store.connection import insert
from core.store.schema import feedback, predictions, settings

ERASED = "erased"  # setting: JSON with the number of erasures, and the highest number of each table at the last one
_NUMBERED = (feedback, predictions)


def erasures() -> sa.ScalarSelect[Any]:
    """Return a subquery whose value changes with each erasure."""
    return sa.select(settings.c.value).where(settings.c.key == ERASED).scalar_subquery()


def note_erasure(c: sa.Connection) -> None:
    """Count an erasure and note the highest numbers. Call this before the rows are deleted, in the same transaction."""
    before = _noted(c)
    noted = {"times": before.get("times", 0) + 1}
    for table in _NUMBERED:
        newest = c.execute(sa.select(sa.func.max(table.c.id))).scalar()
        noted[table.name] = max(before.get(table.name, 0), newest or 0)
    row = {"value": json.dumps(noted), "changed_at": now()}
    new = insert(c, settings).values(key=ERASED, **row)
    c.execute(new.on_conflict_do_update(index_elements=["key"], set_=row))


def numbered(c: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return new rows of feedback or predictions with numbers that no row ever had. PostgreSQL gives them itself."""
    if c.dialect.name != "sqlite":
        return [dict(row) for row in rows]
    newest = c.execute(sa.select(sa.func.max(table.c.id))).scalar()
    first = max(_noted(c).get(table.name, 0), newest or 0) + 1
    return [{**row, "id": number} for number, row in enumerate(rows, first)]


def _noted(c: sa.Connection) -> dict[str, int]:
    value = c.execute(sa.select(settings.c.value).where(settings.c.key == ERASED)).scalar()
    return json.loads(value) if value else {}
