"""The figures that take longer to compute: models, drift, quality, promises, agreement. Values for `families.GAUGES`.

A figure that cannot be computed yet is missing. It is never 0 instead.
"""

import math
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pandas as pd

from core import file_names
from core.evaluation.drift import LEAST, feature_drift
from core.evaluation.metrics import figure, perfect_ece, scores
from core.labelling import agreement
from core.labelling.truth import raters_needed, settled_clips, stored_truth
from core.models.description import ModelDescription, describe_alias
from core.models.reference import Reference
from core.monitoring.families import Value
from core.schema import EMOTIONS
from core.settings import Settings
from core.store import Store, answers_key, answers_table, label_pool, remembered
from core.store.metrics import probabilities_of, probability_sums, scored_since
from core.training.labelled_data import seen_clips
from core.training.status import features_of_newest
from core.training.triggers import LEAST_LABELLED

DAYS = 28  # of the figures about recent clips
WINDOWS = {"7d": 7, "28d": DAYS}
RESAMPLES = 300
ALL, MACRO = "all", "macro"


def slow_figures(
    store: Store, settings: Settings, reference: Callable[[], Reference | None], *, now: datetime
) -> list[Value]:
    """Return all figures of this module.

    reference : returns the training music of the champion; None without a model.
    """
    champion = describe_alias(file_names.CHAMPION, settings=settings)
    found = [*_models(champion, describe_alias(file_names.CHALLENGER, settings=settings)), *_queue(store)]
    found += [*_recent(store, now), *_agreement(store)]
    if champion is not None:
        found += [*_promised_f1(store, champion.version, now), *_quality(store, champion)]
        known = reference()
        found += _drift(store, known) if known is not None else ()
    return [value for value in found if math.isfinite(value.number)]


def _models(*models: ModelDescription | None) -> Iterator[Value]:
    for role, model in zip((file_names.CHAMPION, file_names.CHALLENGER), models, strict=True):
        if model is not None:
            algorithm = str(model.manifest.get("name", ""))
            yield Value("tme_model_info", (role, model.version, algorithm), 1)
            moment = datetime.fromisoformat(model.created_at)
            yield Value("tme_model_trained_timestamp_seconds", (role,), moment.timestamp())


def _queue(store: Store) -> Iterator[Value]:
    settled = settled_clips(stored_truth(store, raters_needed=raters_needed(store)))
    waiting = set(label_pool(store)["clip_id"]) - settled
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


def _quality(store: Store, champion: ModelDescription) -> list[Value]:
    """Figures on clips that people labelled and that the model was not trained on: delayed ground truth."""
    key = (answers_key(store), champion.version)
    return remembered(store, "quality for metrics", key, lambda: _measured_quality(store, champion))


def _measured_quality(store: Store, champion: ModelDescription) -> list[Value]:
    truth = stored_truth(store, raters_needed=raters_needed(store))
    labels = truth.loc[truth.index.isin(settled_clips(truth)) & truth["label"].isin(EMOTIONS), "label"]
    labels = labels.drop([clip for clip in seen_clips(champion.folder) if clip in labels.index])
    known = probabilities_of(store, champion.version, list(labels.index))
    table = known.join(labels.rename("y"), how="inner").rename(columns={"recording": "group"})
    found = [Value("tme_quality_clips", (), len(table))]
    if len(table) < LEAST_LABELLED:
        return found
    predictions = table.reset_index(drop=True).assign(row=range(len(table)), y=table["y"].astype(str).to_numpy())
    measured = scores(predictions, resamples=RESAMPLES)
    found += _f1(measured, "macro_f1", ALL, MACRO)
    for emotion in EMOTIONS:
        found += _f1(measured, "f1", emotion, emotion)
    perfect = figure(perfect_ece(predictions).assign(emotion=ALL), "ece")
    found.append(Value("tme_quality_ece_ratio", ("measured",), float(figure(measured, "ece")["value"])))
    found.append(Value("tme_quality_ece_ratio", ("perfect",), float(perfect["expected"])))
    return found


def _f1(measured: pd.DataFrame, measure: str, emotion: str, name: str) -> Iterator[Value]:
    row = figure(measured, measure, emotion)
    for bound, column in (("estimate", "value"), ("low", "low"), ("high", "high")):
        yield Value("tme_quality_f1_ratio", (name, bound), float(row[column]))


def _drift(store: Store, reference: Reference) -> Iterator[Value]:
    recent = features_of_newest(store)
    yield Value("tme_drift_clips", (), len(recent))
    if len(recent) < LEAST:
        return
    drift = feature_drift(recent, reference)
    for row in drift.features.to_dict("records"):
        feature = str(row["feature"])
        yield Value("tme_drift_statistic", (feature,), float(row["ks"]))
        yield Value("tme_drift_psi", (feature,), float(row["psi"]))
        yield Value("tme_drift_drifted", (feature,), float(row["drifted"]))
    yield Value("tme_drift_drifted_ratio", (), float(drift.share))
    yield Value("tme_drift_psi_ratio", (), float(drift.psi_share))
    yield Value("tme_drift_psi_chance_ratio", (), float(drift.psi_by_chance))
