"""A download leaves an event; a sound that is played, a part of a file and a file that is gone leave none."""

from datetime import UTC, datetime
from types import SimpleNamespace

import anyio
import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from core.store import EventKind, event_totals, events_table
from pages.shared import exports


@pytest.fixture
def files(opened, monkeypatch):
    """The files of a server: a table and a sound, by name."""
    storage = MemoryMediaFileStorage("/media")
    manager = MediaFileManager(storage)
    monkeypatch.setattr(exports, "get_instance", lambda: SimpleNamespace(media_file_mgr=manager))
    monkeypatch.setattr(exports.cached, "open_database", lambda: opened)
    table = storage.load_and_get_id(b"a,b\n1,2\n", "text/csv", exports.MediaFileKind.DOWNLOADABLE, "clips Ali.csv")
    sound = storage.load_and_get_id(b"RIFF", "audio/wav", exports.MediaFileKind.MEDIA)
    return {"table": f"{table}.csv", "sound": f"{sound}.wav"}


LINK = "text/html,application/xhtml+xml,*/*;q=0.8"  # what Firefox accepts for a download; Chromium does not say


def fetch(path: str, *, method: str = "GET", status: int = 200, accept: str = LINK, page: str = "compare") -> list[int]:
    """Ask a server that answers with this status for a file. Returns the statuses that were sent."""
    sent: list[int] = []

    async def server(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message):
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    headers = {"referer": f"http://127.0.0.1/{page}?view=x"} | ({"accept": accept} if accept else {})
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw}
    anyio.run(exports.NoteDownloads(server), scope, None, send)
    return sent


def test_a_download_is_noted_with_its_kind_and_size_and_without_its_name(opened, files):
    assert fetch(f"/media/{files['table']}") == [200]
    assert fetch(f"/media/{files['table']}", page="app/moods", accept="") == [200]
    second, first = events_table(opened, EventKind.EXPORTED, datetime(2000, 1, 1, tzinfo=UTC)).to_dict("records")
    assert (first["way"], first["value"], first["about"]) == ("page", 8, {"what": "csv"})
    assert second["way"] == "moods"


def test_nothing_else_is_noted(opened, files, caplog):
    fetch(f"/media/{files['sound']}")
    fetch(f"/media/{files['table']}", accept="*/*")  # the script of the page sees whether the file is there
    fetch(f"/media/{files['table']}", status=206)
    fetch(f"/media/{files['table']}", status=404)
    fetch(f"/media/{files['table']}", method="HEAD")
    fetch("/_stcore/health")
    fetch("/static/media/font.woff2")  # of Streamlit itself
    assert event_totals(opened) == {}
    assert fetch("/media/gone.csv") == [200]  # the file left the memory meanwhile
    assert "A download was not noted" in caplog.text
