"""The REST API at the server of the dashboard, below /api, if TME_API is true."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from core.settings import Settings

ADDRESS = "/api"


@lru_cache(maxsize=1)
def _app() -> Starlette:
    from core.api import logs
    from core.api.app import create

    logs.install("core.api")
    return create()


def routes() -> list[BaseRoute]:
    """Return the addresses of the API for the server; none if it is off."""
    return [Mount(ADDRESS, app=_app())] if Settings().api else []


@asynccontextmanager
async def lifespan(_server: object) -> AsyncIterator[None]:
    """Run the API for the life of the server, if it is on."""
    if not Settings().api:
        yield
        return
    from core.api.app import running

    with running(_app()):
        yield
