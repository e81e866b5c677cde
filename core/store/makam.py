"""Store what was measured of the karar and the makam of pieces, and the karars that people corrected.

A corrected karar belongs to a content, so it counts wherever the same file is heard. Corrections are never overwritten:
the newest one that was not undone counts, and an undo brings back the one before.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isfinite, isnan
from typing import TYPE_CHECKING

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.errors import StoreError
from core.makam.columns import ANALYSER, COMMA_FEATURES
from core.store.checks import check_text, now
from core.store.connection import Store, frame, in_parts, insert, read, write
from core.store.schema import karar_words, makam_results

if TYPE_CHECKING:  # the analysis imports scipy
    from core.makam.analysis import Analysis

LOWEST_HZ, HIGHEST_HZ = 20.0, 2000.0  # of a karar
MAX_HASH = 128


@dataclass(frozen=True)
class KararWord:
    """A karar that a person corrected.  said_by : the person; empty without a name."""

    id: int
    karar_hz: float
    said_by: str
    created_at: datetime


@requires(Action.SCORE_LIBRARY)
def save_makam(store: Store, content_hash: str, found: "Analysis") -> None:
    """Store the results of a piece; its earlier results are replaced."""
    from core.makam.analysis import profile_to_json

    first = found.candidates[0] if found.candidates else None
    best = found.suggestions.three[0] if found.suggestions.three else None
    details = {
        "candidates": [asdict(candidate) for candidate in found.candidates],
        "suggestions": [asdict(suggestion) for suggestion in found.suggestions.three],
        "profile": None if found.profile is None else profile_to_json(found.profile),
    }
    row = {
        "content_hash": check_text(content_hash, "name of the content", longest=MAX_HASH),
        "analyser": found.analyser,
        "duration_s": found.duration_s,
        "voiced_s": found.voiced_s,
        "karar_hz": first.hz if first else None,
        "karar_probability": first.probability if first else None,
        "makam": best.name if best else "",
        "makam_probability": best.probability if best else None,
        "makam_kind": found.suggestions.kind,
        "details": json.dumps(details, ensure_ascii=False),
        **{name: None if isnan(value) else value for name, value in found.features.items()},
        "created_at": now(),
    }

    def work(c: sa.Connection) -> None:
        c.execute(
            makam_results.delete().where(
                makam_results.c.content_hash == content_hash, makam_results.c.analyser != found.analyser
            )
        )
        new = insert(c, makam_results).values(row)
        c.execute(new.on_conflict_do_update(index_elements=["content_hash", "analyser"], set_=row))

    write(store, work)


@requires(Action.SEE_LIBRARY)
def makam_table(store: Store, contents: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the results of pieces, with corrected karars, indexed by content hash.

    Columns: karar_hz, karar_from (``"person"``, ``"measured"`` or empty), karar_probability (1 for a person), makam
    (first suggestion; empty when there is none), makam_probability, makam_kind, details (JSON), duration_s, voiced_s
    and the comma features. A content with a corrected karar and without results has a row too.

    contents : None returns all.
    """
    results = sa.select(makam_results).where(makam_results.c.analyser.startswith(ANALYSER))
    parts: Sequence[Sequence[str] | None] = [None] if contents is None else in_parts(contents) or [[]]

    def work(c: sa.Connection) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
        found, said = [], []
        for part in parts:
            of = sa.true() if part is None else makam_results.c.content_hash.in_(part)
            found.append(frame(c, results.where(of)))
            said.append(frame(c, _words(None if part is None else list(part))))
        return found, said

    found, said = read(store, work)
    table = pd.concat(found, ignore_index=True).set_index("content_hash").drop(columns=["analyser", "created_at"])
    words = pd.concat(said, ignore_index=True).drop_duplicates("content_hash").set_index("content_hash")["karar_hz"]
    table = table.reindex(table.index.union(words.index))
    table["makam"], table["makam_kind"] = table["makam"].fillna(""), table["makam_kind"].fillna("")
    table["karar_from"] = [
        "person" if content in words.index else "measured" if known else ""
        for content, known in zip(table.index, table["karar_hz"].notna(), strict=True)
    ]
    table.loc[words.index, "karar_hz"] = words
    table.loc[words.index, "karar_probability"] = 1.0
    return table.astype(dict.fromkeys(("karar_hz", "karar_probability", *COMMA_FEATURES), float))


