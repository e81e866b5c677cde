"""The mood of a whole recording: mood over time, overall mood, and the stretch in which a mood is steadiest.

A *timeline* is a table with one row per window: start_s, end_s, p_angry, p_happy, p_relax, p_sad, remark, and the kind
of the remark (``core.records.RemarkKind``; empty without a remark). A window without music has NaN probabilities and a
remark with the reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.audio.remarks import WARNINGS
from core.errors import AudioError
from core.models.policy import Decision, Policy, decide
from core.models.prediction import Prediction
from core.pipeline.deciding import Decided
from core.records import MeasuredFile, Remark, RemarkKind
from core.schema import EMOTIONS, PROBA
from core.wording import clock

STRETCH_S = 30.0


@dataclass(frozen=True, eq=False)
class WindowResult:
    """What is stored of a window if a person answers about it, see ``core.pipeline.window_scoring.keep_window``.

    file : the window as the only part of its file, without audio.  latency_s : seconds that the scoring took.
    """

    file: MeasuredFile
    decided: Decided
    policy: Policy
    latency_s: float


@dataclass(frozen=True)
class ScoredWindow:
    """One window of a recording.

    proba : emotion -> probability; None when the window holds no music that can be scored.
    remark : why the window was not scored, or how it is unusual; None for an ordinary window.
    audio : remarks on the file and on the sound of the window.
    result : what is stored if a person answers about the window; None when it was not scored.
    """

    start_s: float
    end_s: float
    proba: Mapping[str, float] | None
    remark: Remark | None = None
    audio: tuple[Remark, ...] = ()
    result: WindowResult | None = None

    @property
    def clip_id(self) -> str:
        """Id of the window; empty when it was not scored."""
        return self.result.file.clips[0].vector.clip_id if self.result else ""


@dataclass(frozen=True)
class Mood:
    """Overall mood of a recording.

    Parameters
    ----------
    label
        The strongest emotion.
    shares
        Emotion -> mean probability, or share of windows in which it is the strongest; the sum is 1.
    windows
        Number of windows with music.
    mean
        Emotion -> mean probability; equal to the shares unless the windows voted.
    """

    label: str
    shares: Mapping[str, float]
    windows: int
    mean: Mapping[str, float]


@dataclass(frozen=True)
class Stretch:
    """A part of a recording in which a mood is steady.

    Parameters
    ----------
    lowest, mean
        Lowest and mean probability of the mood in the windows that touch the stretch.
    fits
        Whether the mood is the strongest emotion in all of these windows.
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


def with_words(table: pd.DataFrame, said: Mapping[int, str]) -> pd.DataFrame:
    """Return the timeline with the moods that people named.

    The probability of a named mood is 1, and the window needs no review any more.

    said : emotion by the number of the row.
    """
    rows, moods = list(said), np.array(list(said.values()), dtype=object)
    named = table.copy()
    if rows:
        named.loc[rows, list(PROBA)] = (moods[:, None] == np.array(EMOTIONS, dtype=object)).astype(float)
        named.loc[rows, ["remark", "remark_kind"]] = ""
    return named


def warnings(windows: Sequence[ScoredWindow]) -> list[str]:
    """Return one sentence for each kind of remark that a person should see about the audio of a recording.

    A remark on some windows only says on how many, and where the first one is.
    """
    found: dict[RemarkKind, list[tuple[float, str]]] = {}
    for window in windows:
        for remark in window.audio:
            if remark.kind in WARNINGS:
                found.setdefault(remark.kind, []).append((window.start_s, remark.text))
    sentences = []
    for (start_s, text), *others in found.values():
        count = 1 + len(others)
        where = f" ({count} of {len(windows)} windows, the first from {clock(start_s)})"
        sentences.append(text + (where if count < len(windows) else ""))
    return sentences


def overall(table: pd.DataFrame, how: Literal["mean", "vote"] = "mean") -> Mood:
    """Return the overall mood of a recording: the mean probabilities, or the majority vote, of its windows.

    The mean probabilities decide a tied vote. Windows without music do not count.
    Raises AudioError when no window holds music.
    """
    proba = table[list(PROBA)].dropna().to_numpy()
    if not len(proba):
        raise AudioError("No part of this recording holds music that can be scored.")
    mean = proba.mean(axis=0)
    shares = mean if how == "mean" else np.bincount(proba.argmax(axis=1), minlength=len(EMOTIONS)) / len(proba)
    best = max(range(len(EMOTIONS)), key=lambda k: (shares[k], mean[k]))
    by_share, by_mean = (dict(zip(EMOTIONS, values.tolist(), strict=True)) for values in (shares, mean))
    return Mood(EMOTIONS[best], by_share, len(proba), by_mean)


def decide_overall(table: pd.DataFrame, mood: Mood, policy: Policy) -> Decision:
    """Apply the decision policy to a whole recording, as to a clip.

    The recording needs review when at least half of its windows with music are unlike the training music. Otherwise the
    policy decides by the mean probabilities. If the vote of the windows is another emotion, both are offered.

    mood : from ``overall``.
    """
    unlike = int((table["remark_kind"].eq(RemarkKind.UNLIKE) & table["p_angry"].notna()).sum())
    if 2 * unlike >= mood.windows:
        text = f"{unlike} of {mood.windows} windows are unlike the music that this model was trained on"
        return Decision(None, (), f"Needs review: {text}. A person has to listen.")
    decision = decide(Prediction("", "", "", mood.mean), policy)
    if decision.label not in (None, mood.label):
        text = f"{mood.label.capitalize()} by the vote of the windows, {decision.label} by their mean probability."
        return Decision(None, (mood.label, str(decision.label)), text)
    return decision


def steadiest(table: pd.DataFrame, emotion: str, *, length_s: float = STRETCH_S) -> Stretch | None:
    """Return the stretch in which a mood is steadiest: the one that maximises the lowest probability of its windows.

    A window touches a stretch when they overlap by at least half of the shorter one. A window without music has
    probability 0. Candidate stretches start at window starts, or end at the end of the recording.
    Returns None when no window holds music.

    emotion : the mood.  length_s : length of the stretch in s.
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
        stretch = Stretch(
            float(begin), float(until), float(p[near].min()), float(p[near].mean()), bool((wins & (p > 0))[near].all())
        )
        if best is None or (stretch.lowest, stretch.mean) > (best.lowest, best.mean):
            best = stretch
    return best
