"""Ogg with several recordings, and containers whose size was never written."""

import io
import struct

import numpy as np
import pytest
import soundfile

from benchmarks.audio_files import SR, by_ffmpeg, by_libsndfile, made, sound
from core.audio.decoding import blocks, decode, inspect
from core.errors import AudioError


def whole(data: bytes) -> np.ndarray:
    return np.concatenate(list(blocks(inspect(data, "x"))))


def kinds(data: bytes) -> list[str]:
    return [remark.kind for remark in inspect(data, "x").header.remarks]


def test_chained_ogg_is_read_whole():
    one, two = made("ogg", 2.0), by_libsndfile(sound(3.0, seed=1), "OGG", "VORBIS")
    y = whole(one + two)
    assert len(y) == 5 * SR
    assert np.abs(y - np.concatenate([whole(one), whole(two)])).max() < 1e-6
    assert kinds(one + two) == ["joined"]


@pytest.mark.parametrize("second", ["opus", "flac", "vorbis of another rate"])
def test_chained_ogg_of_several_kinds_is_read_at_the_first_ones_rate(second):
    others = {
        "opus": lambda: made("opus", 3.0, 2),
        "flac": lambda: by_libsndfile(sound(3.0, 48_000), "OGG", "VORBIS", 48_000),
        "vorbis of another rate": lambda: by_libsndfile(sound(3.0, 22_050), "OGG", "VORBIS", 22_050),
    }
    source = inspect(made("ogg", 2.0) + others[second](), "x")
    y = np.concatenate(list(blocks(source)))
    assert (source.sr, source.channels, source.duration_s) == (SR, 1, pytest.approx(5.0, abs=0.02))
    assert len(y) == pytest.approx(5 * SR, abs=SR // 50)
    assert np.abs(y[4 * SR :]).max() > 0.1


def test_a_part_of_chained_ogg_may_lie_across_the_joint():
    data = made("ogg", 2.0) + made("ogg", 3.0)
    part = np.concatenate(list(blocks(inspect(data, "x"), SR, 2 * SR)))
    np.testing.assert_allclose(part, whole(data)[SR : 3 * SR], atol=1e-6)


@pytest.mark.parametrize("name", ["ogg", "opus"])
def test_ogg_without_its_end_mark_may_be_cut(name):
    data = bytearray(made(name, 3.0))
    assert kinds(bytes(data)) == []
    last = data.rfind(b"OggS")
    assert kinds(bytes(data[:last])) == ["cut"]


def test_ogg_without_sound_says_so():
    data = bytearray(made("ogg", 2.0))
    at = data.find(b"\x01vorbis")
    data[at : at + 7] = b"\x80theora"
    with pytest.raises(AudioError, match="holds no sound that is known here"):
        inspect(bytes(data), "x.ogg")


def size_at(data: bytes, chunk: bytes, skip: int) -> int:
    return data.index(chunk) + skip


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
@pytest.mark.parametrize("name", ["wav", "wav_float", "wav_extensible"])
def test_wav_whose_size_was_never_written_is_read_to_its_end(name, size):
    data = bytearray(made(name))
    struct.pack_into("<I", data, size_at(data, b"data", 4), size)
    struct.pack_into("<I", data, 4, 0)
    assert inspect(bytes(data), "x").duration_s == 2.0
    assert "length_unknown" in kinds(bytes(data))
    assert np.abs(whole(bytes(data)) - whole(made(name))).max() == 0


@pytest.mark.parametrize("size", [0, 0xFFFFFFFFFFFFFFFF])
@pytest.mark.parametrize(("name", "chunk", "skip"), [("rf64", b"ds64", 16), ("w64", b"data\xf3\xac\xd3", 16)])
def test_rf64_and_w64_whose_size_was_never_written_are_read_to_their_end(name, chunk, skip, size):
    data = bytearray(made(name))
    struct.pack_into("<Q", data, size_at(data, chunk, skip), size)
    assert inspect(bytes(data), "x").duration_s == 2.0
    assert "length_unknown" in kinds(bytes(data))


def test_aiff_whose_size_was_never_written_is_read_to_its_end():
    data = bytearray(made("aiff"))
    struct.pack_into(">I", data, size_at(data, b"SSND", 4), 0)
    struct.pack_into(">I", data, size_at(data, b"COMM", 10), 0)
    assert inspect(bytes(data), "x").duration_s == pytest.approx(2.0, abs=0.001)


def test_a_wav_that_is_empty_is_empty():
    """A size of zero that was written: other chunks follow the one with the sound."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(0), SR, format="WAV")
    data = buffer.getvalue() + b"LIST" + struct.pack("<I", 400) + bytes(400)
    with pytest.raises(AudioError, match="holds no audio: its length is zero"):
        inspect(data, "x.wav")


def test_mp3_in_wav_is_read():
    data = by_ffmpeg(sound(2.0), "libmp3lame", "wav")
    assert decode(data, "x.wav").duration_s == pytest.approx(2.0, abs=0.06)


def test_a_flac_whose_last_block_is_cut_makes_a_remark():
    data = made("flac", 6.0)
    recording = decode(data[:-20], "x")
    assert recording.duration_s == pytest.approx(6.0, abs=0.1)
    assert "cut" in [remark.kind for remark in recording.remarks]
