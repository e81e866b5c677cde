"""Who can reach the dashboard."""

import tomllib
from pathlib import Path

import pytest

from core.reach import is_public, is_this_machine, reached_by_others

ROOT = Path(__file__).resolve().parent.parent


HERE = ["127.0.0.1", "127.8.9.1:8501", "localhost", "LOCALHOST:80", "[::1]:8501", "[::1]", "::1"]
ELSEWHERE = ["", "0.0.0.0", "[::]", "::", "192.168.0.4:8501", "localhost.example.org", "127.0.0.1.nip.io", "[broken"]


@pytest.mark.parametrize("host", HERE)
def test_names_of_this_machine(host):
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_all_others_are_not(host):
    assert not is_this_machine(host)


def test_a_proxy_gives_itself_away_by_the_name_that_the_browser_asked_for():
    assert not reached_by_others("127.0.0.1", ["localhost:8501"])
    assert reached_by_others("127.0.0.1", ["mood.example.org"])
    assert reached_by_others("0.0.0.0", ["localhost:8501"])
    assert reached_by_others("")


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-proto", "X-REAL-IP", "Forwarded", "Via"])
def test_a_proxy_gives_itself_away_by_its_headers_whatever_name_a_visitor_asks_for(name):
    assert reached_by_others("127.0.0.1", ["localhost:8501"], headers=["Host", name])
    assert not reached_by_others("127.0.0.1", ["localhost:8501"], headers=["Host", "Accept", "X-Forwarded"])


def test_as_it_comes_the_server_is_for_this_machine_only_and_protected():
    options = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    server = options["server"]
    assert not reached_by_others(server["address"], server["allowedHosts"])
    assert server["enableCORS"]
    assert server["enableXsrfProtection"]
    assert options["browser"]["gatherUsageStats"] is False
    assert options["client"]["showErrorDetails"] == "none"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("64:ff9b::5db8:d822", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
        ("nobody", False),
    ],
)
def test_which_addresses_are_public(address, public):
    assert is_public(address) is public
