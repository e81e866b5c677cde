"""The circle of moods: valence (pleasant or unpleasant) and arousal (strong or calm)."""

import pandas as pd

from core.schema import EMOTIONS

CIRCLE = ("angry", "happy", "relax", "sad")
PLEASANT = {"angry": -1.0, "happy": 1.0, "relax": 1.0, "sad": -1.0}
STRONG = {"angry": 1.0, "happy": 1.0, "relax": -1.0, "sad": -1.0}


def neighbours(one: str, other: str) -> bool:
    """Return whether two emotions are neighbours on the circle."""
    return abs(CIRCLE.index(one) - CIRCLE.index(other)) in (1, len(CIRCLE) - 1)


def mood_coordinates(proba: pd.DataFrame) -> pd.DataFrame:
    """Coordinates of pieces on the plane of valence and arousal: columns pleasant and strong, in [-1, 1].

    Each emotion is a corner of the plane. A piece is at the mean of the corners, weighted by its probabilities. Two
    different mixtures can have the same coordinates: angry with relax and happy with sad are both in the middle.

    proba : columns p_*; the result has the same index.
    """
    axes = {"pleasant": PLEASANT, "strong": STRONG}
    return pd.DataFrame({name: sum(proba[f"p_{e}"] * at[e] for e in EMOTIONS) for name, at in axes.items()})
