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
    grids = [np.zeros((1, 4))]
    grids += [np.stack(np.meshgrid([0.0], [b], steps, steps, indexing="ij"), axis=-1).reshape(-1, 4) for b in steps]
    lines = np.vstack([_figures(logs, y, biases) for biases in grids])
    names = ["macro_f1", "accuracy", "class_gap", *(f"f1_{e}" for e in EMOTIONS), *(f"bias_{e}" for e in EMOTIONS)]
    table = pd.DataFrame(lines, columns=names)
    within = table[table["class_gap"] <= target]
    best = within["macro_f1"].idxmax() if len(within) else table["class_gap"].idxmin()
    return table.loc[[0, best]].assign(rule=["as it is", "per-class bias"])[["rule", *names]].reset_index(drop=True)


def _figures(logs: np.ndarray, y: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """Figures for each row of biases, shape (b, 4): macro_f1, accuracy, class_gap, the F1 of each emotion, the biases.

    logs : shape (n, 4).  y : numbers of the emotions, shape (n,).
    """
    guess, best = np.zeros((len(biases), len(y)), dtype=np.int8), logs[None, :, 0] + biases[:, :1]
    for k in range(1, 4):  # as argmax: of equal values the first one counts
        score = logs[None, :, k] + biases[:, [k]]
        guess[score > best] = k
        best = np.maximum(best, score)
    right = np.stack([(guess[:, y == k] == k).sum(axis=1) for k in range(4)], axis=1)
    called = np.stack([(guess == k).sum(axis=1) for k in range(4)], axis=1)
    f1 = divide(2 * right, called + np.bincount(y, minlength=4))
    return np.column_stack([f1.mean(axis=1), right.sum(axis=1) / len(y), np.ptp(f1, axis=1), f1, biases])
