"""Labels that are probably wrong: clips whose cross-validated probabilities contradict their label.

The method is confident learning (Northcutt, Jiang & Chuang 2021, Journal of Artificial Intelligence Research 70,
doi:10.1613/jair.1.12125). Each emotion has a threshold of its own, the mean probability that its own clips get, so a
model that is less sure of one emotion does not accuse that emotion's labels more often.
"""

import numpy as np
import pandas as pd

from core.errors import TableError
from core.schema import EMOTIONS, PROBA


def doubtful_labels(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the clips whose label the predictions contradict, the strongest contradiction first.

    A clip is listed when another emotion reaches the threshold of that emotion, and is the most probable one among
    those that do. A listed label can still be right: the model may be wrong.

    Parameters
    ----------
    predictions : as in ``core.evaluation.metrics``; each clip is predicted by models that were not trained on it.

    Returns
    -------
    Columns row, label, suggested, p_label, p_suggested (means over the repeats), doubt (p_suggested - p_label).

    Raises
    ------
    TableError
        When a column is missing or an emotion has no clip.
    """
    missing = [c for c in ("row", "y", *PROBA) if c not in predictions.columns]
    if missing or predictions.empty:
        raise TableError(f"A table of predictions needs rows and the column {missing[0] if missing else 'row'}.")
    table = predictions.groupby(["row", "y"], sort=True)[list(PROBA)].mean().reset_index()
    proba = table[list(PROBA)].to_numpy(dtype=float)
    y = pd.Categorical(table["y"], categories=list(EMOTIONS)).codes
    if missing_emotions := sorted(set(EMOTIONS) - set(table["y"])):
        raise TableError(f"No clip has the label {missing_emotions[0]}, so its labels cannot be compared.")
    thresholds = np.array([proba[y == k, k].mean() for k in range(len(EMOTIONS))])
    confident = np.where(proba >= thresholds, proba, -1.0)
    suggested = confident.argmax(axis=1)
    lines = np.arange(len(y))
    listed = (confident[lines, suggested] >= 0) & (suggested != y)
    found = pd.DataFrame(
        {
            "row": table["row"],
            "label": table["y"],
            "suggested": np.array(EMOTIONS)[suggested],
            "p_label": proba[lines, y],
            "p_suggested": proba[lines, suggested],
        }
    )[listed]
    found["doubt"] = found["p_suggested"] - found["p_label"]
    return found.sort_values(["doubt", "row"], ascending=[False, True], ignore_index=True)
