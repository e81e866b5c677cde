"""Moods in the tags of a library: a dry run, writing, undoing, and pieces that are known afterwards."""

import errno
import os
import shutil
import stat
from dataclasses import replace

import libraries
import numpy as np
import pandas as pd
import pytest
from owner import OWNER

from benchmarks.audio_files import by_libsndfile, sound
from core import atomic, store
from core.access import AccessError, Person, Setting
from core.access.rights import Role
from core.allowed_places import EVERYWHERE, Places
from core.audio.byte_edits import apply
from core.audio.decoding import blocks, content_hash, inspect
from core.audio.mood_tag import mood_edits, read_mood
from core.errors import AudioError
from core.library import mood_tags
from core.library.mood_tags import plan_tags, plan_undo, undo_tags, write_tags
from core.library.run import score_library
from core.pipeline import kept_audio, serving
from core.playlists import playback
from core.records import LibraryEntry, LibraryFile, Plan
from core.settings import Settings


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    return serving.serve(Settings(data_dir=tmp_path_factory.mktemp("data")))


def scored(folder, opened, served, **given):
    """The table and the summary of a run over the folder."""
    out = folder.parent / "out.parquet"
    given = {"policy": served.policies["threshold"], **given}
    summary = score_library(str(folder), str(out), served=served, store=opened, **given)
    return libraries.table(out), summary


@pytest.fixture(scope="module")
def library(served, tmp_path_factory):
    """A scored folder and its database: a FLAC and an MP3 file, and a WAV file, which takes no mood."""
    folder = tmp_path_factory.mktemp("library") / "music"
    folder.mkdir()
    (folder / "a.flac").write_bytes(libraries.tiny(1, form="FLAC"))
    (folder / "b.mp3").write_bytes(by_libsndfile(sound(1.0, seed=5), "MP3", None))
    (folder / "c.wav").write_bytes(libraries.tiny(3))
    opened = store.open_store(f"sqlite:///{folder.parent / 'feedback.db'}")
    table, _ = scored(folder, opened, served)
    store.close_store(opened)
    return folder, dict(zip(table["file"], table["content_hash"], strict=True))


@pytest.fixture
def music(library):
    """The folder with its files as they were scored."""
    folder, _ = library
    before = contents(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in before.items():
        (folder / name).write_bytes(data)


@pytest.fixture
def opened(library, tmp_path):
    """A copy of the database."""
    folder, _ = library
    shutil.copy(folder.parent / "feedback.db", tmp_path / "feedback.db")
    db = store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}")
    yield db
    store.close_store(db)


@pytest.fixture
def pieces(library):
    """Names of the pieces by file."""
    return library[1]


def wanted(music, pieces, mood="relax", names=("a.flac", "b.mp3")):
    return [(pieces[name], str(music / name), mood) for name in names]


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_the_dry_run_lists_old_and_new_and_writes_nothing(opened, music, pieces):
    before = contents(music)
    plan = plan_tags(opened, wanted(music, pieces, names=tuple(pieces)), EVERYWHERE)
    assert [(change.old, change.new, change.needed) for change in plan] == [
        ((), ("relax",), True),
        ((), ("relax",), True),
        ((), ("relax",), False),
    ]
    assert "cannot be written into a WAV file" in plan[2].problem
    assert contents(music) == before
    assert plan_undo(opened) == []


def test_a_written_mood_changes_no_sound_and_is_taken_back_byte_by_byte(opened, music, pieces):
    before = contents(music)
    (music / "a.flac").chmod(0o640)
    done = write_tags(opened, plan_tags(opened, wanted(music, pieces), EVERYWHERE), EVERYWHERE)
    assert [change.problem for change in done] == ["", ""]
    after = contents(music)
    for name in ("a.flac", "b.mp3"):
        assert read_mood(after[name]) == ("relax",)
        old, new = (np.concatenate(list(blocks(inspect(data, name)))) for data in (before[name], after[name]))
        assert np.array_equal(old, new)
    assert after["c.wav"] == before["c.wav"]
    assert stat.S_IMODE((music / "a.flac").stat().st_mode) == 0o640
    assert set(after) == set(before)  # no unfinished file stays
    again = plan_tags(opened, wanted(music, pieces), EVERYWHERE)
    assert [change.needed for change in again] == [False, False]
    undone = undo_tags(opened, plan_undo(opened), EVERYWHERE)
    assert [(change.old, change.new, change.problem) for change in undone] == [(("relax",), (), "")] * 2
    assert contents(music) == before
    assert plan_undo(opened) == []


