"""Promotion: a version becomes the champion if it passes the gate. Only a person's click or command asks for it."""

import pandas as pd

from core.errors import ModelError
from core.evaluation.gate import GateResult, check_gate
from core.evaluation.run_files import read_run
from core.file_names import CHALLENGER, CHAMPION
from core.models import registry
from core.models.description import describe_alias
from core.settings import Settings


def promote(settings: Settings, *, version: str | None = None, shown: str | None = None, by: str = "") -> GateResult:
    """Make a version the champion if it passes the gate against the model in use; else nothing changes.

    Parameters
    ----------
    version : number of the version; the challenger unless given.
    shown : version of the challenger that the person saw; None for whichever it is.
    by : name of the person who decided, kept with the version.

    Returns
    -------
    What the gate said. It is kept with the version, too.

    Raises ModelError when there is no such version, when nothing is known to compare it with, or when another
    challenger than the one that was shown is there now.
    """
    challenger = registry.find(CHALLENGER, settings=settings)
    if version is None and challenger is None:
        raise ModelError("There is no challenger to promote. Make one with: python -m core retrain")
    registry.check_shown(CHALLENGER, shown, settings=settings)
    chosen = version or (challenger.version if challenger else "")
    champion = registry.find(CHAMPION, settings=settings)
    if champion is not None and champion.version == chosen:
        raise ModelError(f"Version {chosen} is the champion already.")
    committed = _committed(settings) if champion is None else None
    present = registry.read_held_out(champion.version, settings=settings) if champion else committed
    verdict = check_gate(present, registry.read_held_out(chosen, settings=settings))
    said = f"{'passed' if verdict.passed else 'failed'}: {verdict.reason}"
    registry.note_gate(chosen, said, settings=settings)
    if verdict.passed:
        registry.set_champion(chosen, settings=settings, by=by, after_committed=committed is not None)
    return verdict


def _committed(settings: Settings) -> pd.DataFrame | None:
    """Held-out predictions of the committed model; None where there is no such model."""
    if describe_alias(CHAMPION, settings=settings) is None and not settings.comparison_dir.is_dir():
        return None
    found = read_run(settings.comparison_dir)
    return found.predictions(found.champion, held_out=True)
