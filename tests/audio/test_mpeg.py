"""MP3: the length is that of its frames, whatever lies before, between and behind them."""

import struct

import numpy as np
import pytest

from benchmarks.audio_files import by_ffmpeg, by_libsndfile, made, sound
from core.audio import mpeg
from core.audio.decoding import blocks, decode, inspect
from core.audio.mpeg import walk
from core.errors import AudioError

RATE = 44_100


def frames() -> bytes:
    """The frames of an MP3 of 6 s, without its header: 6.01 s with the encoder's delay."""
    data = made("mp3", 6.0)
    first = walk(data).stretches[0]
    return data[first.start : first.end]


def id3(content: bytes, *, footer: bool = False, padding: int = 0) -> bytes:
    size = len(content) + padding
    head = bytes((4, 0, 0x10 if footer else 0, *(size >> 7 * k & 0x7F for k in (3, 2, 1, 0))))
    return b"ID3" + head + content + bytes(padding) + (b"3DI" + head if footer else b"")


def ape(content: bytes) -> bytes:
    fields = struct.pack("<III8x", 2000, len(content) + 32, 1)
    return (
        b"APETAGEX"
        + fields[:8]
        + struct.pack("<II8x", 1, 0xA0000000)
        + content
        + b"APETAGEX"
        + fields[:8]
        + struct.pack("<II8x", 1, 0x80000000)
    )


COVER = np.random.default_rng(0).bytes(3_000_000)
BEFORE = {
    "nothing": b"",
    "a tag": id3(b"TIT2" + bytes(20)),
    "a cover of 3 MB": id3(b"APIC" + COVER),
    "a tag with footer": id3(b"TIT2" + bytes(20), footer=True),
    "a tag with padding": id3(b"TIT2" + bytes(20), padding=4000),
    "two tags": id3(bytes(30)) + id3(bytes(50)),
    "zero bytes": bytes(200_000),
    "a tag and zero bytes": id3(bytes(30)) + bytes(5000),
    "an APE tag": ape(b"x" * 200),
    "junk": b"ICY 200 OK\r\nicy-name: radio\r\n\r\n" * 40,
    "junk with 0xFF in it": bytes(range(256)) * 30,
}


@pytest.mark.parametrize("before", BEFORE)
def test_what_lies_before_the_first_frame_does_not_count(before):
    plain = decode(frames(), "x.mp3")
    found = decode(BEFORE[before] + frames(), "x.mp3")
    assert found.duration_s == plain.duration_s == pytest.approx(6.0, abs=0.1)
    np.testing.assert_array_equal(found.clip.y, plain.clip.y)


@pytest.mark.parametrize("behind", [b"TAG" + bytes(125), ape(b"x" * 99), bytes(3000), b"LYRICSBEGIN" + bytes(80)])
def test_what_lies_behind_the_last_frame_does_not_count(behind):
    plain, found = decode(frames(), "x.mp3"), decode(frames() + behind, "x.mp3")
    assert found.duration_s == plain.duration_s
    assert found.remarks == plain.remarks


def test_a_quiet_start_does_not_make_a_guess_of_the_length():
    y = sound(20.0)
    y[: 8 * RATE] *= 1e-4
    data = by_libsndfile(y, "MP3", None)
    plain = data[walk(data).stretches[0].start :]
    assert inspect(plain, "x").duration_s == pytest.approx(20.05, abs=0.05)


def with_header(change: dict[str, int]) -> bytes:
    """The MP3 with numbers of its header changed. change : frames, size."""
    data = bytearray(made("mp3", 6.0))
    at = max(data.find(b"Xing"), data.find(b"Info"))
    assert data[at + 7] & 3 == 3
    for name, value in change.items():
        struct.pack_into(">I", data, at + (8 if name == "frames" else 12), value)
    return bytes(data)


@pytest.mark.parametrize("wrong", [0, 1, 50, 100_000])
def test_a_header_with_a_wrong_number_of_frames_is_not_believed(wrong):
    assert inspect(with_header({"frames": wrong}), "x").duration_s == pytest.approx(6.0, abs=0.1)


def test_a_header_of_a_longer_file_makes_a_remark():
    recording = decode(with_header({"frames": 1000, "size": 400_000}), "x")
    assert recording.duration_s == pytest.approx(6.0, abs=0.1)
    assert "The header announces 26.1 s, and 6.0 s are there. It may be cut." in [r.text for r in recording.remarks]


