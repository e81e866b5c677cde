"""Which clips a model gets wrong, and how firmly: one line for each clip, over all repeats of the cross-validation."""

from enum import StrEnum

import numpy as np
import pandas as pd

from core.evaluation.metrics import as_arrays
from core.schema import EMOTIONS


class ClipOutcome(StrEnum):
    """How often a clip is predicted wrongly."""

    RIGHT = "right"
    SOMETIMES = "wrong in some repeats"
    WRONG = "wrong"


def clip_errors(predictions: pd.DataFrame) -> pd.DataFrame:
    """Outcome of each clip, the firmest errors first.

    Parameters
    ----------
    predictions : as in ``core.evaluation.metrics``; each clip is predicted by models that were not trained on it.

    Returns
    -------
    Columns row, label, guess (highest mean probability), outcome (`ClipOutcome`), wrong (share of the repeats with a
    wrong guess), p_label, p_guess (means over the repeats).
    """
    p = as_arrays(predictions)
    mean, lines = p.proba.mean(axis=0), np.arange(len(p.y))
    guess = mean.argmax(axis=1)
    wrong = (p.proba.argmax(axis=2) != p.y).mean(axis=0)
    outcome = np.select([wrong == 0, wrong == 1], [ClipOutcome.RIGHT, ClipOutcome.WRONG], ClipOutcome.SOMETIMES)
    names = np.array(EMOTIONS)
    table = pd.DataFrame(
        {
            "row": p.rows,
            "label": names[p.y],
            "guess": names[guess],
            "outcome": pd.Categorical(outcome, categories=[str(o) for o in ClipOutcome]),
            "wrong": wrong,
            "p_label": mean[lines, p.y],
            "p_guess": mean[lines, guess],
        }
    )
    return table.sort_values(["wrong", "p_label", "row"], ascending=[False, True, True], ignore_index=True)
