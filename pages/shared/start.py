"""What the server does before it says that it is ready: load everything, and work through a synthetic clip once.

The first person then waits no longer than the next ones. Who comes earlier sees what the server is doing.
"""

import gc
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import streamlit as st
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from core.settings import Settings
from pages.shared import limits

ADDRESS = "/ready"
LOOK_S = 0.5  # between two looks of a page that waits
_LOG = logging.getLogger(__name__)


class Start:
    """The start of this server: its steps run in a thread of their own.

    doing : what the server does now, as part of a sentence; the last step when the start is over. It is not
    emptied then, because another thread may be about to say it.
    """

    def __init__(self) -> None:
        self.doing = ""
        self._over = threading.Event()
        self._over.set()

    def begin(self, steps: dict[str, Callable[[], None]]) -> None:
        """Do the steps. One that fails is logged, and ends the start: the page that needs it shows the reason."""
        self.doing = next(iter(steps), "")
        self._over.clear()
        threading.Thread(target=self._run, args=(steps,), name="start", daemon=True).start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the start is over, or so many seconds. Returns whether it is over."""
        return self._over.wait(seconds)

    def _run(self, steps: dict[str, Callable[[], None]]) -> None:
        began_s = time.monotonic()
        try:
            for doing, step in steps.items():
                self.doing = doing
                step()
            print(f"The dashboard is ready after {time.monotonic() - began_s:.1f} s.", flush=True)
        except Exception:
            _LOG.exception("The server could not prepare itself (%s); it does so when somebody asks.", self.doing)
        finally:
            settle()
            self._over.set()


START = Start()


def steps() -> dict[str, Callable[[], None]]:
    """What the server does before it is ready."""
    from pages.shared import first_clip, first_library

    return {
        "loads the model": first_clip.load_model,
        "starts the decoder and the compiled code": first_clip.load_kernels,
        "opens the database": first_clip.open_database,
        "reads the library and the answers": first_library.read_large_store,
        "works through a first clip": first_clip.work_through,
    }


def settle() -> None:
    """Put all that is loaded now outside the search for garbage: it stays until the server ends.

    Streamlit would look through it after each run of a page: 30 % of all time with twenty people.
    """
    gc.collect()
    gc.freeze()
    limits.give_memory_back()


def wait() -> None:
    """Show what the server is doing until it is ready."""
    if START.wait(0):
        return
    place = st.empty()
    while not START.wait(LOOK_S):
        place.info(f"The server has just started. It {START.doing} …", icon=":material/hourglass:")
    place.empty()


@asynccontextmanager
async def lifespan(_app: object, also: dict[str, Callable[[], None]] | None = None) -> AsyncIterator[None]:
    """Prepare the server while it starts, unless TME_WARM_UP is false. also : further steps, which come last."""
    limits.few_arenas()
    if Settings().warm_up:
        START.begin(steps() | (also or {}))
    yield


class Ready:
    """Answer the address `/ready`: status 200 when the server is ready, else 503 and what it is doing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != ADDRESS:
            await self.app(scope, receive, send)
        elif START.wait(0):
            await PlainTextResponse("ready")(scope, receive, send)
        else:
            await PlainTextResponse(f"The server {START.doing}.", 503, {"Retry-After": "2"})(scope, receive, send)
