"""Commands that export and import labels. Heavy libraries load inside, so that other commands start fast."""

import os
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import CoreError
from core.settings import Settings

if TYPE_CHECKING:
    import pandas as pd


def export_labels(
    target: Annotated[Path, typer.Argument(help="The ZIP to write.")],
    which: Annotated[str, typer.Option(help="Clips to export: all, waiting (without a label yet), answered.")] = "all",
    guesses: Annotated[bool, typer.Option(help="With the model's guesses as predictions.")] = True,
    synthetic: Annotated[bool, typer.Option(help="With the synthetic clips for practice.")] = False,
) -> None:
    """Write clips with sound, answers and guesses as a ZIP for Label Studio; README.txt in it says how to open it."""
    from core.labelling import agreement, truth
    from core.labelling.label_studio_package import CHOICES, choose_clips, write_package
    from core.store import feedback_table, open_store

    if which not in CHOICES:
        raise CoreError(f"{which!r} is no choice of clips. Choose one of: {', '.join(CHOICES)}.")
    settings = Settings()
    opened = open_store(settings.database)
    everything, needed = feedback_table(opened), truth.raters_needed(opened)
    feedback = everything if synthetic else agreement.of_music(everything)
    chosen = choose_clips(opened, feedback, which=which, synthetic=synthetic, raters_needed=needed)
    try:
        with tempfile.NamedTemporaryFile(dir=target.absolute().parent, prefix=f".{target.name}.", delete=False) as part:
            try:
                made = write_package(part, opened, feedback, chosen, settings, guesses=guesses)
                os.chmod(part.name, 0o644)  # a temporary file is private
                os.replace(part.name, target)
            except BaseException:
                os.unlink(part.name)
                raise
    except OSError as error:
        raise CoreError(f"{target} cannot be written: {error.strerror}.") from error
    silent = f" The sound of {made.silent} of them was not kept." if made.silent else ""
    typer.echo(f"{made.clips} clips are in {target}.{silent} Unpack it and read README.txt.")


def import_labels(
    source: Annotated[Path, typer.Argument(help="CSV or JSON with clips and labels, also from Label Studio.")],
    account: Annotated[
        list[str] | None,
        typer.Option(help="Who an account of Label Studio is: 1=Ayşe. Nothing after the sign leaves its answers out."),
    ] = None,
    control: Annotated[str | None, typer.Option(help="The column that holds the emotions, where several may.")] = None,
    by: Annotated[str, typer.Option(help="Who imports: rows without a rater are theirs.")] = "",
    store_them: Annotated[bool, typer.Option("--store", help="Store what the dry run shows.")] = False,
) -> None:
    """Say row by row what an import would do, as CSV; with --store, do it. Exit status 2 where a row is refused."""
    from core.labelling import files, import_plan
    from core.store import Rater, clips_table, feedback_table, new_token, open_store, rater_name, raters_table

    try:
        data = source.read_bytes()
    except OSError as error:
        raise CoreError(f"{source} cannot be read: {error.strerror}.") from error
    file = files.read_label_file(data, control=control)
    nameless = file.rows["rater"].eq("") & file.rows["account"].eq("")
    if nameless.any() and not by:
        raise CoreError(f"{int(nameless.sum())} rows name no rater. Say whose they are with --by.")
    opened = open_store(Settings().database)
    plan = import_plan.plan_import(
        file.rows,
        clips_table(opened),
        feedback_table(opened),
        raters_table(opened),
        importer=Rater(rater_name(by) if by else "", False, "analyst"),
        accounts=_accounts(account or [], file.accounts),
    )
    _report(plan, file.unread)
    if store_them:
        new = import_plan.apply_import(opened, plan, token=new_token())
        typer.echo(f"{new} answers are stored.", err=True)
    raise typer.Exit(2 if plan["action"].eq("refused").any() else 0)


def _accounts(given: list[str], known: Collection[str]) -> dict[str, str]:
    """Accounts and their raters. Raises CoreError for an account that the file does not have."""
    accounts: dict[str, str] = {}
    for pair in given:
        name, sign, rater = pair.partition("=")
        if not sign or name.strip() not in known:
            listed = f"The file has these: {', '.join(known)}." if known else "The file has none."
            raise CoreError(f"{pair!r} names no account of the file, as in 1=Ayşe. {listed}")
        accounts[name.strip()] = rater.strip()
    return accounts


def _report(plan: "pd.DataFrame", unread: tuple[str, ...]) -> None:
    """The rows as CSV on the standard output, the numbers as a sentence on the other one."""
    from core.labelling.import_plan import ACTIONS
    from core.spreadsheets import escape_table

    shown: Any = plan[["row", "action", "why", "file_name", "label", "skip_reason", "kind", "rater", "clip"]]
    escape_table(shown).to_csv(sys.stdout, index=False)
    counts = plan["action"].value_counts()
    typer.echo(", ".join(f"{counts.get(action, 0)} {action}" for action in ACTIONS) + ".", err=True)
    if unread:
        typer.echo(f"There is no place here for these columns: {', '.join(unread)}.", err=True)
