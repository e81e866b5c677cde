"""Look at the weeks that nobody has judged yet, and note what drifted and which alarms start or stop.

``python -m core watch`` calls `watch`, best once an hour or once a day. Each week is judged once, so more calls change
nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pandas as pd

from core.access import Action, requires
from core.dataset.loading import load_table
from core.evaluation.drift import LEAST, feature_drift
from core.evaluation.expectation import LEAST_LABELLED, expectation
from core.features import EXTRACTOR
from core.models.description import describe_model_in_use
from core.models.reference import Reference
from core.monitoring.alarm_state import Alarm, State, read_state, save_state, settle
from core.monitoring.findings import (
    Share,
    drift_finding,
    labels_finding,
    promise_finding,
    share_finding,
    waiting_finding,
)
from core.monitoring.rules import Finding, Rule, Standing, chance_of
from core.monitoring.weeks import MOST_WEEKS, WEEK, Span, monday, spans
from core.pipeline.serving import Served, serve
from core.settings import Settings
from core.store import Event, EventKind, Store, features_table, same_recordings
from core.store.weekly import (
    answered_between,
    count_answers,
    count_recordings,
    last_answers,
    last_label_and_first_clip,
    recordings_between,
)
from core.training.labelled_data import labels, predict_clips, seen_clips, training_data, unseen
from core.wording import counted

MOST = 200  # recordings of a span that are compared; more would make tiny differences significant
USUAL_WEEKS = 8  # before the judged ones, for the usual share of unsure answers
LEAST_USUAL = 50  # recordings; with fewer, the usual share is not known
_OF_THE_MODEL = (Rule.DRIFT, Rule.UNLIKE, Rule.F1)  # a new model begins without these alarms


@dataclass(frozen=True)
class Watched:
    """What one call of `watch` found.

    alarms : all alarms as they are now.  begun, ended : alarms that started or stopped now.
    notes : sentences about what could not be judged.
    """

    alarms: tuple[Alarm, ...]
    begun: tuple[Rule, ...]
    ended: tuple[Rule, ...]
    notes: tuple[str, ...] = ()


@requires(Action.SET_RULES)
def watch(store: Store, settings: Settings, *, now: datetime | None = None) -> Watched:
    """Judge all whole weeks that are not judged yet, store the alarms, and note the changes as events.

    A store that is down raises StoreError before anything is stored; the next call judges the same weeks.

    now : for tests; the present by default.
    """
    look = _Look(store, settings, now or datetime.now(UTC), serve(settings, on_demand=True))
    look.forget_other_model()
    look.judge("recordings", look.count_recordings, LEAST, look.drift)
    look.judge("answers", look.count_answered, LEAST, look.shares)
    look.judge_labels()
    look.take(labels_finding(*last_label_and_first_clip(store, look.now), now=look.now))
    look.say_what_is_missing()
    save_state(store, replace(look.state, looked_at=look.now), *look.events)
    if settings.events == "off":
        look.notes.append("TME_EVENTS is off, so unsure answers are not counted and alarms have no history.")
    changes = [(Rule(e.about["rule"]), bool(e.value)) for e in look.events if e.kind is EventKind.ALARM]
    begun, ended = (tuple(dict.fromkeys(r for r, rings in changes if rings is wanted)) for wanted in (True, False))
    alarms = tuple(look.state.alarms[rule] for rule in Rule if rule in look.state.alarms)
    return Watched(alarms, begun, ended, tuple(look.notes))


class _Look:
    """One look: reads the store, and collects the new state and the events."""

    def __init__(self, store: Store, settings: Settings, now: datetime, served: Served) -> None:
        self.store, self.settings, self.now, self.served = store, settings, now, served
        self.state: State = read_state(store)
        self.events: list[Event] = []
        self.notes: list[str] = []

    @property
    def version(self) -> str:
        return self.served.model.version

    @property
    def reference(self) -> Reference:
        return self.served.reference

    def take(self, finding: Finding) -> None:
        """Take a finding into the state."""
        self.state, events = settle(self.state, finding, now=self.now, model_version=self.version)
        self.events += events

    def forget_other_model(self) -> None:
        """End the alarms about a model that is not in use any more."""
        for rule in _OF_THE_MODEL:
            alarm = self.state.alarms.get(rule)
            if alarm is not None and alarm.rings and alarm.model_version != self.version:
                seen = "Another model came into use. The next whole weeks judge it."
                self.take(Finding(rule, Standing.QUIET, seen=seen))

    def judge(
        self,
        what: str,
        count: Callable[[datetime, datetime], int],
        least: int,
        find: Callable[[Span], Iterator[Finding]],
    ) -> None:
        """Judge the spans of one figure that are not judged yet."""
        for span in spans(count, judged=self.state.judged.get(what), now=self.now, least=least):
            for finding in find(span):
                self.take(finding)
            self.state = self.state.judged_up_to(what, span.until)

    def count_recordings(self, since: datetime, until: datetime) -> int:
        return count_recordings(self.store, since, until, EXTRACTOR)

    def drift(self, span: Span) -> Iterator[Finding]:
        """The features of the recordings against the training music."""
        chosen = recordings_between(self.store, span.since, span.until, EXTRACTOR, limit=MOST)
        measured = feature_drift(features_table(self.store, EXTRACTOR, clip_ids=chosen), self.reference)
        finding = drift_finding(measured, self.reference, span)
        self.events.append(
            Event(EventKind.DRIFT, model_version=self.version, value=finding.value, about=finding.about, at=span.until)
        )
        yield finding

    def count_answered(self, since: datetime, until: datetime) -> int:
        return answered_between(self.store, since, until).clips

    def shares(self, span: Span) -> Iterator[Finding]:
        """The shares of recordings that are unlike the training music, and of unsure answers."""
        found = answered_between(self.store, span.since, span.until)
        known = self.reference.clips
        usual = Share(round(self.reference.false_alarms * known), known)
        yield share_finding(Rule.UNLIKE, Share(found.unlike, found.clips), usual, span)
        before = self._usual_unsure(span)
        if before.of < LEAST_USUAL:
            seen = f"The weeks before have {counted(before.of, 'recording')}; {LEAST_USUAL} are needed."
            yield Finding(Rule.UNSURE, Standing.UNKNOWN, seen=seen)
        elif found.clips > found.unlike:
            yield share_finding(Rule.UNSURE, Share(found.unsure, found.clips - found.unlike), before, span)

    def _usual_unsure(self, span: Span) -> Share:
        """The share of unsure answers in the weeks before, or before the alarm began while it rings.

        Otherwise an alarm would take what it rings about for usual, and end by itself.
        """
        alarm = self.state.alarms.get(Rule.UNSURE)
        if alarm is not None and alarm.rings:
            return Share(*alarm.finding.about["usual"])
        before = answered_between(self.store, span.since - USUAL_WEEKS * WEEK, span.since)
        return Share(before.unsure, before.clips - before.unlike)

    def judge_labels(self) -> None:
        """Macro-F1 of the model in use on the clips that people labelled, against what it promises."""
        oldest = monday(self.now) - MOST_WEEKS * WEEK
        answers = count_answers(self.store, oldest, self.now)
        if answers < LEAST_LABELLED:  # the rest takes seconds
            self.take(waiting_finding(Rule.F1, answers, LEAST_LABELLED, "answer"))
            return
        table = load_table(self.settings, allow_download=False)
        if table.synthetic:
            seen = "Macro-F1 was not judged: the published table is not on this machine."
            self.notes.append(seen)
            self.take(Finding(Rule.F1, Standing.UNKNOWN, seen=seen))
            return
        data = training_data(table, labels(self.store), same_recordings(self.store))
        fresh = unseen(data, seen_clips(describe_model_in_use(self.settings).folder))
        if fresh.empty:
            self.take(waiting_finding(Rule.F1, 0, LEAST_LABELLED, "labelled recording"))
            return
        found = predict_clips(fresh, self.served.model, data)
        found["at"] = last_answers(self.store, fresh["clip_id"].tolist()).reindex(fresh["clip_id"]).array
        found = found.sort_values("at").drop_duplicates("group", keep="last")  # one clip of each recording

        def of(since: datetime, until: datetime) -> pd.DataFrame:
            return found[(found["at"] >= since) & (found["at"] < until)].drop(columns="at")

        def find(span: Span) -> Iterator[Finding]:
            measured = expectation(of(span.since, span.until), level=chance_of(span.weeks))
            if measured is not None:
                yield promise_finding(measured, span)

        self.judge("labels", lambda since, until: len(of(since, until)), LEAST_LABELLED, find)
        waiting = len(of(self._waits_since("labels"), self.now))
        self.take(waiting_finding(Rule.F1, waiting, LEAST_LABELLED, "labelled recording"))

    def _waits_since(self, what: str) -> datetime:
        """The moment from which on clips wait to be judged."""
        oldest = monday(self.now) - MOST_WEEKS * WEEK
        judged = self.state.judged.get(what)
        return judged if judged is not None and oldest < judged <= self.now else oldest

    def say_what_is_missing(self) -> None:
        """Take a finding for each alarm that was never judged: how many clips came, and how many are missing."""
        recordings = self.count_recordings(self._waits_since("recordings"), self.now)
        self.take(waiting_finding(Rule.DRIFT, recordings, LEAST, "recording"))
        answered = self.count_answered(self._waits_since("answers"), self.now)
        self.take(waiting_finding(Rule.UNLIKE, answered, LEAST, "recording"))
        if Rule.UNSURE not in self.state.alarms or "answers" not in self.state.judged:
            self.take(waiting_finding(Rule.UNSURE, answered, LEAST, "recording"))
