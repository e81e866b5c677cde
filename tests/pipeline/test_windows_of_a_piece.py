"""A file longer than a clip: several windows, one answer, the same on every way into the program."""

import io
import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core import store as store_module
from core.audio import isolated, synthetic
from core.audio.decoding import excerpt, excerpts, inspect
from core.errors import AudioError, ModelError
from core.features import EXTRACTOR
from core.library.run import score_library
from core.models.policy import Policy
from core.models.prediction import probabilities, votes_text
from core.pipeline import deciding, scoring, serving, window_scoring
from core.pipeline.measure import measure_piece
from core.playlists.pieces import pieces_table
from core.records import RemarkKind
from core.schema import EMOTIONS, PROBA
from core.settings import ROOT, Settings
from core.windows import piece_starts

pytestmark = pytest.mark.xdist_group("windows of a piece")  # what all of its tests need is made once
SR = 22_050  # of the test pieces


@cache
def served() -> serving.Served:
    return serving.serve(Settings(mlflow_uri="sqlite:////nowhere/mlflow.db", models_dir=ROOT / "models"))


@cache
def music(form: str = "WAV") -> bytes:
    """Sixty seconds that change their character all the time."""
    y = np.concatenate([synthetic.render(recipe) for recipe in synthetic.DEMOS.values()])[:: 44_100 // SR]
    buffer = io.BytesIO()
    soundfile.write(buffer, y[: 60 * SR], SR, format=form)
    return buffer.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> store_module.Store:
    return store_module.open_store(f"sqlite:///{tmp_path / 'clips.db'}")


def score(store: store_module.Store | None, *, data: bytes = b"") -> scoring.ScoredClip:
    return scoring.score_clip(data or music(), "piece.wav", served(), policy=Policy(), store=store)


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> tuple[Path, scoring.ScoredClip]:
    """A store with the piece, as a file to copy, and what was said of the piece: its windows are measured once."""
    path = tmp_path_factory.mktemp("scored") / "clips.db"
    store = store_module.open_store(f"sqlite:///{path}")
    scored = score(store)
    store_module.close_store(store)
    return store_module.back_up(path), scored


@pytest.fixture
def scored(first) -> scoring.ScoredClip:
    """What was said of the piece."""
    return first[1]


@pytest.fixture
def with_piece(first, tmp_path: Path) -> store_module.Store:
    """A store with the piece, a copy for each test."""
    path = shutil.copyfile(first[0], tmp_path / "with piece.db")
    return store_module.open_store(f"sqlite:///{path}")


@pytest.mark.parametrize(
    ("duration_s", "starts"),
    [
        (12.0, [None]),
        (30.02, [None]),
        (34.9, [None]),  # closer than 2.5 s
        (40.02, [None, 0.0, 10.0]),  # as far apart as the file allows
        (230.02, [None, 90.0, 110.0]),
    ],
)
def test_windows_lie_around_the_middle(duration_s, starts):
    assert piece_starts(duration_s, length_s=30.02, count=3, apart_s=10.0) == [
        None if start is None else pytest.approx(start) for start in starts
    ]
    assert piece_starts(duration_s, length_s=30.02, count=1, apart_s=10.0) == [None]


def test_a_policy_of_version_0_2_asks_one_window():
    old = '{"coverage": 0.9, "floors": [], "kind": "threshold", "pair_threshold": 0.75, "threshold": 0.75}'
    assert Policy.from_json(old).windows == 1
    assert Policy.from_json(old).to_json() == old
    assert Policy.from_json(Policy(windows=5, apart_s=4.0).to_json()) == Policy(windows=5, apart_s=4.0)


@pytest.mark.parametrize("wrong", [{"windows": 2}, {"windows": 0}, {"apart_s": 0.0}, {"apart_s": 31.0}])
def test_a_policy_refuses_windows_that_cannot_be(wrong):
    with pytest.raises(ModelError, match="window"):
        Policy(**wrong)


@pytest.mark.parametrize("form", ["WAV", "MP3"])
def test_windows_decoded_together_are_those_decoded_alone(form, monkeypatch):
    source = inspect(music(form), f"a.{form.lower()}")
    asked = []
    plain = isolated.blocks
    monkeypatch.setattr(isolated, "blocks", lambda *a: asked.append(a[3:]) or plain(*a))
    together = excerpts(source, [None, 5.0, 24.9])
    assert len(asked) == (form == "MP3")  # a compressed file is decoded once
    for one, start_s in zip(together, [None, 5.0, 24.9], strict=True):
        alone = excerpt(source, start_s=start_s)
        assert one.clip.clip_id == alone.clip.clip_id
        np.testing.assert_allclose(one.clip.y, alone.clip.y, rtol=0, atol=1e-6)  # decoders work with 32 bits
        assert one.remarks == alone.remarks


def test_the_probabilities_are_the_mean_of_the_windows(scored):
    frame = np.array([part.vector.values for part in scored.piece])
    each = probabilities(
        served().model, scored.vector.row().iloc[[0] * 3].assign(**dict(zip(scored.vector.row(), frame.T, strict=True)))
    )
    np.testing.assert_allclose([scored.prediction.proba[e] for e in EMOTIONS], each.mean(axis=0), atol=1e-12)
    assert np.ptp(each, axis=0).max() > 0.01  # the windows differ, so the mean is none of them
    assert scored.prediction.votes == (3, int((each.argmax(axis=1) == each.mean(axis=0).argmax()).sum()))
    assert [w.start_s for w in scored.prediction.windows] == pytest.approx([14.99, 4.99, 24.99], abs=1e-3)
    (about,) = [r.text for r in scored.recording.remarks if r.kind == RemarkKind.EXCERPT]
    assert "3 windows of 30 s" in about
    assert "0:05, 0:15 and 0:25 on" in about
    assert "The 50 values are of the window from 0:15 on." in about


def test_a_short_clip_is_one_window(store):
    short = (ROOT / "tests" / "golden" / "arpeggio_6s.flac").read_bytes()
    scored = score(store, data=short)
    assert scored.prediction.windows == ()
    assert votes_text("sad", *scored.prediction.votes) == "one window"
    assert store_module.predictions_table(store)["windows"].tolist() == [""]


def test_what_is_stored_names_the_windows(with_piece, scored):
    store = with_piece
    (row,) = store_module.predictions_table(store).to_dict("records")
    assert store_module.read_windows(row["windows"]) == scored.prediction.windows
    assert json.loads(row["policy"])["windows"] == 3
    assert store_module.clips_table(store)["clip_id"].tolist() == [scored.clip_id]  # people see one clip
    for part in scored.piece:
        known = store_module.load_features(store, part.vector.clip_id, EXTRACTOR)
        np.testing.assert_array_equal(known.values, part.vector.values)


def test_a_deleted_clip_takes_its_windows_with_it_and_brings_them_back(with_piece, scored):
    store = with_piece
    ids = [part.vector.clip_id for part in scored.piece]
    store_module.delete_clip(store, scored.clip_id)
    assert store_module.features_table(store, EXTRACTOR, clip_ids=ids).empty
    score(store)
    assert len(store_module.features_table(store, EXTRACTOR, clip_ids=ids)) == 3


def test_predict_a_folder_and_moods_give_the_same_figures(with_piece, scored, tmp_path):
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "piece.wav").write_bytes(music())
    own = store_module.open_store(f"sqlite:///{tmp_path / 'library.db'}")
    out = tmp_path / "out.parquet"
    score_library(str(tmp_path / "music"), str(out), served=served(), policy=Policy(), store=own)
    from core.library.results import read_results

    (row,) = read_results(str(out)).to_dict("records")
    want = [scored.prediction.proba[e] for e in EMOTIONS]
    np.testing.assert_allclose([row[p] for p in PROBA], want, atol=1e-8)
    assert (row["windows"], row["windows_agreeing"]) == scored.prediction.votes
    assert row["start_s"] == pytest.approx(scored.recording.start_s)
    assert row["remarks"] == " ".join(remark.text for remark in scored.recording.remarks)
    for database in (with_piece, own):
        table = store_module.library_table(
            database, model_version=served().model.version, policy=Policy(), origins=("upload",)
        )
        (piece,) = pieces_table(table, model_version=served().model.version).to_dict("records")
        np.testing.assert_allclose([piece[p] for p in PROBA], want, atol=1e-8)
        assert (piece["windows"], piece["agreeing"]) == scored.prediction.votes
    source = inspect(music(), "piece.wav")
    again = scoring.score_source(source, served(), policy=Policy(), store=None, started=0.0)
    assert again.prediction == scored.prediction


