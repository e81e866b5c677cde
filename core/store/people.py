"""Store raters with their roles, and the settings that all users of one database share."""

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, decides, require, requires
from core.store.answers import rater_name
from core.store.checks import check_choice, check_text, now
from core.store.connection import Store, frame, insert, read, write
from core.store.events import Event, insert_event
from core.store.schema import (
    RATER_ROLES,
    TURNS,
    UNDONE,
    feedback,
    raters,
    settings,
)


@dataclass(frozen=True)
class Rater:
    """A rater. verified : the name comes from a login.  role : an ``analyst`` may retrain, promote and adjudicate."""

    name: str
    verified: bool
    role: str


@requires(Action.GIVE_ROLE)
def sign_in(store: Store, name: str, *, verified: bool = False, role: str = "rater") -> Rater:
    """Return the rater of this name; a new rater is stored with this role, a known rater keeps their role.

    Only a new name is written, so a known rater can sign in while another program writes.
    """
    row = {
        "name": rater_name(name),
        "verified": verified,
        "role": check_choice(role, RATER_ROLES, "role"),
        "created_at": now(),
    }

    stored_role = sa.select(raters.c.role).where(raters.c.name == row["name"], raters.c.verified == verified)

    def add(c: sa.Connection) -> str:
        c.execute(insert(c, raters).values(row).on_conflict_do_nothing())
        return str(c.execute(stored_role).scalar_one())

    known = read(store, lambda c: c.execute(stored_role).scalar())
    return Rater(str(row["name"]), verified, known or write(store, add))


@decides(Action.TAKE_ROLE, Action.GIVE_ROLE)
def set_role(store: Store, name: str, role: str, *, verified: bool = False) -> Rater:
    """Set the role of a rater; a new rater is stored. Without a login, a person may set the own role."""
    by = store.by
    own = by.may(Action.TAKE_ROLE) and by.owns(name, verified)
    require(by, Action.TAKE_ROLE if own else Action.GIVE_ROLE)
    row = {
        "name": rater_name(name),
        "verified": verified,
        "role": check_choice(role, RATER_ROLES, "role"),
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


@requires(Action.SEE_RESULTS)
def get_setting(store: Store, key: str, default: Any = None) -> Any:
    """Return the stored value of a setting, or the default."""
    value = read(store, lambda c: c.execute(sa.select(settings.c.value).where(settings.c.key == key)).scalar())
    return default if value is None else json.loads(value)


@requires(Action.SET_RULES)
def set_setting(store: Store, key: str, value: Any, *happened: Event) -> None:
    """Store the value of a setting, any JSON value; it replaces the earlier value.

    happened : events that are noted in the same transaction: the setting and they are stored, or none of them.
    """
    row = {"key": check_text(key, "name of the setting", longest=128), "value": json.dumps(value), "changed_at": now()}
    changes = {"value": row["value"], "changed_at": row["changed_at"]}

    def work(c: sa.Connection) -> None:
        c.execute(insert(c, settings).values(row).on_conflict_do_update(index_elements=["key"], set_=changes))
        for event in happened:
            insert_event(c, event)

    write(store, work)


@requires(Action.SEE_ANSWERS)
def raters_table(store: Store) -> pd.DataFrame:
    """Return all raters who have answered or signed in.

    Columns: rater, verified, role, answers and skips (without undone ones), undone, last_at.
    """
    each = (
        sa.select(
            feedback.c.rater,
            feedback.c.verified,
            feedback.c.label,
            feedback.c.kind,
            UNDONE.label("undone"),
            feedback.c.created_at,
        )
        .where(feedback.c.kind != "undo", feedback.c.turn.is_distinct_from(TURNS[1]))
        .subquery()
    )
    stands = sa.not_(each.c.undone)
    number = sa.func.count()
    per = (
        sa.select(
            each.c.rater,
            each.c.verified,
            number.filter(stands, each.c.label.is_not(None)).label("answers"),
            number.filter(stands, each.c.label.is_(None)).label("skips"),
            number.filter(each.c.undone).label("undone"),
            sa.func.max(each.c.created_at, type_=feedback.c.created_at.type).label("last_at"),
        )
        .group_by(each.c.rater, each.c.verified)
        .subquery()
    )
    known = sa.select(raters.c.name.label("rater"), raters.c.verified)
    everyone = sa.union(known, sa.select(per.c.rater, per.c.verified)).subquery()
    query = (
        sa.select(
            everyone.c.rater,
            everyone.c.verified,
            sa.func.coalesce(raters.c.role, "rater").label("role"),
            *(sa.func.coalesce(per.c[n], 0).label(n) for n in ("answers", "skips", "undone")),
            per.c.last_at,
        )
        .outerjoin(raters, sa.and_(raters.c.name == everyone.c.rater, raters.c.verified == everyone.c.verified))
        .outerjoin(per, sa.and_(per.c.rater == everyone.c.rater, per.c.verified == everyone.c.verified))
        .order_by(everyone.c.rater, everyone.c.verified)
    )
    return read(store, lambda c: frame(c, query))
