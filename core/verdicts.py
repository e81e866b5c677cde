"""What figures allow to be said: is one model better, is a criterion met, what would closing the class gap cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from core.evaluate import ALL, LEVEL, RESAMPLES, as_arrays, divide, figure, interval, resampled
from core.schema import EMOTIONS

NO_DIFFERENCE = "no evidence of a difference"


def corrected_t(differences: np.ndarray, *, test_share: float) -> tuple[float, float]:
    """t and two-sided p of paired differences over resampled folds, variance corrected for overlapping training rows.

    test_share : clips tested over clips trained on in a fold. After Nadeau & Bengio (2003).
    """
    from scipy.stats import t as student

    d = np.asarray(differences, dtype=float)
    spread = np.sqrt((1 / len(d) + test_share) * d.var(ddof=1))
    if spread == 0:
        return (0.0, 1.0) if d.mean() == 0 else (float(np.sign(d.mean()) * np.inf), 0.0)
    t = float(d.mean() / spread)
    return t, float(2 * student.sf(abs(t), len(d) - 1))


def holm(p: np.ndarray) -> np.ndarray:
    """p-values corrected for their number, so that any false alarm among them is as rare as one alone. Holm (1979)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1)
    return corrected


def compare(
    predictions: Mapping[str, pd.DataFrame],
    folds: pd.DataFrame,
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    measure: str = "macro_f1",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Pairs of models on the repeats and folds that both have.

    predictions : model -> table of predictions, all of the same clips.
    folds : model, repeat, fold, train, test (numbers of clips) and the measure.
    pairs : (a, b); default every pair.
    Returns a, b, difference (a minus b, mean over folds), low, high (group bootstrap of the clips), t, p (corrected
    resampled t), p_holm (p corrected for the number of pairs) and the verdict at 5 % by p_holm.
    """
    by_model = {name: part.set_index(["repeat", "fold"]) for name, part in folds.groupby("model")}
    drawn: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}

    def resamples_of(name: str, repeats: tuple[int, ...]) -> np.ndarray:
        if (name, repeats) not in drawn:
            table = predictions[name]
            shared = table[table["repeat"].isin(repeats)]
            drawn[name, repeats] = resampled(shared, resamples=resamples, seed=seed)[measure, ALL]
        return drawn[name, repeats]

    lines = []
    for a, b in pairs or combinations(predictions, 2):
        both = by_model[a].merge(by_model[b], left_index=True, right_index=True, suffixes=("", "_b"))
        repeats = tuple(sorted({int(repeat) for repeat, _ in both.index}))
        d = (both[measure] - both[f"{measure}_b"]).to_numpy()
        t, p = corrected_t(d, test_share=float((both["test"] / both["train"]).mean()))
        low, high = interval(float(d.mean()), resamples_of(a, repeats) - resamples_of(b, repeats))
        lines.append((a, b, float(d.mean()), low, high, t, p))
    table = pd.DataFrame(lines, columns=["a", "b", "difference", "low", "high", "t", "p"])
    table["p_holm"] = holm(table["p"].to_numpy())
    better = np.where(table["difference"] > 0, table["a"], table["b"])
    table["verdict"] = np.where(table["p_holm"] < 1 - LEVEL, [f"{name} is better" for name in better], NO_DIFFERENCE)
    return table


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
