"""Importance by permutation: how much worse the answers get when a feature is taken from another clip.

A check of the SHAP importances by other means. After Breiman (2001), "Random Forests"; Fisher, Rudin & Dominici (2019).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.models.prediction import Model, probabilities
from core.schema import COLUMNS, EMOTIONS

REPEATS = 10  # shuffles of each feature
_LOWEST = 1e-6  # probability below which a wrong answer costs no more


def permutation_importance(
    model: Model, X: pd.DataFrame, y: Sequence[str], *, repeats: int = REPEATS, seed: int = 0
) -> pd.DataFrame:
    """Rise of the log-loss when a feature's values are dealt out anew among the clips.

    X : clips that the model was not trained on, 50 columns.  y : their emotions.
    Returns feature, importance (mean rise over the repeats; about 0 for a feature of no use, or whose news others
    carry too) and error (its standard error over the repeats), largest first.
    """
    rng = np.random.default_rng(seed)
    values = X[list(COLUMNS)].to_numpy(dtype=float)
    right = np.array([EMOTIONS.index(label) for label in y])
    dealt = np.tile(values, (len(COLUMNS) * repeats, 1, 1))  # (features * repeats, clips, 50)
    for k in range(len(COLUMNS)):
        for r in range(repeats):
            dealt[k * repeats + r, :, k] = rng.permutation(values[:, k])
    before = _loss(model, values[None], right)
    rise = _loss(model, dealt, right).reshape(len(COLUMNS), repeats) - before
    table = pd.DataFrame(
        {
            "feature": COLUMNS,
            "importance": rise.mean(axis=1),
            "error": rise.std(axis=1, ddof=1) / np.sqrt(repeats) if repeats > 1 else np.nan,
        }
    )
    return table.sort_values("importance", ascending=False, ignore_index=True)


def _loss(model: Model, dealt: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Mean log-loss of each deal of the clips; all are asked at once, which is many times faster than one by one."""
    sets, clips, _ = dealt.shape
    rows = pd.DataFrame(dealt.reshape(sets * clips, -1), columns=list(COLUMNS))
    own = probabilities(model, rows).reshape(sets, clips, -1)[:, np.arange(clips), right]
    return np.asarray(-np.log(np.maximum(own, _LOWEST)).mean(axis=1))
