"""Limits of the whole server: uploads are bounded and freed, and no visitor empties the cache of the others."""

import asyncio
import gc
from types import SimpleNamespace

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.caching import cache_data
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from pages.shared import limits


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    for kind, name in (
        (MemoryUploadedFileManager, "add_file"),
        (MemorySessionStorage, "save"),
        (AppSession, "_handle_clear_cache_request"),
    ):
        monkeypatch.setattr(kind, name, getattr(kind, name))  # restored after the test
    limits.install()
    limits.install()
    monkeypatch.setattr(limits, "OF_A_FILE", 0)
    monkeypatch.setenv("TME_MAX_HELD_MB", "0.01")  # 10,000 bytes; 5,000 for each visitor


def sent(name: str, size: int) -> UploadedFileRec:
    return UploadedFileRec(name, f"{name}.wav", "audio/wav", bytes(size))


def held(uploads: MemoryUploadedFileManager) -> int:
    return sum(len(file.data) for files in uploads.file_storage.values() for file in files.values())


def test_a_visitor_holds_at_most_half_and_all_together_at_most_the_limit():
    uploads = MemoryUploadedFileManager("/upload")
    uploads.add_file("one", sent("a", 4000))
    with pytest.raises(HTTPException, match="a visitor may have") as refused:
        uploads.add_file("one", sent("b", 2000))
    assert refused.value.status_code == 413
    uploads.add_file("one", sent("a", 5000))  # in the place of the first one
    uploads.add_file("two", sent("a", 4000))
    with pytest.raises(HTTPException, match="The server holds too many uploads"):
        uploads.add_file("three", sent("a", 2000))
    assert held(uploads) == 9000
    uploads.remove_session_files("one")
    uploads.add_file("three", sent("a", 2000))
    assert held(uploads) == 6000


def test_many_empty_files_have_a_limit(monkeypatch):
    monkeypatch.setattr(limits, "OF_A_FILE", 1000)
    uploads = MemoryUploadedFileManager("/upload")
    for k in range(5):
        uploads.add_file("one", sent(f"{k}", 0))
    with pytest.raises(HTTPException, match="a visitor may have"):
        uploads.add_file("one", sent("one more", 0))
    uploads.add_file("one", sent("0", 0))  # in the place of the first one
    for k in range(5):
        uploads.add_file("two", sent(f"{k}", 0))
    with pytest.raises(HTTPException, match="The server holds too many uploads"):
        uploads.add_file("three", sent("a", 0))


def test_a_file_with_an_endless_identifier_is_refused():
    uploads = MemoryUploadedFileManager("/upload")
    with pytest.raises(HTTPException, match="too long"):
        uploads.add_file("one", sent("a" * (limits.LONGEST_ID + 1), 1))
    assert not uploads.file_storage


class Arriving:
    """Uploads that arrive in parts, as many at a time as a test wants."""

    def __init__(self, monkeypatch) -> None:
        self.uploads = MemoryUploadedFileManager("/upload")
        monkeypatch.setattr(limits, "get_instance", lambda: SimpleNamespace(uploaded_file_mgr=self.uploads))

    async def send(self, session: str, parts: list[int], *, then=None) -> int:
        """Send parts of so many bytes, call ``then`` while all of them are under way, and return what arrived."""
        rest = iter(parts)
        arrived = 0

        async def receive():
            return {"type": "http.request", "body": bytes(next(rest)), "more_body": True}

        async def app(_scope, receive_counted, _send):
            nonlocal arrived
            for _ in parts:
                arrived += len((await receive_counted())["body"])
            if then is not None:
                await then

        scope = {"type": "http", "path": f"/_stcore/upload_file/{session}/a"}
        await limits.CountArriving(app)(scope, receive, None)
        return arrived


def test_uploads_that_arrive_at_the_same_time_have_a_limit_together(monkeypatch):
    arriving = Arriving(monkeypatch)
    arriving.uploads.add_file("one", sent("a", 1000))
    with pytest.raises(HTTPException, match="a visitor may have") as refused:  # 1000 are held, 3000 and 1001 arrive
        asyncio.run(arriving.send("one", [3000], then=arriving.send("one", [1000, 1])))
    assert refused.value.status_code == 413
    three = arriving.send("one", [4000], then=arriving.send("two", [4000], then=arriving.send("three", [1001])))
    with pytest.raises(HTTPException, match="The server holds too many uploads"):
        asyncio.run(three)
    assert not limits._arriving  # what was refused or has ended counts no more
    assert asyncio.run(arriving.send("one", [4000])) == 4000
    assert asyncio.run(arriving.send("two", [5000])) == 5000


class Session:
    """A session that refers to itself, as Streamlit's do, and gives back its files at its end."""

    def __init__(self, uploads: MemoryUploadedFileManager) -> None:
        self.id, self.itself, self.uploads = "one", self, uploads

    def shutdown(self) -> None:
        self.uploads.remove_session_files(self.id)

    __del__ = shutdown


@pytest.mark.parametrize(("path", "status"), [("/_stcore/metrics", 404), ("/_stcore/health", 200)])
def test_nobody_reads_the_figures_of_the_server(path, status):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(limits.HideFigures(PlainTextResponse("of the server"))({"type": "http", "path": path}, None, send))
    assert sent[0]["status"] == status


@pytest.fixture
def closed(monkeypatch):
    """Close the page of a session that holds a file; what the server does later, and a clock that the test moves."""
    now = [0.0]
    uploads, storage = MemoryUploadedFileManager("/upload"), MemorySessionStorage()
    storage._cache._timer = lambda: now[0]
    uploads.add_file("one", sent("a", 4000))

    def close(session: Session):
        later = []

        async def page_is_closed() -> None:
            monkeypatch.setattr(
                asyncio.get_running_loop(), "call_later", lambda after_s, *call: later.append((after_s, *call))
            )
            storage.save(SimpleNamespace(session=session))

        asyncio.run(page_is_closed())
        ((after_s, call, *given),) = later

        def wait() -> None:
            now[0] += after_s
            call(*given)

        return wait

    return SimpleNamespace(close=close, uploads=uploads, storage=storage)


@pytest.mark.parametrize("referred", [False, True])
def test_the_files_of_a_closed_page_are_freed_without_another_visitor(closed, referred):
    """Streamlit's loop still refers to the session that it served last."""
    session = Session(closed.uploads)
    wait = closed.close(session)
    assert held(closed.uploads) == 4000  # the visitor may come back
    if not referred:
        del session
    gc.disable()  # only the call may free it
    try:
        wait()
        assert held(closed.uploads) == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("now", ["open", "closed again"])
def test_the_files_of_a_visitor_who_came_back_stay(closed, monkeypatch, now):
    session = Session(closed.uploads)
    wait = closed.close(session)
    if now == "open":
        closed.storage.delete(session.id)
        monkeypatch.setattr(limits, "_is_open", lambda session_id: session_id == session.id)
    else:
        monkeypatch.setattr(closed.storage, "_cache", {session.id: session})
    wait()
    assert held(closed.uploads) == 4000


def test_a_visitor_who_clears_the_cache_clears_only_the_own_session():
    calls = []

    @cache_data
    def slow() -> int:
        calls.append(1)
        return 7

    slow()
    cleared = []
    asker = SimpleNamespace(_session_state=SimpleNamespace(clear=lambda: cleared.append(True)))
    AppSession._handle_clear_cache_request(asker)
    slow()
    assert cleared == [True]
    assert len(calls) == 1
