"""The promotion gate: what is known about a challenger, and whether it may become champion.

There are three outcomes. *Passed*: nothing speaks against the challenger. *Undecided*: a person decides and writes
down the reason. *Refused*: the challenger is clearly worse overall, or it never finds an emotion; no reason helps.

A loss counts when the interval of the paired difference excludes zero. A loss that may be chance is undecided.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import pandas as pd

from core.errors import ModelError
from core.evaluation.before_after import paired_differences, same_groups
from core.evaluation.criteria import Check, Verdict, check_criteria, check_table, judge
from core.evaluation.evaluation_table import DEVELOPMENT, HEADLINE, HELD_OUT, ROW_WORDS, EvaluationTable
from core.evaluation.policy_outcomes import outcomes, paired_shares
from core.evaluation.results import Result, require_comparable
from core.models.policy import Policy
from core.schema import ALL, EMOTIONS

COMPARED = (DEVELOPMENT, HELD_OUT)  # rows on which two models of one table have the same clips
MOST_LOST = 0.03  # of macro-F1, or of a share; a larger loss is undecided even if it may be chance
MOST_LOST_OF_EMOTION = 0.10  # of F1 of one emotion
F1_FLOOR = 0.50  # of every emotion: a good mean can hide an emotion that the model never predicts


_LOST = (Verdict.UNDECIDED, Verdict.FAIL)


class Outcome(StrEnum):
    """Outcome of the gate."""

    PASSED = "passed"
    UNDECIDED = "undecided"
    REFUSED = "refused"


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that the gate knows about a model.

    results : results by row of the evaluation table.  policy : the stored policy of the model.
    """

    evaluation: EvaluationTable
    results: Mapping[str, Result] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True)
class GateResult:
    """Result of the gate.

    criteria : checks against fixed targets.  losses : checks against the champion; none without a champion.
    reasons : why a person must decide, or why the challenger is refused; empty when it passed.
    """

    outcome: Outcome
    criteria: tuple[Check, ...]
    losses: tuple[Check, ...]
    reasons: tuple[str, ...]
    compared_with: str = ""

    @property
    def passed(self) -> bool:
        """True if no reason is needed."""
        return self.outcome == Outcome.PASSED

    @property
    def needs_reason(self) -> bool:
        """True if a person may promote the challenger with a written reason."""
        return self.outcome == Outcome.UNDECIDED

    @property
    def checks(self) -> pd.DataFrame:
        """All checks as a table, see `core.evaluation.criteria.check_table`."""
        return check_table([*self.criteria, *self.losses])

    @property
    def reason(self) -> str:
        """The outcome in one or more sentences."""
        if self.passed:
            known = sum(c.verdict == Verdict.PASS for c in (*self.criteria, *self.losses))
            return f"{known} of {len(self.criteria) + len(self.losses)} checks pass, and nothing got worse."
        start = "It is refused." if self.outcome == Outcome.REFUSED else "A person must decide, with a written reason."
        return " ".join([start, *self.reasons])


def check_gate(challenger: Evidence, champion: Evidence | None = None, *, seed: int = 0) -> GateResult:
    """Check a challenger against the criteria and against the champion.

    A reason is needed when a criterion is worse than the champion's (pass to undecided or fail, undecided to fail),
    when an emotion loses ``MOST_LOST_OF_EMOTION`` or more, or clearly loses anything, and when macro-F1, the accepted
    share or the share of right answers loses more than ``MOST_LOST``. Without a champion, a failed criterion needs a
    reason.

    Raises
    ------
    ModelError
        The two models have no results for the same clips by the same protocol.
    """
    criteria = check_criteria(challenger.evaluation)
    refusals = _lost_emotions(challenger.evaluation)
    losses: list[Check] = []
    if champion is None:
        reasons = [f"{c.name} fails: {c.text}, target {c.target}." for c in criteria if c.verdict == Verdict.FAIL]
    else:
        _require_same_headline(champion, challenger)
        reasons = _turned(check_criteria(champion.evaluation), criteria)
        shared = [row for row in COMPARED if row in challenger.results and row in champion.results]
        if not shared:
            raise ModelError(
                "Champion and challenger have no predictions for the same clips by the same protocol, so they cannot "
                "be compared. Train again."
            )
        for row in shared:
            losses += compare_row(champion, challenger, row, seed=seed)
        clear = [c for c in losses if c.verdict == Verdict.FAIL and c.name.startswith("Macro-F1")]
        refusals += [_loss_words(check) for check in clear]
        reasons += [_loss_words(c) for c in losses if c.verdict in _LOST and c not in clear]
    outcome = Outcome.REFUSED if refusals else Outcome.UNDECIDED if reasons else Outcome.PASSED
    against = champion.evaluation.model.version if champion else ""
    return GateResult(outcome, tuple(criteria), tuple(losses), (*refusals, *reasons), against)


