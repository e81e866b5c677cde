"""Stored answers are brought up to date after the extractor changed; the old ones stay."""

import libraries
import numpy as np
from typer.testing import CliRunner

from core import store
from core.__main__ import app
from core.audio.decoding import Clip
from core.features import EXTRACTOR
from core.library.backfill import PastRun, measure_clips, runs_to_repeat
from core.library.results import read_results
from core.models.policy import Policy
from core.pipeline.kept_audio import folder, keep_audio
from core.records import Plan
from core.schema import COLUMNS, SR, FeatureVector
from core.settings import Settings
from core.store import Job

POLICY = Policy(threshold=0.5)
OLD = "tme-old 1"


def past(number: int, place: object, plan: str = "excerpt", **options: bool) -> Job:
    result = {"folder": str(place), "plan": plan, "policy": POLICY.to_json(), **options}
    return Job(**{**dict.fromkeys(Job.__dataclass_fields__), "job_id": number, "result": result})


def test_only_runs_that_reach_an_outdated_file_are_repeated_and_each_file_once(tmp_path):
    for name in ("a/1.wav", "a/b/2.wav", "ab/3.wav", "else/4.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    outdated = [
        ("excerpt", str(tmp_path / name)) for name in ("a/1.wav", "a/b/2.wav", "ab/3.wav", "else/4.wav", "gone")
    ]
    outdated.append(("30/15", str(tmp_path / "ab/3.wav")))
    runs, left = runs_to_repeat(
        [
            past(5, tmp_path / "a", makam=True),
            past(4, tmp_path / "a/b"),
            past(3, tmp_path / "ab", "30/15"),
            past(2, tmp_path / "c"),
        ],
        outdated,
    )
    expected = [
        PastRun(str(tmp_path / "a"), Plan(), POLICY, makam=True),
        PastRun(str(tmp_path / "ab"), Plan(30, 15), POLICY),
    ]
    assert runs == expected
    assert left == 2  # ab/3.wav in one piece, and else/4.wav


def test_a_clip_is_measured_again_from_its_audio_and_the_old_measurement_stays(opened, tmp_path):
    settings = Settings(data_dir=tmp_path / "data")
    kept, lost = "a" * 64, "b" * 64
    for name in (kept, lost):
        clip = Clip(name, 0.1 * np.random.default_rng(1).standard_normal(SR), SR)
        path = keep_audio(clip, folder(settings))
        old = FeatureVector(name, OLD, np.full(len(COLUMNS), np.nan))
        store.add_clip(opened, name, file_name="a.wav", start_s=0.0, duration_s=1.0, sr=SR, path=path)
        store.save_features(opened, old)
    (settings.clips_dir.parent / path).unlink()
    assert measure_clips(opened, settings, progress=lambda *_: None) == (1, 1)
    assert store.load_features(opened, lost, EXTRACTOR) is None
    assert np.isfinite(store.load_features(opened, kept, EXTRACTOR).values).any()
    assert np.isnan(store.load_features(opened, kept, OLD).values).all()
    assert measure_clips(opened, settings, progress=lambda *_: None) == (0, 1)  # what is done is not done again


def test_the_command_repeats_the_run_of_a_library_and_keeps_table_and_answers(tmp_path, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TME_DATABASE_URL", "")
    libraries.settle(monkeypatch)
    music, out = libraries.folder(tmp_path / "music", 2), tmp_path / "old.parquet"

    def run(*words):
        return CliRunner().invoke(app, list(words))

    with monkeypatch.context() as earlier:
        for module in ("run", "worker", "cluster", "near_copies", "worker_checks", "results"):
            earlier.setattr(f"core.library.{module}.EXTRACTOR", OLD)
        earlier.setattr("core.features.EXTRACTOR", OLD)
        assert run("score", str(music), "--out", str(out)).exit_code == 0
    before = out.read_bytes()
    done = run("backfill")
    assert done.exit_code == 0, done.output
    assert "2 of 2 files scored, 0 not; 2 of them measured now" in done.output
    (table,) = (tmp_path / "data").glob("**/results-*.parquet")
    assert set(read_results(str(table))["extractor"]) == {EXTRACTOR}
    assert out.read_bytes() == before
    for ending in ("parquet", "csv", "jsonl"):  # what a run writes keeps the contract, in each format
        copy = tmp_path / f"copy.{ending}"
        assert run("catalogue", str(table), "--out", str(copy)).output == f"2 rows written to {copy}.\n"
        assert "2 rows, a good table of the kind results" in run("check-table", str(copy)).output
    opened = store.open_store(Settings().database)
    assert sorted(store.predictions_table(opened)["extractor"]) == sorted([EXTRACTOR, OLD] * 2)
    store.close_store(opened)
    assert "files scored" not in run("backfill").output  # nothing is left to do
