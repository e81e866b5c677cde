"""Compute in the line of the server, so that API and pages are served in order; leave it when the caller hangs up."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from core.api.problems import AGAIN_S, FULL, STOPPING, ApiError
from core.api.service import Service
from core.errors import QueueFull
from core.pipeline.noting import Asked
from core.pipeline.work_queue import Way
from core.store import Way as Came

T = TypeVar("T")
LOOK_S = 1.0  # between two looks whether the caller is still there; each costs time of the processor
STOPS = "The server stops. Nothing was stored. Try again in a few seconds."
STARTS = "The server loads the model and is ready in a few seconds. Try again then."


def service_of(request: Request) -> Service:
    """Return what all requests of this process share."""
    service: Service = request.app.state.service
    return service


def how_asked(request: Request, *, came_s: float | None = None) -> Asked:
    """Return how the clip of this request came, for the events. came_s : see ``Asked``."""
    return Asked(Came.API, request.state.request_id, came_s=came_s)


def room_to_work(request: Request) -> None:
    """Refuse a request before its body is read, while the line is full or the server is not ready."""
    service = service_of(request)
    if service.stopping or not service.ready:
        raise ApiError(STOPPING, STOPS if service.stopping else service.fault or STARTS, retry_after_s=AGAIN_S)
    queue = service.queue
    if (waiting := queue.waiting()) >= queue.most:
        full = QueueFull(retry_after_s=waiting / queue.workers / 2)
        raise ApiError(FULL, str(full), retry_after_s=full.retry_after_s)


async def in_line(request: Request, task: Callable[[], T], *, way: Way = Way.DECISION) -> T:
    """Do the task when its turn has come, and return its result.

    Raises
    ------
    QueueFull
        When too much work waits.
    ApiError
        When the server stops before the turn has come.
    """
    service, loop, over = service_of(request), asyncio.get_running_loop(), asyncio.Event()
    ticket = service.queue.submit(task, way=way)
    ticket.when_done(lambda: loop.call_soon_threadsafe(over.set))
    try:
        while not ticket.done():
            try:
                await asyncio.wait_for(over.wait(), LOOK_S)
            except TimeoutError:
                if await request.is_disconnected():
                    raise ClientDisconnect from None
                if service.stopping and ticket.place():
                    raise ApiError(STOPPING, STOPS, retry_after_s=AGAIN_S) from None
    finally:
        ticket.leave()  # has no effect on work that has begun or ended
    return ticket.result()
