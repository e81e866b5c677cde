"""Decisions of people about a version of the model, as they are stored in the tags of the version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

_TAG = "decided "  # start of the name of a tag; the time follows
_PROMOTED_AT, _PROMOTED_BY = "promoted_at", "promoted_by"  # the only tags of versions before 0.3


class Decided(StrEnum):
    """What was decided about a version."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    DISCARDED = "discarded"


@dataclass(frozen=True)
class VersionDecision:
    """A decision about a version. at : UTC.  words : what was decided, by whom and why."""

    at: datetime
    kind: Decided
    words: str

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.words}"


def decision_tag(kind: Decided, by: str, reason: str = "") -> tuple[str, str]:
    """Name and content of the tag for a decision that is made now."""
    moment = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    text = f"{kind} by {by}" if by else str(kind)
    return f"{_TAG}{moment}", f"{text}: {reason}" if reason else text


def read_decisions(tags: Mapping[str, str]) -> tuple[VersionDecision, ...]:
    """The decisions about a version, oldest first. tags : of the version."""
    found = [
        VersionDecision(_time(tag.removeprefix(_TAG)), kind, text)
        for tag, text in sorted(tags.items())
        for kind in Decided
        if tag.startswith(_TAG) and text.startswith(kind)
    ]
    if not found and tags.get(_PROMOTED_AT):
        by = tags.get(_PROMOTED_BY, "")
        words = f"{Decided.PROMOTED} by {by}" if by else str(Decided.PROMOTED)
        found = [VersionDecision(_time(tags[_PROMOTED_AT]), Decided.PROMOTED, words)]
    return tuple(found)


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
