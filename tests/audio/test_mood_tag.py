"""The mood in the tag of a file: other programs read it, the sound does not change, and undoing is exact."""

import io
from functools import cache

import av
import numpy as np
import pytest
import tinytag
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from benchmarks.audio_files import by_ffmpeg, made, sound
from core.audio.byte_edits import Edit, apply, inverse, pack, unpack
from core.audio.decoding import blocks, inspect
from core.audio.mood_tag import mood_edits, read_mood
from core.audio.mood_tag_ogg import _checksum
from core.errors import AudioError, CoreError
from tests import tag_files

ID3 = {"TIT2": b"\3Hicaz", "TPE1": b"\3\xc5\x9eirin", "TXXX": b"\0MAKAM\0Hicaz"}


@cache
def files() -> dict[str, bytes]:
    y = sound(3.0)
    plain = made("mp3", 3.0)
    mp3 = plain[plain.index(b"\xff\xfb") :] if plain.startswith(b"ID3") else plain
    return {
        "FLAC": made("flac", 3.0),
        "Ogg Vorbis": made("ogg", 3.0),
        "Opus": made("opus", 3.0),
        "M4A, sound first": by_ffmpeg(y, "aac", "ipod"),
        "M4A, sound last": by_ffmpeg(y, "aac", "ipod", options={"movflags": "faststart"}),
        "M4A without tags": by_ffmpeg(y, "aac", "ipod", options={"movflags": "faststart", "fflags": "+bitexact"}),
        "MP3 without a tag": mp3,
        "MP3, ID3v2.3": tag_files.id3(ID3, major=3).removesuffix(tag_files.MP3_FRAME) + mp3,
        "MP3, ID3v2.4": tag_files.id3(ID3, major=4).removesuffix(tag_files.MP3_FRAME) + mp3,
    }


def samples(data: bytes) -> np.ndarray:
    return np.concatenate(list(blocks(inspect(data, "x"))))


def written(data: bytes, mood: str) -> bytes:
    return apply(data, mood_edits(data, mood))


def seen_by_ffmpeg(data: bytes) -> dict[str, str]:
    with av.open(io.BytesIO(data)) as opened:
        streams = [dict(stream.metadata) for stream in opened.streams.audio]
        found = {name.upper(): text for tags in (*streams, dict(opened.metadata)) for name, text in tags.items()}
    return {"MOOD" if name == "TMOO" else name: text for name, text in found.items()}


@pytest.mark.parametrize("name", files())
def test_other_programs_read_the_mood_and_the_sound_is_the_same(name):
    data = files()[name]
    new = written(data, "relax")
    assert read_mood(data) == ()
    assert read_mood(new) == ("relax",)
    before, after = seen_by_ffmpeg(data), seen_by_ffmpeg(new)
    assert after == before | {"MOOD": "relax"}
    other = tinytag.TinyTag.get(file_obj=io.BytesIO(new)).other
    assert "relax" in {value for values in other.values() for value in values} or name.startswith("M4A")
    assert np.array_equal(samples(data), samples(new))


@pytest.mark.parametrize("name", files())
def test_another_mood_takes_the_place_of_the_first_and_both_can_be_undone(name):
    data = files()[name]
    first = mood_edits(data, "relax")
    once = apply(data, first)
    second = mood_edits(once, "happy")
    twice = apply(once, second)
    assert read_mood(twice) == ("happy",)
    assert mood_edits(twice, "happy") == ()
    assert apply(twice, unpack(pack(inverse(second)))) == once
    assert apply(once, unpack(pack(inverse(first)))) == data


@pytest.mark.parametrize("name", [name for name in files() if name.startswith("MP3")])
def test_the_frames_of_an_mp3_are_byte_by_byte_the_same(name):
    data = files()[name]
    sounding = files()["MP3 without a tag"]
    assert data.endswith(sounding)
    assert written(data, "sad").endswith(sounding)


