"""A web service: which answers are waited for, which end the run, and what a person reads."""

import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from core.sources.protocol import PauseError, SourceError
from core.sources.web import Web

SECRET = "geheim-123"


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def web(pauses):
    web = Web("Example", key="TME_EXAMPLE_KEY", refused="Ask its owner.", pause=pauses.append)
    web.set_header("X-Key", SECRET)
    return web


def test_an_answer_is_read_and_the_key_travels_in_a_header_only(service, web):
    service.answer({"a": 1})
    assert web.get(f"{service.address}/x", {"q": "ney taksimi"}) == {"a": 1}
    (question,) = service.questions
    assert question.asked == {"q": "ney taksimi"}
    assert question.headers["X-Key"] == SECRET


def test_a_busy_service_gets_the_pause_that_it_asks_for(service, web, pauses):
    service.answer(status=429, Retry_After="7")
    service.answer(status=503, Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    service.answer({"a": 1})
    assert web.get(service.address, {}) == {"a": 1}
    assert pauses[0] == 7
    assert 25 < pauses[1] <= 30


def test_pauses_grow_where_the_service_does_not_say_how_long(service, web, pauses):
    for _ in range(4):
        service.answer(status=429, Retry_After="soon")
    with pytest.raises(PauseError, match=r"busy 4 times in a row \(status 429\)\. Run the same command again later"):
        web.get(service.address, {})
    assert pauses == [2, 4, 8]


def test_a_long_pause_ends_the_run_at_once(service, web, pauses):
    service.answer(status=429, Retry_After="5400")
    with pytest.raises(PauseError, match="Example asks for a pause of 1 h 30 min"):
        web.get(service.address, {})
    assert pauses == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"error": {"code": 403, "errors": [{"reason": "quotaExceeded", "domain": "youtube.quota"}]}}),
        (429, {"error": {"status": 429, "message": "Too many requests", "reason": "QUOTA_EXCEEDED"}}),
    ],
)
def test_a_quota_that_is_used_up_is_not_asked_again(service, web, pauses, status, body):
    service.answer(body, status=status)
    with pytest.raises(PauseError, match="The quota of Example for today is used up"):
        web.get(service.address, {})
    assert (pauses, len(service.questions)) == ([], 1)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"", r"does not accept the key \(status 401\)\. Check TME_EXAMPLE_KEY"),
        (400, {"error": {"details": [{"reason": "API_KEY_INVALID"}]}}, "does not accept the key"),
        (400, {"error": "invalid_client", "error_description": "Invalid client secret"}, "does not accept the key"),
        (403, b"", r"refuses this question \(status 403\)\. Ask its owner\."),
        (404, b"", "has nothing of this name"),
        (400, b"", "does not accept the question"),
        (200, b"<html>Log in", "something that is not JSON"),
        (200, b"[" * 100_000, "something that is not JSON"),
        (403, b"[" * 100_000, "refuses this question"),
    ],
)
def test_a_refusal_says_what_to_do(service, web, pauses, status, body, words):
    service.answer(body, status=status)
    with pytest.raises(SourceError, match=words):
        web.get(service.address, {})
    assert pauses == []


def test_no_redirect_takes_the_key_elsewhere(service, web):
    service.answer(status=302, Location=f"{service.address}/other")
    with pytest.raises(SourceError, match="sends on to another address"):
        web.get(service.address, {})
    assert len(service.questions) == 1


def test_a_service_that_is_not_there_is_a_reason_to_come_back(web):
    with pytest.raises(PauseError, match="Example cannot be reached"):
        web.get("http://127.0.0.1:9", {})


def test_an_answer_without_an_end_is_given_up(service, web, monkeypatch):
    monkeypatch.setattr("core.sources.web.MAX_BYTES", 100)
    service.answer(b"x" * 1000)
    with pytest.raises(SourceError, match="answered with more than"):
        web.get(service.address, {})


def test_an_answer_that_comes_too_slowly_is_given_up(service, web, monkeypatch):
    monkeypatch.setattr("core.sources.web.LONGEST_S", -1.0)
    service.answer({"a": 1})
    with pytest.raises(PauseError, match="did not answer in time"):
        web.get(service.address, {})


def test_an_answer_that_breaks_off_is_a_reason_to_come_back(service, web):
    service.answer(b"{}", Content_Length="100")
    with pytest.raises(PauseError, match="cannot be reached"):
        web.get(service.address, {})


def test_no_message_and_no_log_has_the_key(service, web, caplog):
    caplog.set_level(logging.DEBUG)
    service.answer(status=401)
    with pytest.raises(SourceError) as caught:
        web.get(service.address, {})
    assert len(caplog.records) > 0
    assert SECRET not in caplog.text + str(caught.value)


def test_a_service_that_allows_one_question_a_second_gets_no_more(service, pauses):
    web = Web("Example", gap_s=1.1, pause=pauses.append)
    service.answer({})
    service.answer({})
    web.get(service.address, {})
    web.get(service.address, {})
    assert len(pauses) == 1
    assert 0 < pauses[0] <= 1.1


def test_a_password_file_of_the_user_is_not_read(service, web, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    service.answer({})
    web.get(service.address, {})
    assert "Authorization" not in service.questions[0].headers
