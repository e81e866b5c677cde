"""Answer Prometheus from the store, so that several servers and workers give one truth.

Counters and jobs are asked at each scrape. The figures that take seconds are computed in the background, at most once
a minute and in less than 5 % of the time. A scrape gives the last ones; ``tme_figures_timestamp_seconds`` says how old
they are.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from core.errors import CoreError, StoreDownError
from core.monitoring.alarm_state import alarms_now, last_look
from core.monitoring.families import Value, counter_families, gauge_families
from core.monitoring.figures import slow_figures
from core.monitoring.rules import Standing
from core.monitoring.weeks import WEEK
from core.settings import Settings
from core.store import Store, event_totals
from core.store.metrics import jobs_by_state, last_answer_at

CACHE_S = 60.0
REST = 20.0  # the pause is at least so many times as long as the computing, which so takes less than 5 % of the time
WAIT_S = 2.0  # for the scrape before
STILL_WAITS = "The scrape before still waits for the database. Look whether the database is being upgraded."
MEDIA_TYPE = CONTENT_TYPE_LATEST  # of the text
_LOG = logging.getLogger(__name__)


def no_values() -> list[Value]:
    """The figures of a process that serves nothing but figures."""
    return []


@dataclass(eq=False)
class Figures(Collector):
    """All figures of a product. Thread-safe.

    Parameters
    ----------
    store
        Returns the open store of the program itself. Raises StoreError while the database cannot be opened.
    of_process
        Returns the figures of this process, such as whether it is ready.
    """

    settings: Settings
    store: Callable[[], Store]
    of_process: Callable[[], list[Value]] = no_values
    _slow: tuple[Value, ...] = ()
    _slow_due: float = -math.inf  # by the monotonic clock
    _refreshing: threading.Lock = field(default_factory=threading.Lock)
    _scraping: threading.Lock = field(default_factory=threading.Lock)

    def text(self) -> bytes:
        """Return the figures as Prometheus reads them. Raises StoreError while the database does not answer.

        Scrapes are answered one after another. So while one waits for the database, the next ones hold up no thread.
        """
        if not self._scraping.acquire(timeout=WAIT_S):
            raise StoreDownError(STILL_WAITS)
        try:
            return generate_latest(self)
        finally:
            self._scraping.release()

    def collect(self) -> Iterator[Metric]:
        """Yield all families; see docs/metrics.md."""
        store = self.store()
        totals = event_totals(store)
        now = datetime.now(UTC)
        fast = [*self.of_process(), *_jobs(store, now), *_answers(store), *_alarms(store), _stamp("events", now)]
        if time.monotonic() >= self._slow_due:
            threading.Thread(target=self._refresh_logged, name="figures for Prometheus", daemon=True).start()
        yield from counter_families(totals)
        yield from gauge_families([*fast, *self._slow])

    def refresh(self) -> None:
        """Compute the slow figures now. While another thread computes them, do nothing."""
        if not self._refreshing.acquire(blocking=False):
            return
        now, began = datetime.now(UTC), time.monotonic()
        try:
            found = slow_figures(self.store(), self.settings, now=now)
            self._slow = (*found, _stamp("quality", now))
        finally:  # also after a failure: not again at once
            took_s = time.monotonic() - began
            self._slow_due = began + took_s + max(CACHE_S, REST * took_s)
            self._refreshing.release()

    def _refresh_logged(self) -> None:
        try:
            self.refresh()
        except CoreError as error:
            _LOG.warning("The slow figures for Prometheus stay as they were: %s", error)
        except Exception:
            _LOG.exception("The slow figures for Prometheus stay as they were, because the program failed.")


def _stamp(part: str, moment: datetime) -> Value:
    return Value("tme_figures_timestamp_seconds", (part,), moment.timestamp())


def _jobs(store: Store, now: datetime) -> Iterator[Value]:
    for job in jobs_by_state(store):
        yield Value("tme_jobs", (job.name, job.state), job.n)
        if job.state == "running":
            silence_s = max((now - job.heartbeat).total_seconds(), 0.0)  # a heartbeat in the future: the clock was set
            yield Value("tme_job_silence_seconds", (job.name,), silence_s)


def _alarms(store: Store) -> Iterator[Value]:
    alarms = [alarm for alarm in alarms_now(store) if alarm.finding.standing is not Standing.UNKNOWN]
    for alarm in alarms:
        yield Value("tme_alarm_active", (str(alarm.rule),), float(alarm.rings))
        if math.isfinite(alarm.finding.weeks):
            yield Value("tme_alarm_chance_seconds", (str(alarm.rule),), alarm.finding.weeks * WEEK.total_seconds())
    looked_at = last_look(store)
    if looked_at is not None:
        yield Value("tme_alarm_looked_timestamp_seconds", (), looked_at.timestamp())


def _answers(store: Store) -> Iterator[Value]:
    moment = last_answer_at(store)
    if moment is not None:
        yield Value("tme_last_answer_timestamp_seconds", (), moment.timestamp())
