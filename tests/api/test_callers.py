"""Who may call: keys, roles, scopes, rates, and the machine itself while there is no key."""

import pytest
from starlette.testclient import TestClient

from core import store
from core.access import Role
from core.api.app import create
from core.library import launching
from core.settings import Settings
from core.store import Scope

FEEDBACK = {"clip_id": "x", "emotion": "sad"}
ASKED = [  # method, address, body, least role, scope
    ("POST", "/v1/clips", None, Role.VISITOR, Scope.SCORE),
    ("POST", "/v1/features", None, Role.VISITOR, Scope.SCORE),
    ("POST", "/v1/tracks", None, Role.VISITOR, Scope.SCORE),
    ("GET", "/v1/clips/0a", None, Role.VISITOR, Scope.SCORE),
    ("GET", "/v1/model", None, Role.VISITOR, Scope.READ),
    ("GET", "/v2", None, Role.VISITOR, Scope.READ),
    ("POST", "/v1/feedback", FEEDBACK, Role.VISITOR, Scope.FEEDBACK),
    ("GET", "/v1/pieces", None, Role.THERAPIST, Scope.READ),
    ("POST", "/v1/playlists", {"mood": "sad"}, Role.THERAPIST, Scope.READ),
    ("GET", "/v1/jobs/7", None, Role.THERAPIST, Scope.SCORE),
    ("DELETE", "/v1/jobs/7", None, Role.THERAPIST, Scope.SCORE),
    ("POST", "/v1/jobs", {"folder": "none"}, Role.THERAPIST, Scope.SCORE),
]


def asked(api, method, address, body, headers):
    more = {"Idempotency-Key": "0123456789"} if "feedback" in address else {}
    return api.client.request(method, address, json=body, headers=headers | more)


@pytest.mark.parametrize(("method", "address", "body", "least", "scope"), ASKED, ids=lambda one: str(one))
def test_roles_and_scopes_decide(api, method, address, body, least, scope):
    for role in Role:
        answer = asked(api, method, address, body, api.headers(f"role {role.word}", role))
        assert (answer.status_code == 403) == (role < least), (role, answer.text)
        if role < least:
            assert f"It needs the role of a {least.word}" in answer.json()["detail"]
    others = tuple(one for one in Scope if one != scope)
    answer = asked(api, method, address, body, api.headers("narrow", Role.ANALYST, others))
    assert answer.status_code == 403
    assert f"this address is for {scope}" in answer.json()["detail"]


def test_every_address_needs_a_key_once_there_is_one(api):
    api.key()
    document = api.client.get("/openapi.json").json()
    free = {"/live", "/ready", "/v2/health/live", "/v2/health/ready"}
    tried = 0
    for address, methods in document["paths"].items():
        if address in free:
            continue
        for method in methods:
            for headers in ({}, {"Authorization": "Bearer tme_000000000000_" + "A" * 43}, {"Authorization": "Basic x"}):
                path = address.replace("{job_id}", "1").replace("{", "").replace("}", "")
                answer = api.client.request(method, path, headers=headers)
                # bodies and headers of the wrong form may be noticed first
                assert answer.status_code in (401, 422), (method, address, answer.text)
                tried += answer.status_code == 401
                if answer.status_code == 401:
                    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert tried > 30


def test_a_key_that_is_revoked_is_refused_from_the_next_call_on(api, wav):
    made, secret = store.add_key(api.opened, "lost tablet", per_minute=100)
    headers = {"Authorization": f"Bearer {secret}"}
    said = api.client.post("/v1/clips", content=wav, headers=headers).json()
    store.revoke_key(api.opened, made.key_id)
    answer = api.client.get(f"/v1/clips/{said['clip_id']}", headers=headers)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (401, "key")


def test_two_workers_count_the_calls_of_a_key_together(api):
    made, secret = store.add_key(api.opened, "eager", role=Role.ANALYST, per_minute=3)
    second = TestClient(create(api.service.settings), base_url="http://127.0.0.1")  # another worker, same database
    headers = {"Authorization": f"Bearer {secret}"}
    got = [client.get("/v2", headers=headers) for client in (api.client, second, api.client, second, api.client)]
    assert [answer.status_code for answer in got] == [200, 200, 200, 429, 429]
    assert 1 <= int(got[-1].headers["Retry-After"]) <= 60
    assert "3 times a minute" in got[-1].json()["detail"]
    (known,) = [key for key in store.list_keys(api.opened) if key.key_id == made.key_id]
    assert known.used_at is not None


@pytest.fixture
def without_keys(tmp_path):
    """An API whose database has no key; its model is not loaded."""
    return create(Settings(data_dir=tmp_path))


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        (("192.168.1.7", 5000), {}),
        (("127.0.0.1", 5000), {"Host": "music.example.org"}),
        (("127.0.0.1", 5000), {"X-Forwarded-For": "192.168.1.7"}),
        (("127.0.0.1", 5000), {"Forwarded": "for=192.168.1.7"}),
        (("127.0.0.1", 5000), {"Origin": "https://evil.example.org"}),
        (("127.0.0.1", 5000), {"Origin": "null"}),
    ],
)
def test_without_a_key_only_programs_of_this_machine_are_answered(without_keys, client, headers):
    caller = TestClient(without_keys, base_url="http://127.0.0.1", client=client)
    answer = caller.get("/v2", headers=headers)
    assert answer.status_code == 401
    assert "python -m core keys add" in answer.json()["detail"]
    here = TestClient(without_keys, base_url="http://127.0.0.1", client=("127.0.0.1", 5000))
    assert here.get("/v2").status_code == 200
    assert here.get("/v2", headers={"Origin": "http://localhost:3000"}).status_code == 200


def test_after_the_first_key_this_machine_needs_one_too_even_if_it_was_revoked(without_keys):
    here = TestClient(without_keys, base_url="http://127.0.0.1", client=("127.0.0.1", 5000))
    assert here.get("/v2").status_code == 200
    opened = without_keys.state.service.store()
    made, _ = store.add_key(opened, "first")
    assert here.get("/v2").status_code == 401
    store.revoke_key(opened, made.key_id)
    assert here.get("/v2").status_code == 401


@pytest.mark.parametrize(("said", "status"), [({}, 403), ({"shared": False}, 202), ({"shared": True}, 403)])
def test_a_caller_with_a_key_names_only_places_that_the_server_allows(tmp_path, monkeypatch, said, status):
    """Without TME_LIBRARY_DIR, too: a key is for other machines, unless TME_SHARED says otherwise."""
    music = tmp_path / "music"
    music.mkdir()
    app = create(Settings(data_dir=tmp_path / "data", **said))
    app.state.service.ready = True
    opened = app.state.service.store()
    _, secret = store.add_key(opened, "ward", role=Role.ANALYST)
    launched = []

    def launch(asked, name, command, *, settings, message):
        launched.append(command)
        job = store.start_job(asked, name, message=message)
        return store.finish_job(opened, job.job_id, message="Done.")

    monkeypatch.setattr(launching.jobs, "launch", launch)
    caller = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 5000))
    answer = caller.post("/v1/jobs", json={"folder": str(music)}, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == status, answer.text
    assert len(launched) == (status == 202)


def test_a_key_without_the_word_bearer_is_an_error_with_the_remedy(api):
    answer = api.client.get("/v1/model", headers={"Authorization": api.key()})
    assert answer.status_code == 401
    assert "must begin with the word Bearer" in answer.json()["detail"]
