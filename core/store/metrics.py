"""What the figures for Prometheus need from the tables besides the events: one row for each of a few groups."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.schema import EMOTIONS
from core.store.connection import Store, frame, read
from core.store.events import EventKind
from core.store.schema import clips, events, feedback, jobs, predictions
from core.store.scored_events import ACCEPTED, synthetic_event
from core.store.synthetic import is_synthetic


@dataclass(frozen=True)
class Scored:
    """How the clips of a time were decided, without synthetic ones. A clip that came twice counts twice.

    accepted : with a sure answer.  unlike : unlike the training music.  confidence : mean of the highest
    probabilities; None without a clip.
    """

    clips: int
    accepted: int
    unlike: int
    confidence: float | None


@requires(Action.SEE_MONITORING)
def scored_since(store: Store, since: datetime) -> Scored:
    """Count the clips that were scored since a moment, by their decision."""
    number, about = sa.func.count, events.c.about
    query = sa.select(
        number(),
        number().filter(about["decision"].as_string() == ACCEPTED),
        number().filter(about["unlike"].as_boolean().is_(True)),
        sa.func.avg(events.c.value),
    ).where(events.c.kind == str(EventKind.SCORED), events.c.at >= since, sa.not_(synthetic_event(events)))
    found, accepted, unlike, confidence = read(store, lambda c: c.execute(query).one())
    return Scored(int(found), int(accepted), int(unlike), None if confidence is None else float(confidence))


class JobCount(NamedTuple):
    """Background jobs with one name in one state. heartbeat : the newest of them."""

    name: str
    state: str
    n: int
    heartbeat: datetime


@requires(Action.SEE_MONITORING)
def jobs_by_state(store: Store) -> list[JobCount]:
    """Count the background jobs by name and state."""
    newest = sa.func.max(jobs.c.heartbeat, type_=jobs.c.heartbeat.type)
    query = sa.select(jobs.c.name, jobs.c.state, sa.func.count(), newest).group_by(jobs.c.name, jobs.c.state)
    rows = read(store, lambda c: c.execute(query.order_by(jobs.c.name, jobs.c.state)).all())
    return [JobCount(*row) for row in rows]


@requires(Action.SEE_MONITORING)
def last_answer_at(store: Store) -> datetime | None:
    """Return when the newest answer of a person was stored; None when there is none. Answers of imports count, too."""
    query = sa.select(feedback.c.created_at).where(feedback.c.kind != "undo").order_by(feedback.c.id.desc()).limit(1)
    return read(store, lambda c: c.execute(query).scalar())


@requires(Action.SEE_MONITORING)
def probability_sums(store: Store, model_version: str, since: datetime) -> pd.DataFrame:
    """Sum the champion's probabilities of the clips that were first scored since a moment, for each guess.

    Synthetic clips are left out. Returns guess, n and p_* (sums). They say what the model promises without labels.
    """
    sums = [sa.func.sum(predictions.c[f"p_{emotion}"]).label(f"p_{emotion}") for emotion in EMOTIONS]
    query = (
        sa.select(predictions.c.guess, sa.func.count().label("n"), *sums)
        .join(clips, clips.c.id == predictions.c.clip_id)
        .where(sa.not_(is_synthetic()))
        .where(predictions.c.role == "champion", predictions.c.model_version == model_version)
        .where(predictions.c.created_at >= since)
        .group_by(predictions.c.guess)
    )
    return read(store, lambda c: frame(c, query))
