"""Store and read predictions with their decisions."""

import json
from collections.abc import Collection, Iterable
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.models.policy import Decision, Policy
from core.models.prediction import Prediction, WindowGuess
from core.schema import EMOTIONS
from core.store.checks import check_choice, now
from core.store.clips import require_clip
from core.store.connection import Store, by_clip, frame, in_parts, insert, read, write
from core.store.erasures import numbered
from core.store.schema import ROLES, clips, predictions
from core.store.synthetic import origin_of_music


def newest_prediction(
    role: str, model_version: str | None, *, policy: Policy | None = None, or_any: bool = False
) -> tuple[sa.FromClause, sa.ColumnElement[bool]]:
    """Return an alias of predictions, and the join condition that selects a clip's newest prediction in this role.

    The prediction is looked up clip by clip, because the index of predictions begins with the clip.

    Parameters
    ----------
    model_version
        Only predictions of this model; None means any model.
    policy
        Prefer predictions that were decided under this policy, then the model's newest prediction.
    or_any
        For a clip that the model has not scored, fall back to the newest prediction of any model.
    """
    newest_row, other = predictions.alias(role), predictions.alias(f"{role}_all")
    newest_id = sa.func.max(other.c.id)
    wanted = (other.c.clip_id == clips.c.id) & (other.c.role == role)
    of_model = sa.true() if model_version is None else other.c.model_version == model_version
    choices: list[sa.ColumnElement[Any]] = [newest_id]
    if model_version is not None and or_any:
        choices.insert(0, newest_id.filter(of_model))
    elif model_version is not None:
        wanted &= of_model
    if policy is not None:
        choices.insert(0, newest_id.filter(of_model, other.c.policy == policy.to_json()))
    picked = sa.func.coalesce(*choices) if len(choices) > 1 else newest_id
    return newest_row, newest_row.c.id == sa.select(picked).where(wanted).correlate(clips).scalar_subquery()


@requires(Action.SCORE_CLIP)
def save_predictions(
    store: Store,
    decided: Iterable[tuple[Prediction, Decision]],
    *,
    policy: Policy,
    role: str = "champion",
    latency_s: float | None = None,
) -> list[int]:
    """Store predictions with their decisions in one transaction, all or none, and return their ids in the same order.

    A second prediction by the same model for the same features under the same policy returns the existing row's id.

    Parameters
    ----------
    role
        Current role of the model, ``champion`` or ``challenger``.
    latency_s
        Seconds from audio to decision.
    """
    check_choice(role, ROLES, "role of a model")
    rows = [_prediction_row(p, d, policy, role, latency_s) for p, d in decided]
    key = ("clip_id", "model_version", "extractor")
    ids = list(dict.fromkeys(str(row["clip_id"]) for row in rows))
    parts = in_parts(ids)
    same = sa.and_(predictions.c.role == role, predictions.c.policy == policy.to_json())

    def work(c: sa.Connection) -> list[int]:
        held = sa.select(clips.c.id).with_for_update(read=True, key_share=True)  # nobody erases them meanwhile
        known = {i for part in parts for i in c.execute(held.where(clips.c.id.in_(part))).scalars()}
        for missing in set(ids) - known:
            require_clip(c, missing)
        if rows:
            c.execute(insert(c, predictions).on_conflict_do_nothing(), numbered(c, predictions, rows))
        stored = sa.select(predictions.c.id, *(predictions.c[n] for n in key)).where(same)
        id_of = {row[1:]: row.id for part in parts for row in c.execute(stored.where(predictions.c.clip_id.in_(part)))}
        return [int(id_of[tuple(row[n] for n in key)]) for row in rows]

    return write(store, work)


def _prediction_row(
    prediction: Prediction, decision: Decision, policy: Policy, role: str, latency_s: float | None
) -> dict[str, object]:
    first, second = prediction.ranked[:2]
    return {
        "clip_id": prediction.clip_id,
        "model_version": prediction.model_version,
        "extractor": prediction.extractor,
        "role": role,
        **{f"p_{emotion}": float(prediction.proba[emotion]) for emotion in EMOTIONS},
        "guess": first,
        "margin": float(prediction.proba[first] - prediction.proba[second]),
        "policy": policy.to_json(),
        "decision": decision.label,
        "candidates": json.dumps(decision.candidates),
        "reason": decision.reason,
        "latency_s": latency_s,
        "windows": windows_json(prediction),
        "unlike": decision.unlike,
        "created_at": now(),
    }


def windows_json(prediction: Prediction) -> str:
    """Return the windows of a prediction as they are stored; empty for one window."""
    windows = [
        {
            "clip_id": window.clip_id,
            "start_s": window.start_s,
            "end_s": window.end_s,
            "p": [window.proba[emotion] for emotion in EMOTIONS],
            "unlike": window.unlike,
        }
        for window in prediction.windows
    ]
    return json.dumps(windows) if windows else ""


def read_windows(text: str) -> tuple[WindowGuess, ...]:
    """Return stored windows, the named one first; none for a prediction from one window."""
    known = json.loads(text) if text else []
    return tuple(
        WindowGuess(**{**window, "proba": dict(zip(EMOTIONS, proba, strict=True))})
        for window in known
        for proba in [window.pop("p")]
    )


def answer_votes(guess: str, text: str) -> tuple[int, int]:
    """Return the number of windows of a stored answer, and how many of them have its guess. text : stored windows."""
    windows = json.loads(text) if text else []
    number = EMOTIONS.index(guess)
    # As ``WindowGuess.guess``: of equal probabilities the first. Tables of 100,000 answers need the short way.
    return (len(windows), sum(w["p"].index(max(w["p"])) == number for w in windows)) if windows else (1, 1)


@requires(Action.SEE_ANSWERS)
def predictions_table(
    store: Store,
    *,
    role: str | None = None,
    model_version: str | None = None,
    clip_ids: Collection[str] | None = None,
    latest: bool = False,
) -> pd.DataFrame:
    """Return the predictions of clips that are not deleted, oldest first; ``prediction_id`` is the row's id.

    role, model_version, clip_ids : restrict the table.  latest : only the newest prediction of each clip and role.
    """
    query = (
        sa.select(predictions.c.id.label("prediction_id"), *(p for p in predictions.c if p.name != "id"))
        .add_columns(clips.c.file_name, origin_of_music())
        .join(clips, clips.c.id == predictions.c.clip_id)
        .where(clips.c.deleted_at.is_(None))
        .order_by(predictions.c.id)
    )
    if role is not None:
        query = query.where(predictions.c.role == role)
    if model_version is not None:
        query = query.where(predictions.c.model_version == model_version)
    if latest:
        newest = sa.select(sa.func.max(predictions.c.id)).group_by(predictions.c.clip_id, predictions.c.role)
        query = query.where(predictions.c.id.in_(newest))
    if clip_ids is None:
        return read(store, lambda c: frame(c, query))
    found = by_clip(store, query, predictions.c.clip_id, clip_ids).reset_index()
    return found.sort_values("prediction_id", ignore_index=True)
