"""Names, labels and texts of all figures for Prometheus; docs/metrics.md describes them for people.

A gauge is a list of `Value`s; a counter comes from the totals of the events.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import product
from typing import NamedTuple

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString

from core.schema import EMOTIONS
from core.store import EventKind, Way
from core.store.event_sums import EDGES, STAGES, Totals


class Value(NamedTuple):
    """A number of a gauge. labels : values, in the order of the names in `GAUGES`."""

    name: str
    labels: tuple[str, ...]
    number: float


class Family(NamedTuple):
    """A family of figures. labels : their names."""

    text: str
    labels: tuple[str, ...] = ()


COUNTERS = {  # the first part of a key of the totals, and the name of its counter
    "clips": ("tme_clips", Family("Clips that came, by how they ended.", ("outcome", "way"))),
    "decisions": ("tme_decisions", Family("Decisions about scored clips.", ("decision",))),
    "guesses": ("tme_guesses", Family("Scored clips by their most probable emotion.", ("emotion",))),
    "unlike": ("tme_unlike_clips", Family("Scored clips that are unlike the training music.")),
    "synthetic": ("tme_synthetic_clips", Family("Scored clips that this program made itself, such as demo clips.")),
    "answers": ("tme_label_answers", Family("Answers of people.", ("way",))),
    "exports": ("tme_exports", Family("Files that were downloaded or exported.", ("way",))),
    "plays": ("tme_plays", Family("Plays in the browser, by how they ended.", ("outcome", "way"))),
}
_SCORING = (Way.PAGE, Way.MICROPHONE, Way.TRACKS, Way.LIBRARY, Way.API, Way.LABEL)
_PAGES = (Way.PAGE, Way.TRACKS, Way.MAKAM, Way.LIBRARY, Way.COPIES, Way.MOODS, Way.PLAYLISTS, Way.SESSIONS, Way.LABEL)
_POSSIBLE: dict[str, tuple[Collection[str], ...]] = {  # values of the labels that can occur
    "clips": ((EventKind.SCORED, EventKind.REFUSED, EventKind.FAILED), _SCORING),
    "decisions": (("accept", "choose", "review"),),
    "guesses": (EMOTIONS,),
    "unlike": (),
    "synthetic": (),
    "answers": ((Way.LABEL, Way.PAGE, Way.API),),
    "exports": (_PAGES,),
    "plays": ((EventKind.PLAYED, EventKind.SKIPPED, EventKind.FINISHED), _PAGES),
}
DURATION = ("tme_clip_duration_seconds", Family("Seconds that a stage of scoring a clip took.", ("stage",)))
GAUGES = {
    "tme_model_info": Family("The models in use; always 1.", ("role", "version", "algorithm")),
    "tme_model_trained_timestamp_seconds": Family("When the model was trained.", ("role",)),
    "tme_jobs": Family("Background jobs by state.", ("name", "state")),
    "tme_job_silence_seconds": Family("Seconds since the last sign of life of a running job.", ("name",)),
    "tme_label_queue_clips": Family("Clips that wait for labels; files of one recording count once."),
    "tme_last_answer_timestamp_seconds": Family("When a person last answered."),
    "tme_waiting_requests": Family("Work in the line of this process.", ("state",)),
    "tme_ready": Family("1: the model is loaded and the database answers."),
    "tme_figures_timestamp_seconds": Family("When these figures were computed.", ("part",)),
    "tme_drift_statistic": Family("Kolmogorov-Smirnov distance from the training music.", ("feature",)),
    "tme_drift_psi": Family("Population stability index against the training music.", ("feature",)),
    "tme_drift_psi_chance": Family("PSI that 95 % of the features stay below by chance at this number of recordings."),
    "tme_drift_psi_chance_ratio": Family("Share of features whose PSI is above 0.2 by chance at this number."),
    "tme_drift_psi_ratio": Family("Share of features whose PSI is above 0.2."),
    "tme_drift_drifted": Family("1: the feature drifted, with false discoveries controlled.", ("feature",)),
    "tme_drift_drifted_ratio": Family("Share of the features that drifted."),
    "tme_drift_limit_ratio": Family("Share of drifted features from which the alarm rings."),
    "tme_drift_judged_timestamp_seconds": Family("End of the weeks that were judged."),
    "tme_drift_clips": Family("Recordings that are compared with the training music."),
    "tme_quality_clips": Family("Recordings that people labelled after the champion had predicted them."),
    "tme_quality_f1_ratio": Family("F1 on labelled clips.", ("emotion", "bound")),
    "tme_quality_ece_ratio": Family("Expected calibration error on labelled clips.", ("source",)),
    "tme_quality_promised_accuracy_ratio": Family("Accuracy that the probabilities of the last 28 days promise."),
    "tme_quality_promised_f1_ratio": Family("F1 that the probabilities of the last 28 days promise.", ("emotion",)),
    "tme_unlike_ratio": Family("Share of the clips of the last 28 days that are unlike the training music."),
    "tme_unsure_ratio": Family("Share of the clips of this window without a sure answer.", ("window",)),
    "tme_alarm_active": Family("1: the alarm rings.", ("rule",)),
    "tme_alarm_chance_seconds": Family("By chance the alarm rings at most once in this time.", ("rule",)),
    "tme_alarm_looked_timestamp_seconds": Family("When `watch` looked last."),
    "tme_agreement_alpha": Family("Krippendorff's alpha of the answers of people."),
}


def counter_families(totals: Totals) -> Iterator[Metric]:
    """Yield the counters and the histogram. All that can occur begins at 0, so that the first one is an increase, too.

    totals : from ``core.store.event_totals``.
    """
    for part, (name, about) in COUNTERS.items():
        family = CounterMetricFamily(name, about.text, labels=about.labels)
        found = dict.fromkeys(product(*_POSSIBLE[part]), 0) | {k[1:]: n for k, n in totals.items() if k[0] == part}
        for labels, number in sorted(found.items()):
            family.add_metric(labels, number)
        yield family
    yield _histogram(totals)


def _histogram(totals: Totals) -> Metric:
    name, about = DURATION
    family = HistogramMetricFamily(name, about.text, labels=about.labels)
    for stage in STAGES:
        buckets = [(floatToGoString(edge), float(totals["le", stage, str(edge)])) for edge in EDGES]
        family.add_metric([stage], [*buckets, ("+Inf", float(totals["timed", stage]))], totals["seconds", stage])
    return family


def gauge_families(values: Iterable[Value]) -> Iterator[Metric]:
    """Yield a family for each name that has a value."""
    by_name: dict[str, list[Value]] = {}
    for value in values:
        by_name.setdefault(value.name, []).append(value)
    for name in (name for name in GAUGES if name in by_name):
        about = GAUGES[name]
        family = GaugeMetricFamily(name, about.text, labels=about.labels)
        for value in by_name[name]:
            if len(value.labels) != len(about.labels):
                raise ValueError(f"{name} has the labels {about.labels}, not {len(value.labels)}.")
            family.add_metric(value.labels, value.number)
        yield family
