"""Train all models on the published table, record them, and promote the best one."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.access import Person
from core.errors import TableError
from core.full_disk import full_disk_means
from core.records import ReportProgress
from core.settings import Settings
from core.training.run_folder import NOT_REGISTERED, folder_of_run

if TYPE_CHECKING:
    from core.evaluation.gate import GateResult
    from core.store import Store


@dataclass(frozen=True)
class Trained:
    """Result of a training run.

    Attributes
    ----------
    version : version in the registry.
    verdict : result of the promotion gate; None for a quick run, which the gate does not check.
    folder : folder of the run's files.
    summary : text for display.
    """

    version: str
    verdict: "GateResult | None"
    folder: Path
    summary: str


@full_disk_means(NOT_REGISTERED)
def train_models(
    settings: Settings,
    *,
    quick: bool = False,
    publish: bool = False,
    seed: int = 0,
    progress: ReportProgress | None = None,
    store: "Store | None" = None,
) -> Trained:
    """Train and compare all models on the published table, track them, and promote the best recipe through the gate.

    Parameters
    ----------
    quick : run one repeat without tuning; a quick run is registered but not promoted.
    publish : also replace the models in ``settings.models_dir`` if the run passes the gate.
    progress : called with the completed share in [0, 1] and a short text.
    store : where a promotion is noted as an event; None notes nothing.

    Raises
    ------
    TableError : only synthetic stand-in data are available; a model of these would say nothing about music.
    """
    from core.dataset.loading import load_table
    from core.dataset.split import write_split
    from core.file_names import CHAMPION
    from core.models.tracking import log_run
    from core.training.promotion import promote
    from core.training.publish import copy_published, publish_run
    from core.training.run import train_and_compare
    from core.training.run_tables import candidate_figures

    table = load_table(settings, allow_download=True)
    if table.synthetic:
        raise TableError(
            f"The published table is not available, and models are not trained on synthetic clips. {table.note}"
        )
    settings.processed_dir.mkdir(parents=True, exist_ok=True)
    write_split(table, settings.processed_dir, seed=seed)
    run = train_and_compare(table, seed=seed, quick=quick, progress=progress)
    folder = settings.run_dir(run.created_at)
    with folder_of_run(folder):
        name = publish_run(run, table, folder, speed=True)
        version = log_run(run, folder / CHAMPION, figures=candidate_figures(run), settings=settings)
    if quick:
        return Trained(
            version,
            None,
            folder,
            f"{name} is version {version}, a challenger. Quick runs are not promoted. {table.note}".strip(),
        )
    verdict = promote(settings, version=version, by=Person.machine_owner(), store=store)
    if publish and verdict.passed:
        with full_disk_means(
            f"version {version} is the champion, but the models in {settings.models_dir} may be the ones before. Free "
            "some space and train again."
        ):
            copy_published(run, folder, settings.models_dir)
    outcome = "is now the champion" if verdict.passed else "stays a challenger"
    summary = f"{name} (version {version}) {outcome}: {verdict.reason} {table.note}".strip()
    return Trained(version, verdict, folder, summary)
