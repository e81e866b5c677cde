"""Files that are built to cost time: many tiny parts. The work on them is bounded, whatever their size."""

import struct

import pytest

from core.audio import containers, decoding, mpeg, ogg, tag_bytes, tags
from core.audio.decoding import decode, inspect
from core.errors import AudioError

SOUND = struct.pack("<2205h", *(range(-1102, 1103))) * 40
FMT = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 44_100, 88_200, 2, 16)
DATA = b"data" + struct.pack("<I", len(SOUND)) + SOUND


def riff(*parts: bytes) -> bytes:
    body = b"WAVE" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def parts(count: int) -> dict[str, bytes]:
    """A beginning of each format that has so many empty parts."""
    junk = b"junk" + bytes(4)
    w64 = bytes.fromhex("6a756e6bf3acd3118cd100c04f8edb8a") + struct.pack("<Q", 24)
    form = b"AIFF" + junk * count
    start = bytes.fromhex("726966662e91cf11a5d628db04c10000") + bytes(8)
    return {
        "WAV before the sound": riff(FMT, junk * count, DATA),
        "WAV after the sound": riff(FMT, DATA, junk * count),
        "AIFF": b"FORM" + struct.pack(">I", len(form)) + form,
        "W64": start + bytes.fromhex("77617665f3acd3118cd100c04f8edb8a") + w64 * count,
        "CAF": b"caff\0\1\0\0" + (b"free" + bytes(8)) * count,
        "FLAC": b"fLaC\0\0\0\x22" + bytes(34) + b"\1\0\0\0" * count,
        "FLAC behind ID3": b"ID3\4\0\0\0\0\0\0fLaC" + b"\1\0\0\0" * count,
        "M4A": b"\0\0\0\x10ftypM4A \0\0\0\0" + b"\0\0\0\x08free" * count,
    }


@pytest.mark.parametrize("kind", parts(0))
def test_a_file_of_many_parts_is_refused_before_any_decoder_sees_it(kind, monkeypatch):
    monkeypatch.setattr(decoding.isolated, "probe", lambda *_: pytest.fail("the decoder was asked"))
    monkeypatch.setattr(decoding, "open_plain", lambda *_: pytest.fail("the decoder was asked"))
    with pytest.raises(AudioError, match=r"consists of more than 100,000 parts"):
        inspect(parts(containers.MOST_PARTS + 1)[kind], "x")


def test_a_file_with_some_more_parts_is_read_as_before():
    assert decode(riff(FMT, b"junk\0\0\0\0" * 1000, DATA, b"LIST\0\0\0\0" * 1000), "x").duration_s == pytest.approx(2)
    for kind, data in parts(1000).items():
        assert not containers.too_many_parts(data, kind.split()[0]), kind


def test_the_walk_through_tiny_frames_ends(monkeypatch):
    frame = bytes((0xFF, 0xF3, 0x14, 0xC0))
    data = frame.ljust(mpeg.frame_length(frame), b"\0") * 60
    assert mpeg.walk(data).frames == 60
    monkeypatch.setattr(mpeg, "MOST_FRAMES", 59)
    assert mpeg.walk(data).too_long
    other = bytes((0xFF, 0xF3, 0x18, 0xC0))  # of another rate: each change begins a new stretch
    mixed = (frame.ljust(mpeg.frame_length(frame), b"\0") * 4 + other.ljust(mpeg.frame_length(other), b"\0") * 4) * 9
    assert mpeg.walk(mixed).too_long


def test_the_walk_through_tiny_pages_ends(monkeypatch):
    page = b"OggS\0\2" + bytes(20) + b"\0"
    monkeypatch.setattr(ogg, "MOST_PAGES", 200)
    assert len(ogg.walk(page * 200).links[0].codecs) == 100
    assert not ogg.walk(page * 200).too_many
    assert ogg.walk(page * 201).too_many


def test_tags_of_many_empty_frames_cost_no_more_than_a_few():
    for version in (3, 4):
        frames = b"TXXX\0\0\0\1\0\0\0" * 300_000  # reading all of them took hours
        size = bytes(len(frames) >> shift & 127 for shift in (21, 14, 7, 0))
        data = b"ID3" + bytes((version, 0, 0)) + size + frames
        assert len(list(tag_bytes._frames(frames, version, False))) == tag_bytes._MOST_PARTS
        assert tags.file_tags(data, "x.mp3")["title"] == ""
