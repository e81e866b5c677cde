"""Commands for karar and makam. Heavy libraries load inside the functions."""

import json
import sys
from enum import StrEnum
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.audio import formats
from core.errors import CoreError
from core.settings import Settings

if TYPE_CHECKING:
    from core.makam.melody import Melody
    from core.store import Store


class Layer(StrEnum):
    """Keys of ``core.makam.layers.LAYERS``."""

    csv = "csv"
    notes = "notes"
    svl = "svl"
    audacity = "audacity"
    praat = "praat"
    tomato = "tomato"
    symbtr = "symbtr"
    json = "json"
    midi = "midi"


def makam(
    files: Annotated[list[Path], typer.Argument(help=f"Audio files: {formats.names()}.")],
    layer: Annotated[
        list[Layer] | None, typer.Option(help="Also write a layer of each file for another program; can be repeated.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the layers.")] = Path(),
) -> None:
    """Print karar, comma features and suggested makams of each file as one JSON object in a line.

    A karar that a person corrected comes first. A file that is there is never overwritten by a layer. Exit status: 2
    if any file was refused, else 0.
    """
    from core.store import open_store

    if layer and not out.is_dir():
        raise CoreError(f"The layers cannot be written: there is no folder {out}. Create it first.")
    _check_places(files, layer or [], out)
    there = [file for file in files if file.is_file()]
    for file in files:
        if file not in there:
            typer.echo(f"{file}: There is no such file.", err=True)
    settings = Settings()
    store = open_store(settings.database)
    refused = len(there) < len(files)
    for number, file in enumerate(there, 1):
        typer.echo(f"File {number} of {len(there)}: {file}", err=True)
        try:
            line = _measure(file, store, settings, layer or [], out)
        except CoreError as error:
            typer.echo(f"{file}: {error}", err=True)
            refused = True
            continue
        sys.stdout.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        sys.stdout.flush()
    raise typer.Exit(2 if refused else 0)


def _place(file: Path, layer: Layer, out: Path) -> Path:
    from core.makam.layers import LAYERS

    return out / f"{file.stem}.{LAYERS[layer.value].ending}"


def _check_places(files: list[Path], wanted: list[Layer], out: Path) -> None:
    """Raise CoreError before anything is measured if a layer would overwrite a file or another layer."""
    taken: dict[str, Path] = {}
    for file in dict.fromkeys(files):
        for layer in dict.fromkeys(wanted):
            place = _place(file, layer, out)
            if place.exists():
                raise CoreError(f"{place} is there already. Move it away, or choose another folder with --out.")
            other = taken.setdefault(str(place).casefold(), file)
            if other != file:
                raise CoreError(
                    f"The layers of {other} and of {file} would have the same name, {place}. Measure the files of each "
                    "folder on their own, each time with another --out."
                )


def _measure(file: Path, store: "Store", settings: Settings, wanted: list[Layer], out: Path) -> dict[str, object]:
    """Measure one file, write its layers, and return the line about it. Raises CoreError when it cannot be read."""
    from core.audio.decoding import inspect
    from core.makam.analysis import analyse
    from core.makam.columns import ANALYSER
    from core.makam.commas import note_name
    from core.makam.templates import templates_in_use
    from core.pipeline.makam import melody_of_source
    from core.store import first_content, karar_word

    try:
        data = file.read_bytes()
    except OSError as error:
        raise CoreError(f"The file cannot be read: {error.strerror}.") from error
    source = inspect(data, file.name, max_mb=settings.max_upload_mb)
    melody = melody_of_source(source)
    word = karar_word(store, first_content(store, source.digest))
    found = analyse(melody, templates_in_use(settings.data_dir), karar_hz=word.karar_hz if word else None)
    karar = None if found.karar_hz is None else round(found.karar_hz, 2)
    line: dict[str, object] = {
        "file": str(file),
        "content_hash": source.digest,
        "duration_s": round(found.duration_s, 2),
        "melody_s": round(found.voiced_s, 2),
        "karar_hz": karar,
        "karar_note": "" if found.karar_hz is None else note_name(found.karar_hz),
        "karar_from": "person" if word else "measured" if karar else "",
        "karar_candidates": [{"hz": round(c.hz, 2), "probability": round(c.probability, 4)} for c in found.candidates],
        "makam_is": found.suggestions.kind,
        "makam_suggestions": [
            {"makam": s.name, "probability": round(s.probability, 4)} for s in found.suggestions.three
        ],
        **{name: None if isnan(value) else round(value, 4) for name, value in found.features.items()},
        "analyser": ANALYSER,
    }
    _write_layers(file, melody, line, wanted, out)
    return line


def _write_layers(file: Path, melody: "Melody", line: dict[str, object], wanted: list[Layer], out: Path) -> None:
    from core.atomic import replace_file
    from core.makam.layers import LAYERS, Analysed
    from core.source_note import SourceNote

    hz = line["karar_hz"]
    note = SourceNote(table=file.name, data=str(line["content_hash"]), extractor=str(line["analyser"]))
    facts = {name: line[name] for name in ("karar_from", "karar_candidates", "makam_is", "makam_suggestions")}
    given = Analysed(file.name, melody, hz if isinstance(hz, float) else None, note.header("melody"), facts)
    for name in wanted:
        place = _place(file, name, out)
        try:
            replace_file(place, LAYERS[name.value].write(given))
        except OSError as error:
            raise CoreError(f"The layer cannot be written to {place}: {error.strerror}.") from error
