"""Databases as earlier versions of the program made them."""

from core.store import Store
from core.store.connection import connect
from core.store.upgrade import upgrade_database


def old_store(url: str, revision: str) -> Store:
    """Open an empty database with the tables of an earlier revision."""
    db = connect(url)
    if db.path is not None:
        db.path.parent.mkdir(parents=True, exist_ok=True)
    upgrade_database(db.engine, db.path, to=revision)
    return db
