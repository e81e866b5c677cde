"""May a challenger take the champion's place? Asked on the held-out clips, which never helped to choose a model."""

from dataclasses import dataclass

import pandas as pd

from core.errors import ModelError
from core.evaluation.metrics import LEVEL, figure, interval, perfect_ece, resampled, scores
from core.schema import ALL, EMOTIONS

ECE_LIMIT = 0.05  # or what a perfectly calibrated model exceeds in 5 % of tables this small, if that is more
F1_FLOOR = 0.50  # of every emotion: a model that gives one up may still look good on average
MACRO_F1_FLOOR = 0.78  # of the specification: small losses must not add up from champion to champion
MOST_LOST = 0.03  # of macro-F1: two of 59 held-out clips; more is not waved through because few clips prove little


@dataclass(frozen=True, eq=False)
class Verdict:
    """passed : all checks hold.  checks : check, value, limit, passed.  reason : a sentence for a person."""

    passed: bool
    checks: pd.DataFrame
    reason: str


def check_gate(champion: pd.DataFrame | None, challenger: pd.DataFrame, *, seed: int = 0) -> Verdict:
    """Compare the two on the same held-out clips.

    champion, challenger : row, y, p_angry, p_happy, p_relax, p_sad and, where there is one, group; champion None when
    there is none yet.
    Macro-F1: at most ``MOST_LOST`` below the champion's, and the 95 % interval of the difference (the same recordings
    are drawn for both) must reach zero, that is, there is no evidence that the challenger is worse; at least
    ``MACRO_F1_FLOOR``, or the champion's own where that is lower. ECE: at most ``ECE_LIMIT``, or what a perfectly
    calibrated model could show at this number of clips. F1 of every emotion: at least ``F1_FLOOR``.
    Raises ModelError when the two were not asked about the same clips.
    """
    table = scores(challenger, resamples=0)
    macro_f1, floor = float(figure(table, "macro_f1")["value"]), MACRO_F1_FLOOR
    checks = []
    if champion is not None:
        if sorted(zip(champion["row"], champion["y"], strict=True)) != sorted(
            zip(challenger["row"], challenger["y"], strict=True)
        ):
            raise ModelError("Champion and challenger were not asked about the same held-out clips: train again.")
        before = float(figure(scores(champion, resamples=0), "macro_f1")["value"])
        difference, floor = macro_f1 - before, min(floor, before)
        key = ("macro_f1", ALL)
        drawn = resampled(challenger, seed=seed)[key] - resampled(champion, seed=seed)[key]
        _, high = interval(difference, drawn)
        checks.append(("Macro-F1 minus the champion's, at least", difference, -MOST_LOST, difference >= -MOST_LOST))
        checks.append((f"Macro-F1 minus the champion's, upper end of the {LEVEL:.0%} interval", high, 0.0, high >= 0))
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
        return Verdict(True, done, f"All {len(done)} checks on {challenger['row'].nunique()} held-out clips hold.")
    worst = "; ".join(f"{c.check}: {c.value:.3f}, limit {c.limit:.3f}" for c in failed.itertuples())
    return Verdict(False, done, f"{len(failed)} of {len(done)} checks fail. {worst}.")
