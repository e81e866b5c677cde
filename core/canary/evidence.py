"""The figures of a running canary: requests from nginx's log, answers and labels from the store."""

from datetime import datetime

import numpy as np
import pandas as pd

from core.canary.comparing import (
    Finding,
    Measure,
    agreement,
    compare_log_loss,
    compare_shares,
    compare_times,
)
from core.canary.requests import read_requests
from core.canary.running import Canary
from core.dataset.loading import load_table
from core.evaluation.shadow_test import compare_guesses
from core.file_names import CHALLENGER, CHAMPION
from core.models.description import describe_alias, describe_model_in_use
from core.schema import SYNTHETIC
from core.settings import Settings
from core.store import Store, predictions_table, same_recordings
from core.training.labelled_data import labels, training_data
from core.training.status import test_clips


def of_requests(canary: Canary, settings: Settings) -> list[Finding]:
    """Findings from the requests alone. They are cheap, so the watch asks for them at each look."""
    champion, challenger = read_requests(canary, settings)
    return [
        compare_shares(Measure.ERRORS, (champion.failed, champion.count), (challenger.failed, challenger.count)),
        compare_times(champion.seconds, challenger.seconds),
    ]


def of_answers(canary: Canary, settings: Settings, store: Store) -> list[Finding]:
    """Findings from the stored answers: share unsure, agreement, and log-loss on labelled clips."""
    stored = predictions_table(store)
    stored = stored[stored["origin"].ne(SYNTHETIC)]
    return [
        _unsure(stored, canary),
        _agreement(stored, canary),
        _log_loss(stored, canary, settings, store),
    ]


def _unsure(stored: pd.DataFrame, canary: Canary) -> Finding:
    """Answers that callers got since the start of the canary."""
    shown = stored[stored["role"].eq(CHAMPION)]  # the role of every prediction that was shown
    shown = shown[pd.to_datetime(shown["created_at"], utc=True) >= datetime.fromisoformat(canary.started_at)]
    sides = [shown[shown["model_version"].eq(version)] for version in (canary.champion, canary.challenger)]
    champion, challenger = ((int(side["decision"].isna().sum()), len(side)) for side in sides)
    return compare_shares(Measure.UNSURE, champion, challenger)


def _agreement(stored: pd.DataFrame, canary: Canary) -> Finding:
    unlabelled = pd.DataFrame({"label": pd.Series(dtype=object)})
    both = compare_guesses(stored, unlabelled, champion=canary.champion, challenger=canary.challenger)
    return agreement(int((~both["differ"]).sum()), len(both))


def _log_loss(stored: pd.DataFrame, canary: Canary, settings: Settings, store: Store) -> Finding:
    """Labelled clips that both models have scored and that neither has learned from."""
    challenger = describe_alias(CHALLENGER, settings=settings)
    table = load_table(settings, allow_download=False)
    first = stored.loc[
        stored["role"].eq(CHALLENGER) & stored["model_version"].eq(canary.challenger), "created_at"
    ].min()
    if challenger is None or table.synthetic or pd.isna(first):
        return compare_log_loss(np.empty(0), np.empty(0), np.empty(0))
    data = training_data(table, labels(store), same_recordings(store))
    fair = test_clips(store, data, (describe_model_in_use(settings), challenger), since=first)
    truth = data.labelled.set_index("clip_id")["y"]
    newest = stored.sort_values("prediction_id").drop_duplicates(["clip_id", "model_version"], keep="last")
    sides = [newest[newest["model_version"].eq(v)].set_index("clip_id") for v in (canary.champion, canary.challenger)]
    both = fair.index[fair.index.isin(sides[0].index) & fair.index.isin(sides[1].index)]
    first_model, second_model = (np.array([side.loc[clip, f"p_{truth[clip]}"] for clip in both]) for side in sides)
    return compare_log_loss(first_model, second_model, fair[both].to_numpy())
