"""Folders that may be scored from the page, and files that somebody sent."""

import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from owner import OWNER

from core.allowed_places import Places
from core.errors import CoreError
from core.library.places import allowed_folder, is_upload, new_results, remove_upload, save_uploads, uploads
from core.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data")


def test_any_folder_of_this_machine_is_allowed_unless_one_is_set(tmp_path, settings):
    (tmp_path / "music/sub").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "music/out").symlink_to(tmp_path / "other")
    assert allowed_folder(f" {tmp_path / 'other'} ", settings, by=OWNER) == tmp_path / "other"
    within = settings.model_copy(update={"library_dir": tmp_path / "music"})
    assert allowed_folder("sub", within, by=OWNER) == tmp_path / "music/sub"
    assert allowed_folder(str(tmp_path / "music"), within, by=OWNER) == tmp_path / "music"
    for outside in (str(tmp_path / "other"), "../other", "sub/../../other", "out", "/"):
        with pytest.raises(CoreError, match="cannot be used here"):
            allowed_folder(outside, within, by=OWNER)


@pytest.mark.parametrize(
    ("typed", "match"),
    [
        ("", "Type the path"),
        ("nowhere at all", "There is no folder"),
        ("s3://bucket/music", "cannot be used here"),
        ("~nosuchuser/x", "cannot be used here"),
        ("/" + "x" * 300, "is not a valid path: File name too long|There is no folder"),
        ("a\x00b", "cannot be used here"),
    ],
)
def test_what_is_no_folder_is_a_sentence(settings, typed, match):
    with pytest.raises(CoreError, match=match):
        allowed_folder(typed, settings, by=OWNER)


def test_sent_files_keep_their_names_and_folders_as_far_as_these_are_harmless(settings):
    sent = {
        "Şarkı (1).mp3": b"1",
        "Kâr-ı Nâtık/Rast/a.flac": b"2",
        "../../../etc/passwd.wav": b"3",
        "/abs/olute.wav": b"4",
        "..\\..\\win.wav": b"5",
        ".hidden.wav": b"6",
        "a\x00b\n<script>.ogg": b"7",
        "$(rm -rf).wav": b"8",
        "no audio.sh": b"9",
        "": b"10",
        "x" * 500 + ".wav": b"11",
        "/".join("abcdefghij") + "/deep.wav": b"12",
        "CON|a:b*c?.wav": b"13",
    }
    place = save_uploads(sent.items(), settings, by=OWNER)
    kept = {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()}
    assert set(kept.values()) == set(sent.values())
    assert place.is_relative_to(settings.data_dir / "library" / "uploads")
    assert all(p.resolve().is_relative_to(place) for p in place.rglob("*"))
    assert kept["Şarkı (1).mp3"] == b"1"
    assert kept["Kâr-ı Nâtık/Rast/a.flac"] == b"2"
    assert kept["etc/passwd.wav"] == b"3"
    assert kept["no audio.sh.not-audio"] == b"9"
    for name in kept:
        assert not {"..", ""} & set(name.split("/"))
        assert not any(part.startswith(".") for part in name.split("/"))
        assert not set(name) & set('\x00\n<>$|:*?"\\')
        assert max(len(part.encode()) for part in name.split("/")) <= 220


def test_letters_whose_marks_come_apart_stay_letters(settings):
    place = save_uploads([(unicodedata.normalize("NFD", "Şarkılar/Gönül Yarası.mp3"), b"1")], settings, by=OWNER)
    assert [str(p.relative_to(place)) for p in place.rglob("*.mp3")] == ["Şarkılar/Gönül Yarası.mp3"]


def test_names_are_cut_by_bytes_and_a_folder_may_be_called_like_a_file(settings):
    sent = {
        "漢" * 100 + ".wav": b"1",
        "Ş" * 300 + "/x.wav": b"2",
        "a.wav": b"3",
        "a.wav/b.wav": b"4",
        "a.wav/c.wav": b"5",
    }
    place = save_uploads(sent.items(), settings, by=OWNER)
    kept = {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()}
    assert kept == {
        "漢" * 66 + ".wav": b"1",
        "Ş" * 100 + "/x.wav": b"2",
        "a.wav": b"3",
        "a (2).wav/b.wav": b"4",
        "a (2).wav/c.wav": b"5",
    }


def test_what_cannot_be_kept_leaves_nothing_behind(settings):
    def sent():
        yield "a.wav", b"1"
        raise OSError(28, "No space left on device")

    with pytest.raises(CoreError, match="cannot be stored in .*: No space left on device"):
        save_uploads(sent(), settings, by=OWNER)
    assert list((settings.data_dir / "library/uploads").iterdir()) == []


def test_uploads_are_listed_with_their_size_and_only_they_are_removed(settings, tmp_path):
    assert uploads(settings) == []
    first = save_uploads([("a.wav", b"1"), ("sub/b.wav", b"22")], settings, by=OWNER)
    second = save_uploads([("a.wav", b"333")], settings, by=OWNER)
    (settings.uploads_dir / "notes").mkdir()  # somebody else's
    found = uploads(settings)
    assert [(one.folder, one.files, one.size) for one in found] == [(second, 1, 3), (first, 2, 3)]
    assert abs((datetime.now(UTC) - found[0].sent_at).total_seconds()) < 3600
    assert is_upload(str(first), settings)
    assert not is_upload(str(first / "sub"), settings)
    for other in (first / "sub", settings.uploads_dir, settings.uploads_dir / "notes", first / "..", tmp_path):
        with pytest.raises(CoreError, match="is not a folder of uploaded files"):
            remove_upload(other, settings, by=OWNER)
    remove_upload(first, settings, by=OWNER)
    remove_upload(first, settings, by=OWNER)  # it is gone, as was asked
    assert [one.folder for one in uploads(settings)] == [second]


def test_the_same_name_twice_is_two_files(settings):
    place = save_uploads([("a.wav", b"1"), ("a.wav", b"2"), ("a.wav", b"3")], settings, by=OWNER)
    assert {p.name: p.read_bytes() for p in place.iterdir()} == {"a.wav": b"1", "a (2).wav": b"2", "a (3).wav": b"3"}


def test_nothing_sent_is_a_sentence_and_uploads_do_not_mix(settings):
    with pytest.raises(CoreError, match="No file was uploaded"):
        save_uploads([], settings, by=OWNER)
    first, second = (save_uploads([("a.wav", b"1")], settings, by=OWNER) for _ in range(2))
    assert first != second
    assert isinstance(new_results(settings, by=OWNER), Path)


def test_of_rows_without_an_allowed_file_the_columns_stay(tmp_path):
    table = pd.DataFrame({"content_hash": ["a", "b"], "path": [str(tmp_path / "m/a.wav"), "/elsewhere/b.wav"]})
    places = Places((str(tmp_path),))
    assert places.allowed_rows(table)["content_hash"].tolist() == ["a"]
    for none in (table[1:], table[:0]):
        assert list(places.allowed_rows(none)["content_hash"]) == []