def _words(contents: Sequence[str] | None) -> sa.Select[tuple[object, ...]]:
    """Query the corrections that count, the newest first."""
    query = sa.select(karar_words).where(karar_words.c.undone_at.is_(None)).order_by(karar_words.c.id.desc())
    return query if contents is None else query.where(karar_words.c.content_hash.in_(contents))


@requires(Action.SCORE_LIBRARY)
def without_makam(store: Store, contents: Sequence[str], analyser: str) -> list[str]:
    """Return those of the contents that have no results of this analyser, in their order.

    analyser : name of the templates in use, ``Templates.analyser``. So pieces are measured again with other templates.
    """
    query = sa.select(makam_results.c.content_hash).where(makam_results.c.analyser == analyser)
    known = read(
        store,
        lambda c: {
            str(content)
            for part in in_parts(contents)
            for content in c.execute(query.where(makam_results.c.content_hash.in_(part))).scalars()
        },
    )
    return [content for content in dict.fromkeys(contents) if content not in known]


@requires(Action.SCORE_CLIP)
def karar_word(store: Store, content_hash: str) -> KararWord | None:
    """Return the corrected karar of a content; None when nobody corrected it."""
    row = read(store, lambda c: c.execute(_words([content_hash]).limit(1)).first())
    return None if row is None else KararWord(row.id, row.karar_hz, row.said_by, row.created_at)


@requires(Action.CORRECT_KARAR)
def correct_karar(
    store: Store, content_hash: str, karar_hz: float, *, name: str = "", measured_hz: float | None = None
) -> int:
    """Store the karar that a person heard, and return the number of the correction.

    Parameters
    ----------
    content_hash
        Hash of the file.
    name
        Name of the file for the export.
    measured_hz
        The karar that the program had found.

    Raises
    ------
    StoreError
        When the frequency cannot be a karar.
    """
    if not isfinite(karar_hz) or not LOWEST_HZ <= karar_hz <= HIGHEST_HZ:
        raise StoreError(
            f"A karar of {karar_hz:g} Hz was not stored. Give a frequency from {LOWEST_HZ:g} to {HIGHEST_HZ:g} Hz."
        )
    row = {
        "content_hash": check_text(content_hash, "name of the content", longest=MAX_HASH),
        "karar_hz": float(karar_hz),
        "measured_hz": measured_hz,
        "name": check_text(name, "name of the file"),
        "said_by": store.by.mark,
        "created_at": now(),
    }

    def work(c: sa.Connection) -> int:
        (number,) = c.execute(karar_words.insert().values(row)).inserted_primary_key or (0,)
        return int(number)

    return write(store, work)


@requires(Action.CORRECT_KARAR)
def undo_karar(store: Store, number: int) -> bool:
    """Take a correction back. Returns False when somebody else has done so before."""
    query = karar_words.update().where(karar_words.c.id == number, karar_words.c.undone_at.is_(None))
    return bool(write(store, lambda c: c.execute(query.values(undone_at=now())).rowcount))


@requires(Action.SEE_LIBRARY)
def karar_words_table(store: Store) -> pd.DataFrame:
    """Return the corrections that count, the newest first.

    Columns name, content_hash, karar_hz, measured_hz, said_by and created_at.
    """
    table = read(store, lambda c: frame(c, _words(None))).drop_duplicates("content_hash", ignore_index=True)
    return table[["name", "content_hash", "karar_hz", "measured_hz", "said_by", "created_at"]]
