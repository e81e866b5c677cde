"""Labels of people that are probably wrong: clips whose predictions contradict the label that raters agreed on."""

import pandas as pd

from core.evaluation.evaluation_table import DEVELOPMENT, LABELLED
from core.evaluation.label_doubts import doubtful_labels
from core.evaluation.stored_evaluation import stored_results
from core.models.description import ModelDescription
from core.schema import PROBA
from core.settings import Settings
from core.store import Store
from core.training.labelled_data import TrainingData
from core.training.live import live_result

_COLUMNS = ["clip_id", "label", "suggested", "p_label", "p_suggested", "doubt"]


def doubtful_answers(store: Store, model: ModelDescription, data: TrainingData, settings: Settings) -> pd.DataFrame:
    """Agreed labels that a model contradicts, the strongest contradiction first (`core.evaluation.label_doubts`).

    Each clip is predicted by a model that was not trained on it: clips of the model's training by cross-validation,
    later ones by the model itself. The published clips help to say which probability is usual for an emotion.

    Parameters
    ----------
    data : the labels as they are now; a label that was taken back is not listed.

    Returns
    -------
    Columns clip_id, label, suggested, p_label, p_suggested, doubt.
    """
    results = stored_results(model, settings)
    found = [results[row] for row in (DEVELOPMENT, LABELLED) if row in results]
    live = live_result(store, model, data, least=1)
    tables = [result.predictions for result in (*found, *([live] if live else []))]
    now = data.labelled.set_index("clip_id")["y"].to_dict()
    if not tables or not any(t["clip"].isin(now).any() for t in tables):
        return pd.DataFrame(columns=_COLUMNS)
    table = pd.concat([t[["clip", "y", *PROBA]] for t in tables], ignore_index=True)
    table = table.assign(y=[now.get(clip, y) for clip, y in zip(table["clip"], table["y"], strict=True)])
    codes, clips = pd.factorize(table["clip"])
    doubts = doubtful_labels(table.assign(row=codes))
    doubts = doubts.assign(clip_id=clips.to_numpy()[doubts["row"]])
    return doubts.loc[doubts["clip_id"].isin(now), _COLUMNS].reset_index(drop=True)
