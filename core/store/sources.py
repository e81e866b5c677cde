"""Store what sources of music list: their items, and where an unfinished list goes on."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.store.checks import check_text, now, storable
from core.store.connection import Store, frame, in_parts, insert, read, write
from core.store.schema import source_items, sources

MAX_NAME = 4096
MAX_ISRC = 16


@dataclass(frozen=True)
class SourceState:
    """Where the list of a source stands.

    after : where the next part begins; empty at the beginning.  began_at : start of the present or the last run.
    ended_at : end of the last run that reached its end, with its sound; None: never.
    """

    after: str
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class SourceRow:
    """An item of a source.  stamp : of 64 characters.  facts : a JSON object.  isrc : empty when it is not known."""

    item: str
    stamp: str
    facts: Mapping[str, Any]
    isrc: str
    licence: str


@dataclass(frozen=True)
class Saved:
    """How many items were new, changed or unchanged, and how many other sources have, too."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    elsewhere: int = 0


@requires(Action.SCORE_LIBRARY)
def source_state(store: Store, name: str) -> SourceState | None:
    """Return where the list of a source stands; None for a source that was never listed."""
    query = sa.select(*(sources.c[n] for n in ("after", "began_at", "ended_at"))).where(sources.c.id == _id(name))
    row = read(store, lambda c: c.execute(query).first())
    return None if row is None else SourceState(row.after, row.began_at, row.ended_at)


@requires(Action.SCORE_LIBRARY)
def begin_source(store: Store, name: str, *, longest: timedelta) -> SourceState:
    """Begin the list of a source, or go on where it stopped.

    longest : a list that began longer ago begins again.
    """
    moment = now()
    row = {
        "id": _id(name),
        "name": check_text(name, "name of the source", longest=MAX_NAME),
        "after": "",
        "began_at": moment,
    }

    def work(c: sa.Connection) -> SourceState:
        known = c.execute(sa.select(sources).where(sources.c.id == row["id"])).first()
        if known is not None and known.after and abs(moment - known.began_at) <= longest:
            return SourceState(known.after, known.began_at, known.ended_at)
        new = insert(c, sources).values(row)
        changes = {"after": "", "began_at": moment}
        c.execute(new.on_conflict_do_update(index_elements=["id"], set_=changes))
        return SourceState("", moment, known.ended_at if known else None)

    return write(store, work)


@requires(Action.SCORE_LIBRARY)
def save_items(store: Store, name: str, rows: Sequence[SourceRow], *, after: str) -> Saved:
    """Store a part of the list, together with the place where the next part begins."""
    source, moment = _id(name), now()
    found = {_id(f"{source}\x00{row.item}"): row for row in rows}

    def work(c: sa.Connection) -> Saved:
        known: dict[str, str] = {}
        for part in in_parts(found):
            query = sa.select(*(source_items.c[n] for n in ("id", "stamp"))).where(source_items.c.id.in_(part))
            known |= {str(key): str(stamp) for key, stamp in c.execute(query)}
        same = [key for key, row in found.items() if known.get(key) == row.stamp]
        fresh = [_values(key, source, row, moment) for key, row in found.items() if known.get(key) != row.stamp]
        for part in in_parts(same):
            c.execute(source_items.update().where(source_items.c.id.in_(part)).values(seen_at=moment))
        if fresh:
            new = insert(c, source_items)
            replaced = ("stamp", "facts", "isrc", "licence", "changed_at", "seen_at")
            c.execute(
                new.on_conflict_do_update(index_elements=["id"], set_={n: new.excluded[n] for n in replaced}), fresh
            )
        c.execute(sources.update().where(sources.c.id == source).values(after=after))
        changed = sum(key in known for key in found) - len(same)
        return Saved(len(fresh) - changed, changed, len(same), _elsewhere(c, source, rows))

    return write(store, work)


def _values(key: str, source: str, row: SourceRow, moment: datetime) -> dict[str, Any]:
    return {
        "id": key,
        "source_id": source,
        "item": storable(row.item),
        "stamp": row.stamp,
        "facts": json.dumps({n: storable(v) if isinstance(v, str) else v for n, v in row.facts.items()}),
        "isrc": storable(row.isrc[:MAX_ISRC]),
        "licence": storable(row.licence),
        "first_seen_at": moment,
        "changed_at": moment,
        "seen_at": moment,
    }


def _elsewhere(c: sa.Connection, source: str, rows: Sequence[SourceRow]) -> int:
    """Count the rows whose ISRC another source has."""
    wanted = [row.isrc for row in rows if row.isrc]
    others = source_items.c.source_id != source
    known = {
        isrc
        for part in in_parts(wanted)
        for isrc in c.execute(sa.select(source_items.c.isrc).where(source_items.c.isrc.in_(part), others)).scalars()
    }
    return sum(isrc in known for isrc in wanted)


@requires(Action.SCORE_LIBRARY)
def count_gone(store: Store, name: str) -> int:
    """Return how many items of earlier lists a source no longer has, after its whole list was read."""
    source = _id(name)
    began = sa.select(sources.c.began_at).where(sources.c.id == source).scalar_subquery()
    of = (source_items.c.source_id == source, source_items.c.seen_at < began)
    query = sa.select(sa.func.count()).select_from(source_items).where(*of)
    return int(read(store, lambda c: c.execute(query).scalar_one()))


@requires(Action.SCORE_LIBRARY)
def end_source(store: Store, name: str) -> None:
    """Note that a run reached its end: the whole list was read, and its sound scored."""
    query = sources.update().where(sources.c.id == _id(name))
    write(store, lambda c: c.execute(query.values(after="", ended_at=now())))


@requires(Action.SCORE_LIBRARY)
def forget_items(store: Store, service: str, *, older: timedelta) -> int:
    """Remove items that were not listed for so long, and return their number.

    service : start of the names of the sources, such as ``"youtube:"``.
    """
    of = sa.select(sources.c.id).where(sources.c.name.startswith(service, autoescape=True))
    query = source_items.delete().where(source_items.c.source_id.in_(of), source_items.c.seen_at < now() - older)
    return int(write(store, lambda c: c.execute(query).rowcount))


@requires(Action.SEE_LIBRARY)
def source_items_table(store: Store, name: str) -> pd.DataFrame:
    """Return what is stored of a source: item, facts (a dict), licence, first_seen_at, changed_at and seen_at."""
    columns = (source_items.c[n] for n in ("item", "facts", "licence", "first_seen_at", "changed_at", "seen_at"))
    query = sa.select(*columns).where(source_items.c.source_id == _id(name)).order_by(source_items.c.item)
    table = read(store, lambda c: frame(c, query))
    table["facts"] = [json.loads(facts) for facts in table["facts"]]
    return table


def _id(name: str) -> str:
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()
