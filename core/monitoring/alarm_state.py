"""Which alarms ring now, and what was measured last. For the page Monitoring, for Prometheus and for `watch`.

alarms_now : each alarm with its last finding: sentences, figure, limit, rate of false alarms.
last_look : when `watch` looked last.
alarm_history : when an alarm started and stopped.
drift_now, drift_history : the drift measured last, and week by week.

The state is a setting of the store, because events are removed after some time. The history is made of events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from core.access import Action, requires
from core.monitoring.periods import BEGINNING
from core.monitoring.rules import STATISTICAL, Finding, Rule, Standing
from core.store import Event, EventKind, Store, events_table, get_setting, set_setting
from core.store.schema import ALARMS

_WRONG_CLOCK = timedelta(days=8)  # an event further in the future comes from a wrong clock
_DETAILS = "features"  # facts of a finding that only the event "drift measured" holds


@dataclass(frozen=True)
class Alarm:
    """One alarm as it is now.

    Attributes
    ----------
    finding : what the last look found that had enough data; before the first one, why there is none.
    since : when it started; None while it is quiet.
    looked_at : time of this look.
    model_version : the model in use at this look.
    """

    finding: Finding
    since: datetime | None
    looked_at: datetime
    model_version: str

    @property
    def rule(self) -> Rule:
        return self.finding.rule

    @property
    def rings(self) -> bool:
        return self.finding.standing is Standing.RINGS

    @property
    def judges(self) -> bool:
        """Whether music or answers were judged. The alarm about silence only counts days."""
        return self.rule in STATISTICAL and self.finding.standing is not Standing.UNKNOWN


@dataclass(frozen=True)
class State:
    """What `watch` remembers: the alarms, up to which moment each figure was judged, and when it looked last."""

    alarms: Mapping[Rule, Alarm] = field(default_factory=dict)
    judged: Mapping[str, datetime] = field(default_factory=dict)
    looked_at: datetime | None = None

    def with_alarm(self, alarm: Alarm) -> "State":
        """The state with this alarm as it is now."""
        return replace(self, alarms={**self.alarms, alarm.rule: alarm})

    def judged_up_to(self, what: str, until: datetime) -> "State":
        """The state after this figure was judged up to a moment."""
        return replace(self, judged={**self.judged, what: until})


def read_state(store: Store) -> State:
    """Return the stored state; an empty one before the first watch. Alarms of other versions are ignored."""
    stored = get_setting(store, ALARMS) or {}
    alarms = {
        Rule(name): Alarm(Finding.from_json(a["finding"]), _moment(a["since"]), _known(a["looked_at"]), a["model"])
        for name, a in stored.get("alarms", {}).items()
        if name in set(Rule)
    }
    judged = {what: _known(text) for what, text in stored.get("judged", {}).items()}
    before = max((alarm.looked_at for alarm in alarms.values()), default=None)  # a state of an older version
    return State(alarms, judged, _moment(stored.get("looked_at")) or before)


def save_state(store: Store, state: State, *happened: Event) -> None:
    """Store the state and, in the same transaction, the events that led to it: a judged week has its events."""
    alarms = {
        str(rule): {
            "finding": _short(alarm.finding).to_json(),
            "since": alarm.since.isoformat() if alarm.since else None,
            "looked_at": alarm.looked_at.isoformat(),
            "model": alarm.model_version,
        }
        for rule, alarm in state.alarms.items()
    }
    judged = {what: until.isoformat() for what, until in state.judged.items()}
    looked_at = state.looked_at.isoformat() if state.looked_at else None
    set_setting(store, ALARMS, {"alarms": alarms, "judged": judged, "looked_at": looked_at}, *happened)


def _short(finding: Finding) -> Finding:
    return replace(finding, about={name: fact for name, fact in finding.about.items() if name != _DETAILS})


def _known(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else _known(text)


def settle(state: State, finding: Finding, *, now: datetime, model_version: str) -> tuple[State, list[Event]]:
    """Take a finding into the state. Returns the state, and an event when the alarm starts or stops.

    A look with too few data changes nothing: a ringing alarm goes on, and a quiet one stays quiet.
    """
    before = state.alarms.get(finding.rule)
    if finding.standing is Standing.UNKNOWN and before is not None and before.finding.standing is not Standing.UNKNOWN:
        return state, []
    rang, rings = before is not None and before.rings, finding.standing is Standing.RINGS
    since = (before.since if rang and before else now) if rings else None
    state = state.with_alarm(Alarm(finding, since, now, model_version))
    if rang == rings:
        return state, []
    about = _short(finding).to_json()
    return state, [Event(EventKind.ALARM, model_version=model_version, value=float(rings), about=about, at=now)]


@requires(Action.SEE_MONITORING)
def alarms_now(store: Store) -> list[Alarm]:
    """Return each alarm with its last finding, ringing ones first; an empty list before the first watch."""
    alarms = read_state(store).alarms
    known = [alarms[rule] for rule in Rule if rule in alarms]
    return sorted(known, key=lambda alarm: not alarm.rings)


@requires(Action.SEE_MONITORING)
def last_look(store: Store) -> datetime | None:
    """Return when `watch` looked last, also when it had nothing to judge; None before the first look."""
    return read_state(store).looked_at


@requires(Action.SEE_MONITORING)
def alarm_history(store: Store, *, since: datetime, limit: int = 200) -> pd.DataFrame:
    """Return when alarms started and stopped, newest first.

    Columns: at, rule, name, rings (True: began, False: ended), seen, sentence, value, limit, weeks, clips,
    model_version.
    """
    found = events_table(store, EventKind.ALARM, since, limit)
    columns = ["at", "rule", "name", "rings", "seen", "sentence", "value", "limit", "weeks", "clips", "model_version"]
    lines = []
    for at, value, version, about in found[["at", "value", "model_version", "about"]].itertuples(index=False):
        finding = Finding.from_json(about)
        figures = (finding.value, finding.limit, finding.weeks, finding.clips)
        texts = (finding.seen, finding.sentence)
        lines.append((at, str(finding.rule), finding.name, bool(value), *texts, *figures, version))
    return pd.DataFrame(lines, columns=columns)


@dataclass(frozen=True, eq=False)
class DriftNow:
    """The drift of the newest judged weeks.

    Attributes
    ----------
    at : end of the judged weeks.
    since : their begin.
    share, limit : share of the features that drifted, and the share from which the alarm rings.
    weeks : by chance the alarm rings at most once in so many weeks.
    clips : number of recordings.
    psi_share, psi_by_chance : share of the features with a PSI above 0.2, and the share that chance alone gives.
    features : feature, ks, q, psi, shift (standard deviations), drifted; the most changed first.
    """

    at: datetime
    since: datetime
    model_version: str
    share: float
    limit: float
    weeks: float
    clips: int
    psi_share: float
    psi_by_chance: float
    features: pd.DataFrame

    @property
    def rings(self) -> bool:
        """Whether so many features drifted that the alarm rings."""
        return self.share >= self.limit


@requires(Action.SEE_MONITORING)
def drift_now(store: Store) -> DriftNow | None:
    """Return the drift of the newest judged weeks; None before the first."""
    found = _drift_events(store, BEGINNING, 20)
    if found.empty:
        return None
    newest = found.iloc[0]
    about = newest["about"]
    table = pd.DataFrame([{"feature": name, **line} for name, line in about[_DETAILS].items()])
    table = table.astype({"ks": float, "q": float, "psi": float, "shift": float})
    table = table.sort_values(["drifted", "ks"], ascending=False, ignore_index=True)
    numbers = {n: about[n] for n in ("limit", "weeks", "clips", "psi_share", "psi_by_chance")}
    return DriftNow(
        at=newest["at"].to_pydatetime(),
        since=_known(about["from"]),
        model_version=str(newest["model_version"]),
        share=float(newest["value"]),
        features=table,
        **numbers,
    )


@requires(Action.SEE_MONITORING)
def drift_history(store: Store, *, since: datetime, limit: int = 200) -> pd.DataFrame:
    """Return the drift of all judged weeks, oldest first.

    Columns: at (end of the weeks), share, limit, weeks, clips, psi_share, psi_by_chance, model_version.
    """
    found = _drift_events(store, since, limit)
    facts = ("limit", "weeks", "clips", "psi_share", "psi_by_chance")
    table = found[["at", "value", "model_version"]].rename(columns={"value": "share"})
    for name in facts:
        table[name] = [float(about[name]) for about in found["about"]]
    return table.sort_values("at", ignore_index=True)[["at", "share", *facts, "model_version"]]


def _drift_events(store: Store, since: datetime, limit: int) -> pd.DataFrame:
    found = events_table(store, EventKind.DRIFT, since, limit)
    return found[found["at"] <= pd.Timestamp.now(UTC) + _WRONG_CLOCK].reset_index(drop=True)
