"""Describe the API as an OpenAPI document. ``python -m core.api.openapi`` prints it."""

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from core.api.problems import KINDS, MEDIA_TYPE, Problem
from core.api.shapes import JobBody

PROBLEM = {"$ref": "#/components/schemas/Problem"}
ALWAYS = (400, 401, 403, 408, 413, 422, 429, 503)  # every address may answer with these
ABOUT = """\
Which emotion does a piece of Turkish music carry, how sure is the model, and why?

Send a key in the header `Authorization: Bearer KEY`. Every error is a `problem+json` (RFC 9457) with a type that never
changes. Each answer has the header `X-Request-ID`; send your own to find your request in the log of the server.
"""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of the problems that an address may answer with."""
    described: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*ALWAYS, *statuses}):
        kinds = [kind for kind in KINDS if kind.status == status]
        described[status] = {
            "description": " ".join(f"{kind.title} (`{kind.type}`)" for kind in kinds),
            "content": {MEDIA_TYPE: {"schema": PROBLEM}},
        }
        if status in (429, 503):
            seconds = {"description": "Seconds until the request may succeed.", "schema": {"type": "integer"}}
            described[status]["headers"] = {"Retry-After": seconds}
    return described


def audio_body(field: str = "file", *, many: bool = False) -> dict[str, Any]:
    """Return the description of a body with audio. FastAPI cannot describe a body that is a form or the file itself."""
    binary = {"type": "string", "format": "binary"}
    value = {"type": "array", "items": binary, "minItems": 1} if many else binary
    form = {"schema": {"type": "object", "required": [field], "properties": {field: value}}}
    whole = {} if many else {"application/octet-stream": {"schema": binary}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": form, **whole}}}


def install(app: FastAPI) -> None:
    """Let the app describe itself with the type of its errors."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
            schemas = document["components"]["schemas"]
            schemas |= {"Problem": Problem.model_json_schema(), "JobBody": JobBody.model_json_schema()}
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def text() -> str:
    """Return the document as it is in the repository."""
    from core.api.app import create

    return json.dumps(create().openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(text(), end="")
