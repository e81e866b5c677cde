"""Every format: the right length and the right sound, or a refusal with the true reason and the way out."""

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.audio_files import BY_FFMPEG, NAMES, SR, by_ffmpeg, made, sound
from core.audio import decoding, formats, remarks
from core.audio.decoding import blocks, decode, inspect
from core.audio.formats import FORMATS, Format, identify
from core.errors import AudioError
from core.library.find import READ, SUFFIXES

CASES = Path(__file__).parent.parent / "audio_cases"
DOCS = Path(__file__).parent.parent.parent / "docs"


def samples(data: bytes, name: str = "x") -> np.ndarray:
    """All samples of a file, shape (n, channels)."""
    return np.concatenate(list(blocks(inspect(data, name))))


@pytest.mark.parametrize(
    ("name", "form", "seconds", "kind"),
    [
        ("F01_header_says_0_frames.mp3", "MP3", 10.006, None),
        ("F01_vbr_without_header.mp3", "MP3", 10.031, None),
        ("F01_ok_same_with_header.mp3", "MP3", 10.0, None),
        ("F03_joined_6s_and_6s.mp3", "MP3", 12.071, "joined"),
        ("F05_piped.flac", "FLAC", 2.0, None),
        ("F07_phone.m4a", "M4A", 4.04, None),
        ("F07_raw.aac", "AAC", 4.087, None),
        ("F08_voice_note.opus", "Opus", 4.0, None),
        ("F09_flac_in_ogg.oga", "OGG", 2.0, None),
        ("F10_cut_at_a_page.ogg", "OGG", 8.098, "cut"),
        ("F11_size_never_written.wav", "WAV", 2.0, "length_unknown"),
        ("F12_last_frame_20_bytes_short.mp3", "MP3", 8.046, "cut"),
    ],
)
def test_odd_files_are_read_at_their_right_length(name, form, seconds, kind):
    recording = decode((CASES / name).read_bytes(), name)
    assert recording.format == form
    assert recording.duration_s == pytest.approx(seconds, abs=0.002)
    told = {remark.kind for remark in recording.remarks} & remarks.SUSPICIOUS
    assert told == ({kind} if kind else set())


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the program ffmpeg is not installed")
@pytest.mark.parametrize("path", sorted(CASES.iterdir()), ids=lambda path: path.name)
def test_samples_are_those_of_ffmpeg(path):
    y = samples(path.read_bytes())
    command = ["ffmpeg", "-v", "quiet", "-i", str(path), "-f", "f32le", "-"]
    out = subprocess.run(command, capture_output=True, check=False).stdout
    theirs = np.frombuffer(out, np.float32).reshape(-1, y.shape[1])
    n = min(len(y), len(theirs))
    assert abs(len(y) - len(theirs)) <= 1152
    assert np.abs(y[:n] - theirs[:n]).max() < 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_every_format_gives_the_same_sound_in_both_channels(name):
    data = made(name, 2.0, 2)
    recording = decode(data, "a file without an ending")
    original = sound(2.0, BY_FFMPEG[name][2] if name in BY_FFMPEG else SR, 2)
    assert recording.channels == 2
    assert recording.duration_s == pytest.approx(2.0, abs=0.06)
    y = samples(data)
    lags = range(-2600, 2600)  # codecs add a delay, and WMA loses its first frame
    error = [np.square(y[20_000 + k : 24_000 + k] - original[20_000:24_000]).sum() for k in lags]
    lag = lags[int(np.argmin(error))]
    for channel in range(2):
        heard, meant = y[10_000 + lag : 80_000 + lag, channel], original[10_000:80_000, channel]
        assert np.corrcoef(heard, meant)[0, 1] > 0.99


@pytest.mark.parametrize("name", ["m4a", "opus", "webm", "wma", "wv", "ac3"])
def test_a_part_is_the_same_as_in_the_whole(name):
    """Also after a seek: FFmpeg begins early enough to be exact."""
    source = inspect(made(name, 14.0), "x")
    whole = np.concatenate(list(blocks(source)))
    first = round(9.3 * source.sr)
    part = np.concatenate(list(blocks(source, first, source.sr)))
    assert len(part) == source.sr
    best = min(np.abs(part - whole[first + k : first + k + source.sr]).max() for k in range(-48, 49))
    assert best < 1e-4


def test_a_part_of_an_mp3_is_the_same_as_in_the_whole():
    source = inspect((CASES / "F01_ok_same_with_header.mp3").read_bytes(), "x")
    whole = np.concatenate(list(blocks(source)))
    for first in (12_345, 100_000, 262_144):
        part = np.concatenate(list(blocks(source, first, 20_000)))
        assert np.abs(part - whole[first : first + 20_000]).max() < 1e-6


