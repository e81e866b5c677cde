"""The folders that a person can open and those that they scored before: only what the server allows."""

from datetime import UTC, datetime

import pytest
from owner import OWNER

from core.access import Person, Role, Setting
from core.allowed_places import RefusedPlaceError, name_place, typed_folder
from core.library.browse import last_folders, open_folder
from core.settings import Settings
from core.store import Job

AYSE = Person(Role.THERAPIST, "ayse@example.org", verified=True, setting=Setting.LOGIN)
NAMELESS = Person(Role.VISITOR, setting=Setting.OPEN)


@pytest.fixture
def shared(tmp_path):
    music = tmp_path / "music"
    for name in ("çeşme", "Zil", "ışık", ".hidden"):
        (music / name).mkdir(parents=True)
    (tmp_path / "private").mkdir()
    (music / "out").symlink_to(tmp_path / "private")
    (music / "a.wav").write_bytes(b"")
    return Settings(data_dir=tmp_path / "data", library_dir=music, shared=True)


def run_of(folder, *, by=""):
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Job(1, "library", "done", 1.0, "", False, by, {"folder": str(folder)}, moment, moment, moment)


def test_only_allowed_folders_are_listed_in_the_turkish_order(shared):
    music = str(shared.library_dir)
    level = open_folder("", shared, by=OWNER)
    assert (level.folder, level.parent) == (music, None)
    assert level.folders == (f"{music}/çeşme", f"{music}/ışık", f"{music}/Zil")
    assert open_folder(f"{music}/Zil", shared, by=OWNER).parent == music


@pytest.mark.parametrize("folder", ["/etc", "..", "out", "nowhere", "s3://b/c", "~root"])
def test_a_folder_that_is_not_allowed_leads_to_the_start(shared, folder):
    assert open_folder(folder, shared, by=OWNER) == open_folder("", shared, by=OWNER)


def test_two_places_with_music_are_the_start(shared, tmp_path):
    name_place(str(tmp_path / "private"), shared)
    start = open_folder("", shared, by=OWNER)
    assert (start.folder, start.parent) == ("", None)
    assert set(start.folders) == {str(shared.library_dir), str(tmp_path / "private")}
    assert open_folder(str(shared.library_dir), shared, by=OWNER).parent == ""


def test_without_a_place_with_music_the_error_says_what_to_set(tmp_path):
    with pytest.raises(RefusedPlaceError, match="sets TME_LIBRARY_DIR"):
        open_folder("", Settings(data_dir=tmp_path, shared=True), by=OWNER)


def test_on_one_machine_browsing_starts_at_home_and_goes_up_to_the_root(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "Music").mkdir()
    settings = Settings(data_dir=tmp_path / "data")
    assert open_folder("", settings, by=OWNER).folders == (str(tmp_path / "Music"),)
    assert open_folder("~/Music", settings, by=OWNER).parent == str(tmp_path)
    assert open_folder("/", settings, by=OWNER).parent is None


@pytest.mark.parametrize("pair", ['""', "''", "“”", "‘’", "«»"])
def test_quotation_marks_around_a_path_are_dropped(shared, pair):
    music = shared.library_dir
    assert typed_folder(f" {pair[0]}{music}/Zil{pair[1]} ", shared) == music / "Zil"
    with pytest.raises(RefusedPlaceError):
        typed_folder(f"{pair[0]}/etc{pair[1]}", shared)


def test_the_home_of_the_program_is_allowed_where_its_music_is(shared, monkeypatch):
    monkeypatch.setenv("HOME", str(shared.library_dir))
    assert typed_folder("~/Zil", shared) == shared.library_dir / "Zil"
    monkeypatch.setenv("HOME", "/root")
    with pytest.raises(RefusedPlaceError):
        typed_folder("~/Zil", shared)


def test_a_person_sees_the_last_folders_of_their_own_runs(shared, tmp_path):
    music = shared.library_dir
    jobs = [
        run_of(music / "Zil", by=AYSE.mark), run_of(music / "ışık", by="Can"), run_of(music / "Zil", by=AYSE.mark),
        run_of(tmp_path / "private", by=AYSE.mark), run_of(music / "gone", by=AYSE.mark),
        run_of("s3://b", by=AYSE.mark),
        run_of(shared.uploads_dir / "20260101-000000-000000", by=AYSE.mark),
    ]  # fmt: skip
    assert last_folders(jobs, shared, by=AYSE) == [str(music / "Zil")]
    assert last_folders([run_of(music / "Zil")], shared, by=NAMELESS) == []  # of somebody else without a name
    assert last_folders(jobs, shared, by=NAMELESS, session=[str(music / "çeşme")]) == [str(music / "çeşme")]
    assert last_folders(jobs, shared, by=OWNER) == [str(music / "Zil"), str(music / "ışık")]
