"""Decoding: any sound file gives the same mono clip; anything else gives a sentence and no clip."""

import io
import time

import numpy as np
import pytest
import soundfile

from core.audio import decoding, drawing, mpeg
from core.errors import AudioError
from core.schema import SR


def tone(seconds: float, sr: int = SR, hz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * sr)) / sr)


def encode(y: np.ndarray, sr: int = SR, form: str = "WAV", subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, y, sr, format=form, subtype=subtype)
    return buffer.getvalue()


def test_16_bit_samples_are_the_integers_over_32768():
    integers = np.array([0, 1, -1, 32767, -32768, 1234] * 5000, dtype=np.int16)
    clip = decoding.decode(encode(integers), "a.wav").clip
    np.testing.assert_array_equal(clip.y, integers / 32768)


def test_stereo_is_the_mean_of_the_channels():
    y = np.stack([tone(1.0), np.zeros(SR)], axis=1)
    clip = decoding.decode(encode(y, subtype="DOUBLE"), "a.wav").clip
    np.testing.assert_allclose(clip.y, y.mean(axis=1), atol=1e-15)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
def test_every_format_gives_the_same_sound(form):
    y = tone(2.0)
    clip = decoding.decode(encode(y, form=form), "a").clip
    n = min(clip.y.size, y.size)
    assert clip.sr == SR
    assert np.abs(clip.y[:n] - y[:n])[2000:-2000].max() < 0.02


@pytest.mark.parametrize("sr", [8000, 22050, 32000, 48000, 96000, 192000])
def test_every_rate_is_brought_to_44100_with_the_pitch_kept(sr):
    clip = decoding.decode(encode(tone(2.0, sr), sr), "a.wav").clip
    spectrum = np.abs(np.fft.rfft(clip.y * np.hanning(clip.y.size)))
    assert clip.sr == SR
    assert clip.y.size == pytest.approx(2 * SR, abs=2)
    assert np.argmax(spectrum) / 2 == pytest.approx(440, abs=0.5)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_sample_format_has_full_scale_one(subtype):
    clip = decoding.decode(encode(tone(1.0), subtype=subtype), "a.wav").clip
    assert np.abs(clip.y).max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_channels_are_mixed_down(channels):
    recording = decoding.decode(encode(np.tile(tone(1.0)[:, None], (1, channels))), "a.wav")
    assert recording.clip.y.ndim == 1
    assert recording.channels == channels
    assert any(remark.kind == "mixed" for remark in recording.remarks) == (channels > 2)


def test_long_files_give_their_middle():
    y = np.concatenate([np.zeros(20 * SR), tone(40), np.zeros(20 * SR)])
    recording = decoding.decode(encode(y), "a.wav")
    assert recording.clip.y.size == round(decoding.EXCERPT_S * SR)
    assert recording.start_s == pytest.approx((80 - decoding.EXCERPT_S) / 2, abs=1e-4)
    assert np.abs(recording.clip.y[:SR]).max() > 0.4
    assert [remark.text for remark in recording.remarks if remark.kind == "excerpt"] == [
        "The file lasts 80 s; 30.0 s from 25.0 s on were analysed."
    ]


def test_another_excerpt_is_another_clip():
    data = encode(tone(40))
    middle, begin = decoding.decode(data, "a.wav"), decoding.decode(data, "a.wav", start_s=0)
    assert middle.clip.clip_id == decoding.content_hash(data)
    assert begin.clip.clip_id != middle.clip.clip_id
    assert begin.start_s == 0


def test_remarks_name_what_makes_features_mean_less():
    def remark(*args, **kwargs):
        return " ".join(found.text for found in decoding.decode(encode(*args, **kwargs), "a").remarks)

    assert "11.025 kHz" in remark(tone(6, 22050), 22050)
    assert "nothing above 603 Hz" in remark(tone(6))
    assert "8-bit" in remark(tone(6), subtype="PCM_U8")
    assert "so little audio is not reliable" in remark(tone(2))
    assert "full scale" in remark(3 * tone(6), subtype="FLOAT")
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 30 * 44100)
    assert remark(noise) == ""
    assert "ompressed" not in remark(noise, form="MP3")  # the clips of the table were compressed, too


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"this is a poem, not a song\n" * 100, "is not audio but a text"),
        (b"RIFF\x00\x00\x00\x00WAVE", "begins like WAV audio but cannot be read"),
        (encode(np.zeros(0)), "length is zero"),
        (encode(tone(0.2)), "0.20 s; at least 0.5 s"),
        (encode(np.zeros(2 * SR)), "is silent"),
        (encode(np.full(2 * SR, 0.3)), "is silent"),
        (encode(np.where(np.arange(SR) == 99, np.nan, tone(1.0)), subtype="FLOAT"), "not numbers"),
        (encode(np.where(np.arange(SR) == 99, np.inf, tone(1.0)), subtype="DOUBLE"), "not numbers"),
    ],
    ids=["empty", "text", "header", "zero-length", "0.2s", "silent", "dc", "nan", "inf"],
)
def test_bad_input_is_refused_with_a_sentence(data, words):
    with pytest.raises(AudioError, match=words):
        decoding.decode(data, "x.wav")


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("kept", [0.95, 0.5, 0.1])
def test_truncated_files_are_refused(form, kept):
    data = encode(tone(5) + 0.1 * np.random.default_rng(0).standard_normal(5 * SR), form=form)
    with pytest.raises(AudioError, match="truncated|damaged|zero"):
        decoding.decode(data[: int(kept * len(data))], "x")


