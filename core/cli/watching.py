"""The command that judges the last weeks and shows the alarms. Heavy libraries load inside the functions."""

import time
from typing import Annotated

import typer

from core.errors import CoreError
from core.settings import Settings

_PAUSE_S = 3600.0  # between two looks; each week is judged once, so a shorter pause finds nothing earlier


def watch(
    stay: Annotated[bool, typer.Option("--stay", help="Go on and look again each hour, as a service.")] = False,
) -> None:
    """Judge the weeks that are over: drift, unsure answers, quality. Exit status: 1 while an alarm rings, else 0.

    Each week is judged once. Run it once a day, for example with cron, or let it run with --stay.
    """
    if not stay:
        raise typer.Exit(1 if _look() else 0)
    while True:
        try:
            _look()
        except CoreError as error:  # such as a database that is down: the next look judges the same weeks
            typer.echo(str(error), err=True)
        time.sleep(_PAUSE_S)


def _look() -> int:
    """Look once and say what was found. Returns how many alarms ring."""
    from core.monitoring.rules import TOGETHER_WEEKS
    from core.monitoring.watch import watch as look
    from core.pipeline import jobs
    from core.store import close_store, open_store

    settings = Settings()
    store = open_store(settings.database)
    try:
        with jobs.hold_job(store, "watch") as work:
            watched = look(store, settings)
            ringing = sum(alarm.rings for alarm in watched.alarms)
            work.message = f"{ringing} alarms ring." if ringing != 1 else "1 alarm rings."
    finally:
        close_store(store)
    for alarm in watched.alarms:
        new = " (new)" if alarm.rule in watched.begun else ""
        word = "RINGS" if alarm.rings else str(alarm.finding.standing)
        typer.echo(f"{word}{new}  {alarm.finding.name}: {alarm.finding.sentence}")
    for note in watched.notes:
        typer.echo(note, err=True)
    typer.echo(f"All alarms together ring by chance at most once in {TOGETHER_WEEKS} weeks.")
    return ringing
