"""Command that checks a table against its contract."""

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
