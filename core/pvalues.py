"""Correct p-values when many questions are asked at once."""

import numpy as np


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """p-values corrected so that, of all that are called at a level, at most that share is false. After Benjamini &
    Hochberg (1995)."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p, method="bh"))


def holm(p: np.ndarray) -> np.ndarray:
    """p-values corrected for their number, so that any false alarm among them is as rare as one alone. Holm (1979)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1)
    return corrected
