"""How often the drift alarm rings by chance: a simulation of weeks of music in which nothing has changed.

The 50 features are correlated, so their tests fail together and a formula for independent tests is wrong. The
simulation draws clips with the correlations of the training music (a Gaussian copula) and repeats the whole rule of
`core.evaluation.drift`: test, correction, least effect, share of the features. It also draws the training music
itself, because the quantiles of a few hundred training clips are uncertain too.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.evaluation.drift import FALSE_DISCOVERIES, LEAST_EFFECT
from core.models.reference import LEVELS, Reference, deviations
from core.schema import COLUMNS, EMOTIONS

REFERENCES = 100  # simulated samples of training music
WEEKS_EACH = 40  # simulated batches of clips for each of them
MARGIN = 2.0  # weeks drawn from the published table rang up to 1.6 times as often as simulated ones
LEAST_COUNT = 2  # drifted features; an alarm never hangs on a single feature
POOL = 20_000  # simulated clips from which all samples are drawn
PAIRS = 60  # points of the curve from a KS distance to its p-value


@dataclass(frozen=True)
class DriftLimit:
    """Number of drifted features from which the alarm rings.

    Attributes
    ----------
    clips : number of clips in a batch.
    compared : number of compared features.
    count : the alarm rings when this many features drifted.
    chance : at most this share of the batches reaches the limit although nothing changed.
    """

    clips: int
    compared: int
    count: int
    chance: float

    @property
    def share(self) -> float:
        """The limit as a share of the compared features."""
        return self.count / self.compared


def drift_limit(clips: int, reference: Reference, *, chance: float) -> DriftLimit:
    """Return the lowest limit that at most this share of the batches reaches by chance.

    The simulated share counts ``MARGIN`` times, because real music has further dependences between its features. A
    limit that no simulated batch reaches has the chance of one batch. With fewer than ``LEAST_COUNT`` features the
    limit is never reached.

    clips : number of clips in a batch.
    """
    drawn = drifted_by_chance(clips, reference)
    counts = np.arange(LEAST_COUNT, max(LEAST_COUNT, len(reference.used)) + 1)
    reached = np.array([_at_most(drawn, int(count)) for count in counts])
    at = int(np.argmax(reached <= chance)) if (reached <= chance).any() else len(counts) - 1
    return DriftLimit(clips, len(reference.used), int(counts[at]), float(reached[at]))


def _at_most(drawn: np.ndarray, count: int) -> float:
    """Share of the batches with this many drifted features, with the margin."""
    return MARGIN * float(max((drawn >= count).mean(), 1 / drawn.size))


def drifted_by_chance(clips: int, reference: Reference) -> np.ndarray:
    """Number of drifted features in batches without drift, shape (REFERENCES, WEEKS_EACH)."""
    return _simulated(clips, _Music(reference))


class _Music:
    """Training music by its summary; two models with the same summary are equal."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        arrays = (reference.correlation, *(reference.quantiles[e] for e in EMOTIONS))
        self.key = (reference.clips, reference.used, *(array.tobytes() for array in arrays))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Music) and self.key == other.key


@lru_cache(maxsize=32)
def _simulated(clips: int, music: _Music) -> np.ndarray:
    pool, known = _pool(music), music.reference.clips
    rng = np.random.default_rng([clips, known])
    counts = np.empty((REFERENCES, WEEKS_EACH), dtype=np.int64)
    for r in range(REFERENCES):
        quantiles = np.quantile(pool[rng.integers(0, POOL, known)], LEVELS, axis=0)
        counts[r] = count_drifted(pool[rng.integers(0, POOL, (WEEKS_EACH, clips))], quantiles, known=known)
    return counts


