"""Limit and read what callers send: by size before it is read, by time while it arrives.

A file goes to a temporary file while it arrives. Its bytes are in memory only while the server works on it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from fastapi import Request
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.api.problems import (
    AGAIN_S,
    BAD_REQUEST,
    FULL,
    NOT_AUDIO,
    NOT_VALID,
    TOO_LARGE,
    TOO_SLOW,
    ApiError,
    problem_response,
)
from core.api.service import Service
from core.audio.decoding import TOO_LARGE as WAY_OUT
from core.settings import Settings

IN_MEMORY = 1_000_000  # bytes of a file that stay in memory while it arrives
OTHER_MB = 8.0  # largest body without audio
PAUSE_S = 20.0  # longest time without a byte
LEAST_RATE = 10_000  # bytes per second, on average after the first pause
ROOM = 100_000  # bytes for the headers of the parts of a form
MOST_FILES = 1000
ONE_FILE = ("/v1/clips", "/v1/features", "/v1/tracks")  # addresses that read one file with audio
_AUDIO = ("multipart/form-data", "audio/", "video/", "application/octet-stream", "application/ogg", "application/x-")


def largest_mb(path: str, settings: Settings) -> float:
    """Return the largest body that an address accepts, in MB."""
    if path.endswith("/v1/jobs"):
        return settings.max_held_mb / 2
    if path.endswith(ONE_FILE):
        return settings.max_upload_mb
    return OTHER_MB


def _way_out(path: str) -> str:
    """Return what to do about a body that is too large for this address."""
    if path.endswith("/v1/jobs"):
        return "Send fewer files at once, in several jobs."
    return WAY_OUT if path.endswith(ONE_FILE) else "Send less at once."


class _RefusedError(Exception):
    """The body is not read any further."""


class LimitBodies:
    """Refuse a body that is too large or too slow, in words, and count what all callers are sending."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(scope, receive, self.service)
        try:
            body.check_announced()
            await self.app(scope, body.receive, body.sending(send))
        except (_RefusedError, ExceptionGroup):
            if body.refusal is None:
                raise
        finally:
            self.service.arriving -= body.counted
            scope["state"]["bytes"] = body.arrived
        if body.refusal is not None and not body.answered:
            await body.refusal(scope, receive, send)


class _Body:
    """The body of one request while it arrives."""

    def __init__(self, scope: Scope, receive: Receive, service: Service) -> None:
        self.scope, self._receive, self.service = scope, receive, service
        self.most = largest_mb(scope["path"], service.settings) * 1e6 + ROOM
        self.arrived = self.counted = 0
        self.complete = self.answered = False
        self.refusal: Response | None = None
        self.began = time.monotonic()

    def check_announced(self) -> None:
        """Refuse by the announced size, before a byte is read."""
        announced = Headers(scope=self.scope).get("content-length", "0")
        if announced.isdigit() and int(announced) > self.most:
            self._refuse_size()

    async def receive(self) -> Message:
        """Return the next part of the body."""
        if self.complete:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), PAUSE_S)
        except TimeoutError:
            self._refuse(ApiError(TOO_SLOW, f"Nothing arrived for {PAUSE_S:.0f} seconds. Send the request again."))
        if message["type"] != "http.request":
            return message
        self.complete = not message.get("more_body", False)
        size = len(message.get("body", b""))
        self.arrived += size
        self.counted += size
        self.service.arriving += size
        if self.arrived > self.most:
            self._refuse_size()
        spent_s = time.monotonic() - self.began
        if not self.complete and spent_s > PAUSE_S and self.arrived < LEAST_RATE * (spent_s - PAUSE_S):
            self._refuse(ApiError(TOO_SLOW, "The body arrives too slowly. Send it again over a faster connection."))
        if self.service.arriving > self.service.settings.max_held_mb * 1e6:
            sentence = "The server receives too many files at the moment. Try again in a few seconds."
            self._refuse(ApiError(FULL, sentence, retry_after_s=AGAIN_S))
        return message

    def sending(self, send: Send) -> Callable[[Message], Awaitable[None]]:
        """Return a function that sends the answer of the app, unless the body was refused."""

        async def sent(message: Message) -> None:
            if self.refusal is None:
                self.answered = True
                await send(message)

        return sent

    def _refuse_size(self) -> None:
        mb, way_out = (self.most - ROOM) / 1e6, _way_out(self.scope["path"])
        self._refuse(ApiError(TOO_LARGE, f"The body is larger than {mb:,.0f} MB, the limit of this address. {way_out}"))

    def _refuse(self, error: ApiError) -> None:
        state = self.scope["state"]
        state["problem"] = error.kind.name
        self.refusal = problem_response(
            error.kind, error.detail, request_id=state["request_id"], retry_after_s=error.retry_after_s
        )
        self.refusal.headers["Connection"] = "close"  # the rest of the body is not read
        raise _RefusedError


@dataclass(eq=False)
class SentFile:
    """A file that a caller sent. name : as the caller gave it, not checked."""

    name: str
    file: IO[bytes]

    def read(self) -> bytes:
        """Return the whole content."""
        self.file.seek(0)
        return self.file.read()


async def one_file(request: Request, *, name: str = "") -> SentFile:
    """Read the one audio file of a request: the field ``file`` of a form, or the whole body.

    name : name of the file, if the body is the file.
    """
    if _kind(request) != "multipart/form-data":
        return await _whole_body(request, name or "clip")
    files = await _form_files(request, "file")
    if len(files) != 1:
        raise ApiError(NOT_VALID, f"The form must have exactly one file in the field 'file'; it has {len(files)}.")
    return files[0]


async def many_files(request: Request) -> list[SentFile]:
    """Read the files of a form, from the field ``files``."""
    files = await _form_files(request, "files")
    if not files:
        raise ApiError(NOT_VALID, "The form has no file in the field 'files'. Add at least one.")
    return files


def _kind(request: Request) -> str:
    """Return the media type of the body. Raises ApiError when audio cannot be of this type."""
    kind = request.headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
    if not kind.startswith(_AUDIO) or kind == "application/x-www-form-urlencoded":
        raise ApiError(
            NOT_AUDIO,
            "Send the audio as the field 'file' of multipart/form-data, or as the body with the type audio/* or "
            "application/octet-stream.",
        )
    return kind


async def _whole_body(request: Request, name: str) -> SentFile:
    spooled = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  (closed when the request is forgotten)
    async for part in request.stream():
        spooled.write(part)
    return SentFile(name, spooled)


async def _form_files(request: Request, field: str) -> list[SentFile]:
    try:
        form: Any = await request.form(max_files=MOST_FILES, max_fields=20)
    except MultiPartException as error:
        raise ApiError(BAD_REQUEST, f"The form cannot be read: {error.message}") from error
    found = form.getlist(field)
    return [SentFile(one.filename or "clip", one.file) for one in found if isinstance(one, UploadFile)]
