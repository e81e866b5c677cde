"""Addresses of audio and downloads belong to one browser session when a login is configured.

Streamlit gives out a file to everybody who knows its address, and the address is a hash of the content. Here the server
remembers which browser opened each session, and refuses a file that none of the sessions of that browser shows now. A
browser is recognised by a cookie of our own together with the cookie of the login.
"""

import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared import login

COOKIE = "tme_browser"  # a random text; the same as long as the browser is open
LOGIN = "_streamlit_user"  # start of the names of Streamlit's login cookies
EXPIRES_S = 4 * 3600  # an address works this long after its page was last drawn


@dataclass(eq=False)
class Opened:
    """An open session.

    Attributes
    ----------
    browser : key of the browser, see ``browser_key``.
    drawn_s : when a page was last drawn.
    fetched : files that this browser has fetched. Streamlit forgets for a moment what a page shows while it draws it.
    """

    browser: str
    drawn_s: float
    fetched: set[str] = field(default_factory=set)


_opened: dict[str, Opened] = {}  # by Streamlit's identifier of the session


def browser_key(cookies: Mapping[str, str]) -> str:
    """Key of the browser and login that sent these cookies; empty without our cookie."""
    if not cookies.get(COOKIE):
        return ""
    parts = sorted((name, text) for name, text in cookies.items() if name == COOKIE or name.startswith(LOGIN))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def note_session(*, now_s: float | None = None) -> None:
    """Remember which browser draws this page."""
    context = get_script_run_ctx()
    if context is None:
        return
    moment = time.monotonic() if now_s is None else now_s
    for session in [s for s, opened in list(_opened.items()) if moment - opened.drawn_s > EXPIRES_S]:
        _opened.pop(session, None)
    opened = _opened.setdefault(context.session_id, Opened(browser_key(st.context.cookies), moment))
    opened.drawn_s = moment


def give_out(data: bytes, media_type: str, place: str) -> str:
    """The address of a file for this session, as of the files of ``st.audio``; for the scripts of components.

    place : name of the place on the page. The address of an earlier file in the same place expires.
    """
    # Streamlit has no public way to do this; tests/browser/test_list_player.py notices a change.
    # A fragment is drawn without its page, so the session is noted here too: a list can last for hours.
    note_session()
    address = get_instance().media_file_mgr.add(data, media_type, place)
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{address}" if base else address


def shows(key: str, file_id: str, files: Mapping[str, Mapping[str, str]], *, now_s: float) -> bool:
    """Whether a session of this browser shows the file now.

    files : for each session, the files that it shows, by their place on the page.
    """
    if not key:
        return False
    for session, opened in list(_opened.items()):
        if opened.browser != key or now_s - opened.drawn_s > EXPIRES_S:
            continue
        if file_id in opened.fetched or file_id in list(files.get(session, {}).values()):
            opened.fetched.add(file_id)
            return True
    return False


class OwnMedia:
    """Refuse files of other sessions with status 404, and give each browser its cookie. Only with a login."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not login.login_configured():
            await self.app(scope, receive, send)
            return
        cookies = Request(scope).cookies
        if "/media/" in scope["path"] and not _may_fetch(scope["path"], browser_key(cookies)):
            await PlainTextResponse("This address has expired, or belongs to another session.", 404)(
                scope, receive, send
            )
            return
        await self.app(scope, receive, send if cookies.get(COOKIE) else _with_cookie(send, scope["scheme"] == "https"))


def _may_fetch(path: str, key: str) -> bool:
    # Streamlit has no public way to ask which session shows a file; tests/browser/test_login.py notices a change.
    manager = get_instance().media_file_mgr
    return shows(key, _file_id(path), manager._files_by_session_and_coord, now_s=time.monotonic())


@asynccontextmanager
async def note_downloads(_app: object) -> AsyncIterator[None]:
    """Remember who asked for a file that is made on click, because Streamlit does not. For the life of the server."""
    manager = get_instance().media_file_mgr
    make = manager.execute_deferred

    def make_and_note(file_id: str) -> str:
        entry = manager._deferred_callables.get(file_id)
        url = make(file_id)
        opened = _opened.get(entry["session_id"]) if entry else None
        if opened is not None:
            opened.fetched.add(_file_id(url))
        return url

    manager.execute_deferred = make_and_note  # type: ignore[method-assign]
    yield


def _file_id(address: str) -> str:
    return address.rpartition("/")[2].partition(".")[0]


def _with_cookie(send: Send, secure: bool) -> Send:
    """Add the cookie to a page that is sent."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                cookie = f"{COOKIE}={secrets.token_urlsafe(32)}; Path=/; HttpOnly; SameSite=Lax"
                headers.append("Set-Cookie", cookie + ("; Secure" if secure else ""))
        await send(message)

    return sending
