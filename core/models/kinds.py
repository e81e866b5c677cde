"""Name the kind of music or sound that is unlike the training music, where simple measured rules know it.

The rules use features that hardly depend on the level of a recording. They only name what the outlier check flags.
Measured (docs/audio.md, "Music that is unlike the table"): no flagged clip of the published table has a kind.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.schema import COLUMNS, FeatureVector


class Kind(StrEnum):
    """What a clip that is unlike the training music sounds like. The values are stored."""

    VOICE = "one voice"
    SPEECH = "speech"
    NOISE = "noise"
    OTHER = "other"  # no rule knows it


PHRASES = {
    Kind.VOICE: "it measures like one voice without instruments; the table hardly has any",
    Kind.SPEECH: "it measures like speech; the table has none",
    Kind.NOISE: "it measures like noise; the table has none",
}
TITLES = {
    Kind.VOICE: "one voice without instruments",
    Kind.SPEECH: "speech",
    Kind.NOISE: "noise",
    Kind.OTHER: "no known kind",
}
UNLIKE = "unlike the training music"
_CHROMA = [column for column in COLUMNS if column.startswith("_Chromagram_Mean")]


def unlike_words(kind: str) -> str:
    """Return why a clip of this stored kind needs review, in a few words; kinds of other versions are not named."""
    return f"{UNLIKE}: {TITLES[Kind(kind)]}" if kind in PHRASES else UNLIKE


def counted_kinds(kinds: Iterable[str]) -> str:
    """Count results that are unlike the training music: ``"9 unlike the training music: 9 speech"``.

    kinds : stored kind of each result.
    """
    counts = Counter(Kind(kind) for kind in kinds)
    others = counts.pop(Kind.OTHER, 0)
    total = f"{counts.total() + others:,} {UNLIKE}"
    if not counts:
        return f"{total}, of {TITLES[Kind.OTHER]}"
    named = [f"{count:,} {TITLES[kind]}" for kind, count in counts.most_common()]
    return f"{total}: {', '.join(named)}" + (f", {others:,} of {TITLES[Kind.OTHER]}" if others else "")


@dataclass(frozen=True)
class Limit:
    """A range of one measure; each end may be open."""

    low: float = -np.inf
    high: float = np.inf

    def holds(self, value: float) -> bool:
        """Whether the value is in the range; False for NaN."""
        return self.low <= value <= self.high


# All limits of a kind must hold. "chroma" is the sum of the twelve chroma values: high when all notes are equally loud.
RULES: dict[Kind, dict[str, Limit]] = {
    Kind.NOISE: {"_Fluctuation_Mean": Limit(high=3.5), "chroma": Limit(low=7.0)},
    Kind.SPEECH: {"_Fluctuation_Mean": Limit(low=28.0), "_Pulseclarity_Mean": Limit(high=0.25)},
    Kind.VOICE: {
        "_Fluctuation_Mean": Limit(9.0, 28.0),
        "_Pulseclarity_Mean": Limit(high=0.17),
        "_AttackTime_Mean": Limit(low=0.035),
        "_Eventdensity_Mean": Limit(high=2.1),
    },
}


def kind_of(vector: FeatureVector) -> Kind:
    """Return the kind of a clip that is unlike the training music; ``Kind.OTHER`` when no rule knows it."""
    values = dict(zip(COLUMNS, vector.values.tolist(), strict=True))
    values["chroma"] = sum(values[column] for column in _CHROMA)
    for kind, rule in RULES.items():
        if all(limit.holds(values[name]) for name, limit in rule.items()):
            return kind
    return Kind.OTHER
