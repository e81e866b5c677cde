"""Limits of the whole server, beside those of each page: memory of uploads, and the cache that all sessions share.

Streamlit keeps each uploaded file on the disk while it arrives, and in memory while its session lasts. It limits only
the size of one file, and has no setting for the sum. Some of its functions are therefore replaced when the server
starts. ``tests/pages/test_limits.py`` fails when a new version of Streamlit changes them.
"""

import asyncio
import ctypes
import gc
import sys
import weakref
from collections import Counter
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import exists, get_instance
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from core.settings import Settings

FREED_AFTER_S = 125  # Streamlit keeps a session for 120 s after its page was closed, in case it comes back
OF_A_FILE = 10_000  # bytes that count for each file: its name, its kind, and what Python needs
ARENA_MAX, ARENAS = -8, 2  # the option M_ARENA_MAX of malloc.h, and its value
LONGEST_ID = 100  # characters of the identifier of a file; Streamlit's own have 36
_ADDRESS = "/_stcore/upload_file/"  # of uploads; the identifiers of session and file follow
_arriving: Counter[str] = Counter()  # bytes of uploads that are not complete, by session
_add_file = MemoryUploadedFileManager.add_file
_save_session = MemorySessionStorage.save


def install() -> None:
    """Set the limits for this server. Calling it again changes nothing."""
    MemoryUploadedFileManager.add_file = _add_within_limits  # type: ignore[method-assign]
    MemorySessionStorage.save = _save_and_free  # type: ignore[method-assign]
    AppSession._handle_clear_cache_request = _clear_own_session  # type: ignore[method-assign]


def refusal(held_mb: float, server_mb: float, new_mb: float) -> str:
    """Return why a file of new_mb MB cannot be held now; "" if it can. held_mb : uploads of this session."""
    limit = Settings().max_held_mb
    if held_mb + new_mb > limit / 2:
        return (
            f"Your uploads would have {held_mb + new_mb:,.0f} MB; a visitor may have {limit / 2:,.0f} MB at a time. "
            "Remove files from the upload field, or reload the page."
        )
    if server_mb + new_mb > limit:
        return "The server holds too many uploads at the moment. Try again in a few minutes."
    return ""


def _add_within_limits(self: MemoryUploadedFileManager, session_id: str, file: UploadedFileRec) -> None:
    """Add a file of a session, unless it is too large for what the session or the server may hold."""
    if len(file.file_id) > LONGEST_ID:
        raise HTTPException(status_code=400, detail="The address of this upload is too long. Reload the page.")
    held, server = _held(self, session_id, without=file.file_id)
    if why := refusal(held / 1e6, server / 1e6, (len(file.data) + OF_A_FILE) / 1e6):
        raise HTTPException(status_code=413, detail=why)
    _add_file(self, session_id, file)


def _held(uploads: MemoryUploadedFileManager, session_id: str, *, without: str = "") -> tuple[int, int]:
    """Bytes of complete uploads: of a session, and of all. without : a file of the session that is replaced."""
    with uploads._lock:
        own = uploads.file_storage.get(session_id, {})
        held = sum(len(known.data) + OF_A_FILE for name, known in own.items() if name != without)
        return held, uploads._total_bytes + OF_A_FILE * uploads._file_count


class CountArriving:
    """Stop an upload with status 413 when it and all others that arrive at the same time are too large."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _ADDRESS not in scope["path"]:
            await self.app(scope, receive, send)
            return
        session_id = scope["path"].rpartition(_ADDRESS)[2].partition("/")[0]
        counted = 0

        async def counting() -> Message:
            nonlocal counted
            message = await receive()
            new = len(message.get("body", b""))
            counted += new
            _arriving[session_id] += new
            held, server = _held(get_instance().uploaded_file_mgr, session_id)  # type: ignore[arg-type]
            arriving = _arriving[session_id], _arriving.total()
            if new and (why := refusal((held + arriving[0]) / 1e6, (server + arriving[1]) / 1e6, 0.0)):
                raise HTTPException(status_code=413, detail=why)
            return message

        try:
            await self.app(scope, counting, send)
        finally:
            _arriving[session_id] -= counted
            if not _arriving[session_id]:
                del _arriving[session_id]


class HideFigures:
    """Refuse the figures of the server with status 404. Streamlit shows everybody its sessions and our functions."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hidden = scope["type"] == "http" and "/_stcore/metrics" in scope["path"]
        await (PlainTextResponse("Not found", 404) if hidden else self.app)(scope, receive, send)


def _save_and_free(self: MemorySessionStorage, session_info: Any) -> None:
    """Store a session whose page was closed, and free its files when its time is over.

    Streamlit forgets such sessions only when the next page is closed.
    """
    _save_session(self, session_info)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # called by a log-out, outside the server's loop: the next closed page frees the files
        return
    loop.call_later(FREED_AFTER_S, _free, self, weakref.ref(session_info.session))


def _free(storage: MemorySessionStorage, closed: "weakref.ref[AppSession]") -> None:
    """Free the files of a session, unless its visitor came back, and give the memory back to the system."""
    len(storage._cache)  # removes the sessions whose time is over
    session = closed()
    if session is not None and session.id not in storage._cache and not _is_open(session.id):
        session.shutdown()  # Streamlit's loop refers to the session that it served last until another page is opened
    del session
    gc.collect()  # a session refers to itself
    give_memory_back()


def _is_open(session_id: str) -> bool:
    return exists() and get_instance().is_active_session(session_id)


def give_memory_back() -> None:
    """Give freed memory back to the system. The C library of Linux keeps it after the first large files."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None:
        trim(0)


def few_arenas() -> None:
    """Let the C library of Linux use two arenas of memory. By default each thread can get one, which never shrinks."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None:
        mallopt(ARENA_MAX, ARENAS)


def _clear_own_session(self: AppSession) -> None:
    """Clear the state of the visitor who asks. Streamlit would also clear the cache of all other visitors."""
    self._session_state.clear()
