"""The mood of a whole recording: windows, mood over time, one answer for all, and the steadiest stretch of a mood.

A *timeline* is a table with one row a window: start_s, end_s, p_angry, p_happy, p_relax, p_sad, remark, and the kind of
the remark (``core.records.RemarkKind``; empty where there is no remark). Where a window holds no music its
probabilities are NaN and the remark says why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.errors import AudioError
from core.records import Remark
from core.schema import EMOTIONS, PROBA

STRETCH_S = 30.0


@dataclass(frozen=True)
class ScoredWindow:
    """One window of a recording.

    proba : emotion -> probability; None when the window holds no music that could be scored.
    remark : why it was not scored, or what is unusual about it; None when there is nothing to say.
    """

    start_s: float
    end_s: float
    proba: Mapping[str, float] | None
    remark: Remark | None = None


@dataclass(frozen=True)
class Mood:
    """One answer for a recording.

    label : the strongest emotion.  shares : emotion -> mean probability, or share of the windows that it wins; sum 1.
    windows : number of windows with music.
    """

    label: str
    shares: Mapping[str, float]
    windows: int


@dataclass(frozen=True)
class Stretch:
    """A part of a recording where a mood holds.

    lowest, mean : of the mood's probability in the windows that touch the stretch.
    fits : it is the strongest emotion in all of them.
    """

    start_s: float
    end_s: float
    lowest: float
    mean: float
    fits: bool


def timeline_table(windows: Iterable[ScoredWindow]) -> pd.DataFrame:
    """Return the timeline of scored windows, in the order of time."""
    rows = [
        {
            "start_s": window.start_s,
            "end_s": window.end_s,
            **{f"p_{e}": window.proba[e] if window.proba else np.nan for e in EMOTIONS},
            "remark": window.remark.text if window.remark else "",
            "remark_kind": str(window.remark.kind) if window.remark else "",
        }
        for window in windows
    ]
    table = pd.DataFrame(rows, columns=["start_s", "end_s", *PROBA, "remark", "remark_kind"])
    return table.astype(dict.fromkeys(PROBA, float)).sort_values("start_s", ignore_index=True)


def overall(table: pd.DataFrame, how: Literal["mean", "vote"] = "mean") -> Mood:
    """One answer for the recording: the mean of the windows' probabilities, or the vote of the windows.

    A tie of votes is decided by the mean probabilities. Windows without music do not count.
    Raises AudioError when no window holds music.
    """
    proba = table[list(PROBA)].dropna().to_numpy()
    if not len(proba):
        raise AudioError("No part of this recording holds music that could be scored.")
    mean = proba.mean(axis=0)
    shares = mean if how == "mean" else np.bincount(proba.argmax(axis=1), minlength=len(EMOTIONS)) / len(proba)
    best = max(range(len(EMOTIONS)), key=lambda k: (shares[k], mean[k]))
    return Mood(EMOTIONS[best], dict(zip(EMOTIONS, shares.tolist(), strict=True)), len(proba))


def steadiest(table: pd.DataFrame, emotion: str, *, length_s: float = STRETCH_S) -> Stretch | None:
    """The stretch where a mood holds best: its lowest probability in any window that touches the stretch is highest.

    Windows touch a stretch when they share at least half of the shorter of the two; a window without music has
    probability 0. Stretches begin where windows begin, and one ends with the recording.
    Returns None when no window holds music.
    """
    if table[list(PROBA)].dropna().empty:
        return None
    end_s, p = float(table["end_s"].max()), table[f"p_{emotion}"].fillna(0).to_numpy()
    wins = table[list(PROBA)].fillna(0).to_numpy().max(axis=1) <= p
    start, end = table["start_s"].to_numpy(), table["end_s"].to_numpy()
    best: Stretch | None = None
    last = max(end_s - length_s, 0.0)
    for begin in sorted({*start[start <= last], last}):
        until = min(begin + length_s, end_s)
        shared = np.minimum(end, until) - np.maximum(start, begin)
        near = shared >= 0.5 * np.minimum(end - start, until - begin) - 1e-9
        if not near.any():
            continue
        found = Stretch(
            float(begin), float(until), float(p[near].min()), float(p[near].mean()), bool((wins & (p > 0))[near].all())
        )
        if best is None or (found.lowest, found.mean) > (best.lowest, best.mean):
            best = found
    return best
