"""The acceptance criteria of the specification, and the verdict on each from the evaluation table of a model."""

from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from core.evaluation.evaluation_table import HEADLINE, ROW_WORDS, SPEED, STABILITY, EvaluationTable, Figure
from core.evaluation.stability import TABLE_ROWS


class Verdict(StrEnum):
    """Verdict of a check. Not measured counts like undecided."""

    PASS = "pass"  # noqa: S105  (no password)
    UNDECIDED = "undecided"
    FAIL = "fail"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Check:
    """One check: a figure with its interval, the target and the verdict.

    row, clips : row of the evaluation table, and its number of clips; 0 = not recorded.  note : more facts, in words.
    """

    name: str
    row: str
    clips: int
    target: str
    value: float
    low: float
    high: float
    verdict: Verdict
    note: str = ""

    @property
    def text(self) -> str:
        """Value and interval for display."""
        return Figure(self.row, "", self.clips, "", "", self.value, self.low, self.high).text


@dataclass(frozen=True)
class Criterion:
    """An acceptance criterion: the measure must be at least ``target``, or at most ``target`` with ``at_most``."""

    measure: str
    label: str
    target: float
    at_most: bool = False
    row: str = HEADLINE


CRITERIA = (
    Criterion("macro_f1", "Macro-F1", 0.78),
    Criterion("accuracy", "Accuracy", 0.80),
    Criterion("class_gap", "Gap between the best and the worst class (F1)", 0.10, at_most=True),
    Criterion("ece", "Calibration error (ECE, 15 bins)", 0.05, at_most=True),
    Criterion("latency_p95_s", "Time from upload to answer, 95th percentile (s)", 2.0, at_most=True, row=SPEED),
    Criterion(
        "other_guess",
        "Other emotion after a small change of the sound (largest share)",
        0.10,
        at_most=True,
        row=STABILITY,
    ),
)


MORE_STABILITY = "This command measures all small changes on your own music: python -m core stability FOLDER"


def judge(value: float, low: float, high: float, *, target: float, at_most: bool = False) -> Verdict:
    """Pass or fail when the whole interval is on one side of the target, else undecided."""
    if np.isnan(value):
        return Verdict.NOT_MEASURED
    if at_most:
        good, bad = high <= target, low > target
    else:
        good, bad = low >= target, high < target
    return Verdict.PASS if good else Verdict.FAIL if bad else Verdict.UNDECIDED


def check_criteria(table: EvaluationTable) -> list[Check]:
    """Check a model against all criteria."""
    return [_check(criterion, table) for criterion in CRITERIA]


def _check(criterion: Criterion, table: EvaluationTable) -> Check:
    found = table.find(criterion.measure, row=criterion.row)
    target = f"{'≤' if criterion.at_most else '≥'} {criterion.target:g}"
    if found is None:
        nothing = (np.nan, np.nan, np.nan)
        note = MORE_STABILITY if criterion.row == STABILITY else ""
        return Check(criterion.label, criterion.row, 0, target, *nothing, Verdict.NOT_MEASURED, note)
    verdict = judge(found.value, found.low, found.high, target=criterion.target, at_most=criterion.at_most)
    note = ""
    if criterion.measure == "ece":
        verdict, note = _ece(found, verdict, table)
    if criterion.measure == "class_gap":
        note = _price(table)
    if criterion.row == STABILITY:
        note = _stability(found)
    numbers = (found.value, found.low, found.high)
    return Check(criterion.label, criterion.row, found.clips, target, *numbers, verdict, note)


def _ece(found: Figure, verdict: Verdict, table: EvaluationTable) -> tuple[Verdict, str]:
    """A calibration error that a perfectly calibrated model shows as well is no failure."""
    perfect = table.find("ece_perfect")
    if perfect is None:
        return verdict, ""
    note = (
        f"A perfectly calibrated model shows {perfect.value:.3f} on average with these {perfect.clips} clips, and more "
        f"than {perfect.high:.3f} in one of twenty cases."
    )
    like_perfect = found.value <= perfect.high
    return (Verdict.UNDECIDED if verdict == Verdict.FAIL and like_perfect else verdict), note


def _stability(found: Figure) -> str:
    by_law = "The rows of the table were changed by the exact laws of the level, without audio. "
    law = by_law if TABLE_ROWS in found.protocol else ""
    return f"Measured on {found.protocol}. {law}{MORE_STABILITY}"


def _price(table: EvaluationTable) -> str:
    price, closed = table.find("gap_price"), table.find("gap_closed")
    if price is None or closed is None:
        return ""
    return (
        f"Equal emotions have a price. If a fixed value for each emotion is added to its score, the gap becomes "
        f"{closed.value:.3f}, but macro-F1 {'falls' if price.value > 0 else 'rises'} by "
        f"{abs(100 * price.value):.1f} points."
    )


def check_table(checks: list[Check]) -> pd.DataFrame:
    """The checks as a table: name, row (in words), clips, target, value, low, high, verdict, note."""
    lines = [asdict(check) | {"row": ROW_WORDS[check.row].label, "verdict": str(check.verdict)} for check in checks]
    columns = ["name", "row", "clips", "target", "value", "low", "high", "verdict", "note"]
    return pd.DataFrame(lines, columns=columns)
