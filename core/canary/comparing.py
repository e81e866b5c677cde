"""Statistics: the findings about two models from counts, times and labels.

Each finding has an interval at ``LEVEL`` for people. The program itself takes a canary out only where the much wider
interval at ``OUT_LEVEL`` is on the bad side of the limit, because it looks again and again: with many looks a 95 %
interval would be on the bad side by chance sooner or later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isnan, nan, sqrt

import numpy as np

from core import wording
from core.evaluation.metrics import LEVEL, share_interval

OUT_LEVEL = 0.9999
LEAST_RECORDINGS = 10  # fewer recordings say nothing about the spread
FLOOR = float(np.finfo(float).eps)  # least probability in a log-loss


class Measure(StrEnum):
    """What is compared. The value is its name on the terminal."""

    ERRORS = "requests that failed"
    SLOWNESS = "95 % of the answers within"
    UNSURE = "share of the answers that are unsure"
    LOG_LOSS = "log-loss on labelled clips"
    AGREEMENT = "clips on which both models agree"


# The change by the challenger that is still acceptable
LIMITS = {
    Measure.ERRORS: 0.01,  # difference of shares
    Measure.SLOWNESS: 1.5,  # ratio
    Measure.UNSURE: 0.10,  # difference of shares
    Measure.LOG_LOSS: 0.05,  # difference in nats
}
NEEDED = (Measure.ERRORS, Measure.SLOWNESS)  # a canary is not healthy without these


class Standing(StrEnum):
    """What a finding says."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"  # the interval is on both sides of the limit, or there is no limit


@dataclass(frozen=True)
class Finding:
    """One comparison.

    Attributes
    ----------
    champion, challenger : the figures.
    change : difference or ratio; the higher, the worse for the challenger.
    low, high : its interval at ``LEVEL``.
    surely : lower end of its interval at ``OUT_LEVEL``.
    counts : number of requests, answers or recordings of champion and challenger.
    """

    measure: Measure
    champion: float
    challenger: float
    change: float
    low: float
    high: float
    surely: float
    counts: tuple[int, int]

    @property
    def standing(self) -> Standing:
        """Whether the change is surely beyond the limit, within it, or neither."""
        limit = LIMITS.get(self.measure)
        if limit is None:
            return Standing.OPEN
        if self.surely > limit:
            return Standing.BAD
        return Standing.GOOD if self.high <= limit else Standing.OPEN

    @property
    def sentence(self) -> str:
        """The finding for a person."""
        counted = f"{self.counts[0]:,} and {self.counts[1]:,}"
        name = f"{self.measure[:1].upper()}{self.measure[1:]}"
        if self.measure is Measure.AGREEMENT:
            text = wording.share_with_interval(self.change, self.low, self.high)
            return f"{name}: {text} of {wording.counted(self.counts[0], 'clip')}."
        if isnan(self.change):
            return f"{name}: nothing to compare yet (champion and challenger: {counted})."
        shown = {
            Measure.SLOWNESS: (f"{self.champion:.2f} s", f"{self.challenger:.2f} s"),
            Measure.LOG_LOSS: (f"{self.champion:.2f}", f"{self.challenger:.2f}"),
        }.get(self.measure, (wording.tenth_percent(self.champion), wording.tenth_percent(self.challenger)))
        return (
            f"{name}: champion {shown[0]}, challenger {shown[1]} (of {counted}); {self._change_in_words()}: "
            f"{self.standing}."
        )

    def _change_in_words(self) -> str:
        limit = LIMITS[self.measure]
        if self.measure is Measure.SLOWNESS:
            high = "no limit yet" if self.high == inf else f"{self.high:.2f}"
            return f"ratio {self.change:.2f} ({self.low:.2f} to {high}), acceptable up to {limit:g}"
        if self.measure is Measure.LOG_LOSS:
            return f"change {self.change:+.2f} ({self.low:+.2f} to {self.high:+.2f}), acceptable up to {limit:g}"
        points = [wording.signed_points(v) for v in (self.change, self.low, self.high)]
        return (
            f"change {points[0]} points ({points[1]} to {points[2]}), acceptable up to {wording.signed_points(limit)}"
        )


def compare_shares(measure: Measure, champion: tuple[int, int], challenger: tuple[int, int]) -> Finding:
    """Compare two shares of independent requests. Each side: hits and number.

    The interval is that of Newcombe (1998, method 10) from two Wilson intervals. For ``surely`` it is made from two
    exact intervals (Clopper & Pearson): for one of one request Wilson's interval is much too narrow.
    """
    a, b = shares = [hits / of if of else nan for hits, of in (champion, challenger)]
    if isnan(a) or isnan(b):
        return _nothing(measure, (champion[1], challenger[1]), a, b)
    wilson = [share_interval(*side) for side in (champion, challenger)]
    low, high = _of_difference(shares, wilson)
    surely, _ = _of_difference(shares, [_exact(*side, level=OUT_LEVEL) for side in (champion, challenger)])
    return Finding(measure, a, b, b - a, low, high, surely, (champion[1], challenger[1]))


