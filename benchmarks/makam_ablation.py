"""Measure whether karar and comma features add anything to the recognition of the four emotions.

    python -m benchmarks.makam_ablation FOLDER [--repeats 10]

FOLDER holds audio files and ``labels.csv`` with the columns file, emotion and, where clips come from the same
recording, recording. The published table has no audio, so this cannot be measured on it. The same classifier
(standardised features, logistic regression) is tested with the 50 features, with the comma features alone, and with
both, in the same folds; clips of one recording stay together. The differences have the corrected resampled
t-test. The last line is JSON.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from core.audio.decoding import read
from core.evaluation.significance import corrected_t
from core.features import extract
from core.makam.karar import karar_candidates
from core.makam.melody import melody_of
from core.makam.profile import comma_profile
from core.schema import COLUMNS

FOLDS = 5
STEPS = {  # commas over the karar: a second of 4 or 5 commas (Kürdi, Hicaz) is not one of 8 or 9 (Uşşak, Rast)
    "karar": (51, 52, 0, 1, 2),
    "small second": (3, 4, 5, 6),
    "large second": (7, 8, 9, 10),
    "small third": (11, 12, 13, 14),
    "middle third": (15, 16),
    "large third": (17, 18, 19),
    "fourth": (20, 21, 22, 23),
    "tritone": (24, 25, 26, 27, 28),
    "fifth": (29, 30, 31, 32, 33),
    "small sixth": (34, 35, 36, 37),
    "large sixth": (38, 39, 40, 41),
    "small seventh": (42, 43, 44, 45),
    "large seventh": (46, 47, 48, 49, 50),
}
COMMA_FEATURES = [*STEPS, "voiced", "karar probability", "range"]


def comma_features(y: np.ndarray, sr: int) -> list[float]:
    """Shares of the time on each step over the karar, share with a melody, sureness of the karar, range in commas."""
    melody = melody_of(y, sr)
    karars = karar_candidates(melody)
    if not karars:
        return [np.nan] * len(COMMA_FEATURES)
    shares = comma_profile(melody, karars[0].hz).shares
    cents = melody.cents[melody.voiced]
    span = float(np.subtract(*np.quantile(cents, [0.95, 0.05]))) * 53 / 1200
    return [
        *(float(shares[list(step)].sum()) for step in STEPS.values()),
        float(melody.voiced.mean()),
        karars[0].probability,
        span,
    ]


def measured(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The labels, and all features of the clips in their order."""
    labels = pd.read_csv(folder / "labels.csv", dtype=str)
    rows = []
    for name in labels["file"]:
        clip = read(folder / name).clip
        rows.append([*extract(clip).values, *comma_features(clip.y, clip.sr)])
    return labels, pd.DataFrame(rows, columns=[*COLUMNS, *COMMA_FEATURES])


def macro_f1(features: pd.DataFrame, emotions: np.ndarray, recordings: np.ndarray, repeats: int) -> np.ndarray:
    """Macro-F1 of each fold of each repeat."""
    model = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=2000),
    )
    x = features.to_numpy(dtype=float)
    found = []
    for seed in range(repeats):
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        for train, test in folds.split(x, emotions, recordings):
            guess = model.fit(x[train], emotions[train]).predict(x[test])
            found.append(f1_score(emotions[test], guess, average="macro", zero_division=0))
    return np.array(found)


def ablation(labels: pd.DataFrame, features: pd.DataFrame, repeats: int) -> dict[str, float]:
    """Macro-F1 with each set of features, and the difference with its p."""
    emotions = labels["emotion"].to_numpy()
    recordings = labels.get("recording", labels["file"]).to_numpy()
    sets = {"features": list(COLUMNS), "commas": COMMA_FEATURES, "both": [*COLUMNS, *COMMA_FEATURES]}
    f1 = {name: macro_f1(features[columns], emotions, recordings, repeats) for name, columns in sets.items()}
    _, p = corrected_t(f1["both"] - f1["features"], test_share=1 / (FOLDS - 1))
    means = {name: round(float(values.mean()), 4) for name, values in f1.items()}
    return {**means, "difference": round(means["both"] - means["features"], 4), "p": round(p, 4), "clips": len(labels)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=10)
    given = parser.parse_args()
    found = ablation(*measured(given.folder), given.repeats)
    sets = ", ".join(f"{name} {found[name]:.3f}" for name in ("features", "commas", "both"))
    print(
        f"{found['clips']} clips. Macro-F1: {sets}. both - features: {found['difference']:+.3f}, p = {found['p']:.3f}."
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
