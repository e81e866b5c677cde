"""Sounds in memory: nothing is copied or made twice, and there is a limit in bytes."""

import os

import pytest

from core.errors import AudioError
from core.playlists.playback import Sound
from pages.shared.sound_cache import Sounds, stamp


def sound(size: int) -> Sound:
    return Sound(b"x" * size, "audio/wav", 0.0)


def test_a_sound_is_made_once_and_given_out_as_it_is():
    sounds, made = Sounds(100), []

    def work() -> Sound:
        made.append(sound(10))
        return made[-1]

    assert sounds.get("a", work) is sounds.get("a", work) is made[0]
    assert len(made) == 1


def test_the_sound_that_was_not_used_for_longest_goes_first():
    sounds = Sounds(100)
    for key in ("a", "b", "a", "c"):
        sounds.get(key, lambda: sound(40))
    assert list(sounds.known) == ["a", "c"]
    assert sounds.get("large", lambda: sound(101)).data
    assert sounds.size <= 100


def test_an_error_is_not_stored():
    def refuse() -> Sound:
        raise AudioError("gone")

    sounds = Sounds(100)
    with pytest.raises(AudioError):
        sounds.get("a", refuse)
    assert sounds.get("a", lambda: sound(1)).data == b"x"


def test_a_changed_file_has_another_stamp(tmp_path):
    file = tmp_path / "a.wav"
    assert stamp(str(file)) == (str(file), 0, 0)
    file.write_bytes(b"1")
    before = stamp(str(file))
    os.utime(file, ns=(1, 1))
    assert stamp(str(file)) != before
    assert stamp("https://example.org/\0") == ("https://example.org/\0", 0, 0)
