"""All 50 features beside MIRtoolbox's values, on every clip at hand: the committed ones and those read in place."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from required import missing

from core.audio.decoding import Clip, read
from core.features import extract
from core.schema import COLUMNS, SR

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
SHARED = GOLDEN.parent.parent.parent / "shared" / "reference"
TOLERANCE = 1e-6  # relative, with 1e-3 as the smallest scale
# Rounding noise around zero in MIRtoolbox too: the clip's attacks are all alike.
NOISE = {("pulse_120bpm", "_AttackTime_Slope")}


def known(table: Path) -> list[tuple[str, pd.Series]]:
    if not table.is_file():
        return []
    rows = pd.read_csv(table)
    return [(row["clip"], row[list(COLUMNS)].astype(float)) for _, row in rows.iterrows()]


def compare(path: Path, reference: pd.Series) -> None:
    estimated = pd.Series(extract(read(path).clip).values, index=list(COLUMNS))
    assert list(estimated.index[estimated.isna()]) == list(reference.index[reference.isna()])
    error = (estimated - reference).abs() / reference.abs().clip(lower=1e-3)
    for clip, column in NOISE:
        if path.stem == clip:
            assert abs(estimated[column] - reference[column]) < 1e-6
            error[column] = 0.0
    assert error.max() <= TOLERANCE, f"{error.idxmax()}: {error.max():.1e}"


@pytest.mark.parametrize(
    ("clip", "reference"),
    known(GOLDEN / "made.csv") + known(GOLDEN / "short.csv"),
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_golden_clips(clip, reference):
    compare(GOLDEN / f"{clip}.flac", reference)


@pytest.mark.parametrize(
    ("clip", "reference"),
    known(SHARED / "recordings.csv") or [("", None)],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_recordings(clip, reference):
    if reference is None:
        missing("The reference recordings are not beside the repository.")
    compare(SHARED / "recordings" / f"{clip}.flac", reference)


def test_nan_stands_for_what_a_short_clip_cannot_have():
    t = np.arange(round(0.5 * SR)) / SR
    y = 0.3 * np.sin(2 * np.pi * 350 * t) * np.exp(-4 * t) + 0.1 * np.sin(2 * np.pi * 370 * t)
    values = pd.Series(extract(Clip("half a second", y, SR)).values, index=list(COLUMNS))
    # Periods of 0.3 s need lags that half of the curve holds; harmonic change needs two frames of 0.74 s.
    expected = {"_Tempo_Mean", "_Pulseclarity_Mean", *(c for c in COLUMNS if "HarmonicChange" in c)}
    assert set(values.index[values.isna()]) == expected
