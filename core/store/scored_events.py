"""Count the scored clips in groups: by period, decision, speed, and by facts of the music such as makam and tempo.

The database counts; Python only adds up groups. A clip that was scored but not stored has no facts of its music.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.stages import Stage
from core.store.connection import Store, frame, read
from core.store.event_figures import Step, begin_of_period, moment_in_sql
from core.store.events import EventKind
from core.store.library import TEMPO
from core.store.schema import clips, events, features, tracks
from core.store.synthetic import origin_of_music

# Upper edges of the groups of seconds: 10 ms wide up to 1 s, 100 ms up to 10 s, 1 s up to 2 min; the last has no end.
SECONDS_EDGES = (
    *(k / 100 for k in range(1, 101)),
    *(k / 10 for k in range(11, 101)),
    *(float(k) for k in range(11, 121)),
)
ACCEPTED = "accept"  # decision of a sure answer, see core.models.policy
UNLIKE = "unlike"  # decision: a review because the clip is unlike the training music
NOT_STORED = "not stored"  # fact of a clip that was scored, but not stored
LENGTHS_S = (30.0, 60.0, 180.0, 360.0)  # edges of the groups of lengths of a recording
TEMPI_BPM = (80.0, 110.0, 140.0)  # edges of the groups of tempi
MUSIC = ("makam", "usul", "tempo", "length", "era", "source")  # facts of the music by which clips are grouped
GROUPS = ("period", "way", "model_version", "decision", "label", "bucket", *MUSIC)


@requires(Action.SEE_MONITORING)
def scored_groups(
    store: Store,
    by: Sequence[str],
    since: datetime,
    until: datetime,
    *,
    step: Step = "day",
    extractor: str = "",
    most: int | None = None,
) -> pd.DataFrame:
    """Return how many clips were scored in each group. Columns: those of ``by``, n.

    Parameters
    ----------
    by
        Some of ``GROUPS``. ``bucket`` is a number of ``SECONDS_EDGES``: the group that holds the seconds; -1 without
        seconds. ``tempo`` and ``length`` are numbers of ``TEMPI_BPM`` and ``LENGTHS_S`` as text, ``era`` is the first
        year of the decade as text; empty text = unknown. All facts of the music are ``NOT_STORED`` for clips that are
        not stored. ``decision`` is accept, choose, review or ``UNLIKE``: a review because the clip is unlike the
        training music.
    since, until
        Only clips that were scored from the first moment on and before the second one.
    extractor
        Program that measured the tempo.
    most
        Count only so many clips, the newest ones. Facts of the music are looked up clip by clip, so more take long.
    """
    unknown = [name for name in by if name not in GROUPS]
    if unknown:
        raise ValueError(f"Scored clips are not grouped by {unknown[0]!r}. Choose from: {', '.join(GROUPS)}.")
    chosen: Any = sa.select(events).where(
        events.c.kind == str(EventKind.SCORED), events.c.at >= since, events.c.at < until
    )
    if most is not None:
        chosen = chosen.order_by(events.c.at.desc()).limit(most)
    happened = chosen.subquery("happened")
    columns = [_column(store, happened, name, step).label(name) for name in by]
    source: sa.FromClause = with_music(happened, happened.c.clip_id, extractor) if set(by) & set(MUSIC) else happened
    query = sa.select(*columns, sa.func.count().label("n")).select_from(source).group_by(*columns)
    table = read(store, lambda c: frame(c, query))
    if "period" in by:
        table["period"] = begin_of_period(pd.to_datetime(table["period"], utc=True), step)
    found = table.groupby(list(by))["n"].sum().reset_index()
    return found.astype({"n": "int64"})


def synthetic_event(happened: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return whether an event is about a clip that this program made itself. happened : the events."""
    return sa.func.coalesce(happened.c.about["synthetic"].as_boolean(), False).is_(True)


@requires(Action.SEE_MONITORING)
def count_synthetic(store: Store, since: datetime, until: datetime) -> int:
    """Return how many of the clips that were scored from a moment on and before another one are synthetic."""
    query = sa.select(sa.func.count()).where(
        events.c.kind == str(EventKind.SCORED), events.c.at >= since, events.c.at < until, synthetic_event(events)
    )
    return int(read(store, lambda c: c.execute(query).scalar_one()))


