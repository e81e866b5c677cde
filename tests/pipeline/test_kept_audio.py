"""Audio that is kept: it comes back as it was analysed, under its hash alone, whole or not at all."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from owner import OWNER

from core import store
from core.audio.decoding import Clip, content_hash, decode
from core.errors import AudioError, StoreError
from core.library.places import save_uploads
from core.pipeline import kept_audio
from core.schema import SR
from core.settings import ROOT, Settings

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    return Settings()


def tone(seconds=1.0, hz=440.0):
    y = 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * SR)) / SR)
    return Clip(content_hash(y.tobytes()), y, SR)


def kept(clip, settings):
    path = kept_audio.keep_audio(clip, kept_audio.folder(settings))
    return kept_audio.load_audio(clip.clip_id, path, start_s=0, duration_s=clip.duration_s, settings=settings, by=OWNER)


def test_what_was_analysed_comes_back_and_plays_anywhere(settings):
    data = (GOLDEN / "arpeggio_6s.flac").read_bytes()
    clip = decode(data, "a.flac").clip
    back = kept(clip, settings)
    assert np.abs(back.clip.y - clip.y).max() < 2**-23  # half a step of 24 bits, and one for full scale
    assert (back.clip.clip_id, back.clip.sr, back.media_type) == (clip.clip_id, SR, "audio/flac")
    assert back.data[:4] == b"fLaC"


def test_the_name_is_the_hash_and_nothing_else(settings):
    clip = tone()
    path = kept_audio.keep_audio(clip, kept_audio.folder(settings))
    assert path == f"clips/{clip.clip_id[:2]}/{clip.clip_id}.flac"
    assert [p.name for p in settings.data_dir.rglob("*") if p.is_file()] == [f"{clip.clip_id}.flac"]


def test_an_excerpt_has_a_place_of_its_own(settings):
    whole = tone(3)
    part = Clip(f"{whole.clip_id}@1.000+1.5", whole.y[SR : SR * 5 // 2], SR)
    assert kept(part, settings).clip.duration_s == pytest.approx(1.5)
    assert kept(whole, settings).clip.duration_s == pytest.approx(3)


@pytest.mark.parametrize("clip_id", ["../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "/x", "a" * 64 + "@1/../2", ""])
def test_an_id_that_is_no_hash_never_becomes_a_path(settings, clip_id):
    clip = Clip(clip_id, np.ones(SR), SR)
    with pytest.raises(StoreError, match="not a hash"):
        kept_audio.keep_audio(clip, kept_audio.folder(settings))
    with pytest.raises(StoreError, match="not a hash"):
        kept_audio.load_audio(clip_id, "clips/x", start_s=0, duration_s=1, settings=settings, by=OWNER)
    assert not list(settings.data_dir.rglob("*.flac"))


def test_a_stored_path_cannot_point_elsewhere(settings):
    """Of a path that is not absolute only the clip's hash counts."""
    (settings.data_dir / "secret.flac").write_bytes((GOLDEN / "arpeggio_6s.flac").read_bytes())
    with pytest.raises(AudioError, match="no longer there"):
        kept_audio.load_audio("a" * 64, "../secret.flac", start_s=0, duration_s=1, settings=settings, by=OWNER)


def test_audio_that_is_gone_or_damaged_is_a_sentence(settings):
    clip = tone()
    path = settings.data_dir / kept_audio.keep_audio(clip, kept_audio.folder(settings))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(AudioError, match="damaged"):
        kept(clip, settings)
    path.unlink()
    with pytest.raises(AudioError, match="no longer there"):
        kept_audio.load_audio(clip.clip_id, "clips/x", start_s=0, duration_s=1, settings=settings, by=OWNER)


def test_sound_that_somebody_shares_again_meanwhile_stays(settings, monkeypatch):
    clip, opened = tone(), store.open_store(settings.database)
    path = settings.data_dir / kept_audio.keep_audio(clip, kept_audio.folder(settings))
    monkeypatch.setattr(kept_audio, "erase_own_clip", lambda *_: True)
    for shared in (True, False):
        monkeypatch.setattr(kept_audio, "is_shared", lambda *_, shared=shared: shared)
        kept_audio.erase_clip(opened, clip.clip_id, settings=settings)
        assert path.is_file() == shared
    store.close_store(opened)


