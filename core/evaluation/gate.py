"""The promotion gate: checks that a challenger must pass on the held-out clips before it can become champion.

The held-out clips are never used to choose a model.
"""

from dataclasses import dataclass

import pandas as pd

from core.errors import ModelError
from core.evaluation.metrics import LEVEL, figure, interval, perfect_ece, resampled, scores
from core.schema import ALL, EMOTIONS
from core.wording import whole_percent

ECE_LIMIT = 0.05  # or the 95th percentile of a perfectly calibrated model at this number of clips, if that is higher
F1_FLOOR = 0.50  # of every emotion: a good mean can hide an emotion that the model never predicts
MACRO_F1_FLOOR = 0.78  # from the specification, so that small losses do not add up over several promotions
MOST_LOST = 0.03  # of macro-F1: two of 59 held-out clips; few clips are no reason to accept a larger loss


@dataclass(frozen=True, eq=False)
class GateResult:
    """Result of the gate. passed : all checks passed.  checks : check, value, limit, passed.  reason : a sentence."""

    passed: bool
    checks: pd.DataFrame
    reason: str


def check_gate(champion: pd.DataFrame | None, challenger: pd.DataFrame, *, seed: int = 0) -> GateResult:
    """Check a challenger on the held-out clips.

    Macro-F1 must not be more than ``MOST_LOST`` below the champion's, and the 95 % interval of the difference (paired
    bootstrap of recordings) must include zero or higher values: no evidence that the challenger is worse. Macro-F1
    must also reach ``MACRO_F1_FLOOR``, or the champion's value when that is lower. ECE must not exceed ``ECE_LIMIT``,
    or the 95th percentile of a perfectly calibrated model when that is higher. F1 of every emotion must reach
    ``F1_FLOOR``.

    Parameters
    ----------
    champion : columns row, y, p_angry, p_happy, p_relax, p_sad and optionally group; None when there is no champion.
    challenger : the same columns for the same clips.

    Raises
    ------
    ModelError
        The two tables have different clips.
    """
    table = scores(challenger, resamples=0)
    macro_f1, floor = float(figure(table, "macro_f1")["value"]), MACRO_F1_FLOOR
    checks = []
    if champion is not None:
        if sorted(zip(champion["row"], champion["y"], strict=True)) != sorted(
            zip(challenger["row"], challenger["y"], strict=True)
        ):
            raise ModelError("Champion and challenger have predictions for different held-out clips. Train again.")
        before = float(figure(scores(champion, resamples=0), "macro_f1")["value"])
        difference, floor = macro_f1 - before, min(floor, before)
        key = ("macro_f1", ALL)
        drawn = resampled(challenger, seed=seed)[key] - resampled(champion, seed=seed)[key]
        _, high = interval(difference, drawn)
        checks.append(("Macro-F1 minus the champion's, at least", difference, -MOST_LOST, difference >= -MOST_LOST))
        checks.append(
            (f"Macro-F1 minus the champion's, upper end of the {whole_percent(LEVEL)} interval", high, 0.0, high >= 0)
        )
    checks.append(("Macro-F1, at least", macro_f1, floor, macro_f1 >= floor))
    ece = float(figure(table, "ece")["value"])
    perfect = perfect_ece(challenger, seed=seed).set_index("measure")["p95"]
    limit = max(ECE_LIMIT, float(perfect["ece"]))
    checks.append(("Calibration error (ECE), at most", ece, limit, ece <= limit))
    for emotion in EMOTIONS:
        f1 = float(figure(table, "f1", emotion)["value"])
        checks.append((f"F1 of {emotion}, at least", f1, F1_FLOOR, f1 >= F1_FLOOR))
    done = pd.DataFrame(checks, columns=["check", "value", "limit", "passed"])
    failed = done.loc[~done["passed"]]
    if failed.empty:
        return GateResult(True, done, f"All {len(done)} checks on {challenger['row'].nunique()} held-out clips passed.")
    worst = "; ".join(f"{c.check}: {c.value:.3f}, limit {c.limit:.3f}" for c in failed.itertuples())
    return GateResult(False, done, f"{len(failed)} of {len(done)} checks failed. {worst}.")
