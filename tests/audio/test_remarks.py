"""Remarks on suspicious audio: each is made for what it names, and none for clean music."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.audio_files import SR, by_libsndfile, sound
from core.audio import remarks
from core.audio.decoding import decode, read

GOLDEN = Path(__file__).parent.parent / "golden"
CHECKED = {check.kind for check in remarks.CHECKS}


def found(y: np.ndarray, form: str = "WAV", subtype: str | None = "PCM_16") -> set[str]:
    """Kinds of the checks that find something in the samples."""
    recording = decode(by_libsndfile(y.astype(np.float32), form, subtype), "x")
    return {remark.kind for remark in recording.remarks} & CHECKED


def loud(db: float) -> np.ndarray:
    y = sound(6.0, channels=2)
    return np.clip(y / np.abs(y).max() * 10 ** (db / 20), -1, 1)


@pytest.mark.parametrize("form", [("WAV", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("MP3", None)])
def test_clean_audio_gets_none(form):
    assert found(sound(6.0, channels=2), *form) == set()
    assert found(loud(0.0), *form) == set()


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.flac")), ids=lambda path: path.stem)
def test_the_golden_clips_get_none_but_the_one_with_an_offset(path):
    kinds = {remark.kind for remark in read(path).remarks} & CHECKED
    assert kinds == ({"dc_offset"} if path.stem == "dc_offset_6s" else set())


@pytest.mark.parametrize("shift", [0.03, 0.3, -0.3])
def test_a_dc_offset(shift):
    assert found(sound(6.0) + shift) == {"dc_offset"}
    assert found(sound(6.0) + shift / 100) == set()


@pytest.mark.parametrize("form", [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", "PCM_16")])
@pytest.mark.parametrize("db", [3.0, 6.0, 20.0])
def test_clipping(db, form):
    assert found(loud(db), *form) == {"clipping"}
    assert found(0.5 * loud(db), *form) == {"clipping"}  # turned down after it


@pytest.mark.parametrize("form", [("MP3", None), ("OGG", "VORBIS")])
def test_clipping_is_found_behind_a_codec(form):
    assert "clipping" in found(0.7 * loud(20.0), *form)


def test_channels_that_nearly_cancel():
    y = sound(6.0)
    assert found(np.hstack([y, -0.97 * y])) == {"cancelling_channels"}
    assert found(np.hstack([y, -0.3 * y])) == set()
    assert found(np.hstack([y, 0 * y])) == {"one_channel"}


@pytest.mark.parametrize("form", [("WAV", "PCM_16"), ("MP3", None)])
def test_leading_silence(form):
    y = sound(12.0)
    quiet = y.copy()
    quiet[: 8 * SR] = 0
    assert found(quiet, *form) == {"leading_silence"}
    y[:SR] = 0
    assert found(y, *form) == set()


def test_floats_beyond_full_scale():
    y = sound(6.0)
    plain = decode(by_libsndfile(y, "WAV", "FLOAT"), "x").clip.y
    for factor in (32767, 8388607):
        recording = decode(by_libsndfile(y * factor, "WAV", "FLOAT"), "x")
        assert "beyond_full_scale" in {remark.kind for remark in recording.remarks}
        np.testing.assert_allclose(recording.clip.y, plain, rtol=1e-4)  # its level is known, and kept
    over = decode(by_libsndfile(y * 5, "WAV", "FLOAT"), "x")
    assert np.abs(over.clip.y).max() == 1
    assert "beyond_full_scale" in {remark.kind for remark in over.remarks}


def kinds(y: np.ndarray, sr: int = SR) -> set[str]:
    """Kinds of all remarks on samples at a rate."""
    import io

    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, y, sr, format="WAV", subtype="PCM_24")
    return {str(remark.kind) for remark in decode(buffer.getvalue(), "x.wav").remarks}


def noise(seconds: float, *, edge_hz: float = SR / 2) -> np.ndarray:
    """Noise without anything above a frequency."""
    n = round(seconds * SR)
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=n))
    spectrum[np.fft.rfftfreq(n, 1 / SR) > edge_hz] = 0
    y = np.fft.irfft(spectrum, n)
    return 0.3 * y / np.abs(y).max()


@pytest.mark.parametrize(("edge_hz", "limited"), [(11_000, True), (14_000, True), (16_000, False), (22_050, False)])
def test_missing_high_frequencies(edge_hz, limited):
    y = noise(3, edge_hz=edge_hz)
    assert remarks.band_edge(y) == pytest.approx(edge_hz, abs=300)
    assert ("band_limited" in kinds(y)) == limited


def test_a_low_bitrate_is_band_limited_and_the_bitrate_of_the_table_is_not():
    from core.audio.changes import mp3

    for bitrate, limited in ((64_000, True), (128_000, False)):
        found = {str(remark.kind) for remark in decode(mp3(noise(4), bitrate), "x.mp3").remarks}
        assert ("band_limited" in found) == limited
        assert "lossy" not in found


def test_one_empty_channel():
    y = noise(3)
    assert "one_channel" in kinds(np.stack([y, 0 * y], axis=1))
    assert "one_channel" not in kinds(np.stack([y, 0.1 * y], axis=1))
    assert "one_channel" not in kinds(y)


@pytest.mark.parametrize(("seconds", "words"), [(4, "not reliable"), (12, "Cut to 20 s"), (26, None)])
def test_a_short_clip_says_what_it_costs(seconds, words):
    recording = decode(by_libsndfile(noise(seconds)[:, None].astype(np.float32), "WAV", "PCM_16"), "x")
    texts = [remark.text for remark in recording.remarks if remark.kind == "short"]
    assert len(texts) == (words is not None)
    assert all(words in text for text in texts)


def test_other_rates_are_named():
    assert "resampled" in kinds(noise(2), 48_000)
    assert "low_rate" in kinds(noise(2), 22_050)
    assert not {"resampled", "low_rate"} & kinds(noise(2))


@pytest.mark.parametrize(("codec", "more"), [
    ("PCM_16", False), ("PCM_24", True), ("FLOAT", True), ("ALAC_16", False), ("ALAC_24", True), ("ULAW", False),
    ("pcm_s16be", False), ("pcm_s24le", True), ("flac", True), ("wmalossless", True), ("MPEG_LAYER_III", False),
    ("aac", False), ("adpcm_ima_wav", False), ("pcm_u8", False),
])  # fmt: skip
def test_codecs_that_may_need_more_than_16_bits(codec, more):
    assert remarks.more_than_16_bits(codec) == more
