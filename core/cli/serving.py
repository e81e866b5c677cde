"""The command that opens the dashboard to other people."""

import os
import sys
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from core import reach
from core.errors import CoreError
from core.settings import ROOT

SECRETS = (ROOT / ".streamlit" / "secrets.toml", Path.home() / ".streamlit" / "secrets.toml")


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 means all addresses of this machine.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
) -> None:
    """Open the dashboard to other people. Without a login, says first what that means."""
    typer.echo(f"The dashboard listens on {host}, port {port}.")
    if not login_configured():
        typer.echo(f"{reach.EVERYBODY} Configure a login: docs/labelling.md shows how.", err=True)
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execv(sys.executable, command(host, port))  # noqa: S606  (no shell; the arguments are ours)


def command(host: str, port: int) -> list[str]:
    """Return the command that starts the server.

    Any host name is accepted, because only the person who runs the server knows its name. Streamlit's own welcome is
    off, because it asks a server on the internet for this machine's address.
    """
    return [
        *(sys.executable, "-m", "streamlit", "run", "app.py"),
        f"--server.address={host}",
        f"--server.port={port}",
        "--server.allowedHosts=*",
        "--server.headless=true",
        "--logger.hideWelcomeMessage=true",
    ]


def login_configured() -> bool:
    """Whether a secrets.toml configures a login. Raises CoreError when the file cannot be read."""
    for path in SECRETS:
        if path.is_file():
            try:
                if "auth" in tomllib.loads(path.read_text(encoding="utf-8")):
                    return True
            except (OSError, ValueError) as error:
                raise CoreError(f"{path} cannot be read: {error}. Correct the file, then start again.") from error
    return False
