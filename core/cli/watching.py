"""The command that judges the last weeks and shows the alarms. Heavy libraries load inside the function."""

import typer

from core.settings import Settings


def watch() -> None:
    """Judge the weeks that are over: drift, unsure answers, quality. Exit status: 1 while an alarm rings, else 0.

    Each week is judged once. Run it once a day, for example with cron.
    """
    from core.monitoring.rules import TOGETHER_WEEKS
    from core.monitoring.watch import watch as look
    from core.pipeline import jobs
    from core.store import open_store

    settings = Settings()
    store = open_store(settings.database)
    with jobs.hold_job(store, "watch") as work:
        watched = look(store, settings)
        ringing = [alarm for alarm in watched.alarms if alarm.rings]
        work.message = f"{len(ringing)} alarms ring." if len(ringing) != 1 else "1 alarm rings."
    for alarm in watched.alarms:
        new = " (new)" if alarm.rule in watched.begun else ""
        word = "RINGS" if alarm.rings else str(alarm.finding.standing)
        typer.echo(f"{word}{new}  {alarm.finding.name}: {alarm.finding.sentence}")
    for note in watched.notes:
        typer.echo(note, err=True)
    typer.echo(f"All alarms together ring by chance at most once in {TOGETHER_WEEKS} weeks.")
    raise typer.Exit(1 if ringing else 0)
