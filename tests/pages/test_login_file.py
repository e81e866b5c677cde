"""secrets.toml is damaged or removed while the server runs, as in the middle of an edit: nothing opens."""

import asyncio
from types import SimpleNamespace

import pytest
import streamlit as st
from starlette.responses import PlainTextResponse
from streamlit import config

from pages.shared import doors, login, media

LOGIN = """
[auth]
redirect_uri = "http://127.0.0.1/oauth2callback"
cookie_secret = "a long secret"
client_id = "dashboard"
client_secret = "a secret"
server_metadata_url = "http://127.0.0.1:9/none"
"""
CLOSED = ("library", "moods", "playlists", "label", "agreement", "learning")


@pytest.fixture
def secrets_file(tmp_path):
    """The place of secrets.toml; what Streamlit read before is forgotten."""
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(tmp_path / "secrets.toml")])
    st.secrets._reset()
    yield tmp_path / "secrets.toml"
    config.set_option("secrets.files", before)
    st.secrets._reset()


def write(file, text):
    """Change the file; Streamlit notices it within seconds and forgets what it read."""
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    st.secrets._reset()


def test_without_the_file_no_login_is_configured(secrets_file):
    assert not login.login_configured()
    write(secrets_file, '[other]\nkey = "x"\n')
    assert not login.login_configured()


@pytest.mark.parametrize("text", [LOGIN + "[roles\n", "", None], ids=["damaged", "emptied", "removed"])
def test_a_login_stays_when_its_file_changes_until_the_server_ends(secrets_file, text):
    write(secrets_file, LOGIN)
    assert login.login_configured()
    write(secrets_file, text)
    assert login.login_configured()


def test_a_file_that_was_damaged_from_the_start_counts_as_a_login(secrets_file):
    write(secrets_file, "[auth\n")
    assert login.login_configured()


@pytest.mark.parametrize("name", CLOSED)
def test_a_page_stays_closed_and_says_what_to_do(secrets_file, open_page, name):
    write(secrets_file, LOGIN + "[roles\n")
    page = open_page(name)
    assert not page.exception
    assert doors.PAGES[name] is not doors.Action.SEE_RESULTS
    assert "**Log in** to open this page." in [text.value for text in page.markdown]
    assert "Nobody can log in at the moment" in page.error[0].value
    assert not page.text_input
    assert not page.button


def test_pages_for_everybody_stay_open(secrets_file, open_page):
    write(secrets_file, "[auth\n")
    page = open_page("predict")
    assert not page.exception
    assert not page.error


class NoFiles:
    _files_by_session_and_coord: dict[str, dict[str, str]] = {}


def test_the_audio_of_others_stays_closed(secrets_file, monkeypatch):
    write(secrets_file, LOGIN)
    assert login.login_configured()
    write(secrets_file, "[auth\n")
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/media/abc.flac", "headers": [], "scheme": "http"}
    monkeypatch.setattr(media, "get_instance", lambda: SimpleNamespace(media_file_mgr=NoFiles))
    asyncio.run(media.OwnMedia(PlainTextResponse("the sound"))(scope, None, send))
    assert sent[0]["status"] == 404
