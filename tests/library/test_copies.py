"""Copies of one recording meet; a second take and a live version do not; in doubt two files stay two."""

import json
import shutil
from dataclasses import replace

import numpy as np
import once
import pytest
from recordings import COPIES, copy, flac, put, take
from required import missing

from core import store
from core.audio import fingerprint as fingerprints
from core.audio import synthetic
from core.errors import CoreError
from core.file_names import REFERENCE
from core.library import copies, near_copies
from core.library.copies import find_copies
from core.models.reference import read_reference
from core.same_recording import SameRecordings
from core.settings import ROOT, Settings

PLUCKED = synthetic.DEMOS["happy"]
BLOWN = replace(synthetic.DEMOS["sad"], gain=0.5)  # slow notes: the hardest case, because little happens in them


@pytest.fixture(scope="module")
def reference():
    return read_reference(ROOT / "models" / "champion" / REFERENCE)


@pytest.fixture(scope="session")
def music():
    """Two recordings, copies of both by ffmpeg, and other performances of both; tests only read them."""
    for program in ("fpcalc", "ffmpeg"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed.")
    return once.folder("copies of two recordings", perform)


def perform(folder):
    for name, demo in {"plucked": PLUCKED, "blown": BLOWN}.items():
        original = folder / f"{name}.flac"
        original.write_bytes(flac(take(demo)))
        for kind in COPIES:
            copy(original, kind)
        (folder / f"{name} second take.flac").write_bytes(flac(take(demo, number=1, jitter=0.02)))
        (folder / f"{name} live.flac").write_bytes(flac(take(demo, number=2, jitter=0.05, tempo=1.04)))


@pytest.fixture
def opened(tmp_path):
    return store.open_store(f"sqlite:///{tmp_path / 'store.db'}")


def links_by_name(opened, contents):
    name = {content: path for path, content in contents.items()}
    rows = store.links_table(opened)
    return {frozenset((name[a], name[b])): kind for a, b, kind in rows[["one", "other", "kind"]].to_numpy()}


def later_file(opened, one, other):
    """In which of two files the music begins later."""
    pairs = store.links_table(opened).set_index(["one", "other"])["found"]
    first, second = sorted((one, other))
    return second if json.loads(pairs[(first, second)])["offset_s"] > 0 else first


def test_copies_meet_and_other_performances_do_not(opened, music, reference):
    contents = put(opened, sorted(music.iterdir()))
    found = find_copies(opened, Settings(), reference)
    assert (found.pieces, found.measured, found.unread) == (18, 18, 0)
    assert (found.files, found.recordings) == (14, 2)
    assert "14 files hold 2 recordings under several names." in found.report
    same = store.same_recordings(opened)
    for name in ("plucked", "blown"):
        of_recording = {
            contents[path.name] for path in music.iterdir() if path.stem in {name, *(f"{name} {c}" for c in COPIES)}
        }
        assert len(of_recording) == 1 + len(COPIES)
        assert same.members({contents[f"{name}.flac"]}) == of_recording
        for other in ("second take", "live"):
            assert same.members({contents[f"{name} {other}.flac"]}) == {contents[f"{name} {other}.flac"]}
        assert (
            later_file(opened, contents[f"{name}.flac"], contents[f"{name} later.flac"])
            == contents[f"{name} later.flac"]
        )
    assert find_copies(opened, Settings(), reference).measured == 0  # nothing is measured twice


def test_without_fpcalc_features_only_propose(opened, music, reference, monkeypatch):
    monkeypatch.setattr(fingerprints, "PROGRAM", "no such program")
    paths = [music / "blown.flac", music / "blown louder.flac", music / "plucked.flac"]
    contents = put(opened, paths[:1]) | put(opened, paths[1:2]) | put(opened, paths[2:], first=9)
    found = find_copies(opened, Settings(), reference)
    assert "fpcalc is not installed" in found.report
    assert links_by_name(opened, contents) == {frozenset(("blown.flac", "blown louder.flac")): "doubt"}
    assert not store.same_recordings(opened)


def test_files_that_sound_alike_are_two_when_their_fingerprints_say_so(opened, music, reference):
    paths = [music / "blown.flac", music / "plucked.flac"]
    contents = put(opened, paths[:1]) | put(opened, paths[1:])  # the same features
    find_copies(opened, Settings(), reference)
    assert links_by_name(opened, contents) == {frozenset(("blown.flac", "plucked.flac")): "apart"}


def test_a_file_that_is_gone_or_changed_costs_only_itself(opened, music, reference, tmp_path):
    gone, changed, whole = (tmp_path / f"{name}.flac" for name in ("gone", "changed", "whole"))
    for path in (gone, changed, whole):
        shutil.copy(music / "plucked.flac", path)
    contents = put(opened, [gone]) | put(opened, [music / "plucked trimmed.flac"])
    shutil.copy(music / "plucked louder.flac", changed)
    contents |= put(opened, [changed])
    gone.unlink()
    changed.write_bytes(b"no music")
    found = find_copies(opened, Settings(), reference)
    assert (found.measured, found.unread) == (1, 2)
    assert not any(kind == "sure" for kind in links_by_name(opened, contents).values())


def test_a_stopped_search_goes_on_there(opened, music, reference, monkeypatch):
    monkeypatch.setattr(copies, "AT_ONCE", 2)
    put(opened, sorted(music.glob("plucked*"))[:4])

    def stop(share, text):
        raise CoreError("Cancelled.")

    with pytest.raises(CoreError, match="Cancelled"):
        find_copies(opened, Settings(), reference, beat=stop)
    assert find_copies(opened, Settings(), reference).measured == 2


def test_near_duplicates_of_a_run_follow_the_words(opened):
    alike = np.array([0, 2]), np.array([1, 3])  # by their features: a and b, c and d

    def first():
        return near_copies.first_alike(["a", "b", "c", "d"], alike, store.same_recordings(opened)).tolist()

    assert first() == [0, 0, 2, 2]
    store.say_same(opened, "a", "b", False)
    store.say_same(opened, "b", "d", True)
    assert first() == [0, 1, 1, 1]


def test_files_that_sound_alike_stay_together_when_one_of_them_is_parted():
    alike = np.array([0, 0, 1]), np.array([1, 2, 2])  # a, b and c, each with each
    parted = SameRecordings(words=(("a", "b", False), ("a", "c", False)))
    assert near_copies.first_alike(["a", "b", "c"], alike, parted).tolist() == [0, 1, 1]


def test_a_word_of_a_person_stays_after_a_search(opened, music, reference):
    contents = put(opened, [music / "blown.flac", music / "blown louder.flac", music / "blown second take.flac"])
    first, louder, second = (contents[name] for name in ("blown.flac", "blown louder.flac", "blown second take.flac"))
    store.say_same(opened, first, louder, False)
    store.say_same(opened, first, second, True)
    find_copies(opened, Settings(), reference)
    same = store.same_recordings(opened)
    assert same.members({first}) == {first, second}
    assert same.members({louder}) == {louder}
