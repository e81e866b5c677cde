"""Pick the peaks and valleys of a curve that have a minimum contrast, as in MIRtoolbox.

A peak is accepted if the curve falls by at least ``contrast`` (a share of its range) on both sides before it rises
above the peak again. Smaller ripples are part of the larger peak.
"""

import numpy as np


def normalised(d: np.ndarray, *, low: float | None = None, high: float | None = None) -> np.ndarray:
    """Scale the curve so that ``low`` becomes 0 and ``high`` becomes 1; empty for a constant curve.

    d : shape (n,).  low, high : default to the minimum and maximum of d.
    """
    if d.size == 0:
        return np.empty(0)
    low = float(d.min()) if low is None else low
    high = float(d.max()) if high is None else high
    return (d - low) / (high - low) if high > low else np.empty(0)


def find_peaks(
    d: np.ndarray,
    *,
    contrast: float,
    threshold: float = 0.0,
    begin: bool = True,
    end: bool = True,
    low: float | None = None,
    high: float | None = None,
    local: bool = False,
) -> np.ndarray:
    """Find the peaks of a curve.

    Source: MIRtoolbox 1.7.1 `mirpeaks`, options Contrast, Threshold, NoBegin, NoEnd, Normalize; spec. section 1.5.

    Parameters
    ----------
    d
        Shape (n,), any unit.
    contrast
        Required fall on both sides of a peak, as a share of the range low..high, in (0, 1].
    threshold
        Minimum normalised height of a peak.
    begin, end
        Whether the first or the last sample can be a peak.
    low, high
        Limits of the range; default to the minimum and maximum of d. For one frame of many, pass the limits of all
        frames.
    local
        If True, a curve with all values below ``threshold`` (before scaling) has no peaks.

    Returns
    -------
    np.ndarray
        Indices in ascending order, shape (k,), int64; the first sample of a plateau. Empty for a constant curve.
    """
    if local and (d.size == 0 or d.max() < threshold):
        return np.empty(0, np.int64)
    dn = normalised(d, low=low, high=high)
    padded = np.concatenate([[-np.inf if begin else np.inf], dn, [-np.inf if end else np.inf]])
    here, left, right = padded[1:-1], padded[:-2], padded[2:]
    candidates = np.flatnonzero((here > left) & (here >= right) & (here >= max(contrast, threshold)))
    return candidates[_standing_out(padded, candidates + 1, contrast)]


def find_valleys(
    d: np.ndarray,
    *,
    contrast: float,
    threshold: float | None = None,
    begin: bool = True,
    end: bool = True,
    local: bool = False,
) -> np.ndarray:
    """Find the valleys of a curve, which are the peaks of the inverted curve.

    threshold : maximum normalised height of a valley (0 = minimum of d, 1 = maximum of d); no limit by default.
    The other arguments and the result are the same as for ``find_peaks``; ``local`` refers to the inverted curve.
    """
    depth = 0.0 if threshold is None else 1.0 - threshold
    return find_peaks(-d, contrast=contrast, threshold=depth, begin=begin, end=end, local=local)


def _standing_out(padded: np.ndarray, candidates: np.ndarray, contrast: float) -> list[int]:
    """Return the candidates with enough contrast, as positions in ``candidates``.

    padded : the normalised curve with one additional value on each side.  candidates : positions in ``padded``.
    """
    if candidates.size == 0:
        return []
    accepted = []
    # Lowest value after each candidate. The segment includes the next candidate, which is never the lowest value.
    notches = np.minimum.reduceat(padded, candidates + 1).tolist()
    heights = padded[candidates].tolist()
    best, top = 0, heights[0]  # the peak that is being checked
    before = float(padded[: candidates[0]].min())  # lowest value between the last accepted peak and this one
    after = np.inf  # lowest value after this one
    for i, height in enumerate(heights[1:], 1):
        after = min(after, notches[i - 1])
        if top - after >= contrast:
            if top - before >= contrast:
                accepted.append(best)
                before = after
            else:
                before = min(before, after)
            best, top, after = i, height, np.inf
        else:
            before = min(before, after)
            if height > top:
                best, top, after = i, height, np.inf
    if top - before >= contrast and top - float(padded[candidates[best] + 1 :].min()) >= contrast:
        accepted.append(best)
    return accepted
