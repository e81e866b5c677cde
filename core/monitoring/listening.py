"""Plays, skips and finished sounds: what a browser reports, as events.

docs/use.md explains the rule. The script ``pages/assets/plays.js`` measures what was heard; this module decides what
counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from core.monitoring.play_rule import needed_s
from core.store import Event, EventKind, Way

_ROUNDED_S = 0.3  # the browser rounds to tenths of a second
_LONGEST_S = 24 * 3600.0
_KINDS = (EventKind.PLAYED, EventKind.SKIPPED, EventKind.FINISHED)


@dataclass(frozen=True)
class Player:
    """A player that a page shows. clip_id : the clip or piece that sounds; empty if it is not stored."""

    way: Way
    clip_id: str = ""


def event_of_report(sent: object, player: Player) -> Event | None:
    """Return the event that a browser reports; None for a report that is not possible or does not count.

    In Label, an answer ends the sound, so an early end is no skip there. An event of a session with a client does not
    name the clip, and ``record_events`` names no visit: nobody can find out from it which client heard what.

    sent : mapping with kind, heard_s and length_s. It comes from outside, so nothing in it is certain.
    """
    if not isinstance(sent, Mapping) or not isinstance(sent.get("kind"), str) or sent["kind"] not in _KINDS:
        return None
    kind = EventKind(str(sent["kind"]))
    heard_s, length_s = _seconds(sent.get("heard_s")), _seconds(sent.get("length_s"))
    if heard_s is None or not length_s or not 0 < heard_s <= length_s + _ROUNDED_S:
        return None
    enough = heard_s >= needed_s(length_s) - _ROUNDED_S
    if enough == (kind is EventKind.SKIPPED) and abs(heard_s - needed_s(length_s)) > _ROUNDED_S:
        return None
    if kind is EventKind.SKIPPED and player.way is Way.LABEL:
        return None
    return Event(
        kind,
        way=player.way,
        clip_id="" if player.way is Way.SESSIONS else player.clip_id,
        seconds=heard_s,
        value=min(1.0, heard_s / length_s),
    )


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _LONGEST_S else None  # NaN is in no range
