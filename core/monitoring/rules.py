"""The alarms: what each of them looks at, and how often all of them together may ring by chance."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import isnan, nan
from typing import Any

TOGETHER_WEEKS = 26  # all alarms together ring by chance at most once in so many weeks
SILENT_DAYS = 14  # days without an answer until the alarm about answers rings
MOST_CHANCE = 0.05  # of one look, also when the look is at many weeks at once


class Rule(StrEnum):
    """What an alarm looks at. The value is stored and is a label of Prometheus."""

    DRIFT = "drift"
    UNLIKE = "unlike"
    UNSURE = "unsure"
    F1 = "f1"
    LABELS = "labels"


NAMES = {
    Rule.DRIFT: "Drift of the music",
    Rule.UNLIKE: "Clips unlike the training music",
    Rule.UNSURE: "Unsure answers",
    Rule.F1: "Macro-F1 below its promise",
    Rule.LABELS: "No answers of people",
}
TO_DO = {
    Rule.DRIFT: "Listen to some of these recordings. If the way of recording or the file format changed, change it "
    "back. If the new sound or the new music shall stay, label 50 of the clips and train again.",
    Rule.UNLIKE: "Listen to some of these clips. Refuse speech, noise and other music at its source. If it is Turkish "
    "music that shall stay, label 50 of the clips and train again.",
    Rule.UNSURE: "Look whether the alarm about drift rings too, and whether a new model or other limits came into use. "
    "If it began with a new model, roll back. Otherwise label the unsure clips first and train again.",
    Rule.F1: "Look at Confusion and Agreement. If raters disagree more than before, settle the disputed clips. "
    "Otherwise train again. Until then, raise the limit for accepted answers on Decisions.",
    Rule.LABELS: "Ask the raters, or make a task for them on Agreement. Without answers nobody sees whether the model "
    "is still right.",
}
STATISTICAL = tuple(rule for rule in Rule if rule is not Rule.LABELS)
RULE_WEEKS = TOGETHER_WEEKS * len(STATISTICAL)  # one alarm rings by chance at most once in so many weeks


def chance_of(weeks: int) -> float:
    """Chance with which one alarm may ring by chance in one look at so many weeks."""
    return min(weeks / RULE_WEEKS, MOST_CHANCE)


def promised_weeks(weeks: int) -> float:
    """By chance one alarm rings at most once in so many weeks, if each look is at ``weeks`` weeks.

    A limit is a whole number, so the alarm often rings more rarely. How much more rarely depends on the tails of a
    simulation, so only this much is promised.
    """
    return weeks / chance_of(weeks)


class Standing(StrEnum):
    """What a look says."""

    RINGS = "rings"
    QUIET = "quiet"
    UNKNOWN = "too few data"


@dataclass(frozen=True)
class Finding:
    """What one alarm found in one look.

    Attributes
    ----------
    value, limit : the figure, and the value from which the alarm rings; NaN where it was not measured.
    weeks : by chance the alarm rings at most once in so many weeks; NaN where chance has no part in it.
    clips : number of clips, recordings or labels behind the figure.
    seen : a sentence: what was seen.
    sure : a sentence: how sure it is. May be empty.
    by_chance : a sentence: how often it rings by chance.
    about : further facts as JSON; numbers are finite or None.
    """

    rule: Rule
    standing: Standing
    value: float = nan
    limit: float = nan
    weeks: float = nan
    clips: int = 0
    seen: str = ""
    sure: str = ""
    by_chance: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the alarm for people."""
        return NAMES[self.rule]

    @property
    def to_do(self) -> str:
        """What to do now; empty while the alarm is quiet."""
        return TO_DO[self.rule] if self.standing is Standing.RINGS else ""

    @property
    def sentence(self) -> str:
        """All sentences together."""
        return " ".join(filter(None, (self.seen, self.sure, self.by_chance, self.to_do)))

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON; unknown numbers are None."""
        known = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain = {name: None if isinstance(v, float) and isnan(v) else v for name, v in known.items()}
        return {**plain, "rule": str(self.rule), "standing": str(self.standing), "about": dict(self.about)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Finding":
        """Read a stored finding."""
        numbers = {n: nan if stored[n] is None else float(stored[n]) for n in ("value", "limit", "weeks")}
        return cls(**{**stored, **numbers, "rule": Rule(stored["rule"]), "standing": Standing(stored["standing"])})


def once_in(weeks: float, *, clips: int, noun: str, over_weeks: int) -> str:
    """The sentence about false alarms, such as "At 40 recordings a week this rings by chance once in 104 weeks"."""
    a_week = clips / over_weeks
    number = f"{a_week:,.0f}" if a_week >= 10 else f"{a_week:.1f}"
    return f"At {number} {noun}s a week this rings by chance at most once in {weeks:,.0f} weeks."
