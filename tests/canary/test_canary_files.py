"""What a canary writes: its state, its end, nginx's part, and how nginx's log is read."""

import json
from dataclasses import replace
from unittest.mock import Mock

import pytest

from core.access import Person
from core.canary import proxy, requests, running, steps
from core.canary.running import Canary, CanaryError, End
from core.errors import CoreError
from core.settings import Settings

CANARY = Canary("0a1b2c3d", 5, "old", "new", "2", "2026-01-02T03:04:05+00:00", "Ece")


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data")


def test_one_canary_runs_at_a_time_and_its_end_is_kept(settings):
    assert running.running(settings) is None
    running.note_start(CANARY, settings)
    assert running.running(settings) == CANARY
    with pytest.raises(CanaryError, match="A canary runs already"):
        running.note_start(replace(CANARY, id="ffffffff"), settings)
    assert running.running(settings) == CANARY
    done = running.note_end(CANARY, End.SICK, settings, why="too slow", by="the watch", findings=["a", "b"])
    assert running.running(settings) is None
    assert running.ended(settings) == [done]
    assert (done.end, done.why, done.findings) == (End.SICK, "too slow", ("a", "b"))


def test_of_two_who_end_it_the_first_record_stays(settings):
    running.note_start(CANARY, settings)
    first = running.note_end(CANARY, End.SICK, settings, why="first", by="", findings=())
    assert running.note_end(CANARY, End.ABORTED, settings, why="second", by="", findings=()) == first
    assert running.ended(settings) == [first]


def test_a_damaged_file_is_named(settings):
    running.note_start(CANARY, settings)
    (running.folder(settings) / "running.json").write_text("{")
    with pytest.raises(CoreError, match=r"running\.json .* cannot be read"):
        running.running(settings)


def test_without_a_canary_nginx_never_hears_of_the_challenger(settings):
    text = proxy.split_text(None, settings)
    assert "8001" not in text
    assert "default 0;" in text


def test_the_share_and_the_salt_are_in_the_division(settings):
    text = proxy.split_text(CANARY, settings)
    assert "5%     challenger;" in text
    assert 'split_clients "0a1b2c3d$http_authorization' in text
    assert "upstream challenger { server 127.0.0.1:8001; }" in text


@pytest.mark.parametrize("address", ["host; } evil", "127.0.0.1", "a b:80", "", "$remote_addr:80", "host:80\n"])
def test_an_address_cannot_become_other_configuration(settings, address, monkeypatch):
    monkeypatch.setenv("TME_CHALLENGER_ADDRESS", address or " ")
    with pytest.raises(CanaryError, match="is no address"):
        proxy.split_text(CANARY, Settings(data_dir=settings.data_dir))


def test_without_nginx_the_division_is_written_and_said(settings):
    assert "after its next reload" in proxy.divide(CANARY, settings)
    assert proxy.split_file(settings).read_text() == proxy.split_text(CANARY, settings)
    (running.folder(settings) / proxy.PID).write_text(str(2**22 + 1))  # no process has this number
    assert "nginx is not running" in proxy.divide(None, settings)


def line(role, status, seconds, time=1_800_000_000.0):
    return json.dumps({"time": str(time), "role": role, "status": status, "seconds": seconds}) + "\n"


def test_a_request_that_the_champion_took_over_is_a_failure_of_the_challenger(settings):
    file = requests.log_file(settings)
    file.parent.mkdir(parents=True)
    file.write_text(
        line("champion", "200", "0.5")
        + line("champion", "413", "0.1")  # the caller's fault
        + line("challenger", "502 : 200", "0.002 : 0.4")
        + line("challenger", "200", "0.6")
        + line("challenger", "504 : 200", "20.001 : 0.4")
        + line("challenger", "-", "-")
        + line("challenger", "200", "9", time=1_000_000_000)  # of an earlier canary
        + '{"time":"18000'  # nginx is writing
    )
    champion, challenger = requests.read_requests(CANARY, settings)
    assert (champion.failed, champion.count, champion.seconds) == (0, 2, (0.5,))
    assert (challenger.failed, challenger.count, challenger.seconds) == (3, 4, (0.6,))


def test_of_a_long_log_the_end_is_read(settings, monkeypatch):
    file = requests.log_file(settings)
    file.parent.mkdir(parents=True)
    one = line("champion", "200", "0.5")
    file.write_text(one * 1000)
    monkeypatch.setattr(requests, "READ_BYTES", 10 * len(one) + 5)
    assert requests.read_requests(CANARY, settings)[0].count == 10


def test_no_log_is_no_requests(settings):
    assert requests.read_requests(CANARY, settings)[1].count == 0


def test_a_crash_between_division_and_record_leaves_nobody_with_the_challenger(settings, monkeypatch):
    running.note_start(CANARY, settings)
    proxy.divide(CANARY, settings)
    monkeypatch.setattr(steps, "note_end", Mock(side_effect=OSError("full")))
    with pytest.raises(OSError, match="full"):
        steps.abort(settings, by=Person.machine_owner())
    assert "challenger;" not in proxy.split_file(settings).read_text()
    assert running.running(settings) == CANARY  # a second abort ends it