@lru_cache(maxsize=2)
def _pool(music: _Music) -> np.ndarray:
    """Many clips like the training music, shape (POOL, m).

    The four emotions are equally frequent, each with its own quantiles. A batch with many sad clips then differs in
    many features together, as in reality. The correlations within an emotion are those of all clips less what the
    different means of the emotions explain.
    """
    from scipy.special import ndtr

    reference, rng = music.reference, np.random.default_rng(0)
    used = [COLUMNS.index(c) for c in reference.used]
    of_emotion = [reference.quantiles[e][used] for e in EMOTIONS]
    means = np.array([_z_means(reference, reference.quantiles[e]) for e in EMOTIONS])
    between = np.cov(np.nan_to_num(means).T, bias=True)
    root = _root(reference.correlation - between)
    each = []
    for quantiles in of_emotion:
        at = ndtr(rng.standard_normal((POOL // len(EMOTIONS), len(used))) @ root)
        each.append(np.column_stack([np.interp(at[:, k], LEVELS, quantiles[k]) for k in range(len(used))]))
    return np.concatenate(each)


def _z_means(reference: Reference, quantiles: np.ndarray) -> np.ndarray:
    """Mean deviation of each compared feature in standard deviations. quantiles : shape (50, 21)."""
    return np.asarray(deviations(quantiles.T, reference).mean(axis=0))


def _root(covariance: np.ndarray) -> np.ndarray:
    """Matrix that gives independent normal numbers the correlations of this covariance; they have a variance of 1."""
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 1e-6))).T
    return np.asarray(root / np.sqrt((root**2).sum(axis=0)))


def count_drifted(batches: np.ndarray, quantiles: np.ndarray, *, known: int) -> np.ndarray:
    """Number of drifted features in each batch, by the rule of `core.evaluation.drift.feature_drift`, shape (b,).

    batches : shape (b, n, m).  quantiles : shape (21, m), at ``LEVELS``.  known : number of clips behind them.
    """
    ordered = np.sort(batches, axis=1)
    b, n, m = ordered.shape
    distance = np.empty((b, m))
    for k in range(m):
        training = np.interp((np.arange(known) + 0.5) / known, LEVELS, quantiles[:, k])
        distance[:, k] = _distances(ordered[:, :, k], training)
    p = np.sort(_p_of(distance, n, known), axis=1)
    ranks = np.arange(1, m + 1)
    rejected = m - np.argmax((p <= FALSE_DISCOVERIES * ranks / m)[:, ::-1], axis=1)  # Benjamini & Hochberg's step
    rejected = np.where((p <= FALSE_DISCOVERIES * ranks / m).any(axis=1), rejected, 0)
    large = (distance >= LEAST_EFFECT).sum(axis=1)  # a smaller p is a larger distance, so the smaller count decides
    return np.minimum(rejected, large)


def _distances(ordered: np.ndarray, training: np.ndarray) -> np.ndarray:
    """KS distance of each row to the training values, with equal values where features have them.

    ordered : shape (b, n).  training : shape (known,); both in ascending order.
    """
    n = ordered.shape[1]
    new = np.diff(ordered, axis=1) != 0
    edge = np.ones((len(ordered), 1), dtype=bool)
    upto = np.searchsorted(training, ordered, side="right") / len(training) - np.arange(1, n + 1) / n
    below = np.searchsorted(training, ordered, side="left") / len(training) - np.arange(n) / n
    last, first = np.hstack([new, edge]), np.hstack([edge, new])  # of a run of equal values
    return np.asarray(np.maximum(np.abs(upto * last), np.abs(below * first)).max(axis=1))


def _p_of(distance: np.ndarray, n: int, known: int) -> np.ndarray:
    at, log_p = _curve(n, known)
    return np.asarray(np.exp(np.interp(distance, at, log_p)))


@lru_cache(maxsize=64)
def _curve(n: int, known: int) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the p-value of the two-sample test at some distances."""
    from scipy.stats import ks_2samp

    a, b = (np.arange(n) + 0.5) / n, (np.arange(known) + 0.5) / known
    pairs = {0.0: 0.0}
    for shift in np.linspace(0.02, 0.8, PAIRS):
        test = ks_2samp(shift + (1 - shift) * a, b, method="exact" if n <= 500 else "asymp")
        pairs[float(test.statistic)] = float(np.log(max(test.pvalue, 1e-300)))
    at = np.array(sorted(pairs))
    return at, np.array([pairs[d] for d in at])
