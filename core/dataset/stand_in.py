"""A synthetic table for use when the published one is not available: same columns, similar statistics, no real row.

The table is drawn from a Gaussian copula. ``stand_in.json`` stores the quantiles of each feature over all clips, and
for each emotion the mean and the covariance of the normal scores of the features. These are summary statistics; the
rows of the table cannot be reconstructed. `core.cli.stand_in` writes the file from the published table.
Source: Nelsen (2006), An Introduction to Copulas.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from core.schema import COLUMNS, EMOTIONS, LABEL
from core.schema import FEATURES as _FEATURES

SUMMARY_FILE = Path(__file__).with_suffix(".json")
SEED = 862  # number of the data set at UCI
LEVELS = (0.01, *(round(0.05 * i, 2) for i in range(1, 20)), 0.99)  # levels of the stored quantiles
ORDER = ("relax", "happy", "sad", "angry")  # order of the emotions in the published rows
# Shrinkage of the covariances towards their diagonal: 97 clips per emotion leave some of the 50 directions almost flat.
SHRINKAGE = 0.1
_CHROMA = [f.column for f in _FEATURES if f.group == "tonality: chroma"]


def sample(*, seed: int = SEED, n_per_class: int = 100) -> pd.DataFrame:
    """Draw a table with Class and the 50 features, three decimals, within the ranges of the schema.

    The same seed gives exactly the same table. As in the published table, the largest chroma value of a row is 1.000,
    and the rows are ordered relax, happy, sad, angry. Index: row number from 0.
    """
    from scipy.special import ndtr

    summary = json.loads(SUMMARY_FILE.read_text())
    quantiles = np.array([summary["quantiles"][c] for c in COLUMNS])
    rng = np.random.default_rng(seed)
    parts = []
    for emotion in ORDER:
        mean, covariance = _moments(summary["emotions"][emotion])
        # The Cholesky factor is unique. The signs of an eigen-decomposition would depend on the library.
        scores = mean + rng.standard_normal((n_per_class, len(COLUMNS))) @ np.linalg.cholesky(covariance).T
        positions = ndtr(scores)
        values = np.column_stack([np.interp(positions[:, i], LEVELS, q) for i, q in enumerate(quantiles)])
        parts.append(pd.DataFrame(values, columns=list(COLUMNS)).assign(**{LABEL: emotion}))
    frame = pd.concat(parts, ignore_index=True)[[LABEL, *COLUMNS]]
    frame[_CHROMA] = frame[_CHROMA].div(frame[_CHROMA].max(axis=1), axis=0)
    values = np.clip(frame[list(COLUMNS)].to_numpy(), [f.low for f in _FEATURES], [f.high for f in _FEATURES])
    frame[list(COLUMNS)] = np.round(values, 3) + 0.0  # + 0.0 turns -0.0 into 0.0
    return frame


def summarise(frame: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Compute the statistics of a table that `sample` needs.

    Parameters
    ----------
    frame
        The published table; exact copies count once.

    Returns
    -------
    dict
        ``quantiles`` (feature -> values at `LEVELS`), and ``emotions`` (emotion -> ``mean``, shape (50,), and
        ``covariance`` of the normal scores, as the lower triangle row by row). All values are rounded.
    """
    from scipy.special import ndtri

    frame = frame.drop_duplicates([LABEL, *COLUMNS])
    scores = pd.DataFrame(ndtri(frame[list(COLUMNS)].rank() / (len(frame) + 1)), columns=list(COLUMNS))
    labels = frame[LABEL].to_numpy()
    lower = np.tril_indices(len(COLUMNS))
    emotions: dict[str, object] = {}
    for emotion in EMOTIONS:
        of_emotion = scores[labels == emotion].to_numpy()
        covariance = np.cov(of_emotion.T)
        covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.diag(np.diag(covariance))
        emotions[emotion] = {
            "mean": [round(float(v), 3) for v in of_emotion.mean(axis=0)],
            "covariance": [round(float(v), 3) for v in covariance[lower]],
        }
    quantiles: dict[str, object] = {c: [round(float(v), 4) for v in frame[c].quantile(list(LEVELS))] for c in COLUMNS}
    return {"quantiles": quantiles, "emotions": emotions}


def _moments(stored: dict[str, list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean (50,) and full covariance matrix (50, 50) from their stored form."""
    covariance = np.zeros((len(COLUMNS), len(COLUMNS)))
    covariance[np.tril_indices(len(COLUMNS))] = stored["covariance"]
    return np.array(stored["mean"]), covariance + np.tril(covariance, -1).T
