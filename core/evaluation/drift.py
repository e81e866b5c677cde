"""Drift: compare a batch of clips with the training music, feature by feature.

The Kolmogorov-Smirnov test with the Benjamini-Hochberg correction decides, because it controls false discoveries at
any batch size. The population stability index (PSI) is well known, but exceeds its limit in small batches without any
drift. So PSI is reported with the share of features that would exceed the limit by chance.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import TableError
from core.models.reference import ALL, LEVELS, Reference
from core.pvalues import benjamini_hochberg
from core.schema import COLUMNS

LEAST = 20  # recordings; with fewer, only an enormous change would be detected
FALSE_DISCOVERIES = 0.05  # accepted share of false alarms among the features reported as drifted
LEAST_EFFECT = 0.1  # KS distance; with thousands of clips even a tiny difference is significant
ALARM_SHARE = 0.25  # share of drifted features that raises the alarm
PSI_BINS = 10  # edges: deciles of the training music, fixed at training time
PSI_LIMIT = 0.2  # above it, a feature is commonly called drifted
PSI_FLOOR = 1e-4  # share used for an empty bin
SIMULATIONS = 4000


@dataclass(frozen=True, eq=False)
class Drift:
    """Drift of a batch of clips.

    Attributes
    ----------
    features : one row for each compared feature, largest change first: feature, clips (measured), ks (distance in
        [0, 1]), p, q (p corrected for the number of features), psi, shift (of the median, in standard deviations
        estimated from the quartiles), drifted (q <= FALSE_DISCOVERIES and ks >= LEAST_EFFECT).
    clips : number of clips in the batch.
    share : share of the features that drifted.
    psi_share : share of the features with PSI above PSI_LIMIT.
    psi_by_chance : expected share of features with PSI above PSI_LIMIT at this number of clips without drift.
    """

    features: pd.DataFrame
    clips: int
    share: float
    psi_share: float
    psi_by_chance: float


def feature_drift(batch: pd.DataFrame, reference: Reference) -> Drift:
    """Compare clips with the training music.

    batch : the 50 columns, one row for each recording (several clips of one recording would exaggerate a change).
    Raises TableError with fewer than ``LEAST`` recordings.
    """
    if len(batch) < LEAST:
        raise TableError(f"{len(batch)} recordings are too few to detect drift. Score at least {LEAST} recordings.")
    lines = []
    for column in reference.used:
        values = batch[column].dropna().to_numpy(dtype=float)
        quantiles = reference.quantiles[ALL][COLUMNS.index(column)]
        lines.append((column, len(values), *_compared(values, quantiles, reference.clips)))
    table = pd.DataFrame(lines, columns=["feature", "clips", "ks", "p", "psi", "shift"])
    table["q"] = benjamini_hochberg(table["p"].to_numpy())
    table["drifted"] = (table["q"] <= FALSE_DISCOVERIES) & (table["ks"] >= LEAST_EFFECT)
    ordered = table[["feature", "clips", "ks", "p", "q", "psi", "shift", "drifted"]].sort_values(
        ["drifted", "ks"], ascending=False, ignore_index=True
    )
    by_chance = psi_false_alarms(len(batch), reference=reference.clips)
    return Drift(ordered, len(batch), table["drifted"].mean(), (table["psi"] > PSI_LIMIT).mean(), by_chance)


def _compared(values: np.ndarray, quantiles: np.ndarray, clips: int) -> tuple[float, float, float, float]:
    """KS distance, p, PSI and shift of one feature; p 1 and the rest NaN where too little was measured."""
    from scipy.stats import ks_2samp

    if len(values) < LEAST or np.isnan(quantiles).any():
        return np.nan, 1.0, np.nan, np.nan
    # The training values are not at hand, but their quantiles are: as many values as there were, between the quantiles.
    known = np.interp((np.arange(clips) + 0.5) / clips, LEVELS, quantiles)
    test = ks_2samp(values, known, method="exact" if len(values) <= 500 else "asymp")
    spread = (quantiles[15] - quantiles[5]) / 1.349 or np.nan  # quartiles of a normal distribution are 1.349 sd apart
    return (
        float(test.statistic),
        float(test.pvalue),
        psi(values, quantiles),
        (np.median(values) - quantiles[10]) / spread,
    )


def psi(values: np.ndarray, quantiles: np.ndarray) -> float:
    """Population stability index (PSI) of values against the training music; 0 = no change, above 0.2 = drift.

    The bins are the deciles of the training music, including the upper edge; equal deciles share one bin.

    Parameters
    ----------
    values : shape (n,).
    quantiles : shape (21,), at `core.models.reference.LEVELS`.
    """
    edges = np.unique(quantiles[2:-1:2])
    upto = LEVELS[np.searchsorted(quantiles, edges, side="right") - 1]  # share of the training music up to the edge
    expected = np.diff(np.concatenate([[0.0], upto, [1.0]]))
    observed = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) / len(values)
    return float(_psi(observed, expected))


def _psi(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """PSI of observed against expected shares, along the last axis."""
    observed, expected = np.maximum(observed, PSI_FLOOR), np.maximum(expected, PSI_FLOOR)
    return np.asarray(((observed - expected) * np.log(observed / expected)).sum(axis=-1))


def psi_false_alarms(n: int, *, reference: int, limit: float = PSI_LIMIT, seed: int = 0) -> float:
    """Simulated share of features whose PSI exceeds the limit without drift.

    Parameters
    ----------
    n : number of clips in the batch.
    reference : number of training clips behind the deciles.
    limit : limit of the PSI.
    """
    return float((_psi_by_chance(n, reference, seed) > limit).mean())


def psi_chance_level(n: int, *, reference: int, share: float = 0.95, seed: int = 0) -> float:
    """PSI that this share of the features stays below without drift. Parameters as in ``psi_false_alarms``."""
    return float(np.quantile(_psi_by_chance(n, reference, seed), share))


def _psi_by_chance(n: int, reference: int, seed: int) -> np.ndarray:
    """PSI of many features without drift, shape (SIMULATIONS,).

    The deciles come from a sample, so the population shares between them are drawn from a Dirichlet distribution.
    """
    rng = np.random.default_rng(seed)
    edges = np.round(np.arange(PSI_BINS + 1) * (reference + 1) / PSI_BINS)
    population = rng.dirichlet(np.maximum(np.diff(edges), 1), size=SIMULATIONS)
    observed = rng.multinomial(n, population) / n
    return _psi(observed, np.full(PSI_BINS, 1 / PSI_BINS))
