"""Errors of the API as ``application/problem+json`` (RFC 9457), with a type that never changes for each kind of error.

The detail is the sentence that pages show for the same error.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from core.access import AccessError
from core.allowed_places import RefusedPlaceError
from core.errors import (
    AudioError,
    CoreError,
    DecoderError,
    JobRunningError,
    ModelError,
    NotAudioError,
    QueueFull,
    SentTwiceError,
    StoreDownError,
    StoreError,
    TableError,
    WorkerDied,
)

MEDIA_TYPE = "application/problem+json"
AGAIN_S = 5  # Retry-After of what may succeed soon


@dataclass(frozen=True)
class Kind:
    """A kind of problem. name : the last part of its type.  status : HTTP status.  title : the kind in words."""

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        return f"urn:turkish-music-emotion:problem:{self.name}"


BAD_REQUEST = Kind("bad-request", 400, "The request cannot be read.")
NO_KEY = Kind("key", 401, "The key is missing or not valid.")
NO_RIGHT = Kind("right", 403, "The caller may not do this.")
NOT_FOUND = Kind("not-found", 404, "There is nothing at this address for this caller.")
WRONG_METHOD = Kind("method", 405, "This address does not answer this method.")
TOO_SLOW = Kind("slow-body", 408, "The body arrived too slowly.")
CONFLICT = Kind("conflict", 409, "The request contradicts what is stored or running.")
TOO_LARGE = Kind("too-large", 413, "The body is larger than the server accepts.")
NOT_AUDIO = Kind("not-audio", 415, "This is not audio that the server reads.")
UNUSABLE = Kind("audio", 422, "The audio cannot be used.")
CRASHES = Kind("decoder", 422, "The decoder crashes on this file.")
NOT_VALID = Kind("not-valid", 422, "A value of the request cannot be used.")
TOO_OFTEN = Kind("rate", 429, "The key was used too often.")
FAULT = Kind("fault", 500, "The program failed.")
FULL = Kind("queue-full", 503, "Too much work waits.")
STOPPING = Kind("stopping", 503, "The server stops or is not ready yet.")
NO_MODEL = Kind("model", 503, "No model can be used.")
NO_STORE = Kind("store", 503, "The database does not answer.")
KINDS = tuple(value for value in list(globals().values()) if isinstance(value, Kind))

_OF_ERROR: tuple[tuple[type[CoreError], Kind], ...] = (  # the first class that fits counts
    (AccessError, NO_RIGHT),
    (RefusedPlaceError, NO_RIGHT),
    (NotAudioError, NOT_AUDIO),
    (DecoderError, CRASHES),
    (AudioError, UNUSABLE),
    (QueueFull, FULL),
    (WorkerDied, FULL),
    (StoreDownError, NO_STORE),
    (SentTwiceError, CONFLICT),
    (JobRunningError, CONFLICT),
    (StoreError, NOT_VALID),
    (ModelError, NO_MODEL),
    (TableError, NOT_VALID),
    (CoreError, NOT_VALID),
)
_OF_STATUS = {400: BAD_REQUEST, 404: NOT_FOUND, 405: WRONG_METHOD, 413: TOO_LARGE, 415: NOT_AUDIO}


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = Field(description="Names the kind of error; it never changes.")
    title: str = Field(description="The kind of error in words.")
    status: int
    detail: str = Field(description="What is wrong here, and what to do about it.")
    request_id: str = Field(description="The X-Request-ID of this request, which the log of the server holds, too.")
    error: str = Field(description="The same as detail, where the Open Inference Protocol looks for it.")


class ApiError(Exception):
    """An error of a request. retry_after_s : when to try again; None if that does not help."""

    def __init__(self, kind: Kind, detail: str, *, retry_after_s: float | None = None) -> None:
        self.kind, self.detail, self.retry_after_s = kind, detail, retry_after_s
        super().__init__(detail)


def problem_response(kind: Kind, detail: str, *, request_id: str, retry_after_s: float | None = None) -> Response:
    """Return the answer for a problem."""
    headers = {} if retry_after_s is None else {"Retry-After": str(max(1, math.ceil(retry_after_s)))}
    if kind is NO_KEY:
        headers["WWW-Authenticate"] = "Bearer"
    content = Problem(
        type=kind.type, title=kind.title, status=kind.status, detail=detail, request_id=request_id, error=detail
    )
    return JSONResponse(content.model_dump(), status_code=kind.status, headers=headers, media_type=MEDIA_TYPE)


def of_core_error(error: CoreError) -> ApiError:
    """Return the error of the request for an error of the program."""
    kind = next(kind for known, kind in _OF_ERROR if isinstance(error, known))
    wait_s = error.retry_after_s if isinstance(error, QueueFull) else AGAIN_S if kind.status == 503 else None
    return ApiError(kind, str(error), retry_after_s=wait_s)


def install(app: FastAPI) -> None:
    """Let the app answer every error as a problem."""

    def answer(request: Request, error: ApiError) -> Response:
        request.state.problem = error.kind.name
        return problem_response(
            error.kind, error.detail, request_id=request.state.request_id, retry_after_s=error.retry_after_s
        )

    @app.exception_handler(ApiError)
    async def _api(request: Request, error: ApiError) -> Response:
        return answer(request, error)

    @app.exception_handler(CoreError)
    async def _core(request: Request, error: CoreError) -> Response:
        return answer(request, of_core_error(error))

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> Response:
        return answer(request, ApiError(NOT_VALID, first_mistake(error.errors())))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400 and error.detail == _FASTAPI_CANNOT_PARSE:
            return answer(request, ApiError(NOT_VALID, NO_JSON))
        kind = _OF_STATUS.get(error.status_code, BAD_REQUEST)
        found = answer(request, ApiError(kind, _SENTENCES.get(kind, str(error.detail))))
        found.headers.update(error.headers or {})
        if kind is WRONG_METHOD:
            found.headers["Allow"] = ", ".join(_methods(request))
        return found


def _methods(request: Request) -> list[str]:
    """Return the methods that this address answers."""
    addresses: list[APIRoute] = request.app.state.addresses
    routes = [route for route in addresses if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in routes for method in route.methods or ()})


_SENTENCES = {
    NOT_FOUND: "There is nothing at this address. The addresses are listed at /openapi.json of this API.",
    WRONG_METHOD: "This address does not answer this method. The addresses are listed at /openapi.json of this API.",
}


NO_JSON = "The body is not JSON that the server can read. Correct it and send the request again."
_FASTAPI_CANNOT_PARSE = "There was an error parsing the body"  # text that is no UTF-8, or lists in lists without end


def first_mistake(mistakes: Any) -> str:
    """Say which value is wrong and why. The value itself is not repeated: it may be long or private."""
    first: Mapping[str, Any] = next(iter(mistakes), {"loc": ("body",), "msg": "not valid"})
    if first.get("type") == "json_invalid":
        return NO_JSON
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path", "header"))
    why = str(first["msg"]).rstrip(".")
    return f"The value {place!r} cannot be used: {why}. Correct it and send the request again." if place else f"{why}."
