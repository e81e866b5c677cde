"""The command that trains a stored model again and compares. Heavy libraries load inside the functions."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.terminal import progress_bar
from core.errors import CoreError, ModelError, TableError
from core.settings import Settings

if TYPE_CHECKING:
    from core.models.description import ModelDescription
    from core.records import ReportProgress
    from core.training.reproduce import Difference, Reproduction

MOST_FIGURES = 10  # that are listed


def reproduce(
    folder: Annotated[Path, typer.Argument(help="Folder of a model, for example models/champion.")],
    table: Annotated[
        Path | None, typer.Option(help="The labelled table that trained too, if the model names one.")
    ] = None,
) -> None:
    """Train a model again from what its card names, and compare. Exit status: 1 if the model differs."""
    from core.models.description import read_description

    settings = Settings()
    if not folder.is_dir():
        raise CoreError(f"{folder} is not a folder. Give the folder of a model, for example models/champion.")
    model = read_description(folder, "/".join(folder.resolve().parts[-2:]))
    with progress_bar() as report:
        result = _again(model, table, settings, report)
    typer.echo(reproduction_text(result))
    if not result.equal:
        raise typer.Exit(1)


def _again(
    model: "ModelDescription", table: Path | None, settings: Settings, report: "ReportProgress"
) -> "Reproduction":
    """Load the rows of the training and train again."""
    from core.dataset.loading import load_table
    from core.file_names import LEARNED
    from core.training.folds import distinct_clips
    from core.training.reproduce import reproduce as train_again

    published = load_table(settings, allow_download=True)
    if published.synthetic:
        raise TableError(f"The published table, on which the model was trained, is not available. {published.note}")
    if not model.has(LEARNED):
        if table is not None:
            raise ModelError(f"{model.version} was trained on the published table alone. Leave --table out.")
        return train_again(model, published, distinct_clips(published), progress=report)
    from core.dataset.user_tables import read_bytes
    from core.store import open_store, same_recordings
    from core.training.labelled_data import labels
    from core.training.retraining import training_data_of
    from core.training.table_labels import read_training_table

    own = None
    if table is not None:
        without = json.loads(model.read(LEARNED)).get("table", {}).get("without", [])
        own = read_training_table(read_bytes(table), table.name, cleaning=True, without=without)
    store = open_store(settings.database)
    data = training_data_of(published, labels(store), own, same_recordings(store))
    return train_again(
        model,
        data.table,
        data.clips(),
        labelled=data.labelled.drop(columns=["group", "held_out"]),
        published=data.published_hash,
        progress=report,
    )


def reproduction_text(result: "Reproduction") -> str:
    """The comparison as lines for the terminal."""
    model = result.model
    run = model.metrics["run"]
    lines = [f"{model.version}: trained {model.created_at[:10]} with seed {run['seed']}, and trained again now."]
    if result.versions:
        others = ", ".join(
            f"{n} {then or 'not known'} then, {now or 'none'} now" for n, (then, now) in result.versions.items()
        )
        lines.append(f"Library versions differ: {others}.")
    else:
        lines.append(f"Library versions: the same ({', '.join(f'{n} {v}' for n, v in run['versions'].items())}).")
    then, now = (revision or "not known" for revision in result.revisions)
    lines.append(f"Code revision: {then} then, {now} now.")
    lines += [_line(one) for one in (*result.probabilities, result.figures)]
    for row, measure, emotion, stored, again in result.changed_figures.head(MOST_FIGURES).itertuples(index=False):
        lines.append(f"  {row}, {measure} ({emotion}): {stored} stored, {again} now")
    more = len(result.changed_figures) - MOST_FIGURES
    if more > 0:
        lines.append(f"  and {more} more figures")
    if result.changed_parts:
        lines.append(f"Model: {result.changed_parts} of {result.parts} parts of the file differ.")
    else:
        lines.append(f"Model: all {result.parts} parts of the file are equal to the bit.")
    lines.append(_conclusion(result))
    return "\n".join(lines)


def _conclusion(result: "Reproduction") -> str:
    if not result.equal:
        return "The model was not reproduced exactly."
    if not result.figures.differ:
        return "Everything is equal."
    return "The model is the same. This version of the program computes some of the figures in another way."


def _line(one: "Difference") -> str:
    if not one.differ:
        return f"{one.what}: all {one.n} numbers are equal."
    return f"{one.what}: {one.differ} of {one.n} numbers differ, by at most {one.largest:.2g}."
