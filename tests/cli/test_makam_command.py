"""The command learn-makams."""

import numpy as np
import pytest
import soundfile
from composed import composed
from typer.testing import CliRunner

from core.__main__ import app
from core.makam.lessons import lessons_of_audio
from core.makam.scores import compose
from core.makam.synthesis import render
from core.makam.templates import read_templates
from core.makam.theory import makam_named


def run(*words):
    return CliRunner().invoke(app, ["learn-makams", *map(str, words)])


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    """A folder with melodies and their makams; the last one has a karar that its melody does not have."""
    folder = tmp_path_factory.mktemp("tracks")
    rows, melodies = ["recording,makam,karar_hz"], {}
    for k, name in enumerate(["Hicaz", "Mahur"] * 5):
        rows.append(f"r{k},{name},220")
        cents = composed(name, seconds=45, seed=k).cents
        melodies[f"r{k}"] = np.where(np.isnan(cents), -32768, np.round(cents)).astype(np.int16)
    (folder / "recordings.csv").write_text("\n".join([*rows, "r10,Hicaz,317"]))
    np.savez(folder / "pitch.npz", **melodies, r10=melodies["r0"])
    return folder


def test_templates_are_learned_and_the_unusable_recording_is_named(tracks, tmp_path):
    done = run(tracks, "--out", tmp_path / "made" / "t.npz")
    assert done.exit_code == 2
    assert "r10: its karar was not found in its melody." in done.stderr
    assert "Learned from 10 recordings of 2 makams" in done.stdout
    assert read_templates(tmp_path / "made" / "t.npz").makams == ("Hicaz", "Mahur")


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    done = run(tmp_path / "none")
    assert done.exit_code == 1
    assert "is not a folder" in str(done.exception)


def test_too_few_recordings_change_nothing(tracks, tmp_path):
    (tmp_path / "recordings.csv").write_text("recording,makam\nr0,Hicaz\n")
    (tmp_path / "pitch.npz").write_bytes((tracks / "pitch.npz").read_bytes())
    old = tmp_path / "t.npz"
    old.write_bytes(b"old")
    assert run(tmp_path, "--out", old).exit_code == 1
    assert old.read_bytes() == b"old"


def test_audio_files_of_the_table_are_tracked_and_the_others_are_named(tmp_path):
    y = render(compose(makam_named("Rast"), 220.0, seconds=8.0, seed=1), "plucked", sr=22050)
    soundfile.write(tmp_path / "a.flac", y, 22050)
    (tmp_path / "broken.mp3").write_bytes(b"no audio")
    (tmp_path / "recordings.csv").write_text(
        "recording,makam\na.flac,Rast\nbroken.mp3,Saba\n../b.flac,Saba\nc.wav,Saba\n"
    )
    refused = []
    (lesson,) = lessons_of_audio(tmp_path, max_mb=10, refused=refused.append)
    assert (lesson.name, lesson.makam) == ("a.flac", "Rast")
    assert lesson.melody.duration_s == pytest.approx(soundfile.info(tmp_path / "a.flac").duration, abs=0.2)
    assert [text.split()[0] for text in refused] == ["broken.mp3", "../b.flac", "c.wav"]
    assert list(lessons_of_audio(tmp_path, max_mb=1e-6, refused=refused.append)) == []


def test_without_a_table_the_makam_is_read_from_the_tags(tmp_path):
    y = render(compose(makam_named("Rast"), 220.0, seconds=6.0, seed=1), "plucked", sr=22050)
    for name, comment in (("a", "makam: Hicaz; usul: Aksak"), ("b", "")):
        with soundfile.SoundFile(tmp_path / f"{name}.flac", "w", 22050, 1) as file:
            if comment:
                file.comment = comment
            file.write(y)
    (lesson,) = lessons_of_audio(tmp_path, max_mb=10, refused=pytest.fail)
    assert (lesson.name, lesson.makam) == ("a.flac", "Hicaz")
    assert np.isnan(lesson.karar_hz)
