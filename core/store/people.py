"""Raters with their roles, and the few settings that all who use one database share."""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core.store.answers import rater_name
from core.store.connection import Store, insert, read, write
from core.store.rows import chosen, now, plain
from core.store.schema import RATER_ROLES, raters, settings


@dataclass(frozen=True)
class Rater:
    """Who answers. verified : the name comes from a login. role : an ``analyst`` may retrain, promote, adjudicate."""

    name: str
    verified: bool
    role: str


def sign_in(store: Store, name: str, *, verified: bool = False, role: str = "rater") -> Rater:
    """The rater of this name, made with this role when new; somebody known keeps the role they have.

    Only a new name is written: who is known signs in while another program writes.
    """
    row = {
        "name": rater_name(name),
        "verified": verified,
        "role": chosen(role, RATER_ROLES, "role"),
        "created_at": now(),
    }

    held = sa.select(raters.c.role).where(raters.c.name == row["name"], raters.c.verified == verified)

    def made(c: sa.Connection) -> str:
        c.execute(insert(c, raters).values(row).on_conflict_do_nothing())
        return str(c.execute(held).scalar_one())

    known = read(store, lambda c: c.execute(held).scalar())
    return Rater(str(row["name"]), verified, known or write(store, made))


def set_role(store: Store, name: str, role: str, *, verified: bool = False) -> Rater:
    """Give a rater, known or new, another role."""
    row = {
        "name": rater_name(name),
        "verified": verified,
        "role": chosen(role, RATER_ROLES, "role"),
        "created_at": now(),
    }
    changed = {"role": role}
    write(
        store,
        lambda c: c.execute(
            insert(c, raters).values(row).on_conflict_do_update(index_elements=["name", "verified"], set_=changed)
        ),
    )
    return Rater(str(row["name"]), verified, role)


def get_setting(store: Store, key: str, default: Any = None) -> Any:
    """The value that was set, or the default."""
    found = read(store, lambda c: c.execute(sa.select(settings.c.value).where(settings.c.key == key)).scalar())
    return default if found is None else json.loads(found)


def set_setting(store: Store, key: str, value: Any) -> None:
    """Keep a value that JSON can hold under a name; the last one set counts."""
    row = {"key": plain(key, "name of the setting", longest=128), "value": json.dumps(value), "changed_at": now()}
    news = {"value": row["value"], "changed_at": row["changed_at"]}
    write(
        store,
        lambda c: c.execute(insert(c, settings).values(row).on_conflict_do_update(index_elements=["key"], set_=news)),
    )
