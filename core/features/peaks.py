"""Peaks of a curve that stand out by a given contrast, as MIRtoolbox picks them.

A peak counts when the curve falls by at least ``contrast`` of its range on both sides before it rises above the
peak again. Ripples smaller than that belong to the hill they sit on.
"""

import numpy as np


def normalised(d: np.ndarray, *, low: float | None = None, high: float | None = None) -> np.ndarray:
    """The curve between 0 at ``low`` and 1 at ``high``; empty when there is no such scale.

    d : shape (n,).  low, high : default to the minimum and maximum of d. A constant curve has no scale.
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
    """Positions of the peaks of a curve, in ascending order.

    d : shape (n,), any unit.
    contrast : fall that a peak needs on both sides, as a share of the range low..high, in (0, 1].
    threshold : least normalised height of a peak.
    begin, end : may the first, the last sample be a peak?
    low, high : ends of the range; default to those of d. A curve that is one frame of many passes those of all.
    local : the curve is scaled by itself, and one that lies below ``threshold`` everywhere has no peaks.
    Returns indices, shape (k,), int64; the first sample of a plateau. None in a constant curve.
    MIRtoolbox 1.7.1 `mirpeaks`, options Contrast, Threshold, NoBegin, NoEnd, Normalize; spec. section 1.5.
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
    """Positions of the valleys of a curve, in ascending order: the peaks of the curve turned upside down.

    threshold : the greatest normalised height (0 at the minimum of d, 1 at its maximum) of a valley; none by default.
    The other arguments and the result are those of ``peaks``; ``local`` looks at the curve turned upside down.
    """
    depth = 0.0 if threshold is None else 1.0 - threshold
    return find_peaks(-d, contrast=contrast, threshold=depth, begin=begin, end=end, local=local)


def _standing_out(padded: np.ndarray, candidates: np.ndarray, contrast: float) -> list[int]:
    """Which of the candidates are peaks, as positions in ``candidates``.

    padded : the normalised curve with one value added on each side.  candidates : their positions in it.
    """
    if candidates.size == 0:
        return []
    found = []
    # Depth of the notch after each candidate. The segment takes the next candidate in, which is not its lowest.
    notches = np.minimum.reduceat(padded, candidates + 1).tolist()
    heights = padded[candidates].tolist()
    best, top = 0, heights[0]  # the peak that is being weighed
    before = float(padded[: candidates[0]].min())  # lowest value between the last peak that was kept and this one
    after = np.inf  # lowest value since this one
    for i, height in enumerate(heights[1:], 1):
        after = min(after, notches[i - 1])
        if top - after >= contrast:
            if top - before >= contrast:
                found.append(best)
                before = after
            else:
                before = min(before, after)
            best, top, after = i, height, np.inf
        else:
            before = min(before, after)
            if height > top:
                best, top, after = i, height, np.inf
    if top - before >= contrast and top - float(padded[candidates[best] + 1 :].min()) >= contrast:
        found.append(best)
    return found
