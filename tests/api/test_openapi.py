"""The document of the API: committed, complete, and never less than what was promised."""

import json
from pathlib import Path

import hypothesis
import pytest
import schemathesis
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.access import Role
from core.api import openapi
from core.library import launching
from core.store import finish_job, start_job

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs" / "openapi.json"
PROMISED = ROOT / "tests" / "golden" / "api_1.txt"


def promises(document):
    """One line for each address, parameter, status and field that clients may rely on."""
    schemas = document["components"]["schemas"]

    def fields(schema, place, seen=()):
        name = schema.get("$ref", "").rpartition("/")[2]
        if name in seen:
            return
        schema = schemas[name] if name else schema
        for one in (
            *schema.get("anyOf", ()),
            *schema.get("oneOf", ()),
            *([schema["items"]] if "items" in schema else []),
        ):
            yield from fields(one, place, (*seen, name))
        for field, inner in schema.get("properties", {}).items():
            yield f"{place}.{field}"
            yield from fields(inner, f"{place}.{field}", (*seen, name))

    for address, methods in document["paths"].items():
        for method, operation in methods.items():
            start = f"{method.upper()} {address}"
            yield start
            for parameter in operation.get("parameters", ()):
                yield f"{start} {parameter['in']} {parameter['name']}"
            for kind, body in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{start} body {kind}"
                yield from fields(body["schema"], f"{start} body {kind}")
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    yield f"{start} {status} {kind}"
                    yield from fields(content.get("schema", {}), f"{start} {status} {kind}")


def test_the_committed_document_is_the_generated_one():
    """After a change: python -m core.api.openapi > docs/openapi.json"""
    assert DOCUMENT.read_text(encoding="utf-8") == openapi.text()


def test_nothing_that_was_promised_is_gone():
    """A new line may be added to the file of promises, never removed while the version begins with 1."""
    now = set(promises(json.loads(DOCUMENT.read_text(encoding="utf-8"))))
    promised = PROMISED.read_text(encoding="utf-8").splitlines()
    assert len(promised) > 300
    assert [line for line in promised if line not in now] == []


@pytest.mark.parametrize("field", ["margin", "decision"])
def test_a_removed_field_would_be_noticed(field):
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    del document["components"]["schemas"]["ClipAnswer"]["properties"][field]
    missing = set(PROMISED.read_text(encoding="utf-8").splitlines()) - set(promises(document))
    assert f"POST /v1/clips 200 application/json.{field}" in missing


def test_every_address_says_what_it_does_and_how_it_fails():
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    for address, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, address)
            assert operation["description"], (method, address)
            if address.startswith("/v1"):
                assert operation["security"] == [{"key": []}]
                assert {"401", "403", "413", "422", "429", "503"} <= operation["responses"].keys()


CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [
    (method.upper(), address)
    for address, methods in json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"].items()
    for method in methods
]


@pytest.mark.parametrize(("method", "address"), OPERATIONS)
def test_whatever_is_sent_gets_a_documented_answer(method, address, api, made_client, monkeypatch):
    def launch(opened, name, command, *, settings, message):
        job = start_job(opened, name, message=message)
        return finish_job(api.opened, job.job_id, message="Done.")

    monkeypatch.setattr(launching.jobs, "launch", launch)

    async def running(scope, receive, send):
        """The API, which must not start and stop for each request."""
        if scope["type"] == "http":
            await made_client.app(scope, receive, send)
            return
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})

    schema = schemathesis.openapi.from_asgi("/openapi.json", running)
    operation = schema[address][method]
    cases = operation.as_strategy(generation_mode=GenerationMode.POSITIVE) | operation.as_strategy(
        generation_mode=GenerationMode.NEGATIVE
    )
    headers = api.headers("anything", Role.ANALYST)

    @hypothesis.settings(
        max_examples=8,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    @hypothesis.given(case=cases)
    def send(case):
        case.call_and_validate(headers=headers, checks=CHECKS)

    send()
