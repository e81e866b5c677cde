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
from core.file_names import CHALLENGER
from core.models.description import describe_alias, describe_model_in_use
from core.settings import Settings
from core.store import (
    Store,
    first_predicted,
    guesses_table,
    predictions_table,
    unsure_answers,
)
from core.training.labelled_data import current_data
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
    return [_unsure(store, canary), _agreement(store, canary), _log_loss(store, canary, settings)]


def _unsure(store: Store, canary: Canary) -> Finding:
    """Answers that callers got since the start of the canary: all that was shown has the role of the champion."""
    since = datetime.fromisoformat(canary.started_at)
    versions = (canary.champion, canary.challenger)
    champion, challenger = (unsure_answers(store, model_version=version, since=since) for version in versions)
    return compare_shares(Measure.UNSURE, champion, challenger)


def _agreement(store: Store, canary: Canary) -> Finding:
    unlabelled = pd.DataFrame({"label": pd.Series(dtype=object)})
    guesses = guesses_table(store, versions=(canary.champion, canary.challenger))
    both = compare_guesses(guesses, unlabelled, champion=canary.champion, challenger=canary.challenger)
    return agreement(int((~both["differ"]).sum()), len(both))


def _log_loss(store: Store, canary: Canary, settings: Settings) -> Finding:
    """Labelled clips that both models have scored and that neither has learned from."""
    challenger = describe_alias(CHALLENGER, settings=settings)
    table = load_table(settings, allow_download=False)
    first = first_predicted(store, role=CHALLENGER, model_version=canary.challenger, music=True)
    if challenger is None or table.synthetic or first is None:
        return compare_log_loss(np.empty(0), np.empty(0), np.empty(0))
    data = current_data(store, table)
    fair = test_clips(store, data, (describe_model_in_use(settings), challenger), since=first)
    truth = data.labelled.set_index("clip_id")["y"]
    sides = [_newest(store, version, fair.index.tolist()) for version in (canary.champion, canary.challenger)]
    both = fair.index[fair.index.isin(sides[0].index) & fair.index.isin(sides[1].index)]
    first_model, second_model = (np.array([side.loc[clip, f"p_{truth[clip]}"] for clip in both]) for side in sides)
    return compare_log_loss(first_model, second_model, fair[both].to_numpy())


def _newest(store: Store, version: str, clip_ids: list[str]) -> pd.DataFrame:
    """The newest prediction of a model about each of these clips. Index: clip_id."""
    stored = predictions_table(store, model_version=version, clip_ids=clip_ids)
    return stored.drop_duplicates("clip_id", keep="last").set_index("clip_id")