def test_a_file_that_ends_in_the_middle_of_what_its_header_announces_is_refused():
    data = made("mp3", 6.0)
    with pytest.raises(AudioError, match=r"truncated: 6\.0 s were announced, 3\.\d s are there"):
        decode(data[: len(data) // 2 + 7], "x")


def test_a_vbri_header_is_no_sound():
    first = frames()[:4]
    length = mpeg.frame_length(first)
    header = (first + bytes(32) + b"VBRI" + bytes(6) + struct.pack(">II", 90_000, 230)).ljust(length, b"\0")
    found = walk(header + frames())
    assert found.announced is not None
    assert (found.announced.kind, found.announced.frames) == ("VBRI", 230)
    assert found.frames == walk(frames()).frames


@pytest.mark.parametrize("tag", [b"", id3(bytes(100)), b"TAG" + bytes(125)])
def test_joined_files_are_read_whole(tag):
    data = made("mp3", 6.0) + tag + made("mp3", 4.0)
    recording = decode(data, "x")
    assert recording.duration_s == pytest.approx(10.05, abs=0.1)
    assert "joined" in [remark.kind for remark in recording.remarks]


def test_joined_files_of_two_rates_are_read_at_the_first_one():
    second = by_libsndfile(sound(4.0, 22_050, 2), "MP3", None, 22_050)
    source = inspect(made("mp3", 6.0) + second, "x")
    y = np.concatenate(list(blocks(source)))
    assert (source.sr, source.channels) == (RATE, 1)
    assert source.duration_s == pytest.approx(10.05, abs=0.1)
    assert len(y) == pytest.approx(source.header.frames, abs=100)
    assert np.abs(y[-2 * RATE :]).max() > 0.1
    assert "joined" in [remark.kind for remark in source.header.remarks]


@pytest.mark.parametrize("short_by", [1, 20, 300])
def test_a_last_frame_that_is_cut_makes_a_remark(short_by):
    recording = decode(frames()[:-short_by], "x")
    assert recording.duration_s == pytest.approx(6.0, abs=0.1)
    assert "cut" in [remark.kind for remark in recording.remarks]


def test_damage_in_the_middle_is_skipped_and_named():
    data = frames()
    middle = len(data) // 2
    recording = decode(data[:middle] + b"no sound at all " * 50 + data[middle:], "x")
    assert recording.duration_s == pytest.approx(6.0, abs=0.2)
    assert "damaged" in [remark.kind for remark in recording.remarks]


def test_a_file_whose_header_is_right_is_given_to_libsndfile_as_it_is():
    """So its samples, and with them the features, are what they always were: delay and padding left out."""
    data = made("mp3", 6.0)
    assert inspect(data, "x").header.frames == 6 * RATE


@pytest.mark.parametrize("sr", [32_000, 44_100, 48_000])
@pytest.mark.parametrize("cut", [0, 100])
def test_free_format_has_the_same_sound(sr, cut):
    """Frames whose headers do not say their bitrate, behind a tag."""
    usual = by_ffmpeg(sound(4.0, sr), "libmp3lame", "mp3", sr)
    (stretch,) = walk(usual).stretches
    usual = usual[stretch.start : stretch.end]
    free, at = bytearray(usual), 0
    while at < len(free):
        length = mpeg.frame_length(usual[at : at + 4])
        free[at + 2] &= 0x0F
        at += length
    whole = stretch.frames - bool(cut)
    source = inspect(id3(b"x" * 50) + bytes(free[: len(free) - cut]), "free.mp3")
    y = np.concatenate(list(blocks(source)))
    assert source.header.frames == len(y) == whole * stretch.samples
    assert [remark.kind for remark in source.header.remarks] == ["cut"] * bool(cut)
    expected = np.concatenate(list(blocks(inspect(usual, "usual.mp3"))))
    np.testing.assert_allclose(y, expected[: len(y)], rtol=0, atol=1e-6)


@pytest.mark.parametrize("place", ["first", "last"])
def test_frames_in_a_tag_are_no_sound(place):
    """An APEv2 tag whose content looks like frames, and junk of 100 kB before the first frame."""
    fake = ape(frames()[:20_000])
    usual = np.concatenate(list(blocks(inspect(frames(), "x.mp3"))))
    data = {"first": fake + frames(), "last": frames() + fake}[place]
    np.testing.assert_array_equal(np.concatenate(list(blocks(inspect(data, "x.mp3")))), usual)
    junk = bytes((k * 37 + 11) % 251 for k in range(100_000))
    np.testing.assert_array_equal(np.concatenate(list(blocks(inspect(junk + frames(), "x.mp3")))), usual)
