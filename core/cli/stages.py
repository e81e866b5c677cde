"""Commands of the pipeline in dvc.yaml, one for each stage. Heavy libraries load inside the functions."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.terminal import progress_bar
from core.settings import Settings

app = typer.Typer(no_args_is_help=True, help="One stage of the pipeline in dvc.yaml: files in, files out.")

Out = Annotated[Path, typer.Option(help="File or folder to write.")]
Cleaned = Annotated[Path, typer.Option(help="Folder of the stage clean.")]
Run = Annotated[Path, typer.Option(help="Folder of the stage train.")]
Seed = Annotated[int, typer.Option(help="Random seed. The same table and seed give the same figures.")]


@app.command()
def fetch(out: Out) -> None:
    """Get the published table: from TME_TABLE, from the data folder, or from the internet."""
    from core.dataset.stages import fetch_table

    fetch_table(out, Settings())


@app.command()
def clean(
    table: Annotated[Path, typer.Option(help="The table to train on, CSV or Parquet.")],
    out: Out,
    without: Annotated[list[str] | None, typer.Option(help="Switch off a rule of cleaning. Can be repeated.")] = None,
) -> None:
    """Clean the table, and write down each change."""
    from core.dataset.stages import clean_table

    made = clean_table(table, out, without=without or [])
    typer.echo(f"{len(made.frame)} rows, content hash {made.content_hash[:12]}.")


@app.command()
def split(cleaned: Cleaned, out: Out, seed: Seed = 0) -> None:
    """Write the training, validation and test parts."""
    from core.dataset.stages import split_table

    split_table(cleaned, out, seed=seed)


@app.command()
def train(
    cleaned: Cleaned,
    parts: Annotated[Path, typer.Option(help="Folder of the stage split.")],
    out: Out,
    seed: Seed = 0,
    quick: Annotated[bool, typer.Option(help="One repeat and no tuning.")] = False,
    repeats: Annotated[int | None, typer.Option(min=1, help="Repeats of the cross-validation.")] = None,
    models: Annotated[list[str] | None, typer.Option(help="Train only this model. Can be repeated.")] = None,
) -> None:
    """Train and compare the models; register nothing."""
    from core.training.stages import train_stage

    with progress_bar() as report:
        version = train_stage(
            cleaned, parts, out, seed=seed, quick=quick, repeats=repeats, models=models or [], progress=report
        )
    typer.echo(f"{version} is in {out}.")


@app.command()
def compare(run: Run, out: Out) -> None:
    """Compare the new model with the model in the models folder."""
    from core.training.stages import compare_stage

    verdict = compare_stage(run, out, Settings())
    typer.echo(f"{verdict['outcome']}: {verdict['reason']}")


@app.command()
def card(run: Run, compared: Annotated[Path, typer.Option(help="Folder of the stage compare.")], out: Out) -> None:
    """Write the model card from the stored files."""
    from core.training.stages import card_stage

    card_stage(run, compared, out, Settings())


@app.command()
def labels(out: Out) -> None:
    """Write the labels that raters agree on, with the features of their clips. No rater is named."""
    from core.atomic import replace_file
    from core.errors import CoreError
    from core.store import open_store
    from core.training import labelled_data

    agreed = labelled_data.labels(open_store(Settings().database))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        replace_file(out, labelled_data.labels_csv(agreed))
    except OSError as error:
        raise CoreError(f"The labels cannot be written to {out} ({error.strerror}). Choose another file.") from error
    typer.echo(f"{len(agreed)} labels are in {out}.")
