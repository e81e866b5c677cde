"""Files of a data folder that was moved."""

import shutil

import pytest
from owner import OWNER

from core.library.places import new_results, save_uploads
from core.locations import is_uploaded, present_path
from core.settings import Settings


@pytest.fixture
def moved(tmp_path):
    """Settings with a data folder that was moved, and paths of its files as they were stored before."""
    old = Settings(data_dir=tmp_path / "old")
    song = save_uploads([("album/a song.wav", b"x")], old, by=OWNER) / "album" / "a song.wav"
    table, piece = new_results(old, by=OWNER), old.demo_library_dir / "01 Hicaz.ogg"
    table.write_bytes(b"t")
    piece.parent.mkdir()
    piece.write_bytes(b"p")
    new = tmp_path / "elsewhere" / "new"
    shutil.move(old.data_dir, new)
    return Settings(data_dir=new), [
        str(song),
        str(song.parent.parent),
        str(table),
        str(piece),
    ]


def test_files_of_a_moved_data_folder_are_found_below_the_new_one(moved, tmp_path):
    settings, stored = moved
    found = [present_path(path, settings) for path in stored]
    assert found == [path.replace(str(tmp_path / "old"), str(settings.data_dir)) for path in stored]
    assert [is_uploaded(path, settings) for path in stored] == [True, True, False, False]


def test_a_path_of_this_data_folder_stays_also_when_the_file_is_gone(moved):
    settings, stored = moved
    for path in map(present_path, stored, [settings] * 4):
        assert present_path(path, settings) == path
    gone = str(settings.uploads_dir / "20260102-030405-000001" / "b.wav")
    assert present_path(gone, settings) == gone
    assert is_uploaded(gone, settings)


def test_in_a_copy_of_a_data_folder_the_own_files_count(moved, tmp_path):
    settings, stored = moved
    shutil.copytree(settings.data_dir, tmp_path / "copy")
    copy = Settings(data_dir=tmp_path / "copy")
    assert present_path(present_path(stored[0], settings), copy).startswith(str(tmp_path / "copy"))


def test_an_uploaded_file_of_another_installation_is_left_where_it_is(moved, tmp_path):
    other = tmp_path / "other" / "library" / "uploads" / "20260102-030405-000001" / "c.wav"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"c")
    assert present_path(str(other), moved[0]) == str(other)
    assert not is_uploaded(str(other), moved[0])


@pytest.mark.parametrize(
    "path",
    ["/music/library/a.wav", "/music/uploads/a.wav", "s3://bucket/library/uploads/20260102-030405-000001/a.wav", ""],
)
def test_music_of_the_user_stays_where_it_is(moved, path):
    assert present_path(path, moved[0]) == path
