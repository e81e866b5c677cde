"""Promotion: make a version the champion if it passes the gate. Only a person starts a promotion, never a schedule."""

import pandas as pd

from core.access import Action, Person, requires
from core.errors import ModelError
from core.evaluation.gate import GateResult, check_gate
from core.evaluation.run_files import read_run
from core.file_names import CHALLENGER, CHAMPION
from core.models import registry
from core.models.description import describe_alias
from core.settings import Settings


@requires(Action.CHOOSE_MODEL)
def promote(settings: Settings, *, by: Person, version: str | None = None, shown: str | None = None) -> GateResult:
    """Make a version the champion if it passes the gate against the current champion; otherwise change nothing.

    Parameters
    ----------
    version : number of the version; the challenger by default.
    shown : version of the challenger that the person saw; None skips this check.
    by : the person who decides; the name is stored with the version.

    Returns
    -------
    Result of the gate, which is also stored with the version.

    Raises
    ------
    ModelError : the version does not exist, there is no champion to compare with, or the challenger has changed since
        it was shown.
    """
    challenger = registry.find(CHALLENGER, settings=settings)
    if version is None and challenger is None:
        raise ModelError("There is no challenger to promote. Train one with: python -m core retrain")
    registry.check_shown(CHALLENGER, shown, settings=settings)
    chosen = version or (challenger.version if challenger else "")
    champion = registry.find(CHAMPION, settings=settings)
    if champion is not None and champion.version == chosen:
        raise ModelError(f"Version {chosen} is already the champion.")
    committed = _committed(settings) if champion is None else None
    present = registry.read_held_out(champion.version, settings=settings) if champion else committed
    verdict = check_gate(present, registry.read_held_out(chosen, settings=settings))
    result = f"{'passed' if verdict.passed else 'failed'}: {verdict.reason}"
    registry.note_gate(chosen, result, settings=settings, by=by)
    if verdict.passed:
        registry.set_champion(chosen, settings=settings, by=by, after_committed=committed is not None)
    return verdict


def _committed(settings: Settings) -> pd.DataFrame | None:
    """Held-out predictions of the model in the repository; None if the repository has no model."""
    if describe_alias(CHAMPION, settings=settings) is None and not settings.comparison_dir.is_dir():
        return None
    run = read_run(settings.comparison_dir)
    return run.predictions(run.champion, held_out=True)
