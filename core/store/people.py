"""Store raters with their roles, and the settings that all users of one database share."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from core.access import Action, decides, require, requires
from core.store.answer_log import AnswerLog, current_log
from core.store.answers import rater_name
from core.store.checks import check_choice, check_text, now
from core.store.connection import Store, in_parts, insert, read, write
from core.store.events import Event, insert_event
from core.store.schema import (
    RATER_ROLES,
    REPEAT,
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
    log = current_log(store)
    counted = _counts(log)
    latest = {number: who for who, (_, number) in log.newest.items()}
    known = sa.select(raters.c.name, raters.c.verified, raters.c.role)
    moments = sa.select(feedback.c.id, feedback.c.created_at)

    def work(c: sa.Connection) -> tuple[dict[tuple[str, bool], str], dict[int, datetime]]:
        roles = {(name, bool(login)): role for name, login, role in c.execute(known)}
        asked = [moments.where(feedback.c.id.in_(part)) for part in in_parts(latest)]
        return roles, {latest[number]: moment for query in asked for number, moment in c.execute(query)}

    roles, last_at = read(store, work)
    number = {who: k for k, who in enumerate(log.people)}
    people = sorted({*roles, *(log.people[k] for k in np.flatnonzero(counted.any(axis=1)))})
    places = [number.get(who, -1) for who in people]
    counts = np.vstack([counted, np.zeros(3, dtype=np.int64)])[places]
    table = pd.DataFrame(people, columns=["rater", "verified"]).astype({"rater": "str", "verified": bool})
    return table.assign(
        role=pd.Series([roles.get(who, "rater") for who in people], dtype="str"),
        **{name: pd.array(counts[:, k], dtype="Int64") for k, name in enumerate(("answers", "skips", "undone"))},
        last_at=pd.to_datetime(pd.Series([last_at.get(k) for k in places], dtype=object), utc=True).astype(
            "datetime64[us, UTC]"
        ),
    )


def _counts(log: AnswerLog) -> np.ndarray:
    """Numbers of the answers, skips and undone rows of each person of the log: shape (people, 3)."""
    said = ~log.is_kind("undo") & ~log.is_kind(REPEAT)
    named, person = log.columns["label"] >= 0, log.columns["person"]
    each = (said & ~log.undone & named, said & ~log.undone & ~named, said & log.undone)
    return np.stack([np.bincount(person[rows], minlength=len(log.people)) for rows in each], axis=1)
