"""Make, find and revoke keys of the REST API, and count their calls.

A key is a random text of 256 bits. It is shown once, when it is made; the database has only its SHA-256. That is enough
for a random key: nobody can guess it, so a slow hash would only slow down each call.
"""

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from core.access import Action, Role, requires
from core.errors import StoreError
from core.store.checks import normalised_line, now
from core.store.connection import Store, read, write
from core.store.schema import MAX_KEY_NAME, api_calls, api_keys

MINUTE_S = 60.0
MOST_PER_MINUTE = 100_000
_KEY = re.compile(r"tme_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class Scope(StrEnum):
    """What a key may be used for, within the rights of its role."""

    SCORE = "score"
    READ = "read"
    FEEDBACK = "feedback"
    METRICS = "metrics"  # the figures for Prometheus; a key has it only when it is asked for


PEOPLE = (Scope.SCORE, Scope.READ, Scope.FEEDBACK)  # scopes of a key that was made without a choice


@dataclass(frozen=True)
class ApiKey:
    """A key of the REST API, without the secret.

    Parameters
    ----------
    key_id
        The public part of the key, which logs may hold.
    name
        Who or what uses the key. Keys of one name belong to one caller, so that a key can be replaced.
    role
        What the caller may do: a role of the table of rights.
    scopes
        What the key may be used for, within these rights.
    per_minute
        Calls that are allowed in any 60 s.
    """

    key_id: str
    name: str
    role: Role
    scopes: frozenset[Scope]
    per_minute: int
    created_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


@requires(Action.MAKE_KEYS)
def add_key(
    store: Store, name: str, *, role: Role = Role.RATER, scopes: Collection[Scope] = PEOPLE, per_minute: int = 60
) -> tuple[ApiKey, str]:
    """Make a key. Returns its description and the key itself, which is stored nowhere.

    Raises
    ------
    StoreError
        When the name, the scopes or the rate cannot be used.
    """
    tidy = normalised_line(name, "name of the key")
    if not 1 <= len(tidy) <= MAX_KEY_NAME:
        raise StoreError(f"The name of a key has 1 to {MAX_KEY_NAME} characters; this one has {len(tidy)}.")
    if not scopes:
        raise StoreError(f"A key needs at least one scope. Choose from: {', '.join(Scope)}.")
    if not 1 <= per_minute <= MOST_PER_MINUTE:
        raise StoreError(f"The rate of a key is 1 to {MOST_PER_MINUTE:,} calls a minute, not {per_minute:,}.")
    key_id, moment = secrets.token_hex(6), now()
    secret = f"tme_{key_id}_{secrets.token_urlsafe(32)}"
    made = ApiKey(key_id, tidy, role, frozenset(map(Scope, scopes)), per_minute, moment)
    row = {
        "id": key_id,
        "hash": _hash(secret),
        "name": tidy,
        "role": role.word,
        "scopes": json.dumps(sorted(made.scopes)),
        "per_minute": per_minute,
        "created_at": moment,
    }
    write(store, lambda c: c.execute(api_keys.insert().values(row)))
    return made, secret


@requires(Action.MAKE_KEYS)
def list_keys(store: Store) -> list[ApiKey]:
    """Return all keys, the oldest first, also those that were revoked."""
    query = sa.select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
    return [_key(row) for row in read(store, lambda c: c.execute(query).all())]


@requires(Action.MAKE_KEYS)
def revoke_key(store: Store, key_id: str) -> ApiKey:
    """Revoke a key at once and for ever. A key that was revoked before stays as it is.

    Raises
    ------
    StoreError
        When there is no such key.
    """
    of_key, moment = api_keys.c.id == key_id, now()

    def work(c: sa.Connection) -> ApiKey:
        c.execute(api_keys.update().where(of_key, api_keys.c.revoked_at.is_(None)).values(revoked_at=moment))
        row = c.execute(sa.select(api_keys).where(of_key)).first()
        if row is None:
            raise StoreError(f"There is no key {key_id!r}. List the keys with: python -m core keys list")
        return _key(row)

    return write(store, work)


@requires(Action.MAKE_KEYS)
def find_key(store: Store, secret: str) -> ApiKey | None:
    """Return the key that this text is; None when it is no key, or was revoked."""
    match = _KEY.fullmatch(secret)
    if match is None:
        return None
    query = sa.select(api_keys).where(api_keys.c.id == match.group(1), api_keys.c.revoked_at.is_(None))
    row = read(store, lambda c: c.execute(query).first())
    return _key(row) if row is not None and hmac.compare_digest(row.hash, _hash(secret)) else None


@requires(Action.MAKE_KEYS)
def any_key(store: Store, *, valid: bool = False) -> bool:
    """Return whether a key was ever made. valid : whether there is one that was not revoked."""
    query = sa.select(api_keys.c.id).limit(1)
    if valid:
        query = query.where(api_keys.c.revoked_at.is_(None))
    return read(store, lambda c: c.execute(query).first() is not None)


@requires(Action.MAKE_KEYS)
def count_call(store: Store, key_id: str, *, most: int, within_s: float = MINUTE_S, calls: int = 1) -> bool:
    """Count calls of a key, unless more than ``most`` would fall into the last seconds. Returns whether they count.

    All workers and servers of one database count together: the row of the key is locked meanwhile.
    """
    moment, used = time.time(), now()
    recent = [api_calls.c.key_id == key_id, api_calls.c.at > moment - within_s]

    def work(c: sa.Connection) -> bool:
        c.execute(sa.select(api_keys.c.id).where(api_keys.c.id == key_id).with_for_update())
        known = c.execute(sa.select(sa.func.count()).select_from(api_calls).where(*recent)).scalar_one()
        if known + calls > most:
            return False
        c.execute(api_calls.delete().where(api_calls.c.key_id == key_id, api_calls.c.at <= moment - within_s))
        c.execute(api_calls.insert(), [{"key_id": key_id, "at": moment} for _ in range(calls)])
        c.execute(api_keys.update().where(api_keys.c.id == key_id).values(used_at=used))
        return True

    return write(store, work)


@requires(Action.MAKE_KEYS)
def recent_calls(store: Store, key_id: str, *, within_s: float = MINUTE_S) -> tuple[float, int]:
    """Return the moment of the oldest call of the last seconds, in seconds since 1970, and their number."""
    moment = time.time()
    query = sa.select(sa.func.min(api_calls.c.at), sa.func.count()).where(
        api_calls.c.key_id == key_id, api_calls.c.at > moment - within_s
    )
    first, number = read(store, lambda c: c.execute(query).one())
    return (moment if first is None else float(first)), int(number)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    known = row._asdict()
    known.pop("hash")
    role, scopes = Role[str(known.pop("role")).upper()], frozenset(map(Scope, json.loads(str(known.pop("scopes")))))
    return ApiKey(key_id=str(known.pop("id")), role=role, scopes=scopes, **known)