def test_a_mood_that_would_make_a_file_equal_to_another_piece_is_not_written(opened, music, pieces):
    """Its answers would become those of this file, and the other piece would lose its name."""
    data = (music / "a.flac").read_bytes()
    tagged = apply(data, mood_edits(data, "relax"))
    other = LibraryFile("/music/b.flac", "excerpt", 10, "s", "scored", "", "x 1", content_hash(tagged), 1.0, ())
    store.save_files(opened, [LibraryEntry(other, (), {})])
    (planned,) = plan_tags(opened, wanted(music, pieces, names=("a.flac",)), EVERYWHERE)
    assert planned.problem == mood_tags.TAKEN
    (done,) = write_tags(opened, [replace(planned, problem="")], EVERYWHERE)  # scored after the plan
    assert done.problem == mood_tags.TAKEN
    assert (music / "a.flac").read_bytes() == data
    assert plan_undo(opened) == []
    (planned,) = plan_tags(opened, wanted(music, pieces, mood="happy", names=("a.flac",)), EVERYWHERE)
    assert planned.needed


def test_places_are_looked_up_once_for_all_files(opened, music, pieces, monkeypatch):
    asked, places = [], mood_tags.library_places
    monkeypatch.setattr(mood_tags, "library_places", lambda *given: (asked.append(given), places(*given))[1])
    write_tags(opened, plan_tags(opened, wanted(music, pieces), EVERYWHERE), EVERYWHERE)
    undo_tags(opened, plan_undo(opened), EVERYWHERE)
    assert len(asked) == 2  # once to write two files, once to take both back


def test_two_moods_one_after_the_other_are_taken_back_in_turn(opened, music, pieces):
    before = contents(music)
    for mood in ("relax", "happy"):
        write_tags(opened, plan_tags(opened, wanted(music, pieces, mood), EVERYWHERE), EVERYWHERE)
    newest = plan_undo(opened, paths=[str(music / "a.flac")])
    assert [(change.old, change.new) for change in newest] == [(("happy",), ("relax",)), (("relax",), ())]
    (refused,) = undo_tags(opened, newest[1:], EVERYWHERE)
    assert refused.problem == mood_tags.LATER
    undo_tags(opened, plan_undo(opened), EVERYWHERE)
    assert contents(music) == before


def test_the_library_still_knows_its_pieces(opened, music, pieces, served, tmp_path, monkeypatch):
    libraries.settle(monkeypatch)
    before = store.library_table(opened)
    write_tags(opened, plan_tags(opened, wanted(music, pieces), EVERYWHERE), EVERYWHERE)
    table, summary = scored(music, opened, served)
    assert summary.measured == 0
    assert dict(zip(table["file"], table["content_hash"], strict=True)) == pieces
    shutil.copytree(music, tmp_path / "copy")  # another place and other times: every file is read again
    shutil.rmtree(music)
    table, summary = scored(tmp_path / "copy", opened, served)
    assert summary.measured == 0
    assert dict(zip(table["file"], table["content_hash"], strict=True)) == pieces
    table, summary = scored(
        tmp_path / "copy", opened, served, plan=Plan(30.0, 15.0)
    )  # measured anew, and the same pieces
    assert dict(zip(table["file"], table["content_hash"], strict=True)) == pieces
    now = store.library_table(opened)
    assert set(now["content_hash"]) == set(before["content_hash"])
    assert set(before["clip_id"]) <= set(now["clip_id"])


def test_a_tagged_file_is_still_played_and_a_changed_one_is_not(opened, music, pieces):
    settings, path = Settings(), str(music / "a.flac")
    write_tags(opened, plan_tags(opened, wanted(music, pieces), EVERYWHERE), EVERYWHERE)
    piece = pieces["a.flac"]
    assert playback.whole_file(path, piece, settings, opened) == (music / "a.flac").read_bytes()
    part = {"start_s": 0.0, "duration_s": 0.6, "settings": settings, "by": OWNER}
    heard = kept_audio.load_audio(piece, path, **part, first=lambda digest: store.first_content(opened, digest))
    assert heard.clip.duration_s > 0.5
    (music / "a.flac").write_bytes((music / "c.wav").read_bytes())
    with pytest.raises(AudioError, match="has changed"):
        playback.whole_file(path, piece, settings, opened)
    with pytest.raises(AudioError, match="has changed"):
        kept_audio.load_audio(piece, path, **part, first=lambda digest: store.first_content(opened, digest))


