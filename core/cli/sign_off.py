"""The command that writes the sign-off report of a model."""

from pathlib import Path
from typing import Annotated

import typer

from core.settings import Settings


def sign_off(
    version: Annotated[
        str, typer.Argument(help="Version in the registry. Default: the challenger, else the model in use.")
    ] = "",
    in_use: Annotated[bool, typer.Option("--in-use", help="Report on the model in use.")] = False,
    output: Annotated[Path, typer.Option(help="File to write. An existing file is replaced.")] = Path("sign-off.html"),
) -> None:
    """Write the sign-off report: verdict, reasons, evaluation table, criteria, versions, who decided (HTML)."""
    from core.atomic import replace_file
    from core.errors import CoreError
    from core.store import open_store
    from core.training.live import live_lines_at_hand
    from core.training.sign_off import sign_off as collect
    from core.training.sign_off import sign_off_html

    settings = Settings()
    store = open_store(settings.database)
    report = collect(
        settings, version=version, in_use=in_use, live=lambda model: live_lines_at_hand(store, model, settings)
    )
    try:
        replace_file(output, sign_off_html(report))
    except OSError as error:
        raise CoreError(f"The report cannot be written to {output} ({error.strerror}). Choose another file.") from error
    typer.echo(f"{report.model.version}: {report.verdict} The report is in {output}.")
