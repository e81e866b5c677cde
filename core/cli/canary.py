"""Commands for the canary: a share of the callers gets the challenger. Heavy libraries load inside the functions."""

from typing import TYPE_CHECKING, Annotated

import typer

from core.access import Person
from core.settings import Settings

if TYPE_CHECKING:
    from core.canary.running import Canary, Ended
    from core.canary.steps import Look

app = typer.Typer(no_args_is_help=True, help="Give a share of the callers of the API the challenger, and compare.")
_BY = Annotated[str, typer.Option(help="Your name; stored with the decision.")]


@app.command()
def start(
    share: Annotated[int, typer.Option(help="Percent of the callers who get the challenger, 1 to 50.")] = 5,
    by: _BY = "",
) -> None:
    """Give a share of the callers the challenger. Both servers must be ready."""
    from core.canary import steps

    canary, nginx = steps.start(Settings(), share=share, by=Person.machine_owner(by))
    typer.echo(f"{_words(canary)} {nginx}")
    typer.echo("Watch it, so that a sick canary is taken out: python -m core canary watch")


@app.command()
def status() -> None:
    """Show the canary that is running with its figures, or how the last one ended."""
    from core.canary import running, steps
    from core.store import open_store

    settings = Settings()
    if running.running(settings) is None:
        typer.echo(steps.NONE)
        for record in running.ended(settings)[-1:]:
            _show_end(record)
        return
    _show_look(steps.look(settings, open_store(settings.database)))


@app.command()
def watch(
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 5.0,
    stay: Annotated[bool, typer.Option("--stay", help="Go on after the end of a canary, and watch the next.")] = False,
) -> None:
    """Look at the canary again and again, and take it out when it is sick. Exit status: 3 if it was taken out."""
    from core.canary import steps
    from core.store import open_store

    settings = Settings()
    by = Person.machine_owner(steps.WATCH)
    done = steps.watch(settings, open_store(settings.database), by=by, every_s=every, stay=stay)
    if done is None:
        typer.echo("The canary has ended.")
        return
    _show_end(done)
    raise typer.Exit(3)


@app.command()
def promote(
    by: _BY = "",
    reason: Annotated[
        str, typer.Option(help="Why you promote it although the canary or the gate is undecided; stored.")
    ] = "",
) -> None:
    """Make the challenger the champion if the canary is healthy and the gate lets it. Exit status: 2 if not."""
    from core.canary import steps
    from core.store import open_store

    settings = Settings()
    result, done = steps.promote(settings, open_store(settings.database), by=Person.machine_owner(by), reason=reason)
    if done is None:
        typer.echo(f"The challenger was not promoted. {result.reason} The canary goes on.")
        raise typer.Exit(2)
    _show_end(done)


@app.command()
def abort(
    by: _BY = "", reason: Annotated[str, typer.Option(help="Why you end it; stored with the canary.")] = ""
) -> None:
    """End the canary: all callers get the champion again."""
    from core.canary import steps

    _show_end(steps.abort(Settings(), by=Person.machine_owner(by), why=reason))


def _words(canary: "Canary") -> str:
    return f"The canary {canary.id} gives {canary.share} % of the callers the challenger {canary.challenger}."


def _show_look(seen: "Look") -> None:
    typer.echo(f"{_words(seen.canary)} It runs since {seen.canary.started_at[:16].replace('T', ' ')} UTC.")
    for finding in seen.findings:
        typer.echo(f"  {finding.sentence}")
    typer.echo(f"The canary is {seen.health}.")


def _show_end(record: "Ended") -> None:
    who = f" by {record.by}" if record.by else ""
    when = record.ended_at[:16].replace("T", " ")
    typer.echo(f"The canary {record.canary.id} was {record.end}{who} at {when} UTC. {record.why}")
    for sentence in record.findings:
        typer.echo(f"  {sentence}")
