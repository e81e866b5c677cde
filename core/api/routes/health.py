"""Health: is the process alive, and can it answer?"""

import asyncio

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from core.api.work import service_of
from core.errors import CoreError
from core.store import any_key

ANSWERS_WITHIN_S = 3.0
router = APIRouter(tags=["health"])


class Live(BaseModel):
    """The process is alive."""

    live: bool = True


class Ready(BaseModel):
    """Whether the server can answer, and what is missing if it cannot."""

    ready: bool
    model: bool
    store: bool
    detail: str = ""


@router.get("/live", summary="Is the process alive?")
async def live() -> Live:
    """Say that the process is alive. It needs neither the model nor the database."""
    return Live()


@router.get("/ready", summary="Can the server answer?", response_model=Ready, responses={503: {"model": Ready}})
async def ready(request: Request) -> Response:
    """Say whether the model is loaded, the numerical code is compiled and the database answers."""
    found = await readiness(request)
    headers = {} if found.ready else {"Retry-After": "2"}
    return JSONResponse(found.model_dump(), status_code=200 if found.ready else 503, headers=headers)


async def readiness(request: Request) -> Ready:
    """Return what is ready."""
    service = service_of(request)
    problem = await _store_problem(request)
    model = service.ready and not service.stopping
    return Ready(
        ready=model and not problem,
        model=model,
        store=not problem,
        detail=problem or service.fault or ("" if model else "The server stops." if service.stopping else "Starting."),
    )


async def _store_problem(request: Request) -> str:
    """Return why the database does not answer; empty when it does."""
    service = service_of(request)

    def ask() -> str:
        try:
            any_key(service.store().for_program())
        except CoreError as error:
            return str(error)
        return ""

    try:
        return await asyncio.wait_for(asyncio.to_thread(ask), ANSWERS_WITHIN_S)
    except TimeoutError:
        return "The database does not answer in time."
