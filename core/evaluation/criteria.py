"""Acceptance criteria of the specification, and whether a model meets them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.metrics import as_arrays, divide, figure
from core.schema import EMOTIONS


def gap_price(predictions: pd.DataFrame, *, target: float = 0.10) -> pd.DataFrame:
    """What it costs to bring the best and the worst class together by favouring classes.

    A constant is added to each emotion's log-probability (angry: 0). Of all settings on a grid, the one with the best
    macro-F1 among those with a gap of at most the target is taken, or the smallest gap when there is none. It is
    chosen on the same predictions, so the true price is rather higher.
    Returns rule ("as it is", "per-class bias"), macro_f1, accuracy, class_gap, f1_* and bias_*.
    """
    p = as_arrays(predictions)
    logs, y = np.log(np.clip(p.proba, 1e-12, 1)).reshape(-1, 4), np.tile(p.y, len(p.proba))
    steps = np.round(np.arange(-3.0, 1.51, 0.25), 2)
    grid = np.stack(np.meshgrid([0.0], steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 4)
    lines = []
    for bias in np.vstack([np.zeros(4), grid]):
        counts = np.bincount(y * 4 + (logs + bias).argmax(axis=1), minlength=16).reshape(4, 4)
        f1 = divide(2 * np.diagonal(counts), counts.sum(axis=0) + counts.sum(axis=1))
        lines.append((f1.mean(), np.trace(counts) / len(y), np.ptp(f1), *f1, *bias))
    names = ["macro_f1", "accuracy", "class_gap", *(f"f1_{e}" for e in EMOTIONS), *(f"bias_{e}" for e in EMOTIONS)]
    table = pd.DataFrame(lines, columns=names)
    within = table[table["class_gap"] <= target]
    best = within["macro_f1"].idxmax() if len(within) else table["class_gap"].idxmin()
    return table.loc[[0, best]].assign(rule=["as it is", "per-class bias"])[["rule", *names]].reset_index(drop=True)


@dataclass(frozen=True)
class Criterion:
    """An acceptance criterion: at least (or, with ``at_most``, at most) ``target``."""

    measure: str
    label: str
    target: float
    at_most: bool = False


CRITERIA = (
    Criterion("macro_f1", "Macro-F1", 0.78),
    Criterion("accuracy", "Accuracy", 0.80),
    Criterion("class_gap", "Gap between the best and the worst class (F1)", 0.10, at_most=True),
    Criterion("ece", "Calibration error (ECE, 15 bins)", 0.05, at_most=True),
    Criterion("latency_p95_s", "Time from upload to answer, 95th percentile (s)", 2.0, at_most=True),
)


def acceptance(scores: pd.DataFrame, *, latency_p95_s: float | None = None) -> pd.DataFrame:
    """The criteria with a verdict.

    scores : from `evaluate.scores`.  latency_p95_s : measured elsewhere; None gives "not measured".
    Returns criterion, target, value, low, high, verdict: pass or fail when the whole interval is on one side of the
    target, undecided when the target lies inside it (more clips would be needed).
    """
    lines = []
    for criterion in CRITERIA:
        if criterion.measure == "latency_p95_s":
            value = low = high = np.nan if latency_p95_s is None else latency_p95_s
        else:
            value, low, high = figure(scores, criterion.measure)[["value", "low", "high"]].astype(float)
        if criterion.at_most:
            good, bad = high <= criterion.target, low > criterion.target
        else:
            good, bad = low >= criterion.target, high < criterion.target
        verdict = "not measured" if np.isnan(value) else "pass" if good else "fail" if bad else "undecided"
        target = f"{'≤' if criterion.at_most else '≥'} {criterion.target:g}"
        lines.append((criterion.label, target, value, low, high, verdict))
    return pd.DataFrame(lines, columns=["criterion", "target", "value", "low", "high", "verdict"])
