"""The cost of closing the gap between the emotions."""

import numpy as np
import pandas as pd

from core.evaluation.metrics import as_arrays, divide
from core.schema import EMOTIONS


def gap_price(predictions: pd.DataFrame, *, target: float = 0.10) -> pd.DataFrame:
    """Cost in macro-F1 of closing the gap between the best and the worst class by per-class biases.

    A bias is added to the log-probability of each emotion (angry: 0). A grid search takes the biases with the best
    macro-F1 among those that reach the target gap; when none does, those with the smallest gap. The same predictions
    are used for search and result, so the true cost is probably higher.

    Parameters
    ----------
    predictions : table of predictions, see `core.evaluation.metrics`.
    target : largest accepted gap between the F1 of the best and the worst class.

    Returns
    -------
    Two rows: rule ("as it is", "per-class bias"), macro_f1, accuracy, class_gap, f1_* and bias_*.
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
