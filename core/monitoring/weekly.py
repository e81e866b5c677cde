"""The weekly report: what happened in one week beside the week before, as one HTML page without other files.

Every share stands with its number of clips and its 95 % interval. The template ``templates/weekly.html`` escapes all
texts.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from core.evaluation.metrics import share_interval
from core.labelling.truth import raters_needed
from core.monitoring import health, quality, use
from core.monitoring.alarm_state import alarm_history, alarms_now, drift_history
from core.monitoring.durations import PROMISED_S, promise_words
from core.monitoring.periods import Period
from core.schema import EMOTIONS
from core.source_note import PROGRAM
from core.store import EventKind, Store
from core.wording import counted, share_with_interval, whole_percent, with_sign

TEMPLATES = Path(__file__).parent / "templates"
NONE = "none"
LONG_WEEKS = 12  # labels come late, so the quality is that of so many weeks, which end with the week of the report
DECISION_WORDS = {
    "accept": "One emotion",
    "choose": "Two offered",
    "review": "A person must listen",
    "unlike": "Unlike the training music",
}
OUTCOME_WORDS = {
    EventKind.SCORED: "Answered",
    EventKind.REFUSED: "Refused: no usable sound",
    EventKind.FAILED: "Failed: the program's fault",
}


@dataclass(frozen=True)
class Section:
    """One table of the report. rows : the name of each line and its texts, one for each head."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    empty: str = "Nothing happened."


@dataclass(frozen=True)
class Weekly:
    """The report of a week. made_at : when it was made.  said : the most important sentences."""

    week: Period
    made_at: datetime
    said: tuple[str, ...]
    sections: tuple[Section, ...] = field(default_factory=tuple)

    @property
    def days(self) -> str:
        """The days of the week: ``"23 Nov to 29 Nov 2026"``."""
        return f"{self.week.since:%-d %b} to {self.week.until - timedelta(days=1):%-d %b %Y}"

    @property
    def over(self) -> bool:
        """Whether the week was over when the report was made."""
        return self.made_at >= self.week.until


def weekly_report(store: Store, week: Period, *, now: datetime) -> Weekly:
    """Collect the report of a week. week : see ``core.monitoring.periods.week_named``."""
    both = (week, week.before)
    traffic = [health.traffic(store, period) for period in both]
    speeds = [health.latency(store, period).iloc[0] for period in both]
    decided = [health.decisions(store, period) for period in both]
    synthetic = [health.synthetic(store, period) for period in both]
    sections = (
        _traffic(traffic, synthetic),
        _speed(speeds),
        _decisions(decided),
        _emotions(decided),
        _quality(store, week),
        _drift(store, week),
        _alarms(store, week),
        _use(store, both),
        _changes(health.model_changes(store, week)),
    )
    ringing = [alarm.finding for alarm in alarms_now(store) if alarm.rings]
    do = [f"Alarm, {finding.name}: {finding.seen} Do this: {finding.to_do}" for finding in ringing]
    return Weekly(week, now, (*_said(traffic[0], speeds[0], synthetic[0]), *do), sections)


def weekly_html(report: Weekly) -> bytes:
    """The report as an HTML page."""
    return _template().render(report=report, program=PROGRAM, weeks=LONG_WEEKS).encode()


def file_name(week: Period) -> str:
    """Name of the file of the report."""
    return f"weekly-report-{week.name}.html"


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("weekly.html")


def _said(traffic: pd.DataFrame, speed: pd.Series, synthetic: int) -> list[str]:
    n = int(traffic.loc[traffic["kind"].eq(EventKind.SCORED), "n"].sum())
    if not n:
        return ["No clip was answered in this week."]
    said = [f"{counted(n, 'clip')} {'was' if n == 1 else 'were'} answered."]
    if synthetic:
        said.append(health.synthetic_words(synthetic, n))
    if speed["clips"]:
        said.append(
            f"{counted(int(speed['clips']), 'clip')} {'was' if speed['clips'] == 1 else 'were'} timed: 95 of 100 were "
            f"faster than {speed['p95']:.2f} s. The promise that 99 of 100 take {PROMISED_S:g} s at most: "
            f"{promise_words(speed['over_low'], speed['over_high'])}."
        )
    return said


def _share(hits: float, of: float) -> str:
    """A share with its interval and its numbers: ``"20 % (16 to 25 %), 80 of 400"``."""
    if not of:
        return NONE
    return f"{share_with_interval(hits / of, *share_interval(hits, of))}, {hits:,.0f} of {of:,.0f}"


_TWO = ("this week", "the week before")


def _traffic(tables: list[pd.DataFrame], synthetic: list[int]) -> Section:
    rows = []
    for kind, words in OUTCOME_WORDS.items():
        found = [table.loc[table["kind"].eq(kind), "n"].sum() for table in tables]
        if kind is EventKind.SCORED:
            rows.append((words, *(counted(int(n), "clip") for n in found)))
        else:
            rows.append((words, *(_share(n, t["n"].sum()) for n, t in zip(found, tables, strict=True))))
    ways = [t[t["kind"].eq(EventKind.SCORED)].groupby("way")["n"].sum() for t in tables]
    name = health.namer("way", ways[0])
    for way in sorted(set(ways[0].index) | set(ways[1].index)):
        rows.append((f"Answered: {name(way)}", *(counted(int(w.get(way, 0)), "clip") for w in ways)))
    if any(synthetic):
        rows.append(("Answered: synthetic clips", *(counted(n, "clip") for n in synthetic)))
    return Section("Traffic", _TWO, tuple(rows), "Shares are shares of all clips that came.")


