"""The audio of the published table against its values, on a folder whose values play the part of the table."""

import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from core import store as store_module
from core.audio.decoding import Clip, content_hash, read
from core.dataset import stand_in
from core.dataset.near_duplicates import clip_keys
from core.dataset.table import Table, as_table
from core.errors import CoreError
from core.features import extract
from core.library import verification
from core.library.verification import report, results_table, verify_folder
from core.pipeline import measure as measure_module
from core.schema import COLUMNS, LABEL, FeatureVector
from core.settings import ROOT

GOLDEN = ROOT / "tests" / "golden"
CLIPS = [GOLDEN / f"{name}.flac" for name in ("dc_offset_6s", "tremolo_gap_10s", "slow_attacks_8s", "arpeggio_6s")]
FOREIGN = GOLDEN / "irregular_hits_7s.flac"
measured: dict[tuple[str, int], FeatureVector] = {}


def extract_once(clip: Clip) -> FeatureVector:
    """The features of a clip, which are the same in each test."""
    key = clip.clip_id, clip.y.size
    if key not in measured:
        measured[key] = extract(clip)
    return measured[key]


@pytest.fixture(autouse=True)
def each_clip_is_measured_once(monkeypatch):
    for module in (measure_module, verification):
        monkeypatch.setattr(module, "extract", extract_once)


def values(path: Path) -> np.ndarray:
    return np.round(extract_once(read(path).clip).values, 3)


@cache
def table() -> Table:
    """Twenty synthetic rows, then the four clips, and the first of them again."""
    ours = pd.DataFrame([values(path) for path in [*CLIPS, CLIPS[0]]], columns=list(COLUMNS))
    frame = pd.concat([stand_in.sample(n_per_class=10), ours.assign(**{LABEL: "sad"})], ignore_index=True)
    return as_table(frame, origin="environment")


@pytest.fixture
def opened(tmp_path):
    return store_module.open_store(f"sqlite:///{tmp_path / 'data' / 'feedback.db'}")


@pytest.fixture
def folder(tmp_path):
    music = tmp_path / "music"
    music.mkdir()
    for k, path in enumerate(CLIPS):
        shutil.copy(path, music / f"{k} any name.flac")
    return music


def verify(folder, opened, against=None):
    return verify_folder(str(folder), against or table(), opened, max_mb=100, progress=lambda share, text: None)


def test_each_clip_is_found_and_its_values_are_equal_to_rounding(folder, opened):
    result = verify(folder, opened)
    assert [clip.match.row for clip in result.clips] == [40, 41, 42, 43]
    assert (result.by_feature()["rounding"] == 1).all()
    assert {verdict for _, verdict in result.settings()} == {"proved"}
    assert result.confirmed
    text = report(result)
    assert "4 files: 4 are clips of the table" in text
    assert "0 any name.flac: row 40; the table has this recording again in row 44." in text
    links = store_module.table_clips_table(opened)
    assert links["table_row"].tolist() == [40, 41, 42, 43]
    assert links["content_hash"].tolist() == [content_hash(path.read_bytes()) for path in CLIPS]
    assert links["row_key"].tolist() == clip_keys(table().frame.loc[40:43]).tolist()
    verify(folder, opened)  # again: the same links, nothing twice
    assert len(store_module.table_clips_table(opened)) == 4


def test_a_setting_that_differs_is_not_confirmed(folder, opened):
    frame = table().frame.copy()
    frame["_RMSenergy_Mean"] *= 1.2
    result = verify(folder, opened, as_table(frame, origin="environment"))
    verdicts = dict(result.settings())
    assert verdicts.pop("RMS energy of the whole clip, without frames") == "not confirmed"
    assert set(verdicts.values()) == {"proved"}
    assert not result.confirmed


def test_mp3_files_of_the_clips_are_found_and_agree_after_mp3(folder, opened):
    for path in folder.iterdir():
        y, sr = soundfile.read(path)
        soundfile.write(path.with_suffix(".mp3"), y, sr, bitrate_mode="CONSTANT", compression_level=2 / 3)
        path.unlink()
    result = verify(folder, opened)
    assert [clip.match.row for clip in result.clips] == [40, 41, 42, 43]
    shares = result.by_feature()[["rounding", "MP3", "off"]].mean()
    assert shares["rounding"] < 0.9
    assert shares["MP3"] > shares["off"]


def test_what_is_no_clip_of_the_table_is_named_and_not_stored(folder, opened):
    shutil.copy(FOREIGN, folder / "other.flac")
    (folder / "broken.flac").write_bytes(b"fLaC" + b"\0" * 100)
    result = verify(folder, opened)
    text = report(result)
    assert (
        "6 files: 4 are clips of the table, 0 are close to rows of two recordings, 1 have no row, 1 could not" in text
    )
    assert "other.flac: no row is near" in text
    assert not result.confirmed
    assert len(store_module.table_clips_table(opened)) == 4
    rows = results_table(result).set_index("file")
    assert rows.loc["broken.flac", "state"] == "not measured"
    assert "broken.flac" in rows.loc["broken.flac", "reason"]
    assert rows.loc["1 any name.flac", "row"] == 41
    assert rows.loc["1 any name.flac", "_Tempo_Mean"] == "rounding"


def test_without_the_published_table_or_without_audio_it_says_what_to_do(folder, opened, tmp_path):
    synthetic = as_table(stand_in.sample(n_per_class=10), origin="synthetic", synthetic=True)
    with pytest.raises(CoreError, match="set TME_TABLE"):
        verify(folder, opened, synthetic)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CoreError, match="There is no audio"):
        verify(tmp_path / "empty", opened)
