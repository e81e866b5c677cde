"""What the program did in a period, as tables: traffic, speed, decisions, and all of it by facts of the music.

Shares have 95 % intervals of Wilson. Periods are those of ``core.monitoring.periods``; a step without clips has a row
with the number 0, so that a gap is seen.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from core import wording
from core.evaluation.metrics import share_interval
from core.features import EXTRACTOR
from core.monitoring.durations import PROMISED_S, counts_by_bucket, quantile, share_over
from core.monitoring.periods import BEGINNING, Period
from core.store import EventKind, Store, Way, events_by_period, events_table
from core.store.event_figures import begin_of_period
from core.store.scored_events import (
    ACCEPTED,
    LENGTHS_S,
    MUSIC,
    NOT_STORED,
    TEMPI_BPM,
    UNLIKE,
    count_synthetic,
    scored_groups,
    stage_means,
)
from core.turkish import fold

OUTCOMES = (EventKind.SCORED, EventKind.REFUSED, EventKind.FAILED)
DECISIONS = (ACCEPTED, "choose", "review", UNLIKE)  # groups of ``core.store.scored_events``
MOST_SLICED = 40_000  # clips; their music is looked up clip by clip, and more would not make a share more certain
SLICES = (*MUSIC, "way", "model_version")
UNKNOWN = "unknown"
WAY_WORDS: dict[str, str] = {
    Way.PAGE: "file on Predict",
    Way.MICROPHONE: "microphone",
    Way.TRACKS: "whole track",
    Way.LIBRARY: "library",
    Way.API: "REST API",
    Way.COMMAND: "command line",
    Way.LABEL: "practice clips",
}


def traffic(store: Store, period: Period) -> pd.DataFrame:
    """Return how many clips came: period, kind (one of ``OUTCOMES``), way, n. Only rows with clips."""
    table = events_by_period(store, OUTCOMES, period.since, period.until, period.step, by=("kind", "way"))
    return table[["period", "kind", "way", "n"]].astype({"n": "int64"})


def traffic_by_outcome(table: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Return the clips of each step: period, scored, refused, failed, failed_share, low, high. table : of ``traffic``.

    The share is that of failed clips among all that came.
    """
    names = [str(kind) for kind in OUTCOMES]
    wide = table.pivot_table(index="period", columns="kind", values="n", aggfunc="sum", fill_value=0)
    wide = wide.reindex(columns=names, fill_value=0)
    wide = wide.reindex(_steps(period, table), fill_value=0).astype("int64")
    return (
        _with_share(wide, "failed_share", wide["failed"], wide.sum(axis=1))
        .rename_axis(index="period", columns=None)
        .reset_index()
    )


def _steps(period: Period, table: pd.DataFrame) -> pd.DatetimeIndex:
    """The steps of the period; of all time, those since the first row. None without rows."""
    if table.empty:
        return pd.DatetimeIndex([], tz="UTC")
    return period.steps(table["period"].min().to_pydatetime() if period.since == BEGINNING else period.since)


def _with_share(table: pd.DataFrame, name: str, hits: pd.Series, of: pd.Series) -> pd.DataFrame:
    """The table with a share and its interval: NAME, low, high."""
    ends = np.array([share_interval(k, n) for k, n in zip(hits, of, strict=True)]).reshape(-1, 2)
    return table.assign(**{name: hits / of.where(of > 0)}, low=ends[:, 0], high=ends[:, 1])


def latency(store: Store, period: Period) -> pd.DataFrame:
    """Return how fast clips were answered in each step, and in the whole period (its row has no period).

    Columns: period, clips (with a duration), p50, p95, p95_low, p95_high (s), over (share above ``PROMISED_S``),
    over_low, over_high.
    """
    found = scored_groups(store, ("period", "bucket"), period.since, period.until, step=period.step)
    parts = dict(iter(found.groupby("period")))
    rows = [{"period": pd.NaT, **_speed(found)}]
    rows += [{"period": moment, **_speed(parts.get(moment, found.iloc[:0]))} for moment in _steps(period, found)]
    table = pd.DataFrame(rows)
    return table.assign(period=pd.to_datetime(table["period"], utc=True))


def stages(store: Store, period: Period) -> pd.DataFrame:
    """Return where the time of the newest ``MOST_SLICED`` clips goes: stage, clips, mean_s (mean seconds)."""
    return stage_means(store, period.since, period.until, most=MOST_SLICED)


def _speed(table: pd.DataFrame) -> dict[str, float]:
    counts = counts_by_bucket(table)
    middle, slow = quantile(counts, 0.5), quantile(counts, 0.95)
    late, n = share_over(counts, PROMISED_S)
    low, high = share_interval(late, n)
    return {
        "clips": int(n),
        "p50": middle.value,
        "p95": slow.value,
        "p95_low": slow.low,
        "p95_high": slow.high,
        "over": late / n if n else np.nan,
        "over_low": low,
        "over_high": high,
    }


def synthetic(store: Store, period: Period) -> int:
    """Return how many of the answered clips are synthetic: demo clips, practice clips, pieces of the demo library."""
    return count_synthetic(store, period.since, period.until)