OTHERS = {
    "picture.wav": (b"\xff\xd8\xff\xe0" + bytes(100), r"is a picture \(JPEG\). Choose a file with music"),
    "scan.mp3": (b"%PDF-1.7" + bytes(100), "is a PDF document. Choose a file with music"),
    "album.zip": (b"PK\x03\x04" + bytes(100), "is a ZIP archive. Unpack it"),
    "song.mp3": (b"<!DOCTYPE html><html>login</html>", r"is a web page \(HTML\).*open the address in a browser"),
    "list.m3u": (b"#EXTM3U\na.mp3\n", "is a playlist.*Choose the files that it names"),
    "notes.mid": (b"MThd" + bytes(100), "is a MIDI file: notes and no sound. Play it"),
    "pointer.wav": (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS.*git lfs pull"),
    "empty.wav": (bytes(5000), "is nothing but zero bytes. The copy is not complete"),
    "old.ape": (b"MAC " + bytes(100), r"is Monkey's Audio \(APE\), which is not read. Convert it to WAV or FLAC"),
    "film.avi": (b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(100), "is an AVI video, which is not read. Convert it"),
    "tag.mp3": (b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128), r"is a tag \(ID3\) without any sound"),
    "noise.bin": (bytes(range(1, 120)) * 40, "is not audio that can be read"),
    "phone.m4a": (b"\x00\x00\x00\x20ftypM4A " + bytes(400), r"lacks its index \(moov\).*recording was not ended"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_audio_is_called_by_its_name(name):
    data, words = OTHERS[name]
    with pytest.raises(AudioError, match=words) as refused:
        decode(data, name)
    assert str(refused.value).startswith(name)


def test_a_protected_file_says_so():
    data = made("m4a").replace(b"mp4a", b"drms")
    with pytest.raises(AudioError, match=r"is protected against copying \(DRM\). Choose a file that is not protected"):
        decode(data, "x.m4a")


def test_a_video_without_sound_says_so():
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mov") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(25):
            out.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        out.mux(stream.encode(None))
    with pytest.raises(AudioError, match="holds no sound that can be read"):
        decode(buffer.getvalue(), "x.mov")


@pytest.mark.parametrize("name", ["m4a", "m4a_alac", "wma", "webm", "wv", "tta", "opus"])
def test_truncated_files_are_refused(name):
    data = made(name, 6.0)
    with pytest.raises(AudioError, match="truncated|index|damaged"):
        decode(data[: len(data) // 2], "x")


def test_a_phone_recording_with_its_index_first_and_its_end_missing_is_refused():
    data = by_ffmpeg(sound(6.0), "aac", "ipod", options={"movflags": "faststart"})
    assert data.index(b"moov") < data.index(b"mdat")
    with pytest.raises(AudioError, match=r"truncated: 6\.\d s were announced, [23]\.\d s are there"):
        decode(data[: len(data) // 2], "x.m4a")


def test_the_table_of_formats_is_the_one_fact():
    assert READ == formats.ENDINGS
    assert len(set(SUFFIXES)) == len(SUFFIXES)
    assert {form.name for form in FORMATS} == set(formats.names().replace(" or ", ", ").split(", "))
    assert formats.markdown_table() in (DOCS / "audio.md").read_text()
    assert remarks.markdown_table() in (DOCS / "audio.md").read_text()


def test_every_format_of_the_table_is_recognised():
    found = {form.name for name in NAMES if isinstance(form := identify(made(name)), Format)}
    assert found == {form.name for form in FORMATS} - {"AMR"}  # of one channel only: below


def test_a_voice_note_of_an_older_phone_is_read():
    recording = decode(by_ffmpeg(sound(4.0, 8_000), "libopencore_amrnb", "amr", 8_000), "note.amr")
    assert (recording.format, recording.sr) == ("AMR", 8_000)
    assert recording.duration_s == pytest.approx(4.0, abs=0.1)


def test_a_name_that_is_wrong_changes_nothing():
    data = made("m4a")
    right, wrong = decode(data, "a.m4a"), decode(data, "a.wav")
    assert right.clip.clip_id == wrong.clip.clip_id
    np.testing.assert_array_equal(right.clip.y, wrong.clip.y)


def test_raw_aac_that_begins_within_a_frame_is_read():
    assert decoding.inspect(made("aac")[100:], "x").format == "AAC"


def test_recordings_with_several_rates_in_one_stream_are_read_at_the_first_one():
    first, second = sound(2.0, 44_100), sound(2.0, 22_050)
    joined = by_ffmpeg(first, "aac", "adts") + by_ffmpeg(second, "aac", "adts", 22_050)
    assert inspect(joined, "x").duration_s == pytest.approx(4.0, abs=0.2)


def test_the_gain_in_the_header_of_opus_is_applied():
    data = bytearray(made("opus", 4.0))
    loud = samples(bytes(data))
    at = data.index(b"OpusHead")
    data[at + 16 : at + 18] = (-6 * 256).to_bytes(2, "little", signed=True)
    quiet = samples(with_page_checksum(data))
    assert np.abs(quiet).max() == pytest.approx(np.abs(loud).max() * 10 ** (-6 / 20), rel=1e-3)


def with_page_checksum(data: bytearray) -> bytes:
    """The file with the right checksum of its first Ogg page (RFC 3533: polynomial 0x04c11db7)."""
    end = 27 + data[26] + sum(data[27 : 27 + data[26]])
    data[22:26] = bytes(4)
    crc = 0
    for byte in data[:end]:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    data[22:26] = crc.to_bytes(4, "little")
    return bytes(data)


def test_vorbis_and_opus_that_follow_each_other_are_both_read():
    y = samples(made("ogg", 4.0) + made("opus", 4.0))
    assert len(y) == pytest.approx(8.0 * SR, abs=2)
    np.testing.assert_allclose(y[: 3 * SR], samples(made("ogg", 4.0))[: 3 * SR], atol=1e-6)
