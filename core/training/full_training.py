"""Train all models on the published table, record them, and promote the best one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import TableError
from core.settings import Settings

if TYPE_CHECKING:
    from core.evaluation.gate import GateResult


# --- training --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """What came of a training run. version : in the registry.  verdict : of the gate, None where it was not
    asked.  folder : of its files.
    """

    version: str
    verdict: "GateResult | None"
    folder: Path
    summary: str


def train_models(
    settings: Settings,
    *,
    quick: bool = False,
    publish: bool = False,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Trained:
    """Train and compare all models on the published table, track them, and promote the best recipe through the gate.

    publish : also replace the models in ``settings.models_dir``, where the gate is passed.
    Raises TableError when only the synthetic stand-in is at hand: a model of it would be a model of nothing.
    """
    from core.dataset.loading import load_table
    from core.dataset.split import write_split
    from core.file_names import CHAMPION
    from core.models.tracking import log_run
    from core.training.promotion import promote
    from core.training.publish import publish_run as write
    from core.training.run import train_and_compare
    from core.training.run_tables import candidate_figures

    table = load_table(settings, allow_download=True)
    if table.synthetic:
        raise TableError(
            f"The published table is not at hand, and models are not trained on made-up clips. {table.note}"
        )
    settings.processed_dir.mkdir(parents=True, exist_ok=True)
    write_split(table, settings.processed_dir, seed=seed)
    found = train_and_compare(table, seed=seed, quick=quick, progress=progress)
    folder = settings.run_dir(found.created_at)
    name = write(found, table, folder)
    version = log_run(found, folder / CHAMPION, figures=candidate_figures(found), settings=settings)
    if quick:
        return Trained(
            version,
            None,
            folder,
            f"{name} is version {version}, a challenger: quick runs are not promoted. {table.note}".strip(),
        )
    verdict = promote(settings, version=version)
    if publish and verdict.passed:
        write(found, table, settings.models_dir)
    outcome = "is the champion now" if verdict.passed else "stays a challenger"
    summary = f"{name} (version {version}) {outcome}: {verdict.reason} {table.note}".strip()
    return Trained(version, verdict, folder, summary)
