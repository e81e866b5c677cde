"""The command ``serve``, and what commands write to a log."""

import os
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
    """Run ``serve`` with these words; returns its result and the command that it would become."""
    commands = []
    monkeypatch.setattr(os, "execv", lambda _program, words: commands.append(words))
    monkeypatch.setattr(serving, "SECRETS", (tmp_path / "secrets.toml",))
    monkeypatch.chdir(ROOT)

    def run(*words):
        result = CliRunner().invoke(app, ["serve", *words])
        return result, commands

    return run


def test_without_a_login_one_line_says_what_that_means(started):
    result, (command,) = started("--host", "0.0.0.0", "--port", "8600")
    assert result.stdout == "The dashboard listens on 0.0.0.0, port 8600.\n"
    assert result.stderr.count("\n") == 1
    assert "everybody who can reach this dashboard can work as an analyst" in result.stderr
    assert command[1:5] == ["-m", "streamlit", "run", "app.py"]
    assert {"--server.address=0.0.0.0", "--server.port=8600"} <= set(command)


def test_with_a_login_nothing_is_said(started, tmp_path):
    (tmp_path / "secrets.toml").write_text('[auth]\ncookie_secret = "x"\n')
    result, commands = started("--host", "0.0.0.0")
    assert result.stderr == ""
    assert len(commands) == 1


def test_other_secrets_are_no_login_and_a_broken_file_starts_nothing(started, tmp_path):
    (tmp_path / "secrets.toml").write_text('password = "x"\n')
    assert "No login is configured" in started("--host", "::")[0].stderr
    (tmp_path / "secrets.toml").write_text("[auth")
    result, commands = started("--host", "::")
    assert isinstance(result.exception, CoreError)
    assert "cannot be read" in str(result.exception)
    assert len(commands) == 1


def test_the_host_must_be_given(started):
    result, commands = started()
    assert result.exit_code == 2
    assert commands == []


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
