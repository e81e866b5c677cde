"""Commands for single clips: features and warm. Heavy libraries load inside the functions."""

import json
import sys
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from core.audio import formats
from core.errors import CoreError
from core.settings import Settings


class Format(StrEnum):
    csv = "csv"
    json = "json"


def warm() -> None:
    """Compile the numerical code ahead of time, so that the first clip does not wait for the compiler."""
    from core.audio import beats
    from core.features import loudness
    from core.features import warm as compile_kernels

    compile_kernels()
    loudness.warm()
    beats.warm()
    for compiled_by_its_import in ("core.models.forest_kernel", "core.makam.kernels"):
        import_module(compiled_by_its_import)


def features(
    files: Annotated[list[Path], typer.Argument(help=f"Audio files: {formats.names()}.")],
    form: Annotated[
        Format, typer.Option("--format", help="Output format: one CSV row or one JSON object for each file.")
    ] = Format.csv,
) -> None:
    """Print the 50 features of each file, in the order given. Exit status: 2 if any file was refused, else 0."""
    from core.audio.decoding import read
    from core.features import EXTRACTOR, extract
    from core.schema import COLUMNS
    from core.spreadsheets import write_row

    names = ["file", "clip_id", "duration_s", "sr", "extractor", *COLUMNS]
    if form is Format.csv:
        write_row(sys.stdout, names)
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
        values = [None if v != v else v for v in vector.values.tolist()]  # NaN: empty in CSV, null in JSON
        row = [str(file), recording.clip.clip_id, recording.duration_s, recording.sr, EXTRACTOR, *values]
        if form is Format.csv:
            write_row(sys.stdout, row)
        else:
            sys.stdout.write(separator + json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False))
            separator = ",\n"
        sys.stdout.flush()
    if form is Format.json:
        sys.stdout.write("\n]\n")
    raise typer.Exit(2 if refused else 0)