def test_the_frames_of_a_flac_and_the_pages_of_an_ogg_with_sound_are_the_same():
    assert written(files()["FLAC"], "sad")[-8000:] == files()["FLAC"][-8000:]
    for name in ("Ogg Vorbis", "Opus"):
        data, new = files()[name], written(files()[name], "sad")
        pages = data.split(b"OggS")
        assert new.split(b"OggS")[4:] == pages[4:]
        for page in new.split(b"OggS")[1:]:
            whole = b"OggS" + page
            assert _checksum(whole[:22] + bytes(4) + whole[26:]).to_bytes(4, "little") == whole[22:26]


def test_moods_of_another_program_are_replaced_and_come_back():
    frames = ID3 | {"TMOO": b"\1\xff\xfe" + "hüzün".encode("utf-16-le")}
    data = tag_files.id3(frames, major=4).removesuffix(tag_files.MP3_FRAME) + files()["MP3 without a tag"]
    assert read_mood(data) == ("hüzün",)
    edits = mood_edits(data, "sad")
    assert read_mood(apply(data, edits)) == ("sad",)
    assert apply(apply(data, edits), inverse(edits)) == data
    described = tag_files.id3({"TXXX": b"\0Mood\0calm", "TIT2": b"\0x"}, major=3)
    assert read_mood(described) == ("calm",)
    assert read_mood(written(described, "relax")) == ("relax",)


def test_a_tag_with_free_space_after_it_still_has_it():
    tag = tag_files.id3(ID3, major=3).removesuffix(tag_files.MP3_FRAME)
    size = len(tag) - 10 + 500
    data = tag[:6] + tag_files.synchsafe(size) + tag[10:] + bytes(500) + files()["MP3 without a tag"]
    new = written(data, "angry")
    assert read_mood(new) == ("angry",)
    assert bytes(500) + files()["MP3 without a tag"][:4] in new


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (tag_files.id3(ID3, major=3, unsynchronised=True), "unsynchronised"),
        (tag_files.id3(ID3, major=4, extended=True), "extended header"),
        (b"ID3\2\0\0" + bytes(4) + tag_files.MP3_FRAME, "version 2.2"),
        (b"ID3\4\0\0" + tag_files.synchsafe(30) + b"TIT2" + tag_files.synchsafe(900) + bytes(22), "damaged"),
        (made("wav", 1.0), "cannot be written into a WAV file"),
        (made("wma", 1.0), "cannot be written into a"),
        (b"text", "cannot be written into a"),
    ],
    ids=["unsynchronised", "extended header", "version 2.2", "damaged", "WAV", "WMA", "text"],
)
def test_what_is_unusual_is_refused_with_its_reason(data, why):
    if data.startswith(b"ID3"):
        data += files()["MP3 without a tag"]
    with pytest.raises(AudioError, match=why):
        mood_edits(data, "sad")


@pytest.mark.parametrize("mood", ["", "two words", "hüzün", "a\0b"])
def test_only_a_plain_word_is_a_mood(mood):
    with pytest.raises(AudioError, match="one word"):
        mood_edits(files()["FLAC"], mood)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(some.sampled_from(sorted(files())), some.integers(0, 3000), some.binary(min_size=1, max_size=8))
def test_a_damaged_file_is_refused_or_written_so_that_undoing_is_exact(name, at, noise):
    data = files()[name]
    broken = data[:at] + noise + data[at + len(noise) :]
    try:
        edits = mood_edits(broken, "happy")
    except AudioError:
        return
    assert apply(apply(broken, edits), inverse(edits)) == broken


def test_a_file_that_changed_meanwhile_is_not_edited():
    with pytest.raises(CoreError, match="changed meanwhile"):
        apply(b"abcdef", [Edit(2, b"XY", b"")])
    assert apply(b"abcdef", [Edit(4, b"e", b"E!"), Edit(0, b"", b">")]) == b">abcdE!f"
