"""Keys of the API: random, stored as a hash, with a rate that all share."""

import dataclasses

import pytest
import sqlalchemy as sa

from core import store
from core.access import AccessError, Person, Role, Setting
from core.errors import StoreError
from core.store import Scope
from core.store.schema import api_calls, api_keys


def test_the_database_has_only_the_hash_of_a_key(opened):
    made, secret = store.add_key(opened, "ward tablet", role=Role.THERAPIST, scopes=[Scope.READ], per_minute=30)
    assert len(secret.rpartition("_")[2]) == 43 or len(secret.split("_", 2)[2]) == 43  # 256 bits
    with opened.engine.connect() as connection:
        (row,) = connection.execute(sa.select(api_keys)).mappings()
    assert secret not in str(dict(row))
    assert secret.split("_", 2)[2] not in str(dict(row))
    assert store.find_key(opened, secret) == made
    assert dataclasses.asdict(made)["scopes"] == {Scope.READ}
    assert store.find_key(opened, secret[:-1] + ("A" if secret[-1] != "A" else "B")) is None
    assert store.find_key(opened, "' OR 1=1 --") is None


def test_two_keys_differ_and_a_revoked_one_is_not_found(opened):
    assert not store.any_key(opened)
    (first, secret), (_, other) = (store.add_key(opened, "same name") for _ in range(2))
    assert secret != other
    revoked = store.revoke_key(opened, first.key_id)
    assert revoked.revoked_at is not None
    assert store.revoke_key(opened, first.key_id).revoked_at == revoked.revoked_at
    assert store.find_key(opened, secret) is None
    assert store.find_key(opened, other) is not None
    assert store.any_key(opened, valid=True)
    with pytest.raises(StoreError, match="There is no key 'x'"):
        store.revoke_key(opened, "x")


def test_calls_count_in_a_moving_window(opened, monkeypatch):
    made, _ = store.add_key(opened, "eager")
    moment = 1000.0
    monkeypatch.setattr("core.store.api_keys.time.time", lambda: moment)
    assert [store.count_call(opened, made.key_id, most=2) for _ in range(3)] == [True, True, False]
    assert store.recent_calls(opened, made.key_id) == (1000.0, 2)
    moment = 1059.0
    assert not store.count_call(opened, made.key_id, most=2)
    moment = 1060.5
    assert store.count_call(opened, made.key_id, most=2)
    with opened.engine.connect() as connection:  # old calls are gone
        assert connection.execute(sa.select(sa.func.count()).select_from(api_calls)).scalar() == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": " "}, "1 to 60 characters"),
        ({"name": "x" * 61}, "1 to 60 characters"),
        ({"name": "a\x00b"}, "control characters"),
        ({"name": "a", "scopes": []}, "at least one scope"),
        ({"name": "a", "per_minute": 0}, "1 to 100,000 calls"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(opened, given, words):
    with pytest.raises(StoreError, match=words):
        store.add_key(opened, **given)
    assert not store.any_key(opened)


def test_only_analysts_make_and_see_keys(opened):
    other = opened.asked_by(lambda: Person(Role.THERAPIST, "a@x.org", True, setting=Setting.LOGIN))
    for ask in (
        lambda: store.add_key(other, "a"),
        lambda: store.list_keys(other),
        lambda: store.revoke_key(other, "a"),
    ):
        with pytest.raises(AccessError):
            ask()
