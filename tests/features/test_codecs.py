"""How far a clip's way through another sampling rate or a codec moves the features, in standard deviations."""

import numpy as np
import pytest

from benchmarks.fidelity import CODECS, codec_effects, encoded
from core.dataset import stand_in
from core.schema import BY_COLUMN, COLUMNS, SR
from tests.features.clips import FOLDER as GOLDEN

CLIPS = [GOLDEN / f"{name}.flac" for name in ("hicaz_taksim", "aksak_9_8")]
pytestmark = pytest.mark.xdist_group("codecs")  # one worker measures for all tests


@pytest.fixture(scope="module")
def effects():
    sd = stand_in.sample()[list(COLUMNS)].std().to_numpy()
    return {name: dict(zip(COLUMNS, np.nanmax(e, axis=0), strict=True)) for name, e in codec_effects(CLIPS, sd).items()}


def test_48_khz_moves_only_what_looks_at_the_top_of_the_spectrum(effects):
    # The resampler's transition band lies just below 22.05 kHz, and synthetic noise reaches up there; music does not.
    moved = {c for c, v in effects["48 kHz"].items() if v > 0.1}
    assert {BY_COLUMN[c].group for c in moved} <= {"timbre: spectrum"}


def test_half_the_rate_moves_what_looks_above_11_khz_and_leaves_chroma(effects):
    moved = effects["22.05 kHz"]
    assert moved["_Spectralflatness_Mean"] > 0.5
    assert max(v for c, v in moved.items() if "Chroma" in c) < 0.05


@pytest.mark.parametrize("codec", ["MP3 128", "OGG"])
def test_compression_leaves_timbre_tempo_and_chroma(effects, codec):
    steady = [c for c in COLUMNS if "MFCC" in c or "Chroma" in c or "Tempo" in c]
    assert max(effects[codec][c] for c in steady) < 0.3
    assert effects[codec]["_Spectralflatness_Mean"] > 0.001


def test_the_mp3_has_the_bitrate_it_is_named_after():
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 10 * SR)
    assert len(CODECS["MP3 128"](noise)) * 8 / 10 == pytest.approx(128_000, rel=0.02)
    assert len(encoded(noise, "WAV", 22_050, subtype="PCM_16")) == pytest.approx(441_000, rel=0.01)