def test_a_file_that_vanishes_or_changes_after_the_dry_run_is_a_sentence(opened, music, pieces):
    plan = plan_tags(opened, wanted(music, pieces), EVERYWHERE)
    (music / "a.flac").unlink()
    (music / "b.mp3").write_bytes((music / "b.mp3").read_bytes() + b"more")
    done = write_tags(opened, plan, EVERYWHERE)
    assert [change.problem for change in done] == [mood_tags.GONE, mood_tags.CHANGED]
    assert plan_undo(opened) == []


def test_another_program_wrote_the_tag_meanwhile(opened, music, pieces):
    write_tags(opened, plan_tags(opened, wanted(music, pieces), EVERYWHERE), EVERYWHERE)
    path = music / "b.mp3"
    path.write_bytes(path.read_bytes().replace(b"relax", b"other"))
    changed = path.read_bytes()
    undone = undo_tags(opened, plan_undo(opened), EVERYWHERE)
    assert [change.problem for change in undone] == [mood_tags.LATER, ""]
    assert path.read_bytes() == changed


@pytest.mark.parametrize("fault", ["write", "flush", "rename"])
def test_on_a_full_disk_the_file_is_as_it_was(opened, music, pieces, monkeypatch, fault):
    before = contents(music)
    plan = plan_tags(opened, wanted(music, pieces), EVERYWHERE)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        if fault == "write":
            broken.setattr(mood_tags.Path, "write_bytes", full)
        else:
            broken.setattr(atomic, "_flush", full) if fault == "flush" else broken.setattr(os, "replace", full)
        done = write_tags(opened, plan, EVERYWHERE)
    assert all("No space left on device" in change.problem for change in done)
    assert contents(music) == before
    assert plan_undo(opened) == []
    assert [c.problem for c in write_tags(opened, plan, EVERYWHERE)] == ["", ""]  # with room, the same plan works


def test_read_only_files_second_names_and_other_places_are_refused(opened, music, pieces, tmp_path):
    (music / "a.flac").chmod(0o444)
    os.link(music / "b.mp3", tmp_path / "second name.mp3")
    plan = plan_tags(opened, wanted(music, pieces), EVERYWHERE)
    assert ["read-only" in plan[0].problem, "second name" in plan[1].problem] == [True, True]
    elsewhere = plan_tags(opened, wanted(music, pieces), Places((str(tmp_path / "other"),)))
    assert {change.problem for change in elsewhere} == {mood_tags.ELSEWHERE}
    (remote,) = plan_tags(opened, [("x", "s3://bucket/a.flac", "relax")], EVERYWHERE)
    assert "at an address" in remote.problem


def test_the_program_may_end_before_the_file_is_replaced(opened, music, pieces, monkeypatch):
    before = contents(music)

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(mood_tags, "_replace", killed)
    plan = plan_tags(opened, wanted(music, pieces), EVERYWHERE)
    with pytest.raises(KeyboardInterrupt):
        write_tags(opened, plan, EVERYWHERE)
    assert [change.problem for change in undo_tags(opened, plan_undo(opened), EVERYWHERE)] == [""]
    assert contents(music) == before


def test_only_therapists_and_analysts_may_write(opened, music, pieces):
    for role, setting, allowed in (
        (Role.RATER, Setting.LOGIN, False),
        (Role.THERAPIST, Setting.LOGIN, True),
        (Role.VISITOR, Setting.OWN_MACHINE, False),
        (Role.ANALYST, Setting.OPEN, True),
    ):
        person = opened.asked_by(lambda role=role, setting=setting: Person(role, "x", True, setting=setting))
        if allowed:
            assert len(plan_tags(person, wanted(music, pieces), EVERYWHERE)) == 2
        else:
            with pytest.raises(AccessError):
                plan_tags(person, wanted(music, pieces), EVERYWHERE)


def test_the_notes_say_who_wrote_what(opened, music, pieces):
    write_tags(opened, plan_tags(opened, wanted(music, pieces), EVERYWHERE), EVERYWHERE)
    notes = store.tag_notes(opened)
    assert list(notes["after"]) == ["relax", "relax"]
    assert set(notes["was_hash"]) == {pieces["a.flac"], pieces["b.mp3"]}
    assert set(notes["now_hash"]) == {content_hash((music / name).read_bytes()) for name in ("a.flac", "b.mp3")}
    assert pd.to_datetime(notes["created_at"]).is_monotonic_decreasing
