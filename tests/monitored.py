"""Stores with events, stored clips and answers, for tests of what Monitoring shows. All of it is made up."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from core.features import EXTRACTOR
from core.schema import COLUMNS, EMOTIONS
from core.store import Event, EventKind, Store, Way, schema

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)  # a Thursday of the week 2026-W48


def scored(days_ago: float, **facts: object) -> Event:
    """A scored clip. decision, label and unlike are facts about it; other facts are fields of the event."""
    about = {name: facts.pop(name) for name in ("decision", "label", "unlike") if name in facts}
    given = {"way": Way.PAGE, "seconds": 0.5, "model_version": "m-1", **facts}
    about = {"decision": "review", "unlike": False, "label": None, **about}
    return Event(EventKind.SCORED, at=NOW - timedelta(days=days_ago), about=about, **given)  # type: ignore[arg-type]


def add_clips(db: Store, clips: Iterable[dict[str, object]]) -> None:
    """Store clips with a track, a measured tempo and, if ``p`` is given, a prediction of the champion.

    Each clip has an id and may have: makam, usul, year, length_s, tempo, origin, path, p (four probabilities),
    stored_at, predicted_at, version.
    """
    with db.engine.connect().execution_options(write=True) as c, c.begin():
        for clip in clips:
            _add_clip(c, {"makam": "", "usul": "", "year": None, "length_s": 200.0, "origin": "library", **clip})


def _add_clip(c: sa.Connection, clip: dict[str, object]) -> None:
    name = str(clip["id"])
    texts = dict.fromkeys(("artist", "title", "source", "genre", "performer"), name)
    c.execute(
        schema.tracks.insert().values(
            id=f"track {name}", makam=clip["makam"], usul=clip["usul"], year=clip["year"], created_at=NOW, **texts
        )
    )
    c.execute(
        schema.clips.insert().values(
            id=name, content_hash=name, track_id=f"track {name}", origin=clip["origin"], file_name=f"{name}.mp3",
            path=clip.get("path"), start_s=0.0, duration_s=30.0, sr=44100, file_duration_s=clip["length_s"],
            created_at=clip.get("stored_at", NOW - timedelta(days=2)),
        )
    )  # fmt: skip
    measured = dict.fromkeys(COLUMNS, 1.0) | {"_Tempo_Mean": clip.get("tempo", 100.0)}
    c.execute(schema.features.insert().values(clip_id=name, extractor=EXTRACTOR, created_at=NOW, **measured))
    if "p" in clip:
        proba = dict(zip(EMOTIONS, clip["p"], strict=True))  # type: ignore[call-overload]
        guess = max(proba, key=proba.__getitem__)
        c.execute(
            schema.predictions.insert().values(
                clip_id=name, model_version=clip.get("version", "m-1"), extractor=EXTRACTOR, role="champion",
                guess=guess, margin=0.1, policy="{}", decision=None, candidates="[]", reason="", unlike="",
                created_at=clip.get("predicted_at", NOW - timedelta(days=2)),
                **{f"p_{emotion}": p for emotion, p in proba.items()},
            )
        )  # fmt: skip


def add_answers(db: Store, answers: Iterable[tuple[str, str, datetime]]) -> None:
    """Store answers of two agreeing raters. answers : clip, emotion, time."""
    rows = [
        {
            "token": f"{clip} {rater} {at}", "kind": "answer", "clip_id": clip, "display": "none", "label": label,
            "rater": rater, "verified": False, "source": "label", "comment": "", "created_at": at,
        }
        for clip, label, at in answers
        for rater in ("Ayşe", "Mehmet")
    ]  # fmt: skip
    with db.engine.connect().execution_options(write=True) as c, c.begin():
        c.execute(schema.feedback.insert(), rows)