def test_windows_of_the_whole_track_do_not_change_the_answer_of_the_piece(with_piece, scored):
    store = with_piece
    source = inspect(music(), "piece.wav")
    spans = [(0.0, 30.0), (30.0, 60.0)]
    for window in window_scoring.score_windows(source, served(), spans=spans, policy=Policy(), store=store):
        window_scoring.keep_window(window, served(), store)
    table = store_module.library_table(store, model_version=served().model.version, origins=("upload",))
    assert len(table) == 3
    (piece,) = pieces_table(table, model_version=served().model.version).to_dict("records")
    assert [piece[p] for p in PROBA] == [scored.prediction.proba[e] for e in EMOTIONS]


def test_a_new_policy_decides_by_the_same_windows(with_piece, scored):
    store = with_piece
    sure = scoring.rescore(scored, served(), Policy(threshold=0.2), store)
    assert sure.prediction == scored.prediction
    assert len(store_module.predictions_table(store)) == 2
    assert scoring.rescore(scored, served(), Policy(windows=5), store) is scored  # no other windows were measured


def test_silence_beside_the_middle_leaves_the_other_windows():
    y, _ = soundfile.read(io.BytesIO(music()))
    y[: 36 * SR] = 0.0
    buffer = io.BytesIO()
    soundfile.write(buffer, y, SR, format="WAV")
    parts = measure_piece(inspect(buffer.getvalue(), "a.wav"), count=3, apart_s=10.0)
    assert [part.clip.start_s for part in parts] == pytest.approx([14.99, 24.99], abs=1e-3)
    assert [part.clip.part_of for part in parts] == [None, parts[0].vector.clip_id]
    silent = io.BytesIO()
    soundfile.write(silent, np.zeros(60 * SR), SR, format="WAV")
    with pytest.raises(AudioError, match="is silent from 15.0 s on"):
        measure_piece(inspect(silent.getvalue(), "a.wav"), count=3, apart_s=10.0)


def test_a_piece_needs_review_when_half_of_its_windows_are_unlike(scored, monkeypatch):
    check = replace(scored.unlike, flag=False, reasons=())
    far = replace(check, flag=True, reasons=("tempo is odd",))

    def decided(*checks):
        compared = iter(checks)
        monkeypatch.setattr(deciding, "check_outlier", lambda vector, reference: next(compared))
        return deciding.decide_pieces([scored.piece], served(), policy=Policy(threshold=0.0))[0]

    one = decided(far, check, check)
    assert not one.unlike.flag
    assert one.decision.action == "accept"
    assert [w.unlike for w in one.prediction.windows] == [True, False, False]
    two = decided(check, far, far)
    assert two.decision.action == "review"
    assert two.unlike.reasons == ("in the window from 0:05 on, tempo is odd",)
