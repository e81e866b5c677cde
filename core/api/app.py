"""The API as one application: routes, errors, limits, log, and what happens at the start and the end."""

import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.applications import Starlette

from core.api import logs, openapi, problems
from core.api.bodies import LimitBodies
from core.api.routes import (
    clips,
    features,
    feedback,
    health,
    inference,
    jobs,
    metrics,
    model,
    pieces,
    playlists,
    tracks,
)
from core.api.service import Service
from core.settings import Settings

TITLE = "Turkish Music Emotion"
VERSION = "1.0.0"  # of the API, not of the program: its first number changes when a client could break


def create(settings: Settings | None = None) -> FastAPI:
    """Return the application. It loads the model in the background, and ``/ready`` says when it is loaded."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with running(app):
            yield

    # The pages of FastAPI that show the document load scripts from another server: they are off.
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_name,
    )
    app.state.service = service = Service(settings or Settings())
    app.add_middleware(LimitBodies, service=service)
    app.add_middleware(logs.LogRequests)
    problems.install(app)
    openapi.install(app)
    rooms = (health, metrics, clips, features, model, tracks, jobs, pieces, playlists, feedback, inference)
    app.state.addresses = [route for room in rooms for route in room.router.routes]
    for room in rooms:
        app.include_router(room.router)
    return app


def _name(route: APIRoute) -> str:
    """Return the name of an address for generated clients."""
    return route.name


def for_server() -> FastAPI:
    """Return the application for a process of its own, which writes its log as lines of JSON."""
    logs.install()
    return create()


@contextmanager
def running(app: Starlette) -> Iterator[None]:
    """Load the model when the server starts. When it is asked to stop, refuse work that has not begun."""
    service: Service = app.state.service
    threading.Thread(target=service.start, name="start of the API", daemon=True).start()
    try:
        with _noticing_sigterm(service):
            yield
    finally:
        service.stopping = True
        service.close()


@contextmanager
def _noticing_sigterm(service: Service) -> Iterator[None]:
    """Note a signal that ends the server at once. The server itself waits until the last answer is sent."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}

    def note(number: int, frame: FrameType | None) -> None:
        service.stopping = True
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in numbers:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])
