"""Databases as earlier versions of the program made them."""

import sqlalchemy as sa

from core.store import Store
from core.store.connection import connect, write
from core.store.upgrade import upgrade_database


def old_store(url: str, revision: str) -> Store:
    """Open an empty database with the tables of an earlier revision."""
    db = connect(url)
    if db.path is not None:
        db.path.parent.mkdir(parents=True, exist_ok=True)
    upgrade_database(db.engine, db.path, to=revision)
    return db


def old_answer(db: Store, token: str, *, undoes: int | None = None) -> str:
    """Ece's answer about the clip c1, or the undo of one, as the first version stored it; returns the token.

    What the code stores today has columns that the old table lacks.
    """
    row = {
        "token": token,
        "kind": "answer" if undoes is None else "undo",
        "label": "sad" if undoes is None else None,
        "target_id": undoes,
        "created_at": "2026-01-02T03:04:05.000000+00:00",
    }
    statement = (
        "INSERT INTO feedback (token, kind, clip_id, display, label, rater, verified, source, comment, target_id, "
        "created_at) VALUES (:token, :kind, 'c1', 'none', :label, 'Ece', FALSE, 'label', '', :target_id, :created_at)"
    )
    write(db, lambda c: c.execute(sa.text(statement), row))
    return token
