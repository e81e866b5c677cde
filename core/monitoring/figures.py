"""The figures that take longer to compute: models, drift, quality, promises, agreement. Values for `families.GAUGES`.

A figure that cannot be computed yet is missing. It is never 0 instead.
"""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

from core import file_names
from core.evaluation.drift import psi_chance_level
from core.labelling import agreement
from core.labelling.truth import raters_needed, settled_clips, stored_truth
from core.models.description import ModelDescription, describe_alias
from core.monitoring.alarm_state import drift_now
from core.monitoring.families import Value
from core.monitoring.periods import Period, period_named
from core.monitoring.quality import figures as quality_figures
from core.monitoring.quality import labelled_predictions
from core.schema import EMOTIONS
from core.settings import Settings
from core.store import Store, answers_key, answers_table, label_pool, remembered, same_key, same_recordings
from core.store.metrics import probability_sums, scored_since

DAYS = 28  # of the figures about recent clips
WINDOWS = {"7d": 7, "28d": DAYS}
LABELLED = "1 year"  # predictions of this period count when people label their clips later
MACRO = "macro"


def slow_figures(store: Store, settings: Settings, *, now: datetime) -> list[Value]:
    """Return all figures of this module."""
    champion = describe_alias(file_names.CHAMPION, settings=settings)
    found = [*_models(champion, describe_alias(file_names.CHALLENGER, settings=settings)), *_queue(store)]
    found += [*_recent(store, now), *_agreement(store)]
    if champion is not None:
        found += [*_promised_f1(store, champion.version, now), *_quality(store, champion, now)]
        found += _drift(store, champion)
    return [value for value in found if math.isfinite(value.number)]


def _models(*models: ModelDescription | None) -> Iterator[Value]:
    for role, model in zip((file_names.CHAMPION, file_names.CHALLENGER), models, strict=True):
        if model is not None:
            algorithm = str(model.manifest.get("name", ""))
            yield Value("tme_model_info", (role, model.version, algorithm), 1)
            moment = datetime.fromisoformat(model.created_at)
            yield Value("tme_model_trained_timestamp_seconds", (role,), moment.timestamp())


def _queue(store: Store) -> Iterator[Value]:
    same = same_recordings(store)
    settled = same.members(settled_clips(stored_truth(store, raters_needed=raters_needed(store))))
    waiting = {same.name(clip) for clip in set(label_pool(store)["clip_id"]) - settled}
    yield Value("tme_label_queue_clips", (), len(waiting))


def _recent(store: Store, now: datetime) -> Iterator[Value]:
    for window, days in WINDOWS.items():
        scored = scored_since(store, now - timedelta(days=days))
        if not scored.clips:
            continue
        yield Value("tme_unsure_ratio", (window,), 1 - scored.accepted / scored.clips)
        if days == DAYS:
            yield Value("tme_unlike_ratio", (), scored.unlike / scored.clips)
            if scored.confidence is not None:
                yield Value("tme_quality_promised_accuracy_ratio", (), scored.confidence)


def _agreement(store: Store) -> Iterator[Value]:
    def alpha() -> float:
        votes = agreement.votes(agreement.of_music(answers_table(store)))
        return float(agreement.summary(votes)["alpha"].iloc[0]) if votes.shape[1] > 1 else math.nan

    yield Value("tme_agreement_alpha", (), remembered(store, "alpha for metrics", answers_key(store), alpha))


def _promised_f1(store: Store, version: str, now: datetime) -> Iterator[Value]:
    """What the model promises without labels.

    The probabilities of the guess, summed over all clips with this guess, are the expected number of right ones. The
    probabilities of an emotion, summed over all clips, are the expected number of its clips.
    """
    sums = probability_sums(store, version, now - timedelta(days=DAYS)).set_index("guess")
    each = []
    for emotion in EMOTIONS:
        column = sums[f"p_{emotion}"]
        guessed = float(sums["n"].get(emotion, 0))
        if guessed + column.sum() == 0:
            return
        each.append(2 * float(column.get(emotion, 0.0)) / (guessed + float(column.sum())))
        yield Value("tme_quality_promised_f1_ratio", (emotion,), each[-1])
    yield Value("tme_quality_promised_f1_ratio", (MACRO,), sum(each) / len(each))


def _quality(store: Store, champion: ModelDescription, now: datetime) -> list[Value]:
    """Figures on clips that people labelled after the model had predicted them: delayed ground truth."""
    period = period_named(LABELLED, now)
    key = (answers_key(store), same_key(store), champion.version, period.since)
    return remembered(store, "quality for metrics", key, lambda: _measured_quality(store, champion.version, period))


def _measured_quality(store: Store, version: str, period: Period) -> list[Value]:
    labelled = labelled_predictions(store, period)
    found = quality_figures(labelled[labelled["model_version"] == version])
    values = [Value("tme_quality_clips", (), found["clips"])]
    for emotion, name in ((MACRO, "f1"), *((emotion, f"f1_{emotion}") for emotion in EMOTIONS)):
        for bound, end in (("estimate", ""), ("low", "_low"), ("high", "_high")):
            values.append(Value("tme_quality_f1_ratio", (emotion, bound), found[f"{name}{end}"]))
    values.append(Value("tme_quality_ece_ratio", ("measured",), found["ece"]))
    values.append(Value("tme_quality_ece_ratio", ("perfect",), found["ece_perfect"]))
    return values


def _drift(store: Store, champion: ModelDescription) -> Iterator[Value]:
    """The drift that `watch` measured last, if it was from the training music of this model."""
    drift = drift_now(store)
    if drift is None or drift.model_version != champion.version:
        return
    for row in drift.features.to_dict("records"):
        feature = str(row["feature"])
        yield Value("tme_drift_statistic", (feature,), float(row["ks"]))
        yield Value("tme_drift_psi", (feature,), float(row["psi"]))
        yield Value("tme_drift_drifted", (feature,), float(row["drifted"]))
    trained_on = int(champion.metrics["protocol"]["development"])
    yield Value("tme_drift_psi_chance", (), psi_chance_level(drift.clips, reference=trained_on))
    yield Value("tme_drift_psi_chance_ratio", (), drift.psi_by_chance)
    yield Value("tme_drift_psi_ratio", (), drift.psi_share)
    yield Value("tme_drift_drifted_ratio", (), drift.share)
    yield Value("tme_drift_limit_ratio", (), drift.limit)
    yield Value("tme_drift_clips", (), drift.clips)
    yield Value("tme_drift_judged_timestamp_seconds", (), drift.at.timestamp())
