"""Commands that export and import labels. Heavy libraries load inside the functions: other commands start fast."""

import os
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import CoreError
from core.settings import Settings
from core.wording import counted

if TYPE_CHECKING:
    import pandas as pd


def export_labels(
    target: Annotated[Path, typer.Argument(help="Path of the ZIP file to write.")],
    which: Annotated[
        str, typer.Option(help="Clips to export: all, waiting (no agreed label yet), or answered.")
    ] = "all",
    guesses: Annotated[bool, typer.Option(help="Include the model's guesses as predictions.")] = True,
    synthetic: Annotated[bool, typer.Option(help="Include the synthetic practice clips.")] = False,
) -> None:
    """Write clips with audio, answers and guesses into a ZIP for Label Studio. Its README.txt explains the rest."""
    from core.labelling import truth
    from core.labelling.label_studio_package import CHOICES, choose_clips, write_package
    from core.store import open_store

    if which not in CHOICES:
        raise CoreError(f"{which!r} is not a known selection of clips. Choose one of: {', '.join(CHOICES)}.")
    settings = Settings()
    store = open_store(settings.database)
    chosen = choose_clips(store, which=which, synthetic=synthetic, raters_needed=truth.raters_needed(store))
    try:
        with tempfile.NamedTemporaryFile(dir=target.absolute().parent, prefix=f".{target.name}.", delete=False) as part:
            try:
                made = write_package(part, store, None, chosen, settings, guesses=guesses)
                os.chmod(part.name, 0o644)  # a temporary file is private
                os.replace(part.name, target)
            except BaseException:
                os.unlink(part.name)
                raise
    except OSError as error:
        raise CoreError(f"{target} cannot be written: {error.strerror}.") from error
    silent = f" {made.silent} of them have no audio, because it was not kept." if made.silent else ""
    typer.echo(f"{target} holds {counted(made.clips, 'clip')}.{silent} Unpack it and read README.txt.")


def import_labels(
    source: Annotated[
        Path, typer.Argument(help="CSV, TSV or JSON file with clips and labels, for example from Label Studio.")
    ],
    account: Annotated[
        list[str] | None,
        typer.Option(help="Rater of a Label Studio account: 1=Ayşe. An empty name (1=) leaves its answers out."),
    ] = None,
    control: Annotated[
        str | None, typer.Option(help="The column with the emotions, if several columns could be it.")
    ] = None,
    by: Annotated[str, typer.Option(help="Your name; rows without a rater become your answers.")] = "",
    store_them: Annotated[
        bool, typer.Option("--store", help="Store the answers. Without it nothing is stored (dry run).")
    ] = False,
) -> None:
    """Print row by row what an import would do, as CSV; --store does it. Exit status: 2 if a row is refused."""
    from core.labelling import files, import_plan, import_report
    from core.store import Rater, new_token, open_store, rater_name

    try:
        data = source.read_bytes()
    except OSError as error:
        raise CoreError(f"{source} cannot be read: {error.strerror}.") from error
    file = files.read_label_file(data, control=control)
    nameless = file.rows["rater"].eq("") & file.rows["account"].eq("")
    if nameless.any() and not by:
        raise CoreError(f"Rows without a rater: {int(nameless.sum())}. Give the name of the rater with --by.")
    store = open_store(Settings().database)
    plan = import_plan.plan_from_store(
        store,
        file.rows,
        importer=Rater(rater_name(by) if by else "", False, "analyst"),
        accounts=_accounts(account or [], file.accounts),
    )
    _report(plan, file.unread)
    if store_them:
        imported = import_plan.apply_import(store, plan, token=new_token())
        typer.echo(import_report.what_was_stored(plan, imported), err=True)
    raise typer.Exit(2 if plan["action"].eq("refused").any() else 0)


def _accounts(given: list[str], known: Collection[str]) -> dict[str, str]:
    """Map each account to its rater. Raises CoreError for an account that is not in the file."""
    accounts: dict[str, str] = {}
    for pair in given:
        name, sign, rater = pair.partition("=")
        if not sign or name.strip() not in known:
            listed = f"The file has these accounts: {', '.join(known)}." if known else "The file has no accounts."
            raise CoreError(f"{pair!r} does not name an account of the file. Write it as in 1=Ayşe. {listed}")
        accounts[name.strip()] = rater.strip()
    return accounts


def _report(plan: "pd.DataFrame", unread: tuple[str, ...]) -> None:
    """Print the rows as CSV to the standard output, and the counts as a sentence to the standard error."""
    from core.labelling.import_plan import ACTIONS
    from core.labelling.import_report import words_read, words_unknown
    from core.spreadsheets import csv_text

    shown: Any = plan[["row", "action", "why", "file_name", "label", "skip_reason", "kind", "rater", "clip"]]
    sys.stdout.write(csv_text(shown, index=False))
    counts = plan["action"].value_counts()
    typer.echo(", ".join(f"{counts.get(action, 0)} {action}" for action in ACTIONS) + ".", err=True)
    for sentence in filter(None, [*words_read(plan), words_unknown(plan)]):
        typer.echo(sentence, err=True)
    if unread:
        typer.echo(f"These columns were ignored: {', '.join(unread)}.", err=True)