def _speed(speeds: list[pd.Series]) -> Section:
    def seconds(value: float, low: float = float("nan"), high: float = float("nan")) -> str:
        if pd.isna(value):
            return NONE
        return f"{value:.2f} s" if pd.isna(low) else f"{value:.2f} s ({low:.2f} to {high:.2f} s)"

    rows = (
        ("Clips with a duration", *(f"{s['clips']:,.0f}" for s in speeds)),
        ("Half were faster than", *(seconds(s["p50"]) for s in speeds)),
        ("95 % were faster than", *(seconds(s["p95"], s["p95_low"], s["p95_high"]) for s in speeds)),
        (
            f"Slower than {PROMISED_S:g} s",
            *(_share(round((s["over"] if s["clips"] else 0.0) * s["clips"]), s["clips"]) for s in speeds),
        ),
    )
    return Section("Speed", _TWO, rows, "From the end of the upload to the answer, with the time in the line.")


def _decisions(tables: list[pd.DataFrame]) -> Section:
    rows = []
    for decision, words in DECISION_WORDS.items():
        found = [table.loc[table["decision"].eq(decision), "n"].sum() for table in tables]
        rows.append((words, *(_share(n, t["n"].sum()) for n, t in zip(found, tables, strict=True))))
    return Section("Decisions", _TWO, tuple(rows))


def _emotions(tables: list[pd.DataFrame]) -> Section:
    accepted = [table[table["decision"].eq(health.ACCEPTED)].groupby("label")["n"].sum() for table in tables]
    rows = tuple((with_sign(e), *(_share(a.get(e, 0), a.sum()) for a in accepted)) for e in EMOTIONS)
    return Section("Accepted emotions", _TWO, rows)


def _quality(store: Store, week: Period) -> Section:
    long = Period("", week.until - timedelta(weeks=LONG_WEEKS), week.until, "week")
    table = quality.quality_over_time(quality.labelled_predictions(store, long), long)
    rows = []
    for row in table[table["period"].isna()].to_dict("records"):
        if pd.isna(row["f1"]):
            few = f"too few: at least {quality.LEAST} are needed"
            rows.append((row["model_version"], f"{row['clips']:,.0f}", few, "", ""))
            continue
        low = f"{row['f1']:.2f} ({row['f1_low']:.2f} to {row['f1_high']:.2f})"
        promised = f"{row['promised']:.2f}; below {row['promised_low']:.2f} once in 40 times by chance"
        ece = f"{row['ece']:.2f}; a perfect model {row['ece_perfect']:.2f}"
        rows.append((row["model_version"], f"{row['clips']:,.0f}", low, promised, ece))
    return Section(
        "Quality",
        ("labelled recordings", "macro-F1", "promised by its probabilities", "calibration error (ECE)"),
        tuple(rows),
        f"In the {LONG_WEEKS} weeks that end with this one, because labels come late. Only clips that people labelled "
        "after they were scored.",
        f"No clip has a label that came after it was scored. {quality.needed_words(raters_needed(store))}",
    )


def _drift(store: Store, week: Period) -> Section:
    """The weeks whose drift was measured in this week: an event of drift has the time of their end."""
    table = drift_history(store, since=week.since)
    table = table[(table["at"] > week.since) & (table["at"] <= week.until)]
    rows = tuple(
        (
            f"until {row['at'] - timedelta(days=1):%-d %b}",
            f"{row['clips']:,.0f}",
            whole_percent(row["share"]),
            f"from {whole_percent(row['limit'])} on, by chance at most once in {row['weeks']:,.0f} weeks",
        )
        for row in table.to_dict("records")
    )
    heads = ("recordings", "features that drifted", "the alarm rings")
    return Section("Drift", heads, rows, empty="No drift was measured up to this week.")


def _alarms(store: Store, week: Period) -> Section:
    table = alarm_history(store, since=week.since)
    table = table[table["at"] < week.until].sort_values("at")
    rows = tuple(
        (row["name"], f"{row['at']:%-d %b, %H:%M} UTC", "started" if row["rings"] else "stopped", row["sentence"])
        for row in table.to_dict("records")
    )
    return Section("Alarms", ("when", "what happened", "what it says"), rows, empty="No alarm started or stopped.")


def _use(store: Store, periods: tuple[Period, Period]) -> Section:
    heard = [use.hearings(store, p.since, p.until, by="week").sum(numeric_only=True) for p in periods]
    plays, skips, finished = ([int(h.get(name, 0)) for h in heard] for name in ("plays", "skips", "finished"))
    asked = [use.answers(store, p.since, p.until).sum(numeric_only=True) for p in periods]
    shown, given = ([int(a.get(name, 0)) for a in asked] for name in ("shown", "answers"))
    rows = (
        ("Plays", *(f"{n:,}" for n in plays)),
        ("Finished, of the plays", *(_share(k, n) for k, n in zip(finished, plays, strict=True))),
        ("Skipped, of plays and skips", *(_share(k, k + n) for k, n in zip(skips, plays, strict=True))),
        ("Clips shown to raters", *(f"{n:,}" for n in shown)),
        ("Answers of raters", *(f"{n:,}" for n in given)),
    )
    note = "Skips alone mislead: who looks for one piece skips many. The page Use has more."
    return Section("Use", _TWO, rows, note)


def _changes(changes: pd.DataFrame) -> Section:
    rows = tuple((f"{row['at']:%-d %b, %H:%M} UTC", row["words"]) for row in changes.to_dict("records"))
    return Section("Changes of the model", ("what",), rows, empty="The model was not changed.")
