"""Note each download of the pages as an event, when the browser fetches the file.

Streamlit does not say that a person pressed a download button, but each download is fetched from an address of its own.
Its script also fetches the file of each button when a page is drawn, to see whether it is there. A script accepts any
answer. For a press, browsers accept what they accept for a link, or say nothing about it.
"""

import asyncio
import logging
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import get_instance
from streamlit.runtime.media_file_storage import MediaFileKind, MediaFileStorageError

from core.errors import CoreError
from pages.shared import cached

_LOG = logging.getLogger(__name__)


class NoteDownloads:
    """Note the downloads that were sent whole."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_press(scope):
            await self.app(scope, receive, send)
            return
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self.app(scope, receive, sending)
        if status == 200:  # 206 is a part of a sound that is played
            await asyncio.to_thread(note_download, PurePosixPath(scope["path"]).name, _page(scope))


def _is_press(scope: Scope) -> bool:
    """Whether a person follows the address of a file that a page made."""
    made = "/media/" in scope["path"] and "/static/" not in scope["path"]
    return scope["method"] == "GET" and made and Headers(scope=scope).get("accept") != "*/*"


def _page(scope: Scope) -> str:
    """The page on which the button was, as in its address."""
    return PurePosixPath(urlsplit(Headers(scope=scope).get("referer", "")).path).name


def note_download(name: str, page: str) -> None:
    """Note a file that was fetched, if it is a download and not a sound or a picture of a page.

    name : last part of the file's address.  page : where the button was.
    """
    from core.store import Event, EventKind, Way, record_events  # Home must not load it

    try:
        # Streamlit has no public way to ask what kind a file is; tests/browser/test_journeys.py notices a change.
        file = get_instance().media_file_mgr._storage.get_file(name)  # type: ignore[attr-defined]
        if file.kind == MediaFileKind.DOWNLOADABLE:
            way = Way(page) if page in set(Way) else Way.PAGE
            what = PurePosixPath(file.filename or name).suffix.lstrip(".")
            record_events(
                cached.open_database(),
                Event(EventKind.EXPORTED, way, value=len(file.content), about={"what": what}),
            )
    except (CoreError, MediaFileStorageError) as error:
        _LOG.warning("A download was not noted: %s", error)
