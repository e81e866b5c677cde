"""Small changes of the same music: each does what its name says, and no other sample moves."""

import io

import numpy as np
import pytest
import soundfile

from core.audio.changes import (
    DELAYS_S,
    LENGTH_S,
    ONE_CHANNEL,
    QUIET_16_BIT,
    SMALL_CHANGES,
    changed_clips,
    mp3,
    small_changes,
    through_mp3,
    window_starts,
)
from core.audio.decoding import Clip, inspect
from core.schema import SR


def stereo(seconds: float) -> np.ndarray:
    """Two different tones with a slow change of level, shape (n, 2)."""
    t = np.arange(round(seconds * SR)) / SR
    swell = 0.2 + 0.1 * np.sin(2 * np.pi * 0.3 * t)
    return np.stack([swell * np.sin(2 * np.pi * 220 * t), swell * np.sin(2 * np.pi * 330 * t)], axis=1)


def source(y: np.ndarray):
    buffer = io.BytesIO()
    soundfile.write(buffer, y, SR, format="WAV", subtype="FLOAT")
    return inspect(buffer.getvalue(), "tones.wav")


@pytest.fixture(scope="module")
def changed():
    return {one.change: one.clip.y for one in changed_clips(source(stereo(36)), 0.0)}


def test_every_change_of_a_stereo_file_with_room_is_there(changed):
    assert list(changed) == [
        *("", "−6 dB", "−12 dB", "−20 dB", QUIET_16_BIT, "5 s later", "1 s later", "0.1 s later"),
        *("MP3 128", "MP3 64", "22.05 kHz", ONE_CHANNEL, "cut to 20 s", "cut to 10 s"),
    ]


def test_the_level_changes_nothing_else(changed):
    np.testing.assert_allclose(changed["−20 dB"] * 10, changed[""], atol=1e-12)
    error = np.abs(changed[QUIET_16_BIT] - changed["−20 dB"]).max()
    assert 0 < error <= 0.5 / 32768 + 1e-12


def test_later_is_the_same_music_from_there(changed):
    mix = stereo(36).mean(axis=1)
    for delay_s in DELAYS_S:
        first = round(delay_s * SR)
        np.testing.assert_allclose(
            changed[f"{delay_s:g} s later"], mix[first : first + round(LENGTH_S * SR)], atol=1e-6
        )


def test_one_channel_is_the_first_channel(changed):
    np.testing.assert_allclose(changed[ONE_CHANNEL], stereo(30)[:, 0], atol=1e-6)


def test_a_cut_is_the_middle(changed):
    middle = stereo(30).mean(axis=1)[5 * SR : 25 * SR]
    np.testing.assert_allclose(changed["cut to 20 s"], middle, atol=1e-6)


def test_a_round_trip_through_mp3_neither_shifts_nor_changes_what_is_heard(changed):
    y = changed[""]
    back = changed["MP3 128"]
    assert back.size == y.size
    gain = back @ y / (y @ y)  # LAME makes every file quieter by 0.45 dB
    assert gain == pytest.approx(0.95, abs=0.01)
    assert np.sqrt(np.mean((back - gain * y) ** 2)) < 0.001 * np.sqrt(np.mean(y**2))
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 2 * SR)
    shifted = through_mp3(noise, 128_000)
    assert np.corrcoef(noise, shifted)[0, 1] > 0.8
    assert len(mp3(noise, 128_000)) == pytest.approx(2 * 128_000 / 8, rel=0.1)


def test_what_a_file_has_no_room_or_channels_for_is_left_out():
    names = [one.change for one in changed_clips(source(stereo(12)[:, 0]), 0.0)]
    assert "1 s later" not in names
    assert ONE_CHANNEL not in names
    assert "cut to 20 s" not in names
    assert "cut to 10 s" in names


@pytest.mark.parametrize(
    ("duration_s", "most", "starts"),
    [(12, 4, [0]), (34, 4, [0]), (64, 4, [0]), (66, 4, [0, 31]), (300, 3, [0, 132.5, 265]), (300, 1, [0])],
)
def test_windows_do_not_overlap_and_leave_room(duration_s, most, starts):
    assert window_starts(duration_s, most=most) == starts


def test_twenty_small_changes():
    clip = Clip("tones", stereo(3).mean(axis=1), SR)
    names = [one.change for one in small_changes(clip)]
    assert len(names) == len(set(names)) == SMALL_CHANGES == 20
