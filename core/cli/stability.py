"""The command that measures how stable the answers of a model are. Heavy libraries load inside the functions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.terminal import progress_bar
from core.errors import CoreError
from core.settings import Settings

if TYPE_CHECKING:
    from core.evaluation.stability import Stability
    from core.pipeline.serving import Served


def stability(
    folder: Annotated[Path | None, typer.Argument(help="Folder with music. It is read, never changed.")] = None,
    table: Annotated[
        bool, typer.Option("--table", help="Use the held-out rows of the published table. Only the level changes.")
    ] = False,
    model: Annotated[
        str, typer.Option(help="champion, challenger, repository (the model in models/champion), or a model's folder.")
    ] = "champion",
    windows: Annotated[int, typer.Option(min=1, help="Largest number of windows of 30 s for each file.")] = 4,
    csv: Annotated[Path | None, typer.Option(help="Also write the table to this CSV file.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the table to this JSON file.")] = None,
    card: Annotated[
        bool, typer.Option("--card", help="Also add the result to the model card. Not for models in the registry.")
    ] = False,
) -> None:
    """Measure how often a small change of the same music gives another answer: quieter, later, MP3, resampled, cut."""
    settings = Settings()
    if (folder is None) != table:
        raise CoreError("Give either a folder with music or --table: python -m core stability FOLDER")
    if folder is not None and not folder.is_dir():
        raise CoreError(f"{folder} is not a folder. Give the folder with the music.")
    if card and model in ("champion", "challenger"):
        raise CoreError("The files of a registered model stay as they are. Use --card with --model repository.")
    served, place = _served(model, settings)
    result = _on_table(served, settings) if folder is None else _on_folder(folder, windows, served, settings)
    typer.echo(_text(result))
    figures = result.table()
    if csv is not None:
        figures.to_csv(csv, index=False)
    if json is not None:
        figures.to_json(json, orient="records", indent=1)
    if card:
        from core.training.publish import add_stability

        add_stability(place, result)
        typer.echo(f"Added to the model card of {served.model.version}.")


def _served(model: str, settings: Settings) -> "tuple[Served, Path]":
    """The model with all that its answers need, and its folder."""
    from core.models import registry
    from core.models.bundle import load_bundle
    from core.pipeline.serving import Served

    if model in ("champion", "challenger"):
        bundle = registry.load(model, settings=settings)
    else:
        place = settings.champion_dir if model == "repository" else Path(model)
        if not place.is_dir():
            raise CoreError(f"{model} is neither champion, challenger or repository nor the folder of a model.")
        bundle = load_bundle(place)
    return Served(bundle.model, bundle.reference(), bundle.background(), bundle.policies()), bundle.folder


def _on_table(served: "Served", settings: Settings) -> "Stability":
    from core.dataset.loading import load_table
    from core.evaluation.stability import TABLE_ROWS
    from core.pipeline.stability import level_stability
    from core.training.folds import distinct_clips

    clips = distinct_clips(load_table(settings, allow_download=True))
    rest = clips.part(clips.held_out)
    return level_stability(rest.X, rest.group.tolist(), served, music=TABLE_ROWS)


def _on_folder(folder: Path, most: int, served: "Served", settings: Settings) -> "Stability":
    from core.pipeline.stability import folder_stability, measure_windows

    with progress_bar() as report:
        measured = measure_windows(folder, most=most, settings=settings, progress=report)
    for name, why in measured.refused.items():
        typer.echo(f"{name} was not used: {why}", err=True)
    files = len({track for track, _, _ in measured.vectors})
    return folder_stability(measured, served, music=f"{files} audio files")


def _text(result: "Stability") -> str:
    """The result as a table for the terminal."""
    from core.evaluation.stability import MEASURES

    wide = result.table().assign(text=lambda t: [_percent(*row) for row in t[["value", "low", "high"]].to_numpy()])
    shown = wide.pivot_table(index=["change", "windows"], columns="measure", values="text", aggfunc="first", sort=False)
    shown = shown[list(MEASURES)].rename(columns=MEASURES).reset_index().rename_axis(columns=None)
    return f"{result.model}, {result.music}\n{shown.to_string(index=False)}"


def _percent(value: float, low: float, high: float) -> str:
    return "-" if value != value else f"{value:.1%} ({low:.1%} to {high:.1%})"
