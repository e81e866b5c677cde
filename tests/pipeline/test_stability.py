"""The level of a recording changes no probability, and the stability of a folder is measured from its audio."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from core.audio import synthetic
from core.audio.changes import QUIET_16_BIT
from core.audio.decoding import Clip, read
from core.errors import AudioError
from core.features import extract
from core.models.policy import Decision, Policy
from core.models.prediction import predict
from core.pipeline import serving, stability
from core.pipeline.deciding import predict_and_decide
from core.pipeline.serving import Served
from core.schema import COLUMNS, EMOTIONS, RMS, ROUGHNESS, SR
from core.settings import ROOT, Settings

GOLDEN = ROOT / "tests" / "golden"
GAINS_DB = (-40, 6)


@cache
def served() -> Served:
    return serving.serve(Settings(mlflow_uri="sqlite:////nowhere/mlflow.db", models_dir=ROOT / "models"))


def answers(clip: Clip) -> np.ndarray:
    (prediction,) = predict(served().model, [extract(clip)])
    return np.array([prediction.proba[e] for e in EMOTIONS])


def assert_level_free(clip: Clip) -> None:
    before = answers(clip)
    for gain_db in GAINS_DB:
        louder = Clip(clip.clip_id, clip.y * 10 ** (gain_db / 20), clip.sr)
        np.testing.assert_allclose(answers(louder), before, rtol=0, atol=1e-9, err_msg=f"{gain_db} dB")


@pytest.mark.parametrize("name", ["solotrumpet", "silencegap", "fishin_00"])
def test_the_level_of_a_recording_changes_no_probability(shared, name):
    """Also with digital silence between the phrases."""
    assert_level_free(read(shared / "reference" / "recordings" / f"{name}.flac").clip)


@pytest.mark.parametrize("name", ["tone_then_silence", "hicaz_taksim", "dc_offset_6s"])
def test_the_level_of_a_synthetic_clip_changes_no_probability(name):
    assert_level_free(read(GOLDEN / f"{name}.flac").clip)


def test_the_level_of_table_rows_changes_no_answer():
    result = stability.level_stability(served().background, range(24), served(), music="background")
    for effect in result.effects:
        assert effect.other_guess.value == 0
        assert effect.accepted_lost.value in (0, pytest.approx(np.nan, nan_ok=True))
        assert effect.unlike_before.value == effect.unlike_after.value


def test_a_gain_follows_its_laws(shared):
    """The laws that the stability of table rows uses, measured on audio."""
    clip = read(shared / "reference" / "recordings" / "fishin_00.flac").clip
    loud, quiet = (extract(Clip("c", clip.y * g, clip.sr)).row().iloc[0] for g in (1, 0.1))
    assert quiet[RMS] == pytest.approx(0.1 * loud[RMS], rel=1e-9)
    assert quiet[ROUGHNESS] == pytest.approx(0.01 * loud[ROUGHNESS], rel=1e-9)
    others = [c for c in COLUMNS if c not in (RMS, ROUGHNESS, "_Fluctuation_Mean")]
    np.testing.assert_allclose(quiet[others].astype(float), loud[others].astype(float), rtol=1e-6, atol=1e-9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "below").mkdir(parents=True)
    for name, recipe in list(synthetic.DEMOS.items())[:2]:
        y = synthetic.render(recipe, seconds=10.5)
        soundfile.write(folder / "below" / f"{name}.wav", y, SR)
    (folder / "broken.mp3").write_bytes(b"no music")
    (folder / "notes.txt").write_text("no audio file")
    return folder


def test_a_folder_is_measured_once_for_all_models(folder, tmp_path, monkeypatch):
    settings, told = Settings(data_dir=tmp_path / "data"), []
    measured = stability.measure_windows(
        folder, most=1, settings=settings, progress=lambda share, text: told.append(share)
    )
    assert list(measured.refused) == ["broken.mp3"]
    assert {track for track, _, _ in measured.vectors} == {
        p.relative_to(folder).as_posix() for p in folder.rglob("*.wav")
    }
    assert told == sorted(told)
    result = stability.folder_stability(measured, served(), music="two tunes")
    assert result.model == served().model.version
    assert result.effect("−20 dB").other_guess.value == 0
    assert {"MP3 64", "22.05 kHz", QUIET_16_BIT, "cut to 10 s"} <= {effect.change for effect in result.effects}
    monkeypatch.setattr(stability, "extract", None)  # a second measurement would fail
    again = stability.measure_windows(folder, most=1, settings=settings, progress=lambda share, text: None)
    pd.testing.assert_frame_equal(
        stability.folder_stability(again, served(), music="two tunes").table(), result.table()
    )


def test_a_folder_without_music_is_refused(tmp_path):
    settings = Settings(data_dir=tmp_path / "data")
    with pytest.raises(AudioError, match="It has no audio files"):
        stability.measure_windows(tmp_path, most=1, settings=settings, progress=lambda share, text: None)


def arpeggio() -> Clip:
    """Three seconds of the arpeggio: long enough for all changes."""
    clip = read(GOLDEN / "arpeggio_6s.flac").clip
    return Clip(clip.clip_id, clip.y[: 3 * SR], clip.sr)


def test_how_firm_a_decision_is():
    clip = arpeggio()
    everything = replace(served(), reference=replace(served().reference, feature_limit=1e9, distance_limit=1e9))
    sure = Policy(threshold=0.0)
    (before,) = predict_and_decide([extract(clip)], everything, policy=sure)
    result = stability.firmness([clip], before, everything, policy=sure)
    assert result.tried == 20
    assert result.same + len(result.others) == 20
    assert result.text == f"{'firm' if result.same >= 19 else 'not firm'}: {result.same} of 20"
    never = Policy(threshold=1.0, pair_threshold=1.0)
    (review,) = predict_and_decide([extract(clip)], served(), policy=never)
    assert stability.firmness([clip], review, served(), policy=never).text == "firm: 20 of 20"


def test_firmness_changes_all_windows_of_a_piece_and_names_other_decisions():
    clip = arpeggio()
    never = Policy(threshold=1.0, pair_threshold=1.0)
    (review,) = predict_and_decide([extract(clip)], served(), policy=never)
    accepted = replace(review, decision=Decision("sad", ("sad",), "Sad."))
    result = stability.firmness([clip, clip], accepted, served(), policy=never)
    assert (result.same, result.tried) == (0, 20)
    assert set(result.others.values()) == {"review"}