@requires(Action.SEE_MONITORING)
def stage_means(store: Store, since: datetime, until: datetime, *, most: int) -> pd.DataFrame:
    """Return the mean seconds of each stage of the newest clips with stages. Columns: stage, clips, mean_s.

    since, until : as in ``scored_groups``.  most : look at so many clips, the newest ones.
    """
    happened = (
        sa.select(events.c.about)
        .where(events.c.kind == str(EventKind.SCORED), events.c.at >= since, events.c.at < until)
        .where(events.c.seconds.is_not(None))
        .order_by(events.c.at.desc())
        .limit(most)
        .subquery("happened")
    )
    seconds = {stage: happened.c.about[("stages", str(stage))].as_float() for stage in Stage}
    numbers = [function(s) for s in seconds.values() for function in (sa.func.count, sa.func.avg)]
    row = read(store, lambda c: c.execute(sa.select(*numbers)).one())
    rows = [(str(stage), row[2 * k], row[2 * k + 1]) for k, stage in enumerate(seconds)]
    return pd.DataFrame(rows, columns=["stage", "clips", "mean_s"]).astype({"clips": "int64", "mean_s": float})


def _column(store: Store, happened: sa.Subquery, name: str, step: Step) -> sa.ColumnElement[Any]:
    if name == "period":
        return moment_in_sql(store, happened.c.at, "hour" if step == "hour" else "day")
    if name in ("way", "model_version"):
        return happened.c[name]
    if name == "decision":
        unlike = happened.c.about["unlike"].as_boolean().is_(True)
        return sa.case((unlike, UNLIKE), else_=sa.func.coalesce(happened.c.about["decision"].as_string(), ""))
    if name == "label":
        return sa.func.coalesce(happened.c.about["label"].as_string(), "")
    return bucket_of_seconds(happened.c.seconds) if name == "bucket" else fact_of_music(name)


def bucket_of_seconds(seconds: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Return the number of the group of ``SECONDS_EDGES`` that holds the seconds; -1 without seconds."""
    ends = ((1.0, 100, -1), (10.0, 10, 89), (120.0, 1, 179))  # up to this second: groups in a second, number before
    cases: list[tuple[sa.ColumnElement[bool], Any]] = [(seconds.is_(None), -1), (seconds <= 0, 0)]
    cases += [(seconds <= end, sa.cast(sa.func.ceil(seconds * each), sa.Integer) + add) for end, each, add in ends]
    return sa.case(*cases, else_=len(SECONDS_EDGES))


def with_music(table: sa.FromClause, clip_id: sa.ColumnElement[str], extractor: str) -> sa.FromClause:
    """Return the table joined with the stored clip, its track and its features, as far as they exist."""
    return (
        table.outerjoin(clips, clips.c.id == clip_id)
        .outerjoin(tracks, tracks.c.id == clips.c.track_id)
        .outerjoin(features, (features.c.clip_id == clips.c.id) & (features.c.extractor == extractor))
    )


def fact_of_music(name: str) -> sa.ColumnElement[str]:
    """Return a fact of ``MUSIC`` as text, for a query of ``with_music``."""
    length = sa.func.coalesce(clips.c.file_duration_s, clips.c.duration_s)
    facts: dict[str, sa.ColumnElement[Any]] = {
        "makam": tracks.c.makam,
        "usul": tracks.c.usul,
        "era": sa.cast(tracks.c.year - tracks.c.year % 10, sa.String),
        "source": origin_of_music(),
        "length": _number_between(length, LENGTHS_S),
        "tempo": _number_between(features.c[TEMPO], TEMPI_BPM),
    }
    return sa.case((clips.c.id.is_(None), NOT_STORED), else_=sa.func.coalesce(facts[name], ""))


def _number_between(value: sa.ColumnElement[Any], edges: Sequence[float]) -> sa.ColumnElement[str]:
    """Return how many edges are at most the value, as text; empty without a value."""
    cases = [(value.is_(None), ""), *((value < edge, str(k)) for k, edge in enumerate(edges))]
    return sa.case(*cases, else_=str(len(edges)))
