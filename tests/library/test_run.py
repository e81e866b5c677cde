"""A library in one process: what is scored, what is new, what is refused, and what the table says."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import fsspec
import libraries
import numpy as np
import pandas as pd
import pytest
import soundfile
from scipy.signal import lfilter

from core import store
from core.audio import isolated, synthetic
from core.audio.decoding import blocks, decode, excerpt, inspect
from core.dataset.user_tables import read_messy
from core.errors import CoreError
from core.features import EXTRACTOR
from core.features.loudness import integrated
from core.library import run as run_module
from core.library.near_copies import alike_pairs, first_alike, nearest_in_tree, nearest_of_few, quality
from core.library.progress import RunProgress, progress_bar
from core.library.results import TYPES, read_results
from core.library.run import score_library
from core.library.workers import Where
from core.models.policy import Policy
from core.pipeline import deciding, scoring, serving
from core.pipeline.deciding import decide_pieces
from core.records import LibraryFile, Plan
from core.same_recording import SameRecordings
from core.schema import COLUMNS, EMOTIONS
from core.settings import Settings
from core.source_note import SourceNote
from core.spreadsheets import csv_for_people

ROOT = Path(__file__).resolve().parent.parent.parent
PROBA = [f"p_{emotion}" for emotion in EMOTIONS]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    return serving.serve(Settings(data_dir=tmp_path_factory.mktemp("data")))


@pytest.fixture
def opened(tmp_path):
    db = store.open_store(f"sqlite:///{tmp_path / 'data' / 'feedback.db'}")
    yield db
    store.close_store(db)


@pytest.fixture
def score(served, opened, tmp_path, monkeypatch):
    """Score the folder ``music`` and give the table and the summary."""
    libraries.settle(monkeypatch)

    def run(folder=tmp_path / "music", *, out="out.parquet", served=served, **given):
        given = {"policy": served.policies["threshold"], **given}
        summary = score_library(str(folder), str(tmp_path / out), served=served, store=opened, **given)
        return libraries.table(tmp_path / out), summary

    return run


@pytest.fixture
def measured(monkeypatch):
    """Names of the clips whose features were computed."""
    from core import features
    from core.pipeline import measure

    names, extract = [], features.extract

    def counted(clip):
        names.append(clip.clip_id)
        return extract(clip)

    monkeypatch.setattr(measure, "extract", counted)
    return names


@pytest.fixture
def music(tmp_path):
    return libraries.folder(tmp_path / "music", 3)


def longer(character: str = "happy", seconds: float = 12.0, seed: int = 0) -> np.ndarray:
    return synthetic.render(synthetic.variation(character, seed), seconds=seconds)


# what is said of a file


def test_a_library_says_of_a_file_what_the_same_file_alone_gives(score, served, opened, tmp_path):
    music = tmp_path / "music" / "Şarkılar"
    music.mkdir(parents=True)
    y = longer(seconds=33)
    soundfile.write(music / "stereo.wav", np.stack([y, 0.3 * y], 1), 44100)
    soundfile.write(music / "half.flac", y[: 44100 * 8 : 2], 22050)
    soundfile.write(music / "small.mp3", y[: 44100 * 5], 44100)
    table, summary = score()
    assert table["file"].tolist() == ["Şarkılar/half.flac", "Şarkılar/small.mp3", "Şarkılar/stereo.wav"]
    assert list(table.columns) == list(TYPES)
    assert store.clips_table(opened).set_index("file_name")["channels"].to_dict() == {
        **{"half.flac": 1, "small.mp3": 1, "stereo.wav": 2}
    }
    assert (summary.found, summary.scored, summary.measured) == (3, 3, 3)
    for row in table.itertuples():
        data = (tmp_path / "music" / row.file).read_bytes()
        alone = scoring.score_clip(data, row.file, served, policy=served.policies["threshold"], store=None)
        kept = store.load_features(opened, row.clip_id, EXTRACTOR)
        assert row.clip_id == alone.clip_id == row.content_hash
        np.testing.assert_array_equal(kept.values, alone.vector.values)
        same = table.loc[table["file"] == row.file].iloc[0]
        np.testing.assert_array_equal(same[list(COLUMNS)].to_numpy(float), alone.vector.values)
        np.testing.assert_allclose(same[PROBA].to_numpy(float), list(alone.prediction.proba.values()), atol=1e-9)
        assert (row.guess, row.decision or None) == (alone.prediction.ranked[0], alone.decision.label)
        assert row.decision_reason == alone.decision.reason
        assert row.tempo_bpm == alone.vector.values[COLUMNS.index("_Tempo_Mean")]
        assert row.start_s == alone.recording.start_s
        assert row.remarks == " ".join(remark.text for remark in alone.recording.remarks)
        assert row.end_s - row.start_s == pytest.approx(alone.recording.clip.duration_s)
    assert table.set_index("file").loc["Şarkılar/stereo.wav", "loudness_lufs"] == pytest.approx(
        integrated(_middle(y)[:, None] * [1, 0.3], 44100), abs=0.01
    )


def _middle(y: np.ndarray) -> np.ndarray:
    n = round(30.02 * 44100)
    return y[(y.size - n) // 2 :][:n]


def test_what_was_found_out_is_in_the_store_for_the_other_pages(score, opened, music):
    table, _ = score()
    kept = store.library_table(opened, sort="file_name", descending=False)
    assert kept["file_name"].tolist() == ["0000.wav", "0001.wav", "0002.wav"]
    assert kept["path"].tolist() == [str(music / name) for name in table["file"]]
    assert set(kept["origin"]) == {"library"}
    assert store.clips_table(opened)["channels"].tolist() == [1, 1, 1]
    np.testing.assert_array_equal(kept["tempo"], table["tempo_bpm"])
    np.testing.assert_array_equal(kept["lufs"], table["loudness_lufs"])
    np.testing.assert_array_equal(kept["file_duration_s"], [0.6] * 3)
    assert kept["title"].tolist() == ["0000", "0001", "0002"]
    assert kept["source"].tolist() == [str(music / f"album {k}") for k in range(3)]


def test_tags_become_artist_title_album_genre_and_year(score, opened, tmp_path):
    (tmp_path / "music").mkdir()
    with soundfile.SoundFile(tmp_path / "music/x.flac", "w", 8000, 1) as file:
        file.artist, file.title, file.album = "Zeki Müren", "Gitme  sana\nmuhtacım", "Kahır Mektubu"
        file.genre, file.date = "Türk Sanat Müziği", "1973-05-01"
        file.write(np.sin(np.arange(8000)))
    table, _ = score()
    row = table.iloc[0]
    assert (row.artist, row.title, row.album) == ("Zeki Müren", "Gitme sana muhtacım", "Kahır Mektubu")
    assert (row.genre, row.year) == ("Türk Sanat Müziği", 1973)
    assert store.library_table(opened, search="müren").iloc[0]["album"] == "Kahır Mektubu"


def test_makam_usul_and_performer_are_read_stored_and_told_and_what_a_person_said_of_them_stays(
    score, opened, tmp_path
):
    (tmp_path / "music").mkdir()
    for name, makam in (("a", "Hicaz"), ("b", "=Rast")):
        with soundfile.SoundFile(tmp_path / f"music/{name}.flac", "w", 8000, 1) as file:
            file.artist, file.title = "Safiye Ayla", name
            file.comment = f"makam: {makam}; usul: Aksak; performer: Yorgo Bacanos"
            file.write(np.sin(np.arange(8000) * (1 + ord(name) / 100)))
    table, _ = score(out="out.csv")
    assert table[["makam", "usul", "performer"]].to_numpy().tolist() == [
        ["Hicaz", "Aksak", "Yorgo Bacanos"],
        ["'=Rast", "Aksak", "Yorgo Bacanos"],
    ]
    assert set(store.library_table(opened, search="hicaz")["title"]) == {"a"}
    store.set_track(opened, table.loc[0, "clip_id"], makam="Hüzzam")
    table, summary = score(plan=Plan(30, 30))  # read anew
    assert summary.measured == 2
    assert table["makam"].tolist() == ["Hüzzam", "=Rast"]


def test_a_clip_that_a_person_named_before_gets_what_else_its_tags_say(score, opened, tmp_path):
    (tmp_path / "music").mkdir()
    with soundfile.SoundFile(tmp_path / "music/x.flac", "w", 8000, 1) as file:
        file.artist, file.title, file.comment = "Safiye Ayla", "Yanık Ömer", "makam: Hicaz; usul: Aksak"
        file.write(np.sin(np.arange(8000)))
    data = (tmp_path / "music/x.flac").read_bytes()
    clip = decode(data, "x.flac").clip.clip_id
    store.add_clip(opened, clip, file_name="sent.flac", duration_s=1.0, sr=8000)
    store.set_track(opened, clip, makam="Hüzzam", artist="")
    row = score()[0].iloc[0]
    assert (row.title, row.makam, row.usul, row.artist) == ("Yanık Ömer", "Hüzzam", "Aksak", "")


def test_the_year_is_a_whole_number_also_where_some_have_none(score, tmp_path):
    libraries.folder(tmp_path / "music", 1)
    with soundfile.SoundFile(tmp_path / "music/x.flac", "w", 8000, 1) as file:
        file.date = "1987"
        file.write(np.sin(np.arange(8000)))
    score(out="out.csv")
    score()
    assert ",1987," in (tmp_path / "out.csv").read_text().splitlines()[-1]
    taken = csv_for_people(read_results(str(tmp_path / "out.parquet")), index=False).decode()
    assert ",1987," in taken
    assert "1987.0" not in taken


def test_comments_before_the_results_change_nothing_for_the_reader_of_tables(score, music, tmp_path):
    score()
    rows = read_results(str(tmp_path / "out.parquet")).query("state == 'scored'")
    comments = SourceNote(table="out.parquet", rows="3 of 3 scored parts").header("library results")
    files = [csv_for_people(rows, index=False, comments=text) for text in ("", comments)]
    assert files[1].decode("utf-8-sig").startswith("# Turkish Music Emotion")
    plain, commented = (read_messy(data, "out.csv") for data in files)
    pd.testing.assert_frame_equal(plain, commented)
    assert len(commented) == len(rows)


def test_a_table_of_an_earlier_version_is_read_with_what_it_says(score, music, tmp_path):
    table, _ = score()
    table.drop(columns=["makam", "policy"]).to_parquet(tmp_path / "old.parquet")
    old = read_results(str(tmp_path / "old.parquet"))
    assert list(old.columns) == list(TYPES)
    assert set(old["makam"]) == set(old["policy"]) == {""}
    assert old["guess"].tolist() == table["guess"].tolist()


def test_the_policy_that_decided_is_told_as_the_store_names_it(score, opened, music, tmp_path):
    (music / "text.wav").write_text("no audio")
    policy = Policy(threshold=0.4)
    table, _ = score(policy=policy)
    assert table["policy"].tolist() == [policy.to_json()] * 3 + [""]
    assert set(store.predictions_table(opened)["policy"]) == {policy.to_json()}


def test_tables_are_the_same_bytes_though_the_model_was_asked_about_other_clips_together(
    served, music, tmp_path, monkeypatch
):
    """The last digits of a probability depend on the batch."""
    plain = decide_pieces

    def shaken(vectors, served, *, policy):
        decided = plain(vectors, served, policy=policy)
        return [replace(one, prediction=_shaken(one.prediction)) for one in decided]

    given = {"served": served, "policy": served.policies["threshold"]}
    written = []
    for name in ("first", "second"):
        own = store.open_store(f"sqlite:///{tmp_path / name}.db")
        score_library(str(music), str(tmp_path / f"{name}.csv"), store=own, **given)
        written.append(store.predictions_table(own)[PROBA].to_numpy())
        store.close_store(own)
        monkeypatch.setattr(run_module, "decide_pieces", shaken)
    assert (written[0] != written[1]).any()
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()


def _shaken(prediction):
    shifts = (1e-13, -1e-13, 0, 0)
    return replace(prediction, proba={e: p + d for (e, p), d in zip(prediction.proba.items(), shifts, strict=True)})


def test_whole_files_are_scored_window_by_window(score, tmp_path):
    (tmp_path / "music").mkdir()
    y = np.concatenate([longer(seconds=45), np.zeros(44100 * 32)])
    soundfile.write(tmp_path / "music/x.wav", y, 44100)
    table, summary = score(plan=Plan(30, 15))
    assert table["start_s"].tolist() == [0, 15, 30, 45, 47]
    assert table["state"].tolist() == ["scored"] * 3 + ["refused"] * 2
    assert table.loc[3, "reason"] == "x.wav is silent from 45.0 s on. Choose a file, or a part of it, with music."
    np.testing.assert_allclose(table.loc[:2, PROBA].sum(axis=1), 1)
    assert table.loc[3:, PROBA].isna().all(axis=None)
    assert summary.scored == 1
    data = (tmp_path / "music/x.wav").read_bytes()
    alone = excerpt(inspect(data, "x.wav"), start_s=15, length_s=30).clip
    assert table.loc[1, "clip_id"] == alone.clip_id
    again, summary = score(plan=Plan(30, 15))
    assert summary.measured == 0
    pd.testing.assert_frame_equal(again, table)
    table, summary = score()
    assert (len(table), summary.measured) == (1, 1)


@pytest.mark.parametrize("plan", [(10, 10), (90, 10), (30, 40), (30, 0)])
def test_windows_that_cannot_be_are_refused(plan):
    with pytest.raises(CoreError, match="second"):
        Plan(*plan)


def test_the_table_is_the_same_as_csv_and_nothing_in_it_is_a_formula(score, tmp_path):
    (tmp_path / "music").mkdir()
    with soundfile.SoundFile(tmp_path / "music/=cmd.flac", "w", 8000, 1) as file:
        file.artist = '=HYPERLINK("x")'
        file.write(np.sin(np.arange(8000)))
    (tmp_path / "music/bad.wav").write_bytes(b"no audio")
    (tmp_path / "music/=1+1.wav").write_bytes(b"no audio")
    (tmp_path / "music/copy.flac").write_bytes((tmp_path / "music/=cmd.flac").read_bytes())
    parquet, _ = score()
    csv, _ = score(out="out.csv")
    assert parquet["artist"].tolist() == ["", '=HYPERLINK("x")', "", '=HYPERLINK("x")']
    assert csv["artist"].tolist() == ["", '\'=HYPERLINK("x")', "", '\'=HYPERLINK("x")']
    assert csv["file"].tolist() == ["'=1+1.wav", "'=cmd.flac", "bad.wav", "copy.flac"]
    assert csv["same_content_as"].tolist() == ["", "", "", "'=cmd.flac"]
    assert csv.loc[0, "reason"].startswith("'=1+1.wav is not audio")
    for column in (column for column, kind in TYPES.items() if kind == "str"):
        assert not csv[column].str.startswith(("=", "+", "-", "@")).any(), column
    numbers = [column for column, kind in TYPES.items() if kind == "float64"]
    pd.testing.assert_frame_equal(parquet[numbers], csv[numbers], check_exact=True)
    assert not (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf")  # programs read it
    for part in (parquet, parquet[["file", "path", "state", "reason"]]):
        taken = csv_for_people(part, index=False)  # people open it
        assert taken.startswith(b"\xef\xbb\xbf" + ",".join(f'"{name}"' for name in part.columns).encode())
        assert taken.decode("utf-8-sig").count("'=1+1.wav") == 2


# what is new


def test_a_second_run_measures_nothing_and_says_the_same(score, measured, music):
    first, summary = score()
    assert (summary.measured, len(measured)) == (3, 3)
    second, summary = score()
    assert (summary.measured, len(measured)) == (0, 3)
    pd.testing.assert_frame_equal(first, second)


def test_only_what_changed_is_measured(score, measured, music):
    before, _ = score()
    (music / "album 1/0001.wav").write_bytes(libraries.tiny(77))
    libraries.folder(music, 1, first=3)
    (music / "album 2/0002.wav").unlink()
    after, summary = score()
    assert (summary.found, summary.measured, len(measured)) == (3, 2, 5)
    assert after["file"].tolist() == ["album 0/0000.wav", "album 1/0001.wav", "album 3/0003.wav"]
    assert after.loc[0, "clip_id"] == before.loc[0, "clip_id"]
    assert after.loc[1, "clip_id"] != before.loc[1, "clip_id"]


def test_a_change_that_keeps_size_and_time_is_seen(score, music):
    before, _ = score()
    file = music / "album 1/0001.wav"
    times = file.stat()
    file.write_bytes(libraries.tiny(77))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file.stat().st_size == times.st_size
    after, summary = score()
    assert summary.measured == 1
    assert (before["clip_id"] != after["clip_id"]).tolist() == [False, True, False]


def test_touched_renamed_and_copied_files_are_read_but_not_measured(score, measured, music):
    before, _ = score()
    os.utime(music / "album 0/0000.wav")
    (music / "album 1/0001.wav").rename(music / "album 1/renamed.wav")
    (music / "album 2").rename(music / "moved")
    shutil.copy(music / "moved/0002.wav", music / "copy.wav")
    after, summary = score()
    assert (summary.measured, len(measured)) == (0, 3)
    assert set(after["clip_id"]) == set(before["clip_id"])
    same = after.set_index("file")["same_content_as"]
    assert same[same != ""].to_dict() == {"moved/0002.wav": "copy.wav"}
    assert dict(zip(after["file"], after["title"], strict=True))["album 1/renamed.wav"] == "renamed"
    again, summary = score()
    assert summary.measured == 0
    pd.testing.assert_frame_equal(again, after)


def test_a_clip_is_where_its_file_went(score, opened, music):
    score()
    (music / "album 1/0001.wav").rename(music / "gone.wav")
    table, _ = score()
    clip = table.set_index("file").loc["gone.wav", "clip_id"]
    kept = store.library_table(opened).set_index("clip_id").loc[clip]
    assert (kept["path"], kept["file_name"]) == (str(music / "gone.wav"), "gone.wav")
    assert (kept["title"], kept["source"]) == ("gone", str(music))
    assert table.set_index("file").loc["gone.wav", "title"] == "gone"


def test_a_clip_goes_to_its_copy_when_its_file_holds_other_music_now(score, opened, music):
    before, _ = score()
    (music / "copy.wav").write_bytes(libraries.tiny(1))
    (music / "album 1/0001.wav").write_bytes(libraries.tiny(77))
    score()
    kept = store.library_table(opened).set_index("clip_id")
    assert kept.loc[before.loc[1, "clip_id"], "path"] == str(music / "copy.wav")


def test_another_extractor_measures_all_again(score, measured, music, monkeypatch):
    score()
    for module in ("run", "worker", "cluster", "near_copies", "worker_checks", "results"):
        monkeypatch.setattr(f"core.library.{module}.EXTRACTOR", "other 2")
    _, summary = score()
    assert (summary.measured, len(measured)) == (3, 6)


def test_another_model_or_policy_is_asked_without_measuring(score, served, opened, measured, music):
    score()
    other = replace(served, model=replace(served.model, version="other"))
    table, summary = score(served=other)
    assert (summary.measured, len(measured)) == (0, 3)
    assert set(table["model_version"]) == {"other"}
    table, _ = score(policy=Policy(threshold=0.01))
    sure = ~table["decision_reason"].str.contains("unlike the training music")
    assert table.loc[sure, "decision"].tolist() == table.loc[sure, "guess"].tolist()
    assert len(store.predictions_table(opened)) == 9


def test_a_clip_that_somebody_deleted_stays_deleted(score, opened, music):
    table, _ = score()
    store.delete_clip(opened, table.loc[1, "clip_id"])
    again, _ = score()
    assert again["state"].tolist() == ["scored", "deleted", "scored"]
    os.utime(music / "album 1/0001.wav")
    again, _ = score()
    assert again["state"].tolist() == ["scored", "deleted", "scored"]
    assert len(store.library_table(opened)) == 2


# the same recording twice


def test_the_same_bytes_under_two_names_are_one_clip_and_both_are_listed(score, opened, measured, tmp_path):
    (tmp_path / "music").mkdir()
    for name in ("b.wav", "a.wav", "c.wav"):
        (tmp_path / "music" / name).write_bytes(libraries.tiny(5))
    table, summary = score()
    assert len(measured) == 1
    assert len(set(table["clip_id"])) == 1
    assert table["same_content_as"].tolist() == ["", "a.wav", "a.wav"]
    assert summary.scored == 3
    assert len(store.clips_table(opened)) == 1


def test_a_copy_has_the_title_that_its_own_name_gives_and_tags_and_people_win(score, opened, tmp_path):
    for name in ("first/a.wav", "music/side/b.wav", "music/c.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(libraries.tiny(5))
    score(tmp_path / "first")
    table, _ = score()
    assert dict(zip(table["file"], table["title"], strict=True)) == {"c.wav": "c", "side/b.wav": "b"}
    assert score(tmp_path / "first")[0].loc[0, "title"] == "a"
    store.set_track(opened, table.loc[0, "clip_id"], title="Hicaz Peşrev")
    assert set(score()[0]["title"]) == {"Hicaz Peşrev"}


def test_a_copy_in_another_library_is_told_and_not_named(score, tmp_path):
    """Whose it is, and what it is called, may be nobody's business here."""
    for name in ("private/diary.wav", "music/b.wav", "music/a.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(libraries.tiny(5))
    (tmp_path / "music/other.wav").write_bytes(libraries.tiny(6))
    score(tmp_path / "private")
    table, _ = score()
    assert table["same_content_as"].tolist() == ["another library", "a.wav", ""]
    table, _ = score(tmp_path / "music/b.wav")  # a run of one file
    assert table["same_content_as"].tolist() == ["another library"]


def test_copies_are_named_also_across_the_batches_of_a_run(score, tmp_path, monkeypatch):
    monkeypatch.setattr("core.library.run.AT_ONCE", 2)
    libraries.folder(tmp_path / "music", 5)
    (tmp_path / "music/z.wav").write_bytes(libraries.tiny(0))
    table, _ = score()
    assert table["same_content_as"].tolist() == [""] * 5 + ["album 0/0000.wav"]


def test_another_encoding_of_the_same_recording_is_named_and_another_recording_is_not(score, tmp_path):
    (tmp_path / "music").mkdir()
    y = longer("relax", seconds=10)
    soundfile.write(tmp_path / "music/a.mp3", y, 44100)
    soundfile.write(tmp_path / "music/b.wav", y, 44100)
    soundfile.write(tmp_path / "music/c.flac", 0.5 * y, 44100)
    soundfile.write(tmp_path / "music/d.wav", longer("relax", seconds=10, seed=1), 44100)
    soundfile.write(tmp_path / "music/e.wav", np.concatenate([np.zeros(2000), y]), 44100)
    table, _ = score()
    assert table["near_duplicate_of"].tolist() == ["b.wav", "", "b.wav", "", "b.wav"]  # the best file is the original


def test_the_original_is_lossless_then_has_the_higher_rate_then_is_longer():
    def rank(path, kilobytes, seconds=100.0):
        return quality(LibraryFile(path, "excerpt", 1000 * kilobytes, "", "scored", duration_s=seconds))

    assert rank("/m/z.FLAC", 5_000) > rank("/m/a.m4a", 9_000)
    assert rank("/m/z.flac", 20_000) > rank("/m/a.flac", 5_000)
    assert rank("/m/z.mp3", 3_200) > rank("/m/a.mp3", 1_280)
    assert rank("/m/z.wav", 18_000, 102.0) > rank("/m/a.wav", 17_640)
    assert rank("/m/unknown.flac", 5_000, None) > rank("/m/a.mp3", 1_280)


def test_alike_are_all_that_hang_together_and_never_those_that_are_not_known():
    rng = np.random.default_rng(0)
    used = COLUMNS
    z = rng.standard_normal((60, len(used)))
    z[40] = z[7] + 0.01
    z[50] = z[40] + 0.01
    z[55:] = np.nan
    expected = np.arange(60)
    expected[[40, 50]] = 7
    ids = [str(k) for k in range(60)]
    np.testing.assert_array_equal(first_alike(ids, alike_pairs(z, used), SameRecordings()), expected)


def test_few_clips_and_many_have_the_same_neighbours():
    values = np.random.default_rng(1).uniform(size=(70, 12)).astype(np.float32)
    values[10], values[20:26] = values[3], values[5] + np.float32(0.01)
    for count in (2, 5, 70):
        tree, few = nearest_in_tree(values, count, 0.5), nearest_of_few(values, count, 0.5)
        np.testing.assert_allclose(few[0], tree[0], atol=1e-7)
        for ours, theirs in zip(few[1], tree[1], strict=True):  # among equally near ones, the order is free
            assert count < 7 or set(ours) == set(theirs)


# what goes wrong


def test_a_run_that_must_stay_below_a_folder_follows_no_link_out_of_it(score, music, tmp_path):
    (tmp_path / "private").mkdir()
    (tmp_path / "private/diary.wav").write_bytes(libraries.tiny(9))
    (music / "way").symlink_to(tmp_path / "private")
    table, summary = score(within=str(music))
    assert summary.scored == 3
    assert table.set_index("file").loc["way", "reason"].startswith("A symbolic link that leads out")
    assert score()[1].scored == 4


def test_every_bad_file_is_a_row_and_the_good_ones_are_scored(score, tmp_path):
    music = libraries.folder(tmp_path / "music", 1)
    good = libraries.tiny(1, seconds=2)
    soundfile.write(music / "silent.wav", np.zeros(8000), 8000)
    (music / "short.wav").write_bytes(libraries.tiny(1, seconds=0.2))
    (music / "truncated.wav").write_bytes(good[: len(good) // 2])
    (music / "text.wav").write_text("no audio")
    (music / "empty.mp3").touch()
    (music / "song.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    (music / "tape.RA").write_bytes(b".ra\xfd" + bytes(100))
    (music / "loop").symlink_to(".")
    table, summary = score()
    rows = table.set_index("file")
    assert rows.loc["album 0/0000.wav", "state"] == "scored"
    said = {
        "silent.wav": ("refused", "silent.wav is silent"),
        "short.wav": ("refused", "short.wav lasts 0.20 s; at least 0.5 s"),
        "truncated.wav": ("refused", "truncated.wav is truncated"),
        "text.wav": ("refused", "text.wav is not audio but a text"),
        "empty.mp3": ("refused", "empty.mp3 is empty"),
        "song.m4a": ("refused", "song.m4a lacks its index (moov): the recording was not ended"),
        "tape.RA": ("refused", "The format RA is not supported: convert it to WAV or FLAC."),
        "loop": ("unread", "A symbolic link that leads back"),
    }
    assert set(rows.index) == {*said, "album 0/0000.wav"}
    for name, (state, reason) in said.items():
        assert rows.loc[name, "state"] == state
        assert rows.loc[name, "reason"].startswith(reason)
    assert summary.states == {"scored": 1, "refused": 7, "unread": 1}
    assert {one["file"] for one in summary.not_scored} == set(said)
    _, summary = score()
    assert summary.measured == 0  # what is no audio stays none until it changes
    (music / "text.wav").write_bytes(libraries.tiny(9))
    _, summary = score()
    assert (summary.measured, summary.scored) == (1, 2)


def test_a_file_that_its_decoder_does_not_survive_is_quarantined(score, music, monkeypatch):
    (music / "bad.flac").write_bytes(libraries.tiny(7, seconds=2, form="FLAC"))
    isolated.end_all()
    for plan in (Plan(), Plan(hop_s=30.0)):
        isolated.warm()
        for pid in isolated.pids():
            os.kill(pid, signal.SIGSTOP)
        with monkeypatch.context() as patch:
            patch.setattr(isolated, "WAIT_S", 0.2)
            table, _ = score(plan=plan)
        row = table.set_index("file").loc["bad.flac"]
        assert row["state"] == "quarantined"
        assert row["reason"].startswith("bad.flac takes too long to decode")
        assert row["reason"].endswith("The file is skipped until it changes or you score the library with --retry.")
        table, summary = score(plan=plan)
        assert (summary.measured, summary.states) == (0, {"scored": 3, "quarantined": 1})
        _, summary = score(plan=plan, retry=True)
        assert (summary.measured, summary.states) == (1, {"scored": 4})


def test_a_file_that_no_decoder_was_free_for_is_read_the_next_time(score, music, monkeypatch):
    (music / "later.flac").write_bytes(libraries.tiny(7, seconds=2, form="FLAC"))
    monkeypatch.setattr(isolated, "BUSY_S", 0.01)
    sources = [inspect(libraries.tiny(k, seconds=30, form="FLAC"), "x.flac") for k in range(isolated.MOST)]
    read = [blocks(source) for source in sources]
    for one in read:
        next(one)
    table, summary = score()
    assert summary.states == {"scored": 3, "unread": 1}
    assert "decoding other files" in table.set_index("file").loc["later.flac", "reason"]
    for one in read:
        one.close()
    assert score()[1].states == {"scored": 4}


def test_what_is_suspicious_about_a_file_is_in_the_table(score, tmp_path):
    music = tmp_path / "music"
    music.mkdir()
    noise = np.random.default_rng(0).uniform(-0.02, 0.02, 30 * 44100)
    y = lfilter([1], [1, -0.97], noise)  # less even than white noise
    soundfile.write(music / "clipped.wav", np.clip(20 * y, -1, 1), 44100)
    soundfile.write(music / "noise.wav", 10 * noise, 44100)
    soundfile.write(music / "good.mp3", y, 44100)
    soundfile.write(music / "8 bit.wav", y, 44100, subtype="PCM_U8")
    for name in ("out.parquet", "out.csv"):
        table, _ = score(out=name)
        rows = table.set_index("file")
        assert rows.loc["clipped.wav", "warnings"].startswith("The recording is clipped")
        assert rows.loc["good.mp3", "warnings"] == ""
        assert rows.loc["good.mp3", "remarks"] == ""  # the clips of the table were compressed, too
        assert rows.loc["8 bit.wav", "warnings"] == ""
        assert rows.loc["noise.wav", "warnings"].startswith("Spectral centroid could not be measured")
        assert rows.loc["8 bit.wav", "remarks"].startswith("8-bit")


def test_a_fault_of_the_program_costs_one_file_is_told_and_is_tried_again(score, music, monkeypatch):
    from core import features
    from core.pipeline import measure

    extract = features.extract

    def faulty(clip):
        if clip.y.size and abs(float(clip.y[100]) - decoded(music / "album 1/0001.wav")) < 1e-12:
            raise ZeroDivisionError("by nought")
        return extract(clip)

    monkeypatch.setattr(measure, "extract", faulty)
    table, _ = score()
    assert table["state"].tolist() == ["scored", "fault", "scored"]
    assert "ZeroDivisionError in test_run.py" in table.loc[1, "reason"]
    monkeypatch.setattr(measure, "extract", extract)
    table, summary = score()
    assert table["state"].tolist() == ["scored"] * 3
    assert summary.measured == 1


def decoded(path: Path) -> float:
    return float(decode(path.read_bytes(), path.name).clip.y[100])


def test_a_file_that_vanishes_or_keeps_changing_is_asked_again_the_next_time(score, music, monkeypatch):
    from core.library import worker
    from core.library.reading import UnreadError, read_content

    def restless(item, *, max_mb):
        if item.name.endswith("0001.wav"):
            raise UnreadError("The file changed twice while it was read.")
        return read_content(item, max_mb=max_mb)

    monkeypatch.setattr(worker, "read_content", restless)
    table, _ = score()
    assert table["state"].tolist() == ["scored", "unread", "scored"]
    monkeypatch.setattr(worker, "read_content", read_content)
    table, summary = score()
    assert (table["state"].tolist(), summary.measured) == (["scored"] * 3, 1)


def test_a_run_that_is_ended_goes_on_where_it_was(score, measured, tmp_path, monkeypatch):
    libraries.folder(tmp_path / "music", 8)
    monkeypatch.setattr("core.library.cluster.MOST", 2)
    seen: list[RunProgress] = []

    def ended(progress):
        seen.append(progress)
        if progress.done >= 4:
            raise CoreError("Cancelled.")

    with pytest.raises(CoreError, match="Cancelled"):
        score(on_progress=ended)
    assert not (tmp_path / "out.parquet").exists()
    half = len(measured)
    assert 4 <= half < 8
    table, summary = score(on_progress=seen.append)
    assert summary.measured == 4
    assert table["file"].tolist() == sorted(f"album {k}/{k:04d}.wav" for k in range(8))
    assert table["clip_id"].nunique() == 8
    assert {p.phase for p in seen} == {"looking", "scoring", "writing"}
    assert seen[-1].share == 1


def test_killed_between_the_features_and_the_answers_the_next_run_asks_for_these(score, measured, music, monkeypatch):
    monkeypatch.setattr("core.library.cluster.SHARE", 1)  # all in one chunk
    save = store.save_predictions
    monkeypatch.setattr(deciding, "save_predictions", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        score()
    monkeypatch.setattr(deciding, "save_predictions", save)
    table, summary = score()
    assert (summary.measured, len(measured)) == (0, 3)
    np.testing.assert_allclose(table[PROBA].sum(axis=1), 1)


def test_a_cluster_that_is_not_there_is_a_sentence(score, music, monkeypatch):
    monkeypatch.setattr("core.library.workers.CONNECT", "1s")
    for address in ("tcp://127.0.0.1:9", "tls://127.0.0.1:9", "http://host", "nonsense", "tcp://host:abc"):
        with pytest.raises(CoreError, match=f"There is no Dask scheduler at {address}"):
            score(where=Where(address))


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"out": "out.xlsx"}, "parquet, .csv or .jsonl"),
        ({"folder": "nowhere"}, "cannot be read"),
        ({"folder": "empty"}, "no audio"),
    ],
)
def test_what_cannot_work_is_a_sentence_before_any_work(score, music, measured, tmp_path, given, match):
    (tmp_path / "empty").mkdir()
    folder = tmp_path / given.pop("folder", "music")
    with pytest.raises(CoreError, match=match):
        score(folder, **given)
    assert measured == []


def test_a_place_for_results_that_is_none_is_refused_before_any_work(score, music, measured, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CoreError, match="cannot be written"):
        score(out="file/out.csv")
    assert measured == []


def test_a_far_place_for_results_is_tried_before_any_work(served, opened, music, measured, monkeypatch):
    system = fsspec.filesystem("memory")
    system.store.clear()
    given = {"served": served, "store": opened, "policy": served.policies["threshold"]}

    def refused(*_, **__):
        raise PermissionError(13, "Access Denied")

    with monkeypatch.context() as closed:
        closed.setattr(type(system), "pipe_file", refused)
        with pytest.raises(CoreError, match=r"cannot be written to memory://results/out.csv: Access Denied\."):
            score_library(str(music), "memory://results/out.csv", **given)
    with pytest.raises(CoreError, match=r"cannot be written to nosuch://host/out.csv|not installed"):
        score_library(str(music), "nosuch://me:geheim@host/out.csv", **given)
    assert measured == []
    score_library(str(music), "memory://results/out.csv", **given)
    assert list(system.store) == ["/results/out.csv"]
    system.store.clear()


def test_a_sign_of_life_comes_in_every_part_of_a_run(score, music, monkeypatch):
    """Also where nothing is found, compared or written for long; there, a cancel is heard."""
    monkeypatch.setattr("core.library.workers.TICK_S", -1)
    (music / "notes").mkdir()
    for k in range(20):
        (music / "notes" / f"{k}.txt").touch()
    said: list[str] = []
    score(on_progress=lambda progress: said.append(progress.phase))
    assert said.count("looking") > 20
    assert said.count("writing") >= 4  # near copies twice, the table, the summary

    def cancelled(progress):
        if progress.phase == "writing":
            raise CoreError("Cancelled.")

    with pytest.raises(CoreError, match="Cancelled"):
        score(on_progress=cancelled)


def test_results_appear_whole_or_not_at_all(score, music, tmp_path, monkeypatch):
    score()
    before = (tmp_path / "out.parquet").read_bytes()
    libraries.folder(music, 1, first=7)
    monkeypatch.setattr("core.library.results._typed", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        score()
    assert (tmp_path / "out.parquet").read_bytes() == before
    assert not list(tmp_path.glob(".library-*"))


def test_what_a_killed_run_left_of_its_results_is_removed_and_what_another_writes_is_not(score, music, tmp_path):
    old, new = tmp_path / ".library-abc.part", tmp_path / ".library-def.part"
    for part in (old, new, tmp_path / ".library-notes.txt"):
        part.touch()
        os.utime(part, (time.time() - 7200,) * 2)
    os.utime(new)
    score()
    assert {p.name for p in tmp_path.glob(".library-*")} == {".library-def.part", ".library-notes.txt"}


# elsewhere


def test_a_library_and_its_results_may_be_at_addresses(served, opened, monkeypatch):
    libraries.settle(monkeypatch)
    system = fsspec.filesystem("memory")
    system.store.clear()
    for k in range(3):
        system.pipe(f"/lib/sub/{k}.wav", libraries.tiny(k))
    given = {"served": served, "store": opened, "policy": served.policies["threshold"]}
    summary = score_library("memory://lib", "memory://results/out.parquet", **given)
    assert (summary.scored, summary.measured) == (3, 3)
    with system.open("/results/out.parquet") as file:
        table = pd.read_parquet(file)
    assert table["file"].tolist() == ["sub/0.wav", "sub/1.wav", "sub/2.wav"]
    assert score_library("memory://lib", "memory://results/out.parquet", **given).measured == 0
    system.pipe("/lib/sub/1.wav", libraries.tiny(9))
    assert score_library("memory://lib", "memory://results/out.parquet", **given).measured == 1
    system.store.clear()


# beside the music


def test_nothing_is_written_into_the_library_unless_asked_and_then_beside_the_music(score, music):
    before = {p: p.read_bytes() for p in music.rglob("*") if p.is_file()}
    score()
    assert {p: p.read_bytes() for p in music.rglob("*") if p.is_file()} == before
    table, _ = score(sidecars=True)
    said = json.loads((music / "album 1/0001.wav.emotion.json").read_text())
    assert said["content_hash"] == table.loc[1, "content_hash"]
    assert said["parts"][0]["guess"] == table.loc[1, "guess"]
    assert {p: p.read_bytes() for p in before} == before
    _, summary = score(sidecars=True)
    assert (summary.found, summary.measured) == (3, 0)


def test_what_is_written_beside_a_file_with_a_long_name_has_a_name_of_its_own(score, tmp_path):
    (tmp_path / "music").mkdir()
    long = ["Ş" * 120 + f"{k}.wav" for k in range(2)]  # 245 bytes, and no room for the ending
    for k, name in enumerate(long):
        (tmp_path / "music" / name).write_bytes(libraries.tiny(k))
    table, summary = score(sidecars=True)
    assert summary.scored == 2
    written = sorted((tmp_path / "music").glob("*.emotion.json"))
    assert {json.loads(p.read_text())["content_hash"] for p in written} == set(table["content_hash"])
    assert all(p.name.startswith("Ş" * 110) for p in written)


def test_the_summary_counts_what_was_left_out(score, music, tmp_path):
    (music / ".hidden").mkdir()
    (music / "notes.txt").touch()
    (music / "cover.jpg").touch()
    (music / "again").symlink_to(music / "album 1")
    _, summary = score()
    assert summary.found == 3
    assert summary.skipped == {"hidden": 1, "not audio": 2, "behind links to what is read anyway": 1}
    said = "Left out: 1 behind links to what is read anyway, 1 hidden, 2 not audio."
    assert said in summary.report.splitlines()
    assert score(music / "album 1")[1].report.count("Left out") == 0


# progress


def test_where_no_terminal_is_a_line_comes_every_few_seconds(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(run_module.time, "monotonic", lambda: now[0])
    with progress_bar() as show:
        for seconds in range(1, 26):
            now[0] = 100.0 + seconds
            show(RunProgress("scoring", found=50, new=50, done=seconds))
    said = capsys.readouterr().err
    assert said == "10 of 50 files, 0 not scored\n20 of 50 files, 0 not scored\n"


def test_a_short_list_moves(score, tmp_path):
    libraries.folder(tmp_path / "music", 8)
    seen: list[int] = []
    score(on_progress=lambda progress: seen.append(progress.done))
    assert sorted(set(seen)) == [0, 2, 4, 6, 8]


def test_progress_says_how_long_it_takes():
    at = RunProgress("scoring", found=1000, settled=200, new=800, done=100, not_scored=3, elapsed_s=50.0)
    assert at.text == "300 of 1,000 files, 2.0 per second, 6 min left, 3 not scored"
    assert at.share == 0.3
    before = RunProgress("scoring", found=1000, new=1000)
    assert (before.rate, before.remaining_s) == (None, None)  # not measured is not "no file in a second"
    assert before.text == (
        "0 of 1,000 files, 0 not scored. Measuring the first files, for 0 s so far. Results come in groups of files"
    )
    assert "for 12 s so far" in replace(before, elapsed_s=12.0).text  # it moves before the first result
    assert replace(before, note="No worker yet").text == "0 of 1,000 files, 0 not scored. No worker yet"


SCORE = """
import sys
from core.__main__ import main
from core.models import bundle
loaded = []
real = bundle.load_pipeline
bundle.load_pipeline = lambda *given, **named: loaded.append(1) or real(*given, **named)
sys.argv = ["core", "score", sys.argv[1], "--out", sys.argv[2]]
try:
    main()
except SystemExit as ended:
    assert ended.code == 0, ended.code
heavy = {"sklearn", "skops", "numba", "scipy", "dask", "distributed", "mlflow", "shap", "lightgbm", "xgboost"}
print(len(loaded), *sorted(heavy & set(sys.modules)))
"""


def test_a_run_with_nothing_to_measure_starts_no_worker_and_loads_no_model(score, music, tmp_path):
    assert score()[1].measured == 3
    environment = os.environ | {"TME_DATA_DIR": str(tmp_path / "data"), "TME_DATABASE_URL": ""}
    command = [sys.executable, "-c", SCORE, str(music), str(tmp_path / "out.parquet")]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "3 of 3 files scored, 0 not; 0 of them measured now" in run.stdout
    assert run.stdout.splitlines()[-1].split() == ["0"]


def test_workers_stay_small():
    """What a worker imports loads neither tables nor models nor the database."""
    code = (
        "import sys; from core.library import worker; from core.records import FoundFile, Plan;"
        "entry = worker.measure_file(FoundFile(sys.argv[1], 'a.flac'), Plan(), frozenset(), 10);"
        "assert entry.file.state == 'scored', entry.file.reason;"
        "print(*sorted({'pandas', 'scipy.signal', 'sklearn', 'sqlalchemy', 'mlflow', 'streamlit'} & set(sys.modules)))"
    )
    golden = ROOT / "tests" / "golden" / "single_note_2s.flac"
    run = subprocess.run([sys.executable, "-c", code, golden], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
