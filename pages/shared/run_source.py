"""Where the figures of the models' pages come from."""

from core.dataset.published import CITATIONS
from core.evaluation.run_files import Comparison
from core.schema import MIRTOOLBOX
from core.source_note import SourceNote
from pages.shared.show import set_source


def set_run_source(comparison: Comparison, *, held_out: bool | None = None) -> None:
    """Set the training run as the source of this page.

    held_out : whether the figures are those of the held-out clips; None if the views of the page differ in this.
    """
    about, last = comparison.about, int(comparison.rows["held_out"].sum())
    validated = f"grouped stratified cross-validation of {len(comparison.rows) - last} development clips"
    held = f"{last} held-out clips"
    protocol = {True: held, False: validated, None: f"{validated}; {held} where the view says so"}[held_out]
    set_source(
        SourceNote(
            data=str(about["data_hash"]),
            rows=f"{len(comparison.rows)} distinct clips",
            protocol=protocol,
            model=f"{comparison.champion} and others of the training of {about['created_at'][:10]} (code "
            f"{about['revision']})",
            extractor=MIRTOOLBOX,
            cite="" if about["synthetic"] else CITATIONS[0],
            synthetic=bool(about["synthetic"]),
        )
    )
