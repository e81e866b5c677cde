"""A file or a folder is written whole or not at all."""

import os
import time

import pytest

from core import atomic
from core.atomic import ABANDONED_S, remove_abandoned, replace_file, replace_folder, replacing


def fail(*_):
    raise OSError(28, "No space left on device")


@pytest.fixture
def place(tmp_path):
    """A folder with a file and a folder that are to be replaced."""
    replace_file(tmp_path / "x.csv", b"old")
    replace_folder(tmp_path / "model", {"a": b"old", "b": b"old"})
    return tmp_path


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


OLD = {"x.csv": b"old", "model/a": b"old", "model/b": b"old"}


def test_new_content_takes_the_place_of_the_old(place):
    replace_file(place / "x.csv", b"new")
    replace_folder(place / "model", {"a": b"new"})
    assert contents(place) == {"x.csv": b"new", "model/a": b"new"}
    assert os.stat(place / "x.csv").st_mode & 0o777 == 0o644
    assert sorted(os.listdir(place)) == ["model", "x.csv"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_content_and_nothing_else(place, monkeypatch, step):
    monkeypatch.setattr(os, step, fail)
    monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    with pytest.raises(OSError, match="No space left"):
        replace_file(place / "x.csv", b"new")
    with pytest.raises(OSError, match="No space left"):
        replace_folder(place / "model", {"a": b"new"})
    assert contents(place) == OLD
    assert sorted(os.listdir(place)) == ["model", "x.csv"]


def test_the_old_folder_comes_back_when_the_new_one_cannot_take_its_place(place, monkeypatch):
    moved = os.replace

    def fail_for_the_new_one(source, target):
        if str(target).endswith("model") and not str(source).endswith(".old"):
            fail()
        moved(source, target)

    monkeypatch.setattr(os, "replace", fail_for_the_new_one)
    monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    with pytest.raises(OSError, match="No space left"):
        replace_folder(place / "model", {"a": b"new"})
    assert contents(place) == OLD


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="Only Linux exchanges two folders in one step.")
def test_a_folder_changes_in_one_step_so_that_it_is_there_at_any_moment(place, monkeypatch):
    monkeypatch.setattr(os, "replace", fail)  # the first of two steps would take the folder away
    replace_folder(place / "model", {"a": b"new"})
    assert contents(place) == {"x.csv": b"old", "model/a": b"new"}
    assert sorted(os.listdir(place)) == ["model", "x.csv"]


def test_what_killed_processes_left_is_removed_and_nothing_else(place):
    names = [".model.abc.part", ".model.new.part", ".model.abc.part.old", ".hidden"]
    for name in names:
        (place / name).mkdir()
        (place / name / "a").write_bytes(b"half")
        if "new" not in name:  # this one is being written now
            os.utime(place / name, (time.time() - 2 * ABANDONED_S,) * 2)
    remove_abandoned(place)
    assert sorted(os.listdir(place)) == sorted([".model.new.part", ".hidden", "model", "x.csv"])


def test_a_folder_that_was_taken_away_before_its_replacement_came_is_put_back(place, monkeypatch):
    """A kill between the two renames, where a system cannot exchange two folders in one step."""
    moves = iter([os.replace, fail, fail])  # to the old name; the new folder; back again
    with monkeypatch.context() as m:
        m.setattr(atomic, "_exchange", lambda *_: False)
        m.setattr(atomic.shutil, "rmtree", lambda *_, **__: None)  # a killed process removes nothing
        m.setattr(os, "replace", lambda *names: next(moves)(*names))
        with pytest.raises(OSError, match="No space left"):
            replace_folder(place / "model", {"a": b"new"})
    assert not (place / "model").exists()
    remove_abandoned(place)
    assert contents(place)["model/a"] == OLD["model/a"]


def test_a_writer_that_fails_leaves_the_old_content(place):
    def write_half():
        with replacing(place / "x.csv") as unfinished:
            unfinished.write_bytes(b"half")
            raise ValueError("bad row")

    with pytest.raises(ValueError, match="bad row"):
        write_half()
    assert contents(place) == OLD


def test_content_is_on_the_disk_before_it_takes_the_place_of_the_old(place, monkeypatch):
    steps = []
    flushed, moved = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (steps.append("flush"), flushed(handle))[1])
    monkeypatch.setattr(os, "replace", lambda *names: (steps.append("rename"), moved(*names))[1])
    replace_file(place / "x.csv", b"new")
    assert steps == ["flush", "rename", "flush"]
