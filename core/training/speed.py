"""Measure the time from the bytes of a clip to the decision, with one model on this machine."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from core.audio.encoding import wav
from core.audio.synthetic import DEMOS, render, variation
from core.evaluation.evaluation_table import SPEED, measured_line
from core.models.policy import Policy
from core.models.prediction import Model
from core.models.reference import Reference
from core.pipeline.scoring import score_clip
from core.pipeline.serving import Served
from core.schema import EMOTIONS

CLIPS = 20  # synthetic clips; the slowest of them decides the 95th percentile
SECONDS = 30.0
RESAMPLES = 1000


def measure_speed(
    pipeline: object,
    *,
    reference: Reference,
    background: pd.DataFrame,
    policies: Mapping[str, Policy],
    clips: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Line of the evaluation table with the 95th percentile of the time for one clip in seconds.

    The interval is a bootstrap of the clips. The first clip is not counted, because it loads the libraries.

    Parameters
    ----------
    pipeline, reference, background, policies : the model and its files.
    clips : number of synthetic clips of ``SECONDS`` seconds; ``CLIPS`` by default.
    """
    model = Model("measured", pipeline, tuple(str(c) for c in pipeline.classes_), "training")  # type: ignore[attr-defined]
    served = Served(model, reference, background, policies)
    policy = policies.get("threshold", Policy())
    n = CLIPS if clips is None else clips
    times = []
    for number in range(n + 1):
        demo = variation(tuple(DEMOS)[number % len(EMOTIONS)], number)
        data = wav(render(demo, seconds=SECONDS))
        times.append(score_clip(data, f"{number}.wav", served, policy=policy, store=None).latency_s)
    counted = np.array(times[1:])
    drawn = np.random.default_rng(seed).choice(counted, (RESAMPLES, n))
    low, high = np.quantile(np.quantile(drawn, 0.95, axis=1), [0.025, 0.975])
    value = float(np.quantile(counted, 0.95))
    return measured_line(SPEED, "latency_p95_s", n=n, value=value, low=float(low), high=float(high))
