"""The command line: ``python -m core --help``."""

import gc

import typer

from core.cli import (
    backfill,
    canary,
    clips,
    copies,
    database,
    figures,
    ingesting,
    keys,
    labels,
    library,
    makams,
    mood_tags,
    recordings,
    reports,
    reproducing,
    serving,
    sign_off,
    stability,
    stages,
    tables,
    terminal,
    training,
    verification,
    watching,
)

HELP = "Which emotion does a piece of Turkish music carry?"

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_show_locals=False, help=HELP)
app.command()(serving.serve)
app.command()(figures.metrics)
app.command()(clips.warm)
app.command()(clips.features)
app.command()(verification.verify)
app.command()(training.train)
app.command()(reproducing.reproduce)
app.command()(training.mlflow)
app.command()(database.backup)
app.command()(database.restore)
app.command()(library.score)
app.command()(library.demo_library)
app.command()(tables.catalogue)
app.command()(tables.check_table)
app.command()(copies.copies)
app.command()(ingesting.ingest)
app.command()(mood_tags.tag_moods)
app.command()(recordings.makam)
app.command()(makams.learn_makams)
app.command()(training.retrain)
app.command()(stability.stability)
app.command()(training.promote)
app.command()(training.rollback)
app.command()(sign_off.sign_off)
app.command()(reports.report)
app.command()(training.rescore)
app.command()(backfill.backfill)
app.command()(training.triggers)
app.command()(watching.watch)
app.add_typer(stages.app, name="stage")
app.add_typer(canary.app, name="canary")
app.command()(labels.export_labels)
app.command()(labels.import_labels)
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run the command that the user typed."""
    try:
        terminal.run(app)
    finally:
        gc.freeze()  # Python searches all objects for garbage when it ends; the system frees them without that


if __name__ == "__main__":
    main()
