"""A store with clips that people labelled: features of the stand-in, answers of named raters."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core import store
from core.dataset import stand_in
from core.features import EXTRACTOR
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.schema import COLUMNS, EMOTIONS, LABEL, FeatureVector


def music(n_per_class: int, *, seed: int = 77) -> pd.DataFrame:
    """Clips that are in no table: Class and 50 features, index clip_id."""
    frame = stand_in.sample(seed=seed, n_per_class=n_per_class).sample(frac=1, random_state=seed)
    return frame.set_axis([f"{seed:03d}{i:04d}".ljust(64, "c") for i in range(len(frame))])


def keep_clips(db: store.Store, frame: pd.DataFrame, *, origin: str = "upload", **more: object) -> None:
    """Clips with features; each is a recording of its own unless ``more`` says otherwise."""
    for clip_id, values in zip(frame.index, frame[list(COLUMNS)].to_numpy(), strict=True):
        given = {"file_name": f"{clip_id[:7]}.wav", "duration_s": 30.0, "sr": 44100, "origin": origin, **more}
        store.add_clip(db, clip_id, **given)
        store.save_features(db, FeatureVector(clip_id, EXTRACTOR, values))


def predict(db: store.Store, frame: pd.DataFrame, proba: np.ndarray, *, version: str, role: str = "champion") -> None:
    """What a model says of the clips. proba : shape (n, 4)."""
    said = []
    for clip_id, p in zip(frame.index, proba, strict=True):
        one = Prediction(clip_id, version, EXTRACTOR, dict(zip(EMOTIONS, map(float, p), strict=True)))
        said.append((one, decide(one, Policy())))
    store.save_predictions(db, said, policy=Policy(), role=role)


def answer(
    db: store.Store,
    frame: pd.DataFrame,
    *,
    raters: Sequence[str] = ("Ayşe", "Mehmet"),
    wrong: float = 0.0,
    seed: int = 0,
) -> None:
    """Each rater answers each clip with its class, or, in a share of the cases, with another one."""
    rng = np.random.default_rng(seed)
    answers = []
    for clip_id, emotion in frame[LABEL].items():
        for rater in raters:
            others = [e for e in EMOTIONS if e != emotion]
            label = rng.choice(others) if rng.random() < wrong else emotion
            answers.append(store.Answer(store.new_token(), rater, label=str(label), clip_id=str(clip_id)))
    store.add_answers(db, answers)
