"""Clips that wait in a session as FLAC: the same samples, a fraction of the memory."""

import io

import numpy as np
import pytest
import soundfile

from core.audio.decoding import Clip
from core.audio.packed import MEDIA_TYPE, PackedClip
from core.schema import SR


def noise(bits: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), 2 * SR) / 2 ** (bits - 1)


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_samples_of_files_with_whole_numbers_come_back_unchanged(bits):
    clip = Clip("a", noise(bits), SR)
    packed = PackedClip(clip)
    assert np.array_equal(packed.y, clip.y)
    assert (packed.clip_id, packed.sr, packed.duration_s) == (clip.clip_id, clip.sr, clip.duration_s)
    assert packed.y.dtype == np.float64


def test_other_samples_come_back_within_24_bits_also_beyond_full_scale():
    clip = Clip("a", np.random.default_rng(1).normal(0, 0.8, 2 * SR), SR)
    assert np.abs(clip.y).max() > 1
    packed = PackedClip(clip)
    assert np.abs(packed.y - clip.y).max() < 1.2e-7 * np.abs(clip.y).max()
    played, sr = soundfile.read(io.BytesIO(packed.data))
    assert sr == SR
    assert np.abs(played).max() <= 1


def test_full_scale_differs_by_the_last_of_24_bits():
    clip = Clip("a", np.full(SR, 1.0), SR)
    assert 1e-7 < np.abs(PackedClip(clip).y - clip.y).max() < 1.2e-7


def test_music_needs_a_fraction_of_the_memory_and_no_samples_stay():
    y = 0.3 * np.sin(np.arange(5 * SR) / 20)
    packed = PackedClip(Clip("a", np.round(y * 2**15) / 2**15, SR))
    assert len(packed.data) < y.nbytes / 4
    assert not [value for value in vars(packed).values() if isinstance(value, np.ndarray)]
    assert PackedClip.of(packed) is packed
    assert MEDIA_TYPE == "audio/flac"
