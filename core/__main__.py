"""The command line: ``python -m core --help``."""

import csv
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from core.errors import CoreError
from core.settings import Settings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Which emotion does a piece of Turkish music carry?")


class Format(StrEnum):
    csv = "csv"
    json = "json"


@app.command()
def warm() -> None:
    """Compile the feature kernels, so that nobody's first clip waits for a compiler."""
    from core.features import warm as compile_kernels

    compile_kernels()


@app.command()
def features(
    files: Annotated[list[Path], typer.Argument(help="WAV, FLAC, OGG or MP3 files.")],
    form: Annotated[Format, typer.Option("--format", help="What is printed: a row or an object a file.")] = Format.csv,
) -> None:
    """Print the 50 features of each file, in the order given; exit status 2 when a file was refused."""
    from core.audio import read
    from core.features import EXTRACTOR, extract
    from core.schema import COLUMNS

    names = ["file", "clip_id", "duration_s", "sr", "extractor", *COLUMNS]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if form is Format.csv:
        writer.writerow(names)
    else:
        sys.stdout.write("[")
    refused = False
    separator = "\n"
    for file in files:
        try:
            recording = read(file, max_mb=Settings().max_upload_mb)
            vector = extract(recording.clip)
        except CoreError as error:
            typer.echo(f"{file}: {error}", err=True)
            refused = True
            continue
        values = [None if v != v else v for v in vector.values.tolist()]  # NaN: an empty cell, null in JSON
        row = [str(file), recording.clip.clip_id, recording.duration_s, recording.sr, EXTRACTOR, *values]
        if form is Format.csv:
            writer.writerow(row)
        else:
            sys.stdout.write(separator + json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False))
            separator = ",\n"
        sys.stdout.flush()
    if form is Format.json:
        sys.stdout.write("\n]\n")
    raise typer.Exit(2 if refused else 0)


if __name__ == "__main__":
    app()
