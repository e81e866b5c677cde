"""The command that starts the REST API, alone or together with the dashboard."""

import errno
import os
import socket
import sys
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from core import reach
from core.errors import CoreError
from core.settings import ROOT, Settings

SECRETS = (ROOT / ".streamlit" / "secrets.toml", Path.home() / ".streamlit" / "secrets.toml")
PORTS = {"api": 8000, "dashboard": 8501}
STOP_WITHIN_S = 30  # work that has begun may take so long after the server was asked to stop
NO_KEY = (
    "The API answers other machines only with a key, and there is none. Make one first: python -m core keys add NAME. "
    "Or start the server for this machine only, without --host."
)
NOTHING_LEFT = (
    "Without the dashboard, --no-api leaves nothing to start. Add --with-dashboard to start only the dashboard. Leave "
    "--no-api out to start the API."
)


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 means all addresses of this machine.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port to listen on. Default: 8000, or 8501 with the dashboard."),
    ] = None,
    with_dashboard: Annotated[
        bool, typer.Option("--with-dashboard", help="Also serve the dashboard; the API is then below /api.")
    ] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that answer. Each loads the model. With the dashboard, always 1.")
    ] = 1,
    api: Annotated[bool, typer.Option("--api/--no-api", help="With the dashboard: serve the API, too.")] = True,
) -> None:
    """Start the REST API, and with --with-dashboard the dashboard as well.

    Without keys, the API answers only programs on this machine.
    """
    if not (api or with_dashboard):
        raise CoreError(NOTHING_LEFT)
    Settings()  # a wrong setting is a sentence here, and would be a traceback in the server
    if api and not reach.is_this_machine(host):
        _require_key()
    chosen = port or PORTS["dashboard" if with_dashboard else "api"]
    require_free(host, chosen)
    if with_dashboard:
        _say_who_may_come(host, chosen)
        words, environment = command(host, chosen), {"TME_API": "true" if api else "false"}
    else:
        words, environment = api_command(host, chosen, workers), {}
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execve(sys.executable, words, {**os.environ, **environment})  # noqa: S606  (no shell; the arguments are ours)


def require_free(host: str, port: int) -> None:
    """Raise CoreError unless a server can listen here."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        with socket.socket(family, kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CoreError(f"Port {port} is taken by another program. Choose another one with --port.") from error
        raise CoreError(
            f"The server cannot listen on {host}, port {port}: {error.strerror}. Choose others with --host and --port."
        ) from error


def command(host: str, port: int) -> list[str]:
    """Return the command that starts the dashboard.

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


def api_command(host: str, port: int, workers: int = 1) -> list[str]:
    """Return the command that starts the API by itself. The headers of a proxy do not change who calls."""
    return [
        *(sys.executable, "-m", "uvicorn", "core.api.app:for_server", "--factory"),
        *("--host", host, "--port", str(port), "--workers", str(workers)),
        *("--no-access-log", "--no-server-header", "--no-proxy-headers"),
        *("--timeout-graceful-shutdown", str(STOP_WITHIN_S), "--h11-max-incomplete-event-size", "65536"),
    ]


def _require_key() -> None:
    """Raise CoreError unless there is a key that was not revoked."""
    from core.store import any_key, open_store

    if not any_key(open_store(Settings().database), valid=True):
        raise CoreError(NO_KEY)


def _say_who_may_come(host: str, port: int) -> None:
    typer.echo(f"The dashboard listens on {host}, port {port}.")
    if not login_configured():
        typer.echo(f"{reach.EVERYBODY} Configure a login: docs/labelling.md shows how.", err=True)


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
