"""Which places of this machine the pages read: one resolver refuses all others in one sentence."""

import hashlib
from dataclasses import replace
from unittest.mock import patch

import pytest
from owner import OWNER

from core import settings as settings_module
from core import store
from core.allowed_places import NOT_SET, REFUSED, Places, RefusedPlaceError, allowed_places, name_place, typed_folder
from core.errors import AudioError, CoreError
from core.library.addresses import filesystem
from core.library.find import find_audio
from core.library.reading import read_content
from core.pipeline import kept_audio
from core.playlists import levelled_copies, playback
from core.settings import Settings, note_reach

FILE = "file:" + "//"
ESCAPES = [
    *(
        "..",
        "../..",
        "sub/../../other",
        "/",
        "/etc",
        "/etc/",
        "//etc",
        "out",
        "out/deeper",
        "out/../other",
        "nowhere-out",
    ),
    *("/proc/self/root", "/proc/self/cwd", "/dev/fd", "/sys", "/proc/../etc"),
    *("~", "~/music", "~root", "~nobody/x", "a\x00b", "/etc\x00", "x" * 5000),
    *("zip::/etc/x.zip", "zip://*.wav::/tmp/x.zip", f"simplecache::{FILE}/etc", "filecache::s3://b/k", "s3://b/k"),
    *("file:/etc", f"{FILE}/etc", "FILE:///etc", "File:etc", " file:etc", "local:///etc", "memory://x", "data:,x"),
    *("/absent-folder", "/etc/absent-folder", "../absent"),
]


@pytest.fixture
def shared(tmp_path):
    music = tmp_path / "music"
    (music / "sub").mkdir(parents=True)
    (tmp_path / "other/deeper").mkdir(parents=True)
    (music / "out").symlink_to(tmp_path / "other")
    (music / "nowhere-out").symlink_to(tmp_path / "absent")
    (music / "inner").symlink_to(music / "sub")
    return Settings(data_dir=tmp_path / "data", library_dir=music, shared=True)


@pytest.mark.parametrize("typed", ESCAPES, ids=ascii)
def test_every_way_out_ends_in_the_same_sentence(shared, typed):
    with pytest.raises(RefusedPlaceError) as refused:
        typed_folder(typed, shared)
    assert str(refused.value) == REFUSED  # the same for places that exist and for others


def test_folders_of_music_are_allowed(shared):
    music = shared.library_dir
    assert typed_folder("sub", shared) == typed_folder(str(music / "sub"), shared) == music / "sub"
    assert typed_folder(" inner ", shared) == music / "inner"  # a link that stays inside
    assert allowed_places(shared).root_of(str(music / "sub")) == str(music)
    assert allowed_places(shared).allow(str(shared.uploads_dir / "x.wav"))
    assert allowed_places(shared).allow(str(shared.demo_library_dir / "x.ogg"))
    assert not allowed_places(shared).allow(str(shared.data_dir / "feedback.db"))
    assert not allowed_places(shared).allow(str(music) + "-twin/x.wav")


def test_a_shared_server_needs_a_music_folder_and_one_machine_does_not(tmp_path):
    with pytest.raises(RefusedPlaceError) as refused:
        typed_folder(str(tmp_path), Settings(data_dir=tmp_path, shared=True))
    assert str(refused.value) == NOT_SET
    alone = Settings(data_dir=tmp_path, shared=False)
    assert typed_folder(str(tmp_path), alone) == tmp_path
    assert allowed_places(alone).root_of(str(tmp_path)) == ""
    for typed in ("/proc/self/root", "~root", "file:etc", "zip::x"):
        with pytest.raises(RefusedPlaceError, match="cannot be used here"):
            typed_folder(typed, alone)