@pytest.mark.parametrize("form", ["FLAC", "AIFF", "RF64", "W64", "AU"])
@pytest.mark.parametrize("kept", [0.95, 0.5])
def test_a_long_truncated_file_is_refused_though_its_middle_is_whole(form, kept):
    data = encode(tone(70, 8000), 8000, form=form)
    assert decoding.decode(data, "x").duration_s == 70
    with pytest.raises(AudioError, match="truncated|damaged"):
        decoding.decode(data[: int(kept * len(data))], "x")


def test_an_mp3_of_nothing_but_sync_bytes_is_not_searched_through():
    frame = b"\xff\xfb\x00\x44" + bytes(36) + b"\xff" * 5_000_000
    started = time.process_time()
    assert mpeg.first_frame(frame, 0) == -1
    assert mpeg.first_frame(b"\xff\xfb\x90\x00" * 5_000_000, 0) == -1
    assert time.process_time() - started < 5


def test_channels_that_cancel_are_refused_with_the_reason():
    y = np.stack([tone(1.0), -tone(1.0)], axis=1)
    with pytest.raises(AudioError, match="silent once its channels are mixed"):
        decoding.decode(encode(y), "x.wav")


def test_streamed_wav_headers_announce_nothing():
    data = bytearray(encode(tone(1.0)))
    at = data.find(b"data")
    data[at + 4 : at + 8] = b"\xff\xff\xff\xff"
    assert decoding.decode(bytes(data), "x.wav").clip.y.size == SR


def test_an_mp3_with_tags_before_and_after_is_whole():
    mp3 = encode(tone(3), form="MP3")
    id3 = b"ID3\x04\x00\x00\x00\x00\x02\x00" + b"\x00" * 256
    assert decoding.decode(id3 + mp3 + b"TAG" + b"\x00" * 125, "x.mp3").duration_s == pytest.approx(3, abs=0.1)


def test_too_large_is_refused_before_decoding():
    with pytest.raises(AudioError, match="has 300 MB; at most 200 MB"):
        decoding.decode(bytes(300_000_000), "big.wav")


def test_a_name_is_only_ever_shown():
    assert decoding.display_name("../../etc/x.wav") == "x.wav"
    assert decoding.display_name("C:\\music\\şarkı\x00\n.wav") == "şarkı.wav"
    assert decoding.decode(encode(tone(1.0)), "../../x.wav").name == "x.wav"


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(AudioError, match="cannot be read"):
        decoding.read(tmp_path)


def test_the_drawn_waveform_holds_the_extremes():
    clip = decoding.decode(encode(tone(1.0)), "a.wav").clip
    times, low, high = drawing.envelope(clip)
    assert times.shape == low.shape == high.shape == (600,)
    assert high.max() == clip.y.max()
    assert low.min() == clip.y.min()


def test_a_silent_stereo_file_is_silent_and_channels_that_cancel_are_named():
    with pytest.raises(AudioError, match=r"^x.wav is silent\. Choose"):
        decoding.decode(encode(np.zeros((SR, 2))), "x.wav")
    y = tone(1.0)
    with pytest.raises(AudioError, match=r"^x.wav is silent once its channels are mixed to one\. Choose"):
        decoding.decode(encode(np.stack([y, -y], axis=1)), "x.wav")


@pytest.mark.parametrize(("lost", "said"), [(1, "its last byte is missing"), (2, "its last 2 bytes are missing")])
def test_missing_bytes_are_counted(lost, said):
    with pytest.raises(AudioError, match=said):
        decoding.decode(encode(tone(1.0))[:-lost], "x.wav")