def _of_difference(shares: Sequence[float], intervals: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Interval of the second share minus the first."""
    (a, b), ((low_a, high_a), (low_b, high_b)) = shares, intervals
    return b - a - sqrt((b - low_b) ** 2 + (high_a - a) ** 2), b - a + sqrt((high_b - b) ** 2 + (a - low_a) ** 2)


def _exact(hits: int, of: int, *, level: float) -> tuple[float, float]:
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = float(beta.ppf(tail, hits, of - hits + 1)) if hits else 0.0
    return low, float(beta.ppf(1 - tail, hits + 1, of - hits)) if hits < of else 1.0


def compare_times(champion: Sequence[float], challenger: Sequence[float], *, q: float = 0.95) -> Finding:
    """Compare the times below which 95 % of the answers are, as a ratio.

    The interval takes the ends of an interval for each quantile from its order statistics. It assumes no distribution
    of the times, and it is a little too wide.
    """
    counts = (len(champion), len(challenger))
    if not all(counts):
        return _nothing(Measure.SLOWNESS, counts)
    a, b = (np.sort(np.asarray(times, dtype=float)) for times in (champion, challenger))
    at_a, at_b = (float(np.quantile(side, q, method="higher")) for side in (a, b))

    def ends(level: float) -> tuple[float, float]:
        (low_a, high_a), (low_b, high_b) = (_quantile_interval(side, q, level=level) for side in (a, b))
        return low_b / max(high_a, FLOOR), high_b / max(low_a, FLOOR)

    low, high = ends(LEVEL)
    return Finding(Measure.SLOWNESS, at_a, at_b, at_b / max(at_a, FLOOR), low, high, ends(OUT_LEVEL)[0], counts)


def _quantile_interval(ordered: np.ndarray, q: float, *, level: float) -> tuple[float, float]:
    """Interval of a quantile from order statistics; infinite where there are too few values.

    Two of these intervals are used together, so each end gets a quarter of what the level leaves.
    """
    from scipy.stats import binom

    n, tail = len(ordered), (1 - level) / 4
    low, high = int(binom.ppf(tail, n, q)) - 1, int(binom.ppf(1 - tail, n, q))
    return float(ordered[low]) if low >= 0 else 0.0, float(ordered[high]) if high < n else inf


def compare_log_loss(champion: np.ndarray, challenger: np.ndarray, recording: np.ndarray) -> Finding:
    """Compare the probabilities that two models give to the true emotions of the same clips.

    The mean over recordings is compared, with Student's interval of the paired differences: clips of one recording are
    not independent.

    champion, challenger : probability of the true emotion, shape (n,).  recording : shape (n,).
    """
    import pandas as pd
    from scipy.stats import t as student

    losses = {"champion": champion, "challenger": challenger}
    clips = pd.DataFrame({name: -np.log(np.clip(proba, FLOOR, 1)) for name, proba in losses.items()})
    each = clips.groupby(np.asarray(recording)).mean()
    n = len(each)
    if n < LEAST_RECORDINGS:
        return _nothing(Measure.LOG_LOSS, (n, n))
    ahead = each["challenger"] - each["champion"]
    change, error = float(ahead.mean()), float(ahead.std(ddof=1)) / sqrt(n)
    half, wide = (float(student.ppf((1 + level) / 2, n - 1)) * error for level in (LEVEL, OUT_LEVEL))
    means = float(each["champion"].mean()), float(each["challenger"].mean())
    return Finding(Measure.LOG_LOSS, *means, change, change - half, change + half, change - wide, (n, n))


def agreement(same: int, of: int) -> Finding:
    """The share of the clips for which both models give the same guess. It has no limit; it is only shown."""
    low, high = share_interval(same, of)
    return Finding(Measure.AGREEMENT, nan, nan, same / of if of else nan, low, high, nan, (of, of))


def _nothing(measure: Measure, counts: tuple[int, int], champion: float = nan, challenger: float = nan) -> Finding:
    return Finding(measure, champion, challenger, nan, nan, nan, nan, counts)


class Health(StrEnum):
    """The verdict about a canary."""

    HEALTHY = "healthy"
    SICK = "sick"
    UNDECIDED = "undecided"


def verdict(findings: Sequence[Finding]) -> Health:
    """Sick: one figure is surely bad. Healthy: the needed figures are good and no figure is bad."""
    standing = {finding.measure: finding.standing for finding in findings}
    if Standing.BAD in standing.values():
        return Health.SICK
    return Health.HEALTHY if all(standing.get(m) is Standing.GOOD for m in NEEDED) else Health.UNDECIDED
