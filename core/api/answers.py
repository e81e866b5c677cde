"""Fill the answers of the API from what the program returns."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from core.api import shapes
from core.models import explanation_tables
from core.models.policy import Decision, Policy
from core.models.reference import OutlierCheck, Reference, percentile_ranks
from core.pipeline.measure import Measured
from core.pipeline.scoring import ScoredClip
from core.records import Remark
from core.schema import BY_COLUMN, COLUMNS, FEATURES
from core.store import OwnPrediction


def number(value: Any) -> float | None:
    """Return a number for JSON, which has no NaN."""
    return None if value is None or pd.isna(value) or not math.isfinite(value) else float(value)


def probabilities(proba: Mapping[str, float]) -> shapes.Probabilities:
    return shapes.Probabilities(**dict(proba))


def remarks(known: Iterable[Remark]) -> list[shapes.RemarkAnswer]:
    return [shapes.RemarkAnswer(kind=str(remark.kind), text=remark.text) for remark in known]


def decision(made: Decision) -> shapes.DecisionAnswer:
    return shapes.DecisionAnswer(
        status=made.action,
        emotion=made.label,  # type: ignore[arg-type]
        candidates=list(made.candidates),  # type: ignore[arg-type]
        reason=made.reason,
    )


def unlike(check: OutlierCheck, kind: str) -> shapes.UnlikeAnswer:
    return shapes.UnlikeAnswer(
        flag=check.flag,
        kind=kind if check.flag else "",
        reasons=list(check.reasons),
        distance=number(check.distance),
        percentile=number(check.percentile),
    )


def versions(model: str, extractor: str, policy: Policy | str) -> shapes.Versions:
    text = policy if isinstance(policy, str) else policy.to_json()
    return shapes.Versions(model=model, extractor=extractor, policy=json.loads(text))


def heard(scored: ScoredClip) -> list[shapes.Heard]:
    """Return the analysed parts, the named one first."""
    windows = scored.prediction.windows
    proba = [w.proba for w in windows] or [scored.prediction.proba]
    flags = [w.unlike for w in windows] or [scored.unlike.flag]
    return [
        shapes.Heard(
            clip_id=part.vector.clip_id,
            start_s=part.start_s,
            end_s=part.end_s,
            probabilities=probabilities(own),
            unlike=flag,
        )
        for part, own, flag in zip(scored.piece, proba, flags, strict=True)
    ]


def heard_seconds(parts: Iterable[shapes.Heard]) -> float:
    """Return the seconds of the file that lie in at least one part."""
    total, until = 0.0, 0.0
    for part in sorted(parts, key=lambda one: one.start_s):
        total += max(0.0, part.end_s - max(part.start_s, until))
        until = max(until, part.end_s)
    return total


def clip(scored: ScoredClip, *, explanation: shapes.Explanation | None, total_s: float) -> shapes.ClipAnswer:
    """Return the answer about a scored clip."""
    recording, prediction = scored.recording, scored.prediction
    first, second = prediction.ranked[:2]
    parts = heard(scored)
    return shapes.ClipAnswer(
        clip_id=scored.clip_id,
        file=shapes.FileAnswer(
            format=recording.format, sr=recording.sr, channels=recording.channels, duration_s=recording.duration_s
        ),
        heard=parts,
        heard_s=heard_seconds(parts),
        guess=first,  # type: ignore[arg-type]
        probabilities=probabilities(prediction.proba),
        margin=prediction.proba[first] - prediction.proba[second],
        decision=decision(scored.decision),
        unlike=unlike(scored.unlike, str(scored.decided.kind)),
        remarks=remarks(recording.remarks),
        explanation=explanation,
        versions=versions(prediction.model_version, scored.vector.extractor, scored.policy),
        timings=shapes.Timings(scoring_s=scored.latency_s, total_s=total_s),
        stored=shapes.Stored(prediction_id=scored.prediction_id, problem=scored.problem),
    )


def stored_clip(known: OwnPrediction) -> shapes.StoredClip:
    """Return the stored answer about a clip."""
    made = Decision(known.decision, known.candidates, known.reason, known.unlike)
    return shapes.StoredClip(
        clip_id=known.clip_id,
        name=known.file_name,
        prediction_id=known.prediction_id,
        guess=known.guess,  # type: ignore[arg-type]
        probabilities=probabilities(known.proba),
        margin=known.margin,
        decision=decision(made),
        unlike_kind=known.unlike,
        versions=versions(known.model_version, known.extractor, known.policy),
        created_at=known.created_at,
    )


def explanation(scored: ScoredClip, explained: pd.DataFrame, reference: Reference, *, count: int) -> shapes.Explanation:
    """Return the strongest reasons for the guess, in words and numbers."""
    emotion = scored.prediction.ranked[0]
    base, steps = explanation_tables.steps(explained, emotion, top=count)
    places = percentile_ranks(scored.vector, reference)
    sentences = explanation_tables.sentences(steps, places, emotion, count=count)
    single = steps[steps["feature"] != ""]
    values = dict(zip(COLUMNS, scored.vector.values.tolist(), strict=True))
    return shapes.Explanation(
        emotion=emotion,  # type: ignore[arg-type]
        base=base,
        reasons=[
            shapes.Reason(
                feature=row["feature"],
                name=row["name"],
                value=number(values[row["feature"]]),
                unit=BY_COLUMN[row["feature"]].unit,
                shown=row["shown"],
                shap=row["shap"],
                sentence=f"{sentence[0].upper()}{sentence[1:]}",
            )
            for row, sentence in zip(single.to_dict("records"), sentences, strict=True)
        ],
        others=float(steps.loc[steps["feature"] == "", "shap"].sum()),
    )


def features(measured: Measured) -> shapes.FeaturesAnswer:
    """Return the 50 features of a measured part of a file."""
    values = measured.vector.values.tolist()
    return shapes.FeaturesAnswer(
        clip_id=measured.vector.clip_id,
        extractor=measured.vector.extractor,
        start_s=measured.clip.start_s,
        duration_s=measured.clip.duration_s,
        features=[
            shapes.Feature(feature=f.column, name=f.name, group=f.group, value=number(value), unit=f.unit)
            for f, value in zip(FEATURES, values, strict=True)
        ],
        remarks=remarks(measured.recording.remarks),
    )
