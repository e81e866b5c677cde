"""The command that gives Prometheus the figures of the product, on a machine without the API."""

import sys
from typing import Annotated

import typer

from core.errors import CoreError
from core.settings import Settings

PORT = 9464


def metrics(
    host: Annotated[str, typer.Option(help="Address to listen on. Everybody who reaches it reads the figures.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = PORT,
    once: Annotated[bool, typer.Option("--once", help="Print all figures once, and end.")] = False,
) -> None:
    """Serve the figures of the product for Prometheus, without a key. They are computed from the database."""
    from core.monitoring.serving import figures_of_store, serve_figures

    figures = figures_of_store(Settings())
    if once:
        figures.refresh()
        sys.stdout.write(figures.text().decode())
        return
    from core.cli.serving import require_free

    require_free(host, port)
    typer.echo(f"Prometheus can scrape http://{host}:{port}/metrics. End with Ctrl+C.")
    try:
        serve_figures(figures, host=host, port=port)
    except OSError as error:
        raise CoreError(f"The server cannot listen on {host}, port {port}: {error.strerror}.") from error
