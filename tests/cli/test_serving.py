"""The command ``serve``, and what commands write to a log."""

import os
import socket
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from core.__main__ import app
from core.cli import serving
from core.errors import CoreError
from core.settings import ROOT


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Run ``serve`` with these words; returns its result, and the commands that it would become with what they set."""
    became = []

    def become(_program, words, environment):
        changed = {name: value for name, value in environment.items() if os.environ.get(name) != value}
        became.append((words, changed))

    monkeypatch.setattr(os, "execve", become)
    monkeypatch.setattr(serving, "require_free", lambda host, port: None)  # other programs may use the usual ports
    monkeypatch.setattr(serving, "SECRETS", (tmp_path / "secrets.toml",))
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(ROOT)

    def run(*words):
        result = CliRunner().invoke(app, ["serve", *words])
        return result, became

    return run


DASHBOARD = ("--with-dashboard", "--no-api")


def test_without_a_login_one_line_says_what_that_means(started):
    result, ((command, changed),) = started(*DASHBOARD, "--host", "0.0.0.0", "--port", "8600")
    assert result.stdout == "The dashboard listens on 0.0.0.0, port 8600.\n"
    assert result.stderr.count("\n") == 1
    assert "everybody who can reach this dashboard can work as an analyst" in result.stderr
    assert command[1:5] == ["-m", "streamlit", "run", "app.py"]
    assert {"--server.address=0.0.0.0", "--server.port=8600"} <= set(command)
    assert changed == {"TME_API": "false"}


def test_without_the_api_no_setting_brings_it_back_and_something_must_be_left(started, monkeypatch):
    monkeypatch.setenv("TME_API", "true")
    _, ((_, changed),) = started(*DASHBOARD, "--host", "0.0.0.0")
    assert changed == {"TME_API": "false"}
    result, became = started("--no-api", "--host", "0.0.0.0")
    assert isinstance(result.exception, CoreError)
    assert "Add --with-dashboard" in str(result.exception)
    assert len(became) == 1


def test_with_a_login_nothing_is_said(started, tmp_path):
    (tmp_path / "secrets.toml").write_text('[auth]\ncookie_secret = "x"\n')
    result, became = started(*DASHBOARD, "--host", "0.0.0.0")
    assert result.stderr == ""
    assert len(became) == 1


def test_other_secrets_are_no_login_and_a_broken_file_starts_nothing(started, tmp_path):
    (tmp_path / "secrets.toml").write_text('password = "x"\n')
    assert "No login is configured" in started(*DASHBOARD, "--host", "::")[0].stderr
    (tmp_path / "secrets.toml").write_text("[auth")
    result, became = started(*DASHBOARD, "--host", "::")
    assert isinstance(result.exception, CoreError)
    assert "cannot be read" in str(result.exception)
    assert len(became) == 1


def test_as_it_comes_the_api_listens_to_this_machine_only(started):
    _, ((command, _),) = started()
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "8000"
    assert "--no-proxy-headers" in command
    _, became = started("--with-dashboard")
    assert became[-1][1] == {"TME_API": "true"}
    assert {"--server.address=127.0.0.1", "--server.port=8501"} <= set(became[-1][0])


@pytest.mark.parametrize("words", [(), ("--with-dashboard",)])
def test_the_api_does_not_start_for_other_machines_without_a_key(started, tmp_path, words):
    for host in ("0.0.0.0", "::", "192.168.1.7", "music.example.org"):
        result, became = started(*words, "--host", host)
        assert isinstance(result.exception, CoreError), host
        assert "python -m core keys add" in str(result.exception)
        assert became == []
    made = CliRunner().invoke(app, ["keys", "add", "ward", "--role", "therapist", "--scope", "read"])
    assert made.exit_code == 0
    assert started(*words, "--host", "0.0.0.0", "--workers", "2")[1]
    key_id = made.stdout.split("_")[1]
    CliRunner().invoke(app, ["keys", "revoke", key_id])
    assert isinstance(started(*words, "--host", "0.0.0.0")[0].exception, CoreError)


@pytest.mark.parametrize(("name", "value"), [("TME_SERVES", "foo"), ("TME_WORKERS", "abc")])
@pytest.mark.parametrize("words", [(), ("--with-dashboard",)])
def test_a_wrong_setting_is_a_sentence_and_starts_nothing(started, monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    result, became = started(*words)
    assert isinstance(result.exception, CoreError)
    assert f"The setting {name} is not valid" in str(result.exception)
    assert became == []


def test_a_port_that_is_taken_is_a_sentence():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        other.listen()
        with pytest.raises(CoreError, match=f"Port {port} is taken by another program. Choose another one with --port"):
            serving.require_free("127.0.0.1", port)
    serving.require_free("127.0.0.1", port)
    with pytest.raises(CoreError, match="cannot listen on 192.0.2.1"):
        serving.require_free("192.0.2.1", port)


def test_keys_are_shown_once_listed_and_revoked(started):
    assert "There are no keys" in CliRunner().invoke(app, ["keys", "list"]).stdout
    made = CliRunner().invoke(
        app, ["keys", "add", "Işık", "--scope", "score", "--scope", "feedback", "--per-minute", "9"]
    )
    secret = made.stdout.strip()
    key_id = secret.split("_")[1]
    assert "shown only now" in made.stderr
    listed = CliRunner().invoke(app, ["keys", "list"]).stdout
    assert listed.startswith(f"{key_id}  Işık  rater  feedback+score  9 a minute  made ")
    assert listed.rstrip().endswith("never used")
    assert secret not in listed
    assert "is revoked" in CliRunner().invoke(app, ["keys", "revoke", key_id]).stdout
    assert "revoked 20" in CliRunner().invoke(app, ["keys", "list"]).stdout
    wrong = CliRunner().invoke(app, ["keys", "revoke", "nothing"])
    assert isinstance(wrong.exception, CoreError)


def test_an_unexpected_error_of_a_command_writes_no_values_to_a_log():
    code = (
        "import sys; from core.cli import clips, terminal; import typer; app = typer.Typer()\n"
        "@app.command()\n"
        "def broken():\n"
        "    raise KeyError('-'.join(['Gizli', 'Eser']))\n"
        "sys.argv = ['core']; terminal.run(app)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "Unexpected error, reference" in run.stderr
    assert "builtins.KeyError" in run.stderr
    assert "Gizli-Eser" not in run.stdout + run.stderr
