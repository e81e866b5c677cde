"""Measuring: what a file, or a part of it, is measured as."""

import io

import numpy as np
import pytest
import soundfile

from core.audio.decoding import inspect
from core.errors import AudioError
from core.features import EXTRACTOR
from core.features.loudness import integrated
from core.pipeline import measure as measuring
from core.pipeline.measure import measure
from core.schema import FeatureVector

SR = 22_050


def source(y: np.ndarray, *, sr: int = SR):
    buffer = io.BytesIO()
    soundfile.write(buffer, y, sr, format="FLAC", subtype="PCM_24")
    return inspect(buffer.getvalue(), "a.flac")


def tone(seconds: float, level: float = 0.3) -> np.ndarray:
    t = np.arange(round(seconds * SR)) / SR
    return level * np.sin(2 * np.pi * 220 * t) * (1 + 0.5 * np.sin(9 * t))


@pytest.fixture
def unmeasured(monkeypatch):
    """The features cost time and are tested elsewhere: here they are all unknown."""
    monkeypatch.setattr(measuring, "extract", lambda c: FeatureVector(c.clip_id, EXTRACTOR, np.full(50, np.nan)))


@pytest.mark.usefixtures("unmeasured")
def test_a_file_is_measured_in_its_own_channels_and_a_part_by_itself():
    loud, quiet = tone(40, 0.6), tone(40, 0.06)
    file = source(np.concatenate([np.stack([loud, loud / 2], 1), np.stack([quiet, quiet / 2], 1)]))
    first, second = measure(file, (0.0, 40.0)).clip, measure(file, (40.0, 80.0)).clip
    assert first.lufs == pytest.approx(integrated(np.stack([loud, loud / 2], 1), SR), abs=0.01)
    assert first.lufs - second.lufs == pytest.approx(20, abs=0.01)
    for clip, start_s in ((first, 0.0), (second, 40.0)):
        assert (clip.start_s, clip.duration_s) == (start_s, 40.0)
        assert (clip.sr, clip.channels, clip.file_duration_s) == (SR, 2, 80.0)
        assert clip.bitrate == round(8 * len(file.data) / 80)
        assert clip.vector.clip_id == f"{file.digest}@{start_s:.3f}+40.000"


@pytest.mark.usefixtures("unmeasured")
def test_without_a_part_the_middle_is_measured_and_named_like_the_file():
    found = measure(source(tone(50)))
    assert found.clip.start_s == pytest.approx((50 - 30.02) / 2, abs=1e-3)
    assert found.vector.clip_id == source(tone(50)).digest
    assert any("The file lasts 50 s" in remark.text for remark in found.recording.remarks)


@pytest.mark.usefixtures("unmeasured")
def test_what_could_not_be_measured_is_a_remark():
    (found,) = (remark for remark in measure(source(tone(5))).recording.remarks if remark.kind == "missing_features")
    assert "Spectral centroid could not be measured" in found.text


@pytest.mark.usefixtures("unmeasured")
def test_a_loudness_that_cannot_be_measured_is_unknown_and_not_zero():
    quiet = source(tone(1.0, 1.5e-4))  # heard, and below the gate of -70 LUFS
    assert measure(quiet).clip.lufs is None


def test_features_that_are_known_are_not_measured_again(monkeypatch):
    known = FeatureVector("known", EXTRACTOR, np.full(50, np.nan))
    monkeypatch.setattr(measuring, "extract", lambda clip: pytest.fail("measured again"))
    asked = []
    found = measure(source(tone(2)), known=lambda clip_id, *part: asked.append(clip_id) or known)
    assert found.vector is known
    assert asked == [found.recording.clip.clip_id]


def test_a_silent_part_is_refused():
    with pytest.raises(AudioError, match=r"silent from 30.0 s on"):
        measure(source(np.concatenate([tone(30), np.zeros(30 * SR)])), (30.0, 60.0))
