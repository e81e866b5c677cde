"""The tab Overview of the Monitoring page: what to do now, and the most important figures of the period."""

from typing import Any

import pandas as pd
import streamlit as st

from core.evaluation.metrics import share_interval
from core.labelling.truth import raters_needed
from core.monitoring import health
from core.monitoring.alarm_state import alarms_now, drift_now
from core.monitoring.durations import PROMISED_S, promise_words
from core.monitoring.quality import needed_words
from core.store import EventKind
from core.wording import counted, whole_percent
from pages.views.monitoring import alarms, parts, tables
from pages.views.monitoring.drift import days_of
from pages.views.monitoring.parts import HINTS, Seen


def show_overview(seen: Seen) -> None:
    """Show the alarms that ring with what to do, then six figures of the period, each beside the period before."""
    alarms.show_now(seen, alarms_now(seen.store))
    traffic = tables.traffic(*seen.key, seen.store)
    if traffic.empty and tables.quality_over_time(*seen.key, seen.store).empty:
        parts.nothing_yet(
            "Traffic, speed, decisions, quality and drift of the last weeks appear here,",
            "as soon as clips are scored on any page, by the REST API or on the command line.",
        )
        return
    boxes = st.columns(3) + st.columns(3)
    for box, (label, value, note, meaning) in zip(boxes, _figures(seen, traffic), strict=True):
        with box.container(border=True, height="stretch"):
            st.metric(label, value, help=meaning)
            st.caption(note)


def _figures(seen: Seen, traffic: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    """Label, value, a note (interval, or the period before) and the meaning of each figure."""
    return [_clips(seen, traffic), _failed(traffic), _speed(seen), _unsure(seen), _quality(seen), _drift(seen)]


def _clips(seen: Seen, traffic: pd.DataFrame) -> tuple[str, str, str, str]:
    n = _count(traffic, EventKind.SCORED)
    note = ""
    if seen.period.name != "All":
        before = _count(tables.traffic(seen.store.url, seen.period.before, seen.store), EventKind.SCORED)
        note = f"In the {seen.period.name} before: {before:,}."
    note = f"{health.synthetic_words(tables.synthetic(*seen.key, seen.store), n)} {note}".strip()
    return "Clips answered", f"{n:,}", note, "Clips that got an answer, whichever way they came."


def _failed(traffic: pd.DataFrame) -> tuple[str, str, str, str]:
    failed, total = _count(traffic, EventKind.FAILED), int(traffic["n"].sum())
    low, high = share_interval(failed, total)
    value = whole_percent(failed / total) if total else "none yet"
    note = f"{failed:,} of {counted(total, 'clip')}; 95 % interval {100 * low:.0f} to {whole_percent(high)}."
    return "Failed", value, note if total else "", HINTS["failed"]


def _speed(seen: Seen) -> tuple[str, str, str, str]:
    whole = tables.latency(*seen.key, seen.store).iloc[0]
    if not whole["clips"]:
        return "95 of 100 faster than", "none yet", "", HINTS["p95"]
    kept = promise_words(whole["over_low"], whole["over_high"])
    interval = (
        "" if pd.isna(whole["p95_low"]) else f" 95 % interval {whole['p95_low']:.2f} to {whole['p95_high']:.2f} s."
    )
    return (
        "95 of 100 faster than",
        f"{whole['p95']:.2f} s",
        f"{counted(int(whole['clips']), 'timed clip')}.{interval} Promise (99 of 100 within {PROMISED_S:g} s): {kept}.",
        HINTS["p95"],
    )


def _unsure(seen: Seen) -> tuple[str, str, str, str]:
    found = tables.decisions(*seen.key, seen.store)
    n = int(found["n"].sum())
    unsure = int(found.loc[found["decision"].ne(health.ACCEPTED), "n"].sum())
    if not n:
        return "Unsure", "none yet", "", HINTS["unsure"]
    low, high = share_interval(unsure, n)
    note = f"{unsure:,} of {counted(n, 'clip')}; 95 % interval {100 * low:.0f} to {whole_percent(high)}."
    return "Unsure", whole_percent(unsure / n), note, HINTS["unsure"]


def _quality(seen: Seen) -> tuple[str, str, str, str]:
    table = tables.quality_over_time(*seen.key, seen.store)
    known = table[table["period"].isna() & table["f1"].notna()]
    if known.empty:
        labels = int(table.loc[table["period"].isna(), "clips"].max()) if len(table) else 0
        note = f"{counted(labels, 'label')} so far. {needed_words(raters_needed(seen.store))}"
        return "Macro-F1", "none yet", note, HINTS["f1"]
    row: dict[Any, Any] = known.iloc[-1].to_dict()
    note = f"Model {row['model_version']}, {counted(int(row['clips']), 'recording')}; promised: {row['promised']:.2f}."
    interval = "" if pd.isna(row["f1_low"]) else f" 95 % interval {row['f1_low']:.2f} to {row['f1_high']:.2f}."
    return "Macro-F1", f"{row['f1']:.2f}", note + interval, f"{HINTS['f1']} {HINTS['promised']}"


def _drift(seen: Seen) -> tuple[str, str, str, str]:
    one = drift_now(seen.store)
    meaning = "Share of the features whose values differ from the training music, in the newest measured weeks."
    if one is None:
        return "Features that drifted", "none yet", "Measured each week by `python -m core watch`.", meaning
    note = f"{counted(one.clips, 'recording')} of {days_of(one)}; the alarm rings from {whole_percent(one.limit)} on."
    return "Features that drifted", whole_percent(one.share), note, meaning


def _count(traffic: pd.DataFrame, kind: EventKind) -> int:
    return int(traffic.loc[traffic["kind"].eq(kind), "n"].sum())
