"""Command learn-makams: learn makam templates from recordings with known makam. Heavy libraries load inside it."""

from pathlib import Path
from typing import Annotated

import typer

from core.errors import CoreError
from core.settings import Settings
from core.wording import counted


def learn_makams(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A folder with audio files and recordings.csv (recording, makam, karar_hz), or with audio files that "
            "have a makam in their tags, or with pitch.npz and recordings.csv."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="File to write. By default the templates that the pages use are replaced.")
    ] = None,
) -> None:
    """Learn templates for karar and makam from recordings whose makam a person knows, and say on what.

    Exit status: 2 if a recording could not be used.
    """
    from core.atomic import replace_file
    from core.makam.learning import learn
    from core.makam.lessons import TRACKS, lessons_of_audio, lessons_of_tracks
    from core.makam.templates import learned_path, templates_bytes

    settings = Settings()
    refused: list[str] = []
    if not folder.is_dir():
        raise CoreError(f"{folder} is not a folder. Give the folder with the recordings.")
    if (folder / TRACKS).is_file():
        lessons = list(lessons_of_tracks(folder))
    else:
        lessons = list(lessons_of_audio(folder, max_mb=settings.max_upload_mb, refused=refused.append))
    learned = learn(lessons, source=folder.resolve().name)
    target = out or learned_path(settings.data_dir)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, templates_bytes(learned.templates))
    except OSError as error:
        raise CoreError(f"{target} cannot be written: {error.strerror}.") from error
    refused += [f"{name}: its karar was not found in its melody." for name in learned.unusable]
    for sentence in refused:
        typer.echo(sentence, err=True)
    if learned.few:
        typer.echo(f"Too few recordings, so these makams were left out: {', '.join(learned.few)}.", err=True)
    typer.echo(f"{learned.templates.learned_from} {target} was written; {counted(len(refused), 'recording')} refused.")
    raise typer.Exit(2 if refused else 0)