def test_a_file_of_a_library_is_read_in_place_and_known_by_its_content(settings, tmp_path):
    file = tmp_path / "music" / "a song.flac"
    file.parent.mkdir()
    file.write_bytes((GOLDEN / "arpeggio_6s.flac").read_bytes())
    clip = decode(file.read_bytes(), file.name).clip
    back = kept_audio.load_audio(
        clip.clip_id, str(file), start_s=0, duration_s=clip.duration_s, settings=settings, by=OWNER
    )
    assert np.abs(back.clip.y - clip.y).max() < 2**-22
    part = decode(file.read_bytes(), file.name, start_s=2.0, length_s=1.5).clip
    back = kept_audio.load_audio(part.clip_id, str(file), start_s=2.0, duration_s=1.5, settings=settings, by=OWNER)
    assert np.abs(back.clip.y - part.y).max() < 2**-22
    file.write_bytes((GOLDEN / "tone_0p9s.flac").read_bytes())
    with pytest.raises(AudioError, match="has changed"):
        kept_audio.load_audio(
            clip.clip_id, str(file), start_s=0, duration_s=clip.duration_s, settings=settings, by=OWNER
        )


def test_deleting_removes_the_kept_audio_but_never_a_library_file(settings, tmp_path):
    opened = store.open_store(settings.database)
    clip, file = tone(), tmp_path / "song.wav"
    soundfile.write(file, clip.y, SR)
    path = kept_audio.keep_audio(clip, kept_audio.folder(settings))
    other = content_hash(file.read_bytes())
    for clip_id, where in ((clip.clip_id, path), (other, str(file))):
        store.add_clip(opened, clip_id, file_name="x.wav", duration_s=1, sr=SR, path=where)
        store.add_feedback(opened, token=store.new_token(), rater="Ece", label="sad", clip_id=clip_id)
        kept_audio.delete_clip(opened, clip_id, settings=settings)
    assert not (settings.data_dir / path).exists()
    assert file.exists()
    assert store.clips_table(opened).empty
    left = store.clips_table(opened, deleted=True).set_index("clip_id")["path"]
    assert left[other] == str(file)
    assert left.isna()[clip.clip_id]  # nothing points to audio that is gone
    assert store.feedback_table(opened)["deleted"].tolist() == [True, True]
    with pytest.raises(StoreError, match="There is no clip"):
        kept_audio.delete_clip(opened, "b" * 64, settings=settings)
    store.close_store(opened)


def test_what_was_sent_to_be_scored_leaves_the_disk_with_its_clip(settings, tmp_path):
    """All that holds this content, however often it was sent; what lies elsewhere stays."""
    from core.records import LibraryEntry, LibraryFile

    opened = store.open_store(settings.database)
    first, second = (save_uploads([("a.wav", b"1"), ("b.wav", b"2")], settings, by=OWNER) for _ in range(2))
    mine = tmp_path / "music.wav"
    mine.write_bytes(b"1")
    clip_id, places = "a" * 64, [first / "a.wav", second / "a.wav", mine]
    files = [LibraryFile(str(path), "excerpt", 1, "s", "scored", content_hash=clip_id) for path in places]
    store.save_files(opened, [LibraryEntry(file) for file in files])
    store.add_clip(opened, clip_id, file_name="a.wav", duration_s=1, sr=SR, path=str(first / "a.wav"), origin="library")
    kept_audio.delete_clip(opened, clip_id, settings=settings)
    assert [path.exists() for path in places] == [False, False, True]
    assert (first / "b.wav").exists()
    assert store.clips_table(opened, deleted=True)["path"].isna().all()
    store.close_store(opened)


def test_a_disk_that_refuses_is_a_sentence_and_leaves_no_part(settings, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        kept_audio.keep_audio(tone(), kept_audio.folder(settings))
    assert not [p for p in settings.data_dir.rglob("*") if p.is_file()]


def test_a_process_killed_while_it_writes_leaves_whole_files_only(settings):
    """Another process keeps one clip after the other and is killed in the middle."""
    code = (
        "import hashlib, numpy as np; from core.audio.decoding import Clip;"
        "from core.pipeline.kept_audio import keep_audio, folder;"
        "from core.settings import Settings; rng = np.random.default_rng(0); place = folder(Settings())\n"
        "while True:\n"
        "    y = rng.uniform(-0.5, 0.5, 200_000); name = hashlib.sha256(y.tobytes()).hexdigest()\n"
        "    keep_audio(Clip(name, y, 44100), place)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    place = kept_audio.folder(settings)
    end = time.monotonic() + 60
    while len(list(place.rglob("*.flac"))) < 3 and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    whole = list(place.rglob("*.flac"))
    assert len(whole) >= 3
    for path in whole:
        assert soundfile.info(path).frames == 200_000
        assert len(soundfile.read(path)[0]) == 200_000
