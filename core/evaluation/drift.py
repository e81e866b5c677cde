"""Has the music changed? A batch of clips against the summary of the training music, feature by feature.

Two measures. Kolmogorov-Smirnov with Benjamini-Hochberg decides: it controls false discoveries at any batch size. The
population stability index (PSI) is what many know, but on small batches it rings without any drift, so it is shown
beside the share of features on which it would ring by chance.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import TableError
from core.models.reference import ALL, LEVELS, Reference
from core.pvalues import benjamini_hochberg
from core.schema import COLUMNS

LEAST = 20  # clips; with fewer, only an enormous change would show
FALSE_DISCOVERIES = 0.05  # share of the features called drifted that did not drift
LEAST_EFFECT = 0.1  # KS distance; in thousands of clips any trifle is significant
ALARM_SHARE = 0.25  # of the compared features that drifted
PSI_BINS = 10  # edges: deciles of the training music, fixed at training time
PSI_LIMIT = 0.2  # above it, a feature is commonly called drifted
PSI_FLOOR = 1e-4  # stands for the share of an empty bin
SIMULATIONS = 4000


@dataclass(frozen=True, eq=False)
class Drift:
    """What a batch shows.

    features : one row a compared feature, the most changed first: feature, clips (measured), ks (distance in [0, 1]),
        p, q (p corrected for the number of features), psi, shift (of the median, in standard deviations estimated from
        the quartiles), drifted (q <= FALSE_DISCOVERIES and ks >= LEAST_EFFECT).
    clips : of the batch.  share : of the features that drifted.  psi_share : of the features with PSI above PSI_LIMIT.
    psi_by_chance : share of the features whose PSI would be above it at this number of clips with no drift at all.
    """

    features: pd.DataFrame
    clips: int
    share: float
    psi_share: float
    psi_by_chance: float


def feature_drift(batch: pd.DataFrame, reference: Reference) -> Drift:
    """Compare clips with the training music.

    batch : the 50 columns, one row a recording: excerpts of one recording would count one change many times.
    Raises TableError with fewer than ``LEAST`` clips.
    """
    if len(batch) < LEAST:
        raise TableError(f"{len(batch)} recordings are too few to speak of drift; {LEAST} are needed.")
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
    """Population stability index of values against the training music; 0 = same, above 0.2 commonly called drift.

    values : shape (n,).  quantiles : shape (21,), at `core.models.reference.LEVELS`. Bins are the deciles, each with
    its upper edge; where several deciles are equal, their bins are one.
    """
    edges = np.unique(quantiles[2:-1:2])
    upto = LEVELS[np.searchsorted(quantiles, edges, side="right") - 1]  # share of the training music up to the edge
    expected = np.diff(np.concatenate([[0.0], upto, [1.0]]))
    found = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) / len(values)
    return float(_psi(found, expected))


def _psi(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """PSI of shares along the last axis."""
    found, expected = np.maximum(found, PSI_FLOOR), np.maximum(expected, PSI_FLOOR)
    return np.asarray(((found - expected) * np.log(found / expected)).sum(axis=-1))


def psi_false_alarms(n: int, *, reference: int, limit: float = PSI_LIMIT, seed: int = 0) -> float:
    """Share of features whose PSI exceeds the limit in a batch of n clips with no drift at all.

    reference : clips that the deciles were learned from; they are a sample themselves. Simulated: between two
    neighbouring values of a sample lies a share of the population that is Dirichlet distributed.
    """
    rng = np.random.default_rng(seed)
    edges = np.round(np.arange(PSI_BINS + 1) * (reference + 1) / PSI_BINS)
    population = rng.dirichlet(np.maximum(np.diff(edges), 1), size=SIMULATIONS)
    found = rng.multinomial(n, population) / n
    return float((_psi(found, np.full(PSI_BINS, 1 / PSI_BINS)) > limit).mean())