def _lost_emotions(table: EvaluationTable) -> list[str]:
    """Emotions that the model does not find, on the headline or, when that is not recorded, on the held-out clips."""
    row = HEADLINE if table.find("f1", emotion=EMOTIONS[0]) is not None else HELD_OUT
    lost = []
    for emotion in EMOTIONS:
        found = table.find("f1", emotion=emotion, row=row)
        if found is not None and found.value < F1_FLOOR and not found.high >= F1_FLOOR:
            lost.append(f"F1 of {emotion} is {found.text}, clearly below {F1_FLOOR:g} ({found.origin}).")
    return lost


def _require_same_headline(champion: Evidence, challenger: Evidence) -> None:
    if HEADLINE in champion.results and HEADLINE in challenger.results:
        require_comparable(champion.results[HEADLINE], challenger.results[HEADLINE])


_RANK = {Verdict.PASS: 0, Verdict.UNDECIDED: 1, Verdict.NOT_MEASURED: 1, Verdict.FAIL: 2}


def _turned(before: list[Check], after: list[Check]) -> list[str]:
    """Criteria with a worse verdict than the champion's."""
    return [
        f"{new.name} turns from {old.verdict} ({old.text}) to {new.verdict} ({new.text})."
        for old, new in zip(before, after, strict=True)
        if _RANK[new.verdict] > _RANK[old.verdict]
    ]


def compare_row(champion: Evidence, challenger: Evidence, row: str, *, seed: int = 0) -> list[Check]:
    """Differences between challenger and champion on one row, each with its paired interval.

    Raises ModelError when the protocols or the clips differ.
    """
    before, after = champion.results[row], challenger.results[row]
    figures = paired_differences(before, after, seed=seed)
    checks = []
    for measure, emotion, most in [("macro_f1", ALL, MOST_LOST), *(("f1", e, MOST_LOST_OF_EMOTION) for e in EMOTIONS)]:
        line = figures[(figures["measure"] == measure) & (figures["emotion"] == emotion)].iloc[0]
        name = "Macro-F1" if emotion == ALL else f"F1 of {emotion}"
        checks.append(_loss(f"{name} minus the champion's", row, after.clips.n, line, most))
    decided = [
        outcomes(same_groups(result.predictions, before.predictions), model.policy)
        for result, model in ((before, champion), (after, challenger))
    ]
    names = {"accept": "Share with one answer", "accuracy": "Right when it answers"}
    for share in paired_shares(*decided, seed=seed).to_dict("records"):
        name = f"{names[share['measure']]}, minus the champion's"
        checks.append(_loss(name, row, after.clips.n, pd.Series(share), MOST_LOST))
    return checks


def _loss(name: str, row: str, clips: int, line: pd.Series, most: float) -> Check:
    """Fail: the whole interval is below zero. Undecided: a loss of ``most`` or more that may be chance."""
    value, low, high = (float(line[c]) for c in ("difference", "low", "high"))
    if np.isnan(value):
        verdict = Verdict.NOT_MEASURED
    elif judge(value, low, high, target=0.0) == Verdict.FAIL:
        verdict = Verdict.FAIL
    else:
        verdict = Verdict.UNDECIDED if value <= -most else Verdict.PASS
    target = f"no clear loss, and less than {100 * most:.0f} points"
    return Check(name, row, clips, target, value, low, high, verdict)


def _loss_words(check: Check) -> str:
    points, low, high = (100 * value for value in (check.value, check.low, check.high))
    kind = "a clear loss" if check.verdict == Verdict.FAIL else "a loss that may be chance"
    where = f"{ROW_WORDS[check.row].label.lower()}, {check.clips} clips"
    return f"{check.name}: {points:+.1f} points ({low:+.1f} to {high:+.1f}; {where}), {kind}."
