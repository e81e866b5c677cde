"""Correct p-values for multiple tests."""

import numpy as np


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Correct p-values to control the false discovery rate. Source: Benjamini & Hochberg (1995)."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p, method="bh"))


def holm(p: np.ndarray) -> np.ndarray:
    """Correct p-values to control the family-wise error rate. Source: Holm (1979)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1)
    return corrected
