"""One line of JSON for each request and for each entry of the log. No line holds audio, names of files or keys."""

import json
import logging
import re
import secrets
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import unexpected
from core.api.problems import FAULT, problem_response

HUNG_UP = 499  # status in the log when the caller did not wait for the answer
HEADER = "X-Request-ID"
_ASKED = re.compile(r"[A-Za-z0-9._-]{1,64}")
_current: ContextVar[str] = ContextVar("request_id", default="")
_LOG = logging.getLogger("core.api.requests")


class LogRequests:
    """Give each request an identifier, or use the one of the caller, and write a line when the answer is sent."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope).get(HEADER, "")
        request_id = asked if _ASKED.fullmatch(asked) else secrets.token_hex(8)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        token, started, status = _current.set(request_id), time.perf_counter(), HUNG_UP

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except ClientDisconnect:
            pass  # nobody waits for an answer
        except Exception as error:
            reference = unexpected.new_reference()
            _LOG.error("%s", unexpected.log_entry(error, reference))
            state["problem"] = FAULT.name
            if status == HUNG_UP:  # otherwise a part of an answer was sent, and nothing can follow
                sentence = unexpected.sentence(reference, log="the log of the server")
                await problem_response(FAULT, sentence, request_id=request_id)(scope, receive, sending)
        finally:
            route = scope.get("route")
            line = {
                "method": scope["method"],
                "route": getattr(route, "path", ""),  # the pattern: an address may name a clip or a piece
                "status": status,
                "seconds": round(time.perf_counter() - started, 4),
                "bytes": state.get("bytes", 0),
                "key": state.get("key_id", ""),
                "problem": state.get("problem", ""),
            }
            _LOG.info("request", extra={"line": line})
            _current.reset(token)


class JsonLines(logging.Formatter):
    """Write a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": _current.get(),
            "message": record.getMessage(),
            **getattr(record, "line", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = unexpected.log_entry(record.exc_info[1], "none")
        return json.dumps(line, ensure_ascii=False)


def install(name: str = "") -> None:
    """Write the log as lines of JSON to standard output. name : of one logger; by default all of this process."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    chosen = logging.getLogger(name)
    chosen.handlers[:] = [handler]
    chosen.setLevel(logging.INFO)
    chosen.propagate = False
    if name:
        return
    for server in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        known = logging.getLogger(server)
        known.handlers.clear()
        known.propagate = server != "uvicorn.access"
    for noisy in ("alembic", "httpx", "numba"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
