"""Measure how often small changes of the same music give another answer, on table rows or on audio files."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from core.audio.changes import GAINS_DB, gain_name
from core.evaluation.stability import AS_IS, Stability, measure_stability
from core.models.policy import Policy
from core.pipeline.scoring import predict_and_decide
from core.pipeline.serving import Served
from core.schema import COLUMNS, EMOTIONS, GAIN_POWER, FeatureVector

Key = tuple[str, str, str]  # track, window, change


def answers(vectors: Mapping[Key, FeatureVector], served: Served, *, policy: Policy) -> pd.DataFrame:
    """Answers of a model for measured windows, as ``core.evaluation.stability.measure_stability`` expects them."""
    decided = predict_and_decide(list(vectors.values()), served, policy=policy)
    lines = [
        {
            "track": track,
            "window": window,
            "change": change,
            "accepted": one.decision.action == "accept",
            "unlike": one.unlike.flag,
            **{f"p_{emotion}": one.prediction.proba[emotion] for emotion in EMOTIONS},
        }
        for (track, window, change), one in zip(vectors, decided, strict=True)
    ]
    return pd.DataFrame(lines)


def level_stability(
    clips: pd.DataFrame, recordings: Sequence[object], served: Served, *, music: str, policy: Policy | None = None
) -> Stability:
    """Effect of the level on the answers for rows of a table.

    There is no audio, so the changes follow exact laws: a gain of g multiplies RMS energy by g and roughness by g².
    Fluctuation, which follows no simple law, stays as it is.

    Parameters
    ----------
    clips : the 50 columns.
    recordings : number of the recording of each clip; intervals are by recording.
    music : description of the clips, for display.
    policy : decides which answers are accepted; the model's threshold policy by default.
    """
    vectors: dict[Key, FeatureVector] = {}
    for change, table in _changed_levels(clips):
        for (row, recording), values in zip(
            zip(clips.index, recordings, strict=True), table.to_numpy(dtype=float), strict=True
        ):
            vectors[str(recording), str(row), change] = FeatureVector(str(row), "table", values)
    policy = policy or served.policies.get("threshold", Policy())
    return measure_stability(answers(vectors, served, policy=policy), model=served.model.version, music=music)


def _changed_levels(clips: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The clips as they are, and at each gain."""
    yield AS_IS, clips[list(COLUMNS)]
    for gain_db in GAINS_DB:
        gain = 10 ** (gain_db / 20)
        powers = {c: gain**power for c, power in GAIN_POWER.items() if np.isfinite(power)}
        yield gain_name(gain_db), clips[list(COLUMNS)].assign(**{c: clips[c] * f for c, f in powers.items()})