def test_an_analyst_names_a_place_from_the_command_line(tmp_path, shared):
    other = tmp_path / "other"
    name_place(str(other), shared)
    name_place(str(other), shared)
    name_place("s3://bucket/music", shared)
    assert typed_folder(str(other), shared) == other
    assert typed_folder("out/deeper", shared) == shared.library_dir / "out/deeper"
    assert allowed_places(shared).allow("s3://bucket/music/a.wav")
    assert not allowed_places(shared).allow("s3://bucket/musical/a.wav")
    assert shared.named_places_file.read_text(encoding="utf-8").count("other") == 1
    shared.named_places_file.write_text("{", encoding="utf-8")
    with pytest.raises(CoreError, match="Repair or remove the file"):
        allowed_places(shared)


def test_a_file_outside_is_not_played_even_if_it_was_scored_before(tmp_path, shared):
    secret = tmp_path / "other/a.wav"
    secret.write_bytes(b"RIFF")
    link = shared.library_dir / "a.wav"
    link.symlink_to(secret)
    for path in (secret, link):
        with pytest.raises(AudioError, match="cannot be played here"):
            kept_audio.load_audio("0" * 64, str(path), start_s=0, duration_s=1, settings=shared, by=OWNER)


def swapped(tmp_path, shared):
    """A file in the library that was listed, and whose folder then became a link to another folder."""
    for folder, text in ((shared.library_dir / "album", b"ours"), (tmp_path / "other", b"not ours")):
        folder.mkdir(exist_ok=True)
        (folder / "a.wav").write_bytes(text)
    found = find_audio(str(shared.library_dir), within=str(shared.library_dir))
    (listed,) = (file for file in found if file.name == "album/a.wav")
    assert read_content(listed, max_mb=1).data == b"ours"
    (shared.library_dir / "album").rename(tmp_path / "before")
    (shared.library_dir / "album").symlink_to(tmp_path / "other")
    return listed


def test_a_folder_that_becomes_a_link_after_it_was_listed_is_not_read(tmp_path, shared):
    listed = swapped(tmp_path, shared)
    with pytest.raises(CoreError, match="leads out of the permitted folder"):
        read_content(listed, max_mb=1)
    assert read_content(replace(listed, within=""), max_mb=1).data == b"not ours"  # no folder was set


def test_a_folder_that_became_a_link_is_neither_copied_nor_played(tmp_path, shared):
    listed = swapped(tmp_path, shared)
    places = allowed_places(shared)
    with pytest.raises(AudioError, match="cannot be read"):
        levelled_copies._content(listed.path, 1, places)
    with (  # it becomes a link after these two
        patch.object(Places, "allow", return_value=True),
        patch.object(Places, "root_of", return_value=str(shared.library_dir)),
        pytest.raises(AudioError, match="cannot be read"),
    ):
        levelled_copies._content(listed.path, 1, places)
    not_ours, opened = (
        hashlib.sha256(b"not ours").hexdigest(),
        store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}"),
    )
    for elsewhere in (listed.path, str(tmp_path / "other/a.wav")):
        with pytest.raises(AudioError, match="not a place for music"):
            playback.whole_file(elsewhere, not_ours, shared, opened)
    own = shared.library_dir / "own.wav"
    own.write_bytes(b"not ours")
    assert playback.whole_file(str(own), not_ours, shared, opened) == b"not ours"
    own.write_bytes(b"another")
    with pytest.raises(AudioError, match="has changed since it was scored"):
        playback.whole_file(str(own), not_ours, shared, opened)
    store.close_store(opened)


def test_a_chain_of_addresses_is_not_read():
    for address in (f"zip://a.wav::{FILE}/tmp/x.zip", "simplecache::s3://bucket/x"):
        with pytest.raises(CoreError, match="chain of addresses"):
            filesystem(address)


def test_a_server_that_others_can_reach_is_shared_until_it_ends(monkeypatch):
    monkeypatch.delenv("TME_SHARED", raising=False)
    with patch.dict(settings_module._reached, {"by others": False}):
        for by_others, shared in ((False, False), (True, True), (False, True)):
            note_reach(by_others=by_others)
            assert Settings().shared is shared
        monkeypatch.setenv("TME_SHARED", "false")
        assert Settings().shared is False
    monkeypatch.setenv("TME_SHARED", "true")
    assert Settings().shared is True