def synthetic_words(count: int, answered: int) -> str:
    """The sentence that marks synthetic clips: ``"28 of 35 clips are synthetic."``; empty without such clips."""
    return f"{wording.part(count, answered, 'clip')} synthetic." if count else ""


def decisions(store: Store, period: Period) -> pd.DataFrame:
    """Return what was decided: period, decision, label (the accepted emotion), n."""
    return scored_groups(store, ("period", "decision", "label"), period.since, period.until, step=period.step)


def decisions_by_step(table: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Return the decisions of each step: period, those of ``DECISIONS``, clips, unsure, low, high.

    *unsure* is the share of clips without one accepted emotion. table : of ``decisions``.
    """
    wide = table.pivot_table(index="period", columns="decision", values="n", aggfunc="sum", fill_value=0)
    wide = wide.reindex(columns=list(DECISIONS), fill_value=0).reindex(_steps(period, table), fill_value=0)
    wide["clips"] = wide.sum(axis=1)
    shares = _with_share(wide, "unsure", wide["clips"] - wide[ACCEPTED], wide["clips"])
    return shares.rename_axis("period").rename_axis(columns=None).reset_index()


def slices(store: Store, period: Period, by: str) -> pd.DataFrame:
    """Return the figures of each slice of the newest ``MOST_SLICED`` clips of the period, the largest first.

    Parameters
    ----------
    by
        One of ``SLICES``.

    Returns
    -------
    pandas.DataFrame
        Columns: slice (text), clips, share (of all clips), unsure, low, high (share without one accepted emotion and
        its interval), unlike, p50, p95 (s).
    """
    groups = (by, "decision", "bucket")
    found = scored_groups(store, groups, period.since, period.until, extractor=EXTRACTOR, most=MOST_SLICED)
    found["slice"] = found[by].map(namer(by, found.groupby(by)["n"].sum()))
    rows = []
    for name, part in found.groupby("slice", sort=False):
        n = int(part["n"].sum())
        unsure = int(part.loc[part["decision"].ne(ACCEPTED), "n"].sum())
        low, high = share_interval(unsure, n)
        counts = counts_by_bucket(part)
        rows.append(
            {
                "slice": name,
                "clips": n,
                "share": n / found["n"].sum(),
                "unsure": unsure / n,
                "low": low,
                "high": high,
                "unlike": int(part.loc[part["decision"].eq(UNLIKE), "n"].sum()) / n,
                "p50": quantile(counts, 0.5).value,
                "p95": quantile(counts, 0.95).value,
            }
        )
    columns = ["slice", "clips", "share", "unsure", "low", "high", "unlike", "p50", "p95"]
    return pd.DataFrame(rows, columns=columns).sort_values("clips", ascending=False, ignore_index=True, kind="stable")


def namer(by: str, sizes: pd.Series) -> Callable[[str], str]:
    """Return the function that names a slice in words. sizes : number of clips of each raw text.

    Makams and usuls are texts of tags: spellings that differ in case or diacritics are one slice, under the most
    frequent one.
    """
    if by in ("makam", "usul"):
        named: dict[str, str] = {}
        for text in sizes.sort_values(ascending=False, kind="stable").index:
            named.setdefault(folded(text), " ".join(str(text).split()))
        return lambda text: named[folded(text)] or UNKNOWN
    edges = {"length": LENGTHS_S, "tempo": TEMPI_BPM}.get(by)
    if edges is not None:
        write = _length if by == "length" else "{:.0f} bpm".format
        return lambda text: text if text == NOT_STORED else _between(text, [write(edge) for edge in edges])
    if by == "era":
        return lambda text: f"{text}s" if text.isdigit() else text or UNKNOWN
    if by == "way":
        return lambda text: WAY_WORDS.get(text, text) or UNKNOWN
    return lambda text: text or UNKNOWN


def folded(text: str) -> str:
    """Return the text without what tells spellings apart: case, diacritics, spaces."""
    return " ".join(fold(str(text)).split())


def _between(number: str, edges: list[str]) -> str:
    """The group of this number in words: ``"below 80 bpm"``, ``"80 bpm to 110 bpm"``, ``"140 bpm and more"``."""
    if not number:
        return UNKNOWN
    k = int(number)
    if k == 0:
        return f"below {edges[0]}"
    return f"{edges[k - 1]} and more" if k == len(edges) else f"{edges[k - 1]} to {edges[k]}"


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def model_changes(store: Store, period: Period) -> pd.DataFrame:
    """Return when the model in use was changed, oldest first: at, period (step), model_version, words."""
    words = {EventKind.PROMOTED: "promoted", EventKind.ROLLED_BACK: "back in use"}
    found = [events_table(store, kind, period.since).assign(words=word) for kind, word in words.items()]
    table = pd.concat(found, ignore_index=True)[["at", "model_version", "words"]]
    table = table[table["at"] < period.until].sort_values("at", ignore_index=True)
    days = table["at"].dt.floor("h" if period.step == "hour" else "D")
    return table.assign(period=begin_of_period(days, period.step), words=table["model_version"] + " " + table["words"])
