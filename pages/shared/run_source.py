"""Where the figures of the models' pages come from."""

from core.dataset.published import CITATIONS
from core.errors import CoreError
from core.evaluation import stored_evaluation
from core.evaluation.run_files import Comparison
from core.models.description import describe_model_in_use
from core.schema import MIRTOOLBOX
from core.settings import Settings
from core.source_note import SourceNote
from pages.shared.show import set_source


def model_id(comparison: Comparison, algorithm: str) -> str:
    """Name of a model of the training run, for file names and sources: the version, if it is the model in use."""
    try:
        in_use = describe_model_in_use(Settings())
    except CoreError:
        in_use = None  # views that need the model show the error
    return stored_evaluation.model_id(comparison, algorithm, in_use)


def set_run_source(comparison: Comparison, *, algorithm: str = "", held_out: bool | None = None) -> None:
    """Set the training run as the source of this page.

    algorithm : the model that the page is about; "" for all models of the run.
    held_out : whether the figures are those of the held-out clips; None if the views of the page differ in this.
    """
    about, last = comparison.about, int(comparison.rows["held_out"].sum())
    validated = f"grouped stratified cross-validation of {len(comparison.rows) - last} development clips"
    held = f"{last} held-out clips"
    protocol = {True: held, False: validated, None: f"{validated}; {held} where the view says so"}[held_out]
    others = "" if algorithm else " and the other models of its training run"
    set_source(
        SourceNote(
            data=str(about["data_hash"]),
            rows=f"{len(comparison.rows)} distinct clips",
            protocol=protocol,
            model=f"{model_id(comparison, algorithm or comparison.champion)}{others}",
            extractor=MIRTOOLBOX,
            cite="" if about["synthetic"] else CITATIONS[0],
            synthetic=bool(about["synthetic"]),
        )
    )
