"""What happened in a client's sessions, in sentences and as tables for the ward."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from core.playlists.circle import STRONG
from core.playlists.files import one_line
from core.schema import EMOTIONS, PROBA
from core.store.sessions import RATINGS, Outcome, StoredSession
from core.wording import clock, counted, times

STEPS = 3  # a place on the circle is entered in steps from -3 to 3 on each axis


def step_of(place: float | None) -> int | None:
    """Return the step, from -3 to 3, of a place in [-1, 1]."""
    return None if place is None else round(place * STEPS)


def place_of(step: int | None) -> float | None:
    """Return the place, in [-1, 1], of a step from -3 to 3."""
    return None if step is None else step / STEPS


def calm_after(outcome: Outcome) -> bool | None:
    """Return whether a session ended calm: in relax or sad or, without a mood, on the calm half of the circle.

    None when neither was entered, or when the place is in the middle.
    """
    if outcome.mood_after is not None:
        return STRONG[outcome.mood_after] < 0
    return None if not outcome.arousal_after else outcome.arousal_after < 0


def how_sessions_ended(sessions: Iterable[StoredSession]) -> str:
    """How the sessions ended, in one sentence: ``"3 of 4 sessions ended calm (relax 2, sad 1)."``; empty without any.

    Sessions without a mood afterwards are not counted.
    """
    known = [(one.outcome, calm) for one in sessions if (calm := calm_after(one.outcome)) is not None]
    if not known:
        return ""
    moods = Counter(outcome.mood_after for outcome, calm in known if calm and outcome.mood_after)
    named = ", ".join(f"{mood} {moods[mood]}" for mood in EMOTIONS if moods[mood])
    count = sum(calm for _, calm in known)
    if len(known) == 1:
        return f"The one session with a mood afterwards {'ended' if count else 'did not end'} calm."
    return f"{count} of {len(known)} sessions ended calm{f' ({named})' if named else ''}."


def stopped_before(sessions: Iterable[StoredSession], piece_ids: Iterable[str] | None = None) -> list[str]:
    """Pieces that were stopped, in sentences: ``"Ezgi 3 was stopped twice, the last time at 1:20."``

    sessions : newest first.  piece_ids : only these pieces, in this order; otherwise the most frequent first.
    """
    stops: dict[str, list[tuple[str, float | None]]] = {}
    for session in sessions:
        for piece in session.pieces:
            if piece.stopped_at is not None:
                stops.setdefault(piece.piece_id, []).append((one_line(str(piece.row["title"])), piece.stopped_s))
    order = sorted(stops, key=lambda p: -len(stops[p])) if piece_ids is None else [p for p in piece_ids if p in stops]
    return [_stopped(stops[piece]) for piece in order]


def _stopped(stops: list[tuple[str, float | None]]) -> str:
    title, place = stops[0]
    last = "" if place is None else f", the last time at {clock(place)}" if len(stops) > 1 else f" at {clock(place)}"
    return f"{title} was stopped {times(len(stops))}{last}."


def outcome_lines(session: StoredSession) -> list[str]:
    """The outcome of a session in lines, for people; no line for what was not entered."""
    outcome = session.outcome
    lines = [
        f"Mood {when}: {text}"
        for when in ("before", "after")
        if (text := _mood(*(getattr(outcome, f"{name}_{when}") for name in ("mood", "valence", "arousal"))))
    ]
    stopped = [
        f"{piece.number}. {one_line(str(piece.row['title']))}"
        + ("" if piece.stopped_s is None else f" at {clock(piece.stopped_s)}")
        for piece in session.pieces
        if piece.stopped_at is not None
    ]
    lines += [f"Stopped: {'; '.join(stopped)}"] if stopped else []
    lines += [f"Rating: {outcome.rating} of {RATINGS[-1]}"] if outcome.rating else []
    return lines


def _mood(mood: str | None, valence: float | None, arousal: float | None) -> str:
    steps = [
        f"{name} {step:+d}"
        for name, place in (("pleasant", valence), ("strong", arousal))
        if (step := step_of(place)) is not None
    ]
    return ", ".join([*([mood] if mood else []), *steps])


def sessions_table(sessions: Sequence[StoredSession]) -> pd.DataFrame:
    """One row for each session, for the ward: client, times, moods, places in [-1, 1], what was stopped, texts."""
    return pd.DataFrame([_about(session) | {"stopped": _stops(session)} for session in sessions])


def session_table(session: StoredSession) -> pd.DataFrame:
    """One row for each piece of a session, for the ward; the facts about the session are repeated in each row."""
    replaced: dict[str, str] = {}  # by the piece that came; places change when pieces are moved or removed
    for one in session.replacements:
        before = "; ".join(filter(None, [replaced.pop(one["before"], ""), one["before_title"]]))
        if one["after"]:
            replaced[one["after"]] = before
    rows = [
        {
            "number": piece.number,
            "begins_s": piece.row["begins_s"],
            "title": piece.row["title"],
            "artist": piece.row["artist"],
            "duration_s": piece.row["duration_s"],
            "emotion": piece.row["guess"],
            "whose_word": piece.row.get("word", "model"),
            **{name: piece.row[name] for name in PROBA},
            "decision": piece.row["standing"],
            "tempo_bpm": piece.row["tempo"],
            "gain_db": piece.row["gain_db"],
            "model_version": piece.row["model_version"],
            "replaces": replaced.get(piece.piece_id, ""),
            "stopped_at": _moment(piece.stopped_at),
            "stopped_s": piece.stopped_s,
            **_about(session),
        }
        for piece in session.pieces
    ]
    return pd.DataFrame(rows)


def _about(session: StoredSession) -> dict[str, Any]:
    outcome = session.outcome
    return {
        "client": session.code,
        "session": session.id,
        "list": session.name,
        "pieces": len(session.pieces),
        **{f"{name}_at": _moment(getattr(outcome, f"{name}_at")) for name in ("began", "ended")},
        **{
            f"{name}_{when}": getattr(outcome, f"{name}_{when}")
            for when in ("before", "after")
            for name in ("mood", "valence", "arousal")
        },
        "rating": outcome.rating,
        **{name: getattr(outcome, name) for name in ("goal", "notes", "remarks")},
        "vetoes": "; ".join(str(one["title"]) for one in session.vetoes),
        "program": session.program,
        "policy": session.policy,
    }


def _stops(session: StoredSession) -> str:
    return "; ".join(str(piece.row["title"]) for piece in session.pieces if piece.stopped_at is not None)


def _moment(moment: Any) -> str:
    """A moment in UTC as ISO 8601 with seconds; empty for None."""
    return "" if moment is None else moment.isoformat(timespec="seconds")


def summary(sessions: Sequence[StoredSession]) -> str:
    """Number of sessions and how they ended, in a few words."""
    return " ".join(filter(None, [f"{counted(len(sessions), 'session')}.", how_sessions_ended(sessions)]))
