"""Store fingerprints of files, pairs of files that the program found, and what people say about pairs.

What people say is never overwritten: the newest word about a pair that was not undone counts, and an undo brings back
the word before.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.errors import StoreError
from core.same_recording import SameRecordings
from core.store.checks import check_choice, check_text, now
from core.store.connection import IDS_AT_ONCE, Store, frame, in_parts, insert, read, remembered, write
from core.store.schema import LINK_KINDS, fingerprints, recording_links, recording_words

MAX_HASH = 128


@dataclass(frozen=True)
class Link:
    """A pair of files that the program compared.

    one, other : hashes of two contents; the smaller one is stored as the first.  kind : one of ``LINK_KINDS``.
    found : how it was found, and the figures of the comparison.
    """

    one: str
    other: str
    kind: str
    found: Mapping[str, Any] = field(default_factory=dict)


# --- fingerprints -----------------------------------------------------------------------------------------------------


@requires(Action.SCORE_LIBRARY)
def save_fingerprints(store: Store, prints: Mapping[str, np.ndarray], *, maker: str) -> None:
    """Store fingerprints by content hash; an empty one says that the file cannot have one."""
    moment = now()
    rows = [
        {
            "content_hash": check_text(content, "name of the content", longest=MAX_HASH),
            "maker": maker,
            "bits": zlib.compress(items.astype("<u4").tobytes()),
            "created_at": moment,
        }
        for content, items in prints.items()
    ]

    def work(c: sa.Connection) -> None:
        new = insert(c, fingerprints)
        replaced = {name: new.excluded[name] for name in ("maker", "bits", "created_at")}
        c.execute(new.on_conflict_do_update(index_elements=["content_hash"], set_=replaced), rows)

    if rows:
        write(store, work)


@requires(Action.SCORE_LIBRARY)
def without_fingerprint(store: Store, contents: Iterable[str], *, maker: str) -> list[str]:
    """Return those of the contents that have no fingerprint of this maker, in their order."""
    query = sa.select(fingerprints.c.content_hash).where(fingerprints.c.maker == maker)

    def work(c: sa.Connection) -> set[str]:
        parts = (query.where(fingerprints.c.content_hash.in_(part)) for part in in_parts(contents))
        return {str(content) for part in parts for content in c.execute(part).scalars()}

    known = read(store, work)
    return [content for content in dict.fromkeys(contents) if content not in known]


@requires(Action.SCORE_LIBRARY)
def fingerprints_of(store: Store, contents: Iterable[str], *, maker: str) -> dict[str, np.ndarray]:
    """Return the fingerprints of these contents: shape (n,), uint32; empty where none is possible."""
    query = sa.select(fingerprints.c.content_hash, fingerprints.c.bits).where(fingerprints.c.maker == maker)

    def work(c: sa.Connection) -> dict[str, np.ndarray]:
        return {
            str(content): np.frombuffer(zlib.decompress(bits), dtype="<u4").astype(np.uint32, copy=False)
            for part in in_parts(contents)
            for content, bits in c.execute(query.where(fingerprints.c.content_hash.in_(part)))
        }

    return read(store, work)


# --- pairs that the program found -------------------------------------------------------------------------------------


@requires(Action.SCORE_LIBRARY)
def replace_links(store: Store, links: Sequence[Link]) -> None:
    """Store the pairs of a search in the place of those of the search before."""
    moment = now()
    rows = [
        {
            **dict(zip(("one", "other"), _pair(link.one, link.other), strict=True)),
            "kind": check_choice(link.kind, LINK_KINDS, "kind of pair"),
            "found": json.dumps(dict(link.found), sort_keys=True),
            "created_at": moment,
        }
        for link in links
    ]

    def work(c: sa.Connection) -> None:
        c.execute(recording_links.delete())
        for k in range(0, len(rows), IDS_AT_ONCE):
            c.execute(recording_links.insert(), rows[k : k + IDS_AT_ONCE])

    write(store, work)


@requires(Action.SEE_LIBRARY)
def links_table(store: Store) -> pd.DataFrame:
    """Return the pairs of the last search: one, other, kind, found (JSON), created_at."""
    query = sa.select(recording_links).order_by(recording_links.c.one, recording_links.c.other)
    return read(store, lambda c: frame(c, query))


# --- what people say --------------------------------------------------------------------------------------------------


@requires(Action.JOIN_RECORDINGS)
def say_same(store: Store, one: str, other: str, same: bool) -> int:
    """Store whether two files are one recording, and return the number of this word."""
    first, second = _pair(one, other)
    row = {"one": first, "other": second, "same": bool(same), "said_by": store.by.mark, "created_at": now()}

    def work(c: sa.Connection) -> int:
        (number,) = c.execute(recording_words.insert().values(row)).inserted_primary_key or (0,)
        return int(number)

    return write(store, work)


@requires(Action.JOIN_RECORDINGS)
def undo_same(store: Store, number: int) -> bool:
    """Take a word back. Returns False when somebody else has done so before."""
    query = recording_words.update().where(recording_words.c.id == number, recording_words.c.undone_at.is_(None))
    return bool(write(store, lambda c: c.execute(query.values(undone_at=now())).rowcount))


@requires(Action.SEE_LIBRARY)
def same_words_table(store: Store) -> pd.DataFrame:
    """Return the words that count, the newest first: id, one, other, same, said_by, created_at."""
    return read(store, lambda c: frame(c, _words())).drop_duplicates(["one", "other"], ignore_index=True)


@requires(Action.ANSWER)
def same_recordings(store: Store) -> SameRecordings:
    """Return which files are one recording, for the rules of all pages. It names contents and no people."""

    def work(c: sa.Connection) -> SameRecordings:
        words = _words().with_only_columns(*(recording_words.c[n] for n in ("one", "other", "same")))
        newest: dict[tuple[str, str], bool] = {}
        for one, other, same in c.execute(words):
            newest.setdefault((one, other), bool(same))
        pairs: dict[str, list[tuple[str, str]]] = {kind: [] for kind in LINK_KINDS}
        links = recording_links.c
        for one, other, kind in c.execute(
            sa.select(links.one, links.other, links.kind).order_by(links.one, links.other)
        ):
            pairs[kind].append((one, other))
        said = tuple((one, other, same) for (one, other), same in newest.items())
        return SameRecordings(said, tuple(pairs["sure"]), tuple(pairs["apart"]))

    return remembered(store, "same recordings", same_key(store), lambda: read(store, work))


@requires(Action.ANSWER)
def same_key(store: Store) -> tuple[str, ...]:
    """Return a cache key that changes whenever ``same_recordings`` can change."""
    query = sa.select(*same_state())
    return tuple(map(str, (*read(store, lambda c: c.execute(query).one()), store.reopened)))


def same_state() -> tuple[sa.ScalarSelect[Any], ...]:
    """Queries whose values change with the words and the links."""
    return (
        sa.select(sa.func.max(recording_words.c.id)).scalar_subquery(),
        sa.select(sa.func.count(recording_words.c.undone_at)).scalar_subquery(),
        sa.select(sa.func.count(recording_words.c.id)).scalar_subquery(),  # a word goes with a clip that is erased
        sa.select(sa.func.count()).select_from(recording_links).scalar_subquery(),
        sa.select(sa.func.max(recording_links.c.created_at)).scalar_subquery(),
    )


def _words() -> sa.Select[Any]:
    """Query the words that count, the newest first."""
    return (
        sa.select(*(recording_words.c[n] for n in ("id", "one", "other", "same", "said_by", "created_at")))
        .where(recording_words.c.undone_at.is_(None))
        .order_by(recording_words.c.id.desc())
    )


def _pair(one: str, other: str) -> tuple[str, str]:
    """The two contents in order. Raises StoreError for a pair that is no pair."""
    first, second = sorted(check_text(name, "name of the content", longest=MAX_HASH) for name in (one, other))
    if not first or first == second:
        raise StoreError("Two different files are needed. Nothing was stored.")
    return first, second
