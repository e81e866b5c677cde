"""The command verify: compare the features of clips with the rows of the published table."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.terminal import interruptible, progress_bar
from core.errors import CoreError
from core.settings import Settings


def verify(
    folder: Annotated[str, typer.Argument(help="Folder with clips of the published table, under any names.")],
    out: Annotated[
        Path | None, typer.Option(help="CSV file for the row of each clip and the agreement of each feature.")
    ] = None,
) -> None:
    """Find the row of the published table that each clip belongs to, and compare its 50 values with the row.

    The rows of the clips are stored in the database. Exit status: 0 all clips have a row and all settings of MIRtoolbox
    are confirmed; 1 something is not; 2 an argument is wrong.
    """
    from core.atomic import replace_file
    from core.dataset.loading import load_table
    from core.library import verification
    from core.spreadsheets import csv_for_people
    from core.store import open_store

    settings = Settings()
    if out is not None and not out.parent.is_dir():
        raise CoreError(f"There is no folder {out.parent} for the CSV file. Create it first.")
    with interruptible(), progress_bar() as report:
        table = load_table(settings, allow_download=True)
        store = open_store(settings.database)
        result = verification.verify_folder(folder, table, store, max_mb=settings.max_upload_mb, progress=report)
    typer.echo(verification.report(result))
    if out is not None:
        try:
            replace_file(out, csv_for_people(verification.results_table(result), index=False))
        except OSError as error:
            raise CoreError(f"{out} cannot be written: {error.strerror}.") from error
    raise typer.Exit(0 if result.confirmed else 1)
