"""Commands for tables: check one against its contract, and make a catalogue of results."""

from pathlib import Path
from typing import Annotated

import typer

from core.errors import CoreError

KINDS = ("labelled", "features", "results")
SHOWN = 50  # lines


def check_table(
    file: Annotated[Path, typer.Argument(help="The table: .csv, .parquet or .jsonl.")],
    kind: Annotated[
        str,
        typer.Option(help="labelled, features or results. Default: what the columns of the table say."),
    ] = "",
) -> None:
    """Check a table that you want to hand over: each column, each cell. Nothing is changed.

    Exit status: 0 the table keeps its contract; 1 it does not, each line names column, row and what to do; 2 the file
    cannot be read.
    """
    from core.dataset.contracts import FEATURES_ONLY, LABELLED, breaches, read_table
    from core.library.result_contract import result_breaches
    from core.schema import LABEL
    from core.wording import counted

    if kind and kind not in KINDS:
        raise CoreError(f"--kind {kind}: choose one of {', '.join(KINDS)}.")
    table = read_table(file)
    kind = kind or ("results" if {"state", "clip_id"} & set(table) else "labelled" if LABEL in table else "features")
    contract = LABELLED if kind == "labelled" else FEATURES_ONLY
    found = result_breaches(table) if kind == "results" else breaches(table, contract)
    if not found:
        typer.echo(f"{file.name}: {counted(len(table), 'row')}, a good table of the kind {kind}.")
        return
    for breach in found[:SHOWN]:
        typer.echo(str(breach))
    more = f", {SHOWN} of them above" if len(found) > SHOWN else ""
    typer.echo(f"{file.name} is not yet a good table of the kind {kind}: {counted(len(found), 'place')} to mend{more}.")
    raise typer.Exit(1)


def catalogue(
    results: Annotated[Path, typer.Argument(help="Results of a library, a .parquet file that score wrote.")],
    out: Annotated[
        Path | None,
        typer.Option(help="File to write: .parquet, .csv, .jsonl, or .json as MusicBrainz writes recordings."),
    ] = None,
    by: Annotated[str, typer.Option(help="Show the moods by makam, usul, era or performer.")] = "",
    makam: Annotated[str, typer.Option(help="Only this makam; case and accents do not matter.")] = "",
    usul: Annotated[str, typer.Option(help="Only this usul.")] = "",
    performer: Annotated[str, typer.Option(help="Only this performer.")] = "",
    era: Annotated[int | None, typer.Option(help="Only the decade with this year: 1974 means 1970 to 1979.")] = None,
) -> None:
    """Select results of a library, count their moods by makam, usul, era or performer, and write them in a format."""
    from core.library.catalogue import SLICES, moods_by, read_catalogue, selected, write_catalogue
    from core.wording import counted

    if not out and not by:
        raise CoreError("Say what to do: --out FILE writes the results, --by makam shows the moods.")
    if by and by not in SLICES:
        raise CoreError(f"--by {by}: choose one of {', '.join(SLICES)}.")
    table = selected(read_catalogue(results), makam=makam, usul=usul, performer=performer, era=era)
    if by:
        typer.echo(moods_by(table, by).to_string())
    if out:
        write_catalogue(table, out)
        typer.echo(f"{counted(len(table), 'row')} written to {out}.")
