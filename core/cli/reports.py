"""The command that writes the weekly report."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from core.settings import Settings


def report(
    week: Annotated[
        str, typer.Option(help="Year and number of the week, such as 2026-W48. Default: the last one.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option(help="File to write. An existing file is replaced. Default: weekly-report-WEEK.html")
    ] = None,
) -> None:
    """Write the weekly report: traffic, speed, decisions, quality, drift and alarms with intervals (HTML)."""
    from core.atomic import replace_file
    from core.errors import CoreError
    from core.monitoring.periods import week_named
    from core.monitoring.weekly import file_name, weekly_html, weekly_report
    from core.store import open_store

    now = datetime.now(UTC)
    chosen = week_named(week, now)
    made = weekly_report(open_store(Settings().database), chosen, now=now)
    place = output or Path(file_name(chosen))
    try:
        replace_file(place, weekly_html(made))
    except OSError as error:
        raise CoreError(f"The report cannot be written to {place} ({error.strerror}). Choose another file.") from error
    typer.echo(f"{chosen.name}: {' '.join(made.said)} The report is in {place}.")
