"""Say which of the 50 features could not be measured, and why. Such values are NaN, as in MIRtoolbox."""

import numpy as np

from core.records import Remark, RemarkKind
from core.schema import BY_COLUMN, COLUMNS, FeatureVector

SHORT = "the clip is too short, or its sound hardly changes"  # of all features without a reason of their own
REASONS = {
    "_Spectralcentroid_Mean": "the spectrum is nearly as even as that of noise (spectral entropy above 0.95)",
    "_Tempo_Mean": "there is no clear beat, or the clip is too short",
    "_AttackTime_Mean": "no note begins clearly",
    "_AttackTime_Slope": "fewer than two notes begin clearly",
    "_Roughness_Slope": "the roughness does not change",
}


def remarks(vector: FeatureVector) -> tuple[Remark, ...]:
    """Return a remark that names the features that could not be measured, with the reason; none if all were."""
    by_reason: dict[str, list[str]] = {}
    for column, value in zip(COLUMNS, vector.values.tolist(), strict=True):
        if np.isnan(value):
            by_reason.setdefault(REASONS.get(column, SHORT), []).append(BY_COLUMN[column].name)
    if not by_reason:
        return ()
    found = [f"{_listed(names)} could not be measured, because {reason}." for reason, names in by_reason.items()]
    text = " ".join([*found, "The model uses a typical value of its training clips instead."])
    return (Remark(RemarkKind.MISSING, text),)


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def markdown_table() -> str:
    """Return the reasons as a table for the documents."""
    lines = ["| feature | not measured when |", "|---|---|"]
    rows = [f"| {BY_COLUMN[column].name} | {reason} |" for column, reason in REASONS.items()]
    return "\n".join([*lines, *rows, f"| all others | {SHORT} |"])
