"""From agreed labels to a challenger: what trains, what is left out, what rings, what a retraining leaves behind."""

import hashlib
from dataclasses import replace
from unittest.mock import patch

import labelled
import numpy as np
import pandas as pd
import pytest
from owner import OWNER
from typer.testing import CliRunner

from core import __main__ as command
from core import file_names, store
from core.access import Person
from core.dataset import loading
from core.dataset.split import held_out
from core.dataset.stand_in import sample
from core.dataset.table import as_table
from core.errors import ModelError, StoreError, TableError
from core.evaluation import before_after
from core.evaluation.gate import GateResult, Outcome
from core.evaluation.results import ModelRef, Protocol, make_result
from core.evaluation.shadow_test import compare_guesses, sequential_verdict
from core.evaluation.stored_evaluation import read_evaluation
from core.features import EXTRACTOR
from core.file_names import CHANGES, EACH
from core.labelling.truth import set_raters_needed, stored_truth
from core.models import description, registry
from core.pipeline import jobs
from core.pipeline.jobs import Stopped
from core.pipeline.serving import serve
from core.same_recording import SameRecordings
from core.schema import COLUMNS, EMOTIONS, GENRE, LABEL, MIRTOOLBOX, PROBA
from core.settings import Settings
from core.training import labelled_data, promotion, retraining, schedule, status
from core.training.triggers import Limits
from tests.small_training import small_recipe

LIFE = pytest.mark.xdist_group("life")  # one worker trains for all tests that look at what was trained


def published(n_per_class=40):
    """A table in the place of the published one, whose emotions are told apart with ease."""
    frame = sample(seed=5, n_per_class=n_per_class)
    middle = frame.groupby(LABEL)[list(COLUMNS)].transform("median")
    frame[list(COLUMNS)] = middle + 0.4 * (frame[list(COLUMNS)] - middle)
    return as_table(frame, origin="a test", synthetic=False)


pytestmark = pytest.mark.xdist_group("retraining")  # what all of its tests need is made once


@pytest.fixture(scope="module")
def table():
    return published()


@pytest.fixture
def opened(tmp_path):
    db = store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}")
    yield db
    store.close_store(db)


def labels_of(frame, **columns):
    """A table as `labelled_data.agreed_labels` returns it. Each clip is a recording of its own."""
    ids = [str(clip) for clip in frame.index]
    given = {"clip_id": ids, "y": frame[LABEL].astype(str).tolist(), "votes": 2, "content_hash": ids}
    given |= {"track_id": None, "origin": "upload", "extractor": EXTRACTOR} | columns
    return pd.concat([pd.DataFrame(given), frame[list(COLUMNS)].reset_index(drop=True)], axis=1)


# --- what trains -----------------------------------------------------------------------------------------------------


def test_only_clips_with_a_ground_truth_are_labels(opened):
    music = labelled.music(2)
    labelled.keep_clips(opened, music)
    labelled.answer(opened, music.iloc[:4])
    labelled.answer(opened, music.iloc[4:6], raters=("Ayşe",))  # one rater is not enough
    labelled.answer(opened, music.iloc[6:7], wrong=1.0, raters=("Ayşe",))
    labelled.answer(opened, music.iloc[6:7], raters=("Mehmet",))  # these two differ
    found = labelled_data.labels(opened)
    assert found["clip_id"].tolist() == sorted(music.index[:4])
    assert found.set_index("clip_id")["y"].to_dict() == music[LABEL].iloc[:4].to_dict()
    np.testing.assert_allclose(found.set_index("clip_id").loc[music.index[0], list(COLUMNS)].astype(float),
                               music.iloc[0][list(COLUMNS)].astype(float))  # fmt: skip
    set_raters_needed(opened, 1)
    assert len(labelled_data.labels(opened)) == 6


def test_the_published_rows_come_first_and_nobodys_clip_is_held_out(table):
    music = labelled.music(3)
    data = labelled_data.training_data(table, labels_of(music))
    assert data.rows["row"].tolist() == list(range(len(table.frame) + len(music)))
    assert data.labelled["clip_id"].tolist() == list(music.index)
    assert data.labelled["y"].tolist() == music[LABEL].tolist()
    assert not data.labelled["held_out"].any()
    assert data.rows["held_out"].sum() == held_out(table.frame).sum() > 0
    assert set(data.labelled["extractor"]) == {EXTRACTOR}
    assert set(data.rows.loc[data.rows["clip_id"] == "", "extractor"]) == {MIRTOOLBOX}
    assert data.left_out.empty
    assert data.published_hash == table.content_hash != data.table.content_hash


def test_of_a_recording_with_two_files_one_trains_and_both_are_known(table):
    music = labelled.music(4)
    a, b, c, d = ids = [letter * 64 for letter in "abcd"]
    same = SameRecordings(sure=((a, b), (c, "e" * 64)))
    labels = labels_of(music.iloc[:4].set_axis(ids)).assign(recording=[same.name(content) for content in ids])
    data = labelled_data.training_data(table, labels, same)
    assert data.labelled["clip_id"].tolist() == [a, c, d]
    assert data.left_out[["clip_id", "reason"]].to_numpy().tolist() == [[b, "another file of this recording is used"]]
    assert labelled_data.unseen(data, {b})["clip_id"].tolist() == [c, d]  # a model that learned from b knows a
    assert labelled_data.unseen(data, {"e" * 64})["clip_id"].tolist() == [a, d]
    unmeasured = labels.assign(**{name: labels[name].where(labels["clip_id"] != a) for name in COLUMNS})
    assert labelled_data.training_data(table, unmeasured, same).labelled["clip_id"].tolist() == [b, c, d]


def test_windows_of_one_recording_share_a_fold_and_never_a_held_out_row(table):
    music, held = labelled.music(4), held_out(table.frame)
    a, b = (letter * 64 for letter in "ab")
    clips = [f"{a}@0.000+30.000", f"{a}@30.000+30.000", "x" * 64]
    labels = labels_of(music.iloc[:3].set_axis(clips), content_hash=[a, a, "x" * 64]).assign(recording=[a, a, "x" * 64])
    group = labelled_data.training_data(table, labels).labelled["group"].tolist()
    assert group[0] == group[1] != group[2]
    leak = labels_of(table.frame[held].iloc[[0]].set_axis([b])).assign(
        **{"_RMSenergy_Mean": table.frame[held]["_RMSenergy_Mean"].iloc[0] * 1.01}, recording=a
    )
    data = labelled_data.training_data(table, pd.concat([labels, leak], ignore_index=True))
    assert data.labelled["clip_id"].tolist() == ["x" * 64]  # one file of the recording is held out, so no file trains
    assert set(data.left_out["reason"]) == {"another clip of this recording is held out"}


def test_the_file_with_more_labels_trains(table):
    a, b = (letter * 64 for letter in "ab")
    clips = [a, f"{b}@0.000+30.000", f"{b}@30.000+30.000"]
    labels = labels_of(labelled.music(4).iloc[:3].set_axis(clips), content_hash=[a, b, b]).assign(recording=a)
    data = labelled_data.training_data(table, labels)
    assert data.labelled["clip_id"].tolist() == clips[1:]
    assert len(data.table.frame) == len(table.frame) + 2


def test_what_must_not_train_is_left_out_with_its_reason(table):
    music = labelled.music(4)
    frame, held = table.frame, held_out(table.frame)
    of_held_out = frame[held].iloc[[0]].copy()
    of_held_out.loc[:, "_RMSenergy_Mean"] *= 1.01  # another encoding of it
    twice = music.iloc[[4]].copy()
    other = music.iloc[[5]].assign(**{LABEL: next(e for e in EMOTIONS if e != music[LABEL].iloc[5])})
    parts = {
        "": music.iloc[:4],
        "practice": music.iloc[[8]],
        "unmeasured": music.iloc[[9]].assign(**dict.fromkeys(COLUMNS, np.nan)),
        "half": music.iloc[[10]].assign(**dict.fromkeys(COLUMNS[:30], np.nan)),
        "published": frame[~held].iloc[[7]],
        "held out": of_held_out,
        "first": music.iloc[[4]],
        "second": twice,
        "one": music.iloc[[5]],
        "another": other,
    }
    labels = pd.concat(
        [
            labels_of(part if not name else part.set_axis([name]), origin="demo" if name == "practice" else "upload")
            for name, part in parts.items()
        ],
        ignore_index=True,
    )
    data = labelled_data.training_data(table, labels)
    reasons = data.left_out.set_index("clip_id")["reason"].to_dict()
    row = frame[~held].index[7]
    assert reasons.pop("half").startswith("more than")
    assert reasons == {
        "practice": "a synthetic clip",
        "unmeasured": "not measured by the present extractor",
        "published": f"a copy of row {row} of the published table",
        "held out": "another clip of this recording is held out",
        "second": "a copy of another labelled clip",
        "one": "copies of one clip with different labels",
        "another": "copies of one clip with different labels",
    }
    assert data.labelled["clip_id"].tolist() == [*music.index[:4], "first"]
    assert len(data.table.frame) == len(frame) + 5


def test_a_piece_of_the_demo_library_with_two_agreeing_raters_is_no_training_label(table, opened):
    music = labelled.music(1)
    made = store.add_track(opened, artist="A", title="B", source="s", genre=GENRE)
    labelled.keep_clips(opened, music.iloc[:1], origin="library", track_id=made)
    labelled.keep_clips(opened, music.iloc[1:2], origin="library")
    labelled.answer(opened, music.iloc[:2])
    data = labelled_data.training_data(table, labelled_data.labels(opened))
    assert data.left_out[["clip_id", "reason"]].to_numpy().tolist() == [[music.index[0], "a synthetic clip"]]
    assert data.labelled["clip_id"].tolist() == [music.index[1]]


def test_excerpts_of_one_file_or_track_are_never_on_both_sides_of_a_fold(table):
    music = labelled.music(6)
    labels = labels_of(music)
    labels.loc[:3, "content_hash"] = "one file"
    labels.loc[3:7, "track_id"] = "one track"  # row 3 is of both
    data = labelled_data.training_data(table, labels)
    groups = data.labelled["group"].tolist()
    assert len(set(groups[:8])) == 1
    assert len(set(groups)) == 1 + len(groups) - 8
    assert set(groups).isdisjoint(data.rows.loc[data.rows["clip_id"] == "", "group"])


def test_too_few_clips_of_an_emotion_are_a_sentence(table):
    few = as_table(table.frame.drop(table.frame.index[table.frame[LABEL] == "sad"][8:]), origin="few", synthetic=False)
    with pytest.raises(TableError, match="There are [0-9] training clips labelled sad; at least 10 are needed"):
        labelled_data.training_data(few, labels_of(labelled.music(1).iloc[:0])).clips()


def test_what_is_new_to_a_model(table):
    music = labelled.music(5)
    data = labelled_data.training_data(table, labels_of(music))
    truth = music[LABEL].to_dict()
    ids = list(music.index)
    seen = {clip: truth[clip] for clip in ids[:10]} | {"gone": "sad"}
    seen[ids[0]] = next(e for e in EMOTIONS if e != truth[ids[0]])
    found = labelled_data.count_new_labels(data, seen=seen, trained_on=110)
    assert found == labelled_data.NewLabels(trained_on=110, known=9, new=10, changed=1, gone=1)
    assert found.share == pytest.approx(0.1)


def test_of_a_recording_that_a_model_knows_no_clip_is_news_to_it(table):
    music = labelled.music(4)
    ids = ["f" * 64, "f" * 64 + "@30.000+30.000", *(c.ljust(64, "0") for c in "abcd")]
    labels = labels_of(music.iloc[:6].set_axis(ids))
    labels["content_hash"] = labels["clip_id"].str.split("@").str[0]
    labels.loc[labels["clip_id"].str.startswith(("a", "b")), "track_id"] = "one track"
    data = labelled_data.training_data(table, labels)
    assert labelled_data.unseen(data, set())["clip_id"].tolist() == ids
    assert labelled_data.unseen(data, {"f" * 64})["clip_id"].tolist() == ids[2:]
    assert labelled_data.unseen(data, {ids[2]})["clip_id"].tolist() == [*ids[:2], *ids[4:]]
    taken_back = labelled_data.training_data(table, labels.iloc[1:])  # its label is gone, but the model knows the music
    assert labelled_data.unseen(taken_back, {"f" * 64})["clip_id"].tolist() == ids[2:]


def test_what_became_of_a_persons_labels(opened):
    music = labelled.music(2)
    ids = list(music.index)
    labelled.keep_clips(opened, music)
    labelled.answer(opened, music.iloc[:3])
    labelled.answer(opened, music.iloc[3:4], raters=("Ayşe",))
    labelled.answer(opened, music.iloc[4:5], raters=("Ayşe",), wrong=1.0)
    labelled.answer(opened, music.iloc[4:5], raters=("Mehmet", "Ece"))
    labelled.answer(opened, music.iloc[5:6], raters=("Ayşe",), wrong=1.0)
    labelled.answer(opened, music.iloc[5:6], raters=("Mehmet",))
    each = pd.DataFrame({"clip_id": ids[:1], "before": ["sad"], "after": ["angry"], "after_p": [0.9]})
    each["change"] = "now right"
    found = labelled_data.rater_against_truth(
        store.feedback_table(opened), stored_truth(opened), each, rater="Ayşe", verified=False
    ).set_index("clip_id")
    assert found["state"].to_dict() == {
        ids[0]: "in training", ids[1]: "agreed", ids[2]: "agreed", ids[3]: "waiting", ids[4]: "outvoted",
        ids[5]: "disputed",
    }  # fmt: skip
    assert found.loc[ids[0], "change"] == "now right"
    nobody = labelled_data.rater_against_truth(
        store.feedback_table(opened), stored_truth(opened), each, rater="Ayşe", verified=True
    )
    assert nobody.empty


# --- before and after ------------------------------------------------------------------------------------------------


def said(rows, right, *, repeats=2, version="m"):
    """Results of a model that is sure of the label of the clips in ``right``, and of another emotion for the others."""
    lines = []
    for row, y in zip(rows["row"], rows["y"], strict=True):
        called = y if row in right else EMOTIONS[(EMOTIONS.index(y) + 1) % 4]
        lines += [(row, repeat, *(0.7 if e == called else 0.1 for e in EMOTIONS)) for repeat in range(repeats)]
    table = pd.DataFrame(lines, columns=["row", "repeat", *PROBA]).merge(rows, on="row")
    labelled = table["clip_id"] != ""
    parts = {
        "held_out": (table[table["held_out"]], Protocol.HELD_OUT),
        "development": (table[~table["held_out"] & ~labelled], Protocol.CROSS_VALIDATED),
        "labelled": (table[labelled], Protocol.CROSS_VALIDATED),
    }
    return {
        part: make_result(own, model=ModelRef(version), protocol=protocol, published="table")
        for part, (own, protocol) in parts.items()
        if len(own)
    }


def clip_rows(n=32, labelled_from=24):
    return pd.DataFrame(
        {
            "row": range(n),
            "y": [EMOTIONS[k % 4] for k in range(n)],
            "group": range(n),
            "held_out": [k < 8 for k in range(n)],
            "clip_id": ["" if k < labelled_from else f"c{k}" for k in range(n)],
        }
    )


def test_the_same_model_twice_changes_nothing():
    rows = clip_rows()
    one = said(rows, set(range(0, 32, 2)))
    found = before_after.compare_results(one, one)
    assert set(found["part"]) == {"held_out", "development", "labelled"}
    assert found.groupby("part")["clips"].first().to_dict() == {"held_out": 8, "development": 16, "labelled": 8}
    assert (found["difference"].abs() < 1e-12).all()
    assert (found["low"] <= 0).all()
    assert (found["high"] >= 0).all()
    assert all("no evidence of a difference" in sentence for sentence in before_after.describe_changes(found))


def test_a_better_model_is_found_part_by_part_and_clip_by_clip():
    rows = clip_rows()
    before, after = said(rows, set(range(0, 32, 2))), said(rows, set(range(8, 32)) | {0, 2, 4, 6})
    found = before_after.compare_results(before, after).set_index(["part", "measure", "emotion"])
    assert found.loc[("held_out", "accuracy", "all"), "difference"] == pytest.approx(0)
    line = found.loc[("development", "accuracy", "all")]
    assert (line["before"], line["after"]) == (pytest.approx(0.5), pytest.approx(1.0))
    assert 0 < line["low"] < 0.5 < line["high"] <= 1
    words = before_after.describe_changes(found.reset_index())
    assert "no evidence" in words[0]
    assert "the new model is better" in words[1]
    assert words[2].endswith("the queue chose many of them because a model was unsure.")
    sides = [r["labelled"].predictions.rename(columns={"clip": "clip_id"}) for r in (before, after)]
    each = before_after.label_changes(rows[rows["clip_id"] != ""], *sides)
    assert each["clip_id"].tolist() == [f"c{k}" for k in range(24, 32)]
    assert each["change"].tolist() == ["still right", "now right"] * 4
    assert each["after_p"].to_numpy() == pytest.approx(0.7)


def test_a_part_with_too_few_clips_says_nothing():
    rows = clip_rows(n=28)
    found = before_after.compare_results(said(rows, set()), said(rows, set()))
    assert set(found["part"]) == {"held_out", "development"}


def test_each_model_counts_all_its_repeats():
    rows = clip_rows()
    one, two = said(rows, {0, 1}, repeats=3), said(rows, {0, 1}, repeats=1)
    assert (before_after.compare_results(one, two)["difference"].abs() < 1e-12).all()


def test_only_labelled_clips_that_both_models_trained_on_are_compared():
    """The old model predicts a clip that is new to it by itself, the new model by cross-validation."""
    rows = clip_rows(n=48)
    before, after = said(rows[rows["row"] < 36], set(range(48))), said(rows, set(range(48)))
    counts = before_after.compare_results(before, after).groupby("part")["clips"].first()
    assert counts["labelled"] == 12
    first = {part: result for part, result in before.items() if part != "labelled"}
    assert "labelled" not in set(before_after.compare_results(first, after)["part"])


def test_models_of_different_clips_are_not_compared():
    rows = clip_rows()
    other = said(rows.assign(y=rows["y"].iloc[::-1].to_numpy()), set())
    with pytest.raises(ModelError, match="they are for different clips"):
        before_after.compare_results(said(rows, set()), other)


# --- triggers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 0.004, -0.1, 1.5, True, "10 %"])
def test_a_limit_that_is_no_share_is_refused(value):
    with pytest.raises(StoreError, match="a share from 0.01 to 1"):
        Limits(new_labels=value)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """An installation of its own, whose published table is the test's and whose model is the committed one."""
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path / "data"))
    for name in ("TME_DATABASE_URL", "TME_MLFLOW_URI", "TME_MODELS_DIR"):
        monkeypatch.delenv(name, raising=False)
    return Settings()


@pytest.fixture
def kept(settings):
    db = store.open_store(settings.database)
    yield db
    store.close_store(db)


def fill(kept, n_per_class, *, seed=77, raters=("Ayşe", "Mehmet")):
    music = labelled.music(n_per_class, seed=seed)
    labelled.keep_clips(kept, music)
    labelled.answer(kept, music, raters=raters)
    return music


def test_new_labels_ring_at_their_share_and_not_before(kept, settings, table):
    served = serve(settings)
    development = int(registry_development(settings))
    wanted = int(np.ceil(0.1 * development))
    music = labelled.music(10)
    labelled.keep_clips(kept, music)
    labelled.answer(kept, music.iloc[: wanted - 1])
    found = status.training_status(kept, settings, table, served)
    assert [t.name for t in found.triggers] == ["new_labels", "feedback", "drift"]
    assert not found.triggers[0].due
    assert found.triggers[0].text.startswith(f"{wanted - 1} new agreed labels since the training of the champion")
    assert f"which used {development} clips" in found.triggers[0].text
    labelled.answer(kept, music.iloc[wanted - 1 : wanted])
    found = status.training_status(kept, settings, table, served)
    assert found.triggers[0].due
    assert found.training_due
    status.set_limits(kept, Limits(new_labels=0.5))
    assert not status.training_status(kept, settings, table, served).triggers[0].due


def registry_development(settings):
    return description.describe_alias("champion", settings=settings).metrics["protocol"]["development"]


def test_answers_against_the_model_ring_and_answers_with_it_do_not(kept, settings, table):
    served = serve(settings)
    music = labelled.music(10)
    labelled.keep_clips(kept, music)
    guesses = pd.Series(
        [max(EMOTIONS, key=lambda e, k=k: p[k][EMOTIONS.index(e)]) for k in range(len(music))]
        if (p := served.model.pipeline.predict_proba(music[list(COLUMNS)])) is not None
        else [],
        music.index,
    )
    labelled.answer(kept, music.assign(**{LABEL: guesses}))
    quiet = status.training_status(kept, settings, table, served).triggers[1]
    assert not quiet.due
    against = guesses.map(lambda e: EMOTIONS[(EMOTIONS.index(e) + 1) % 4])
    labelled.answer(kept, music.assign(**{LABEL: against}))  # both changed their minds
    loud = status.training_status(kept, settings, table, served).triggers[1]
    assert loud.due
    assert loud.value > 0.5


def test_a_schedule_trains_only_where_it_is_switched_on_and_a_trigger_rings(kept, settings, table):
    with patch.object(schedule, "load_table", lambda *_, **__: table):
        assert schedule.due(kept, settings) == (False, schedule.due(kept, settings)[1])
        assert "switched off" in schedule.due(kept, settings)[1]
        status.set_limits(kept, Limits(scheduled=True))
        assert schedule.due(kept, settings) == (False, "No trigger has reached its limit.")
        fill(kept, 10)
        due, why = schedule.due(kept, settings)
        assert due
        assert "40 new agreed labels" in why
        synthetic = replace(table, synthetic=True)
    with patch.object(schedule, "load_table", lambda *_, **__: synthetic):
        assert not schedule.due(kept, settings)[0]
    with (
        patch.object(schedule, "load_table", lambda *_, **__: table),
        patch.object(status, "describe_alias", lambda alias, *, settings: described_as(alias, settings)),
    ):
        due, why = schedule.due(kept, settings)
        assert not due
        assert "The challenger m9 is undecided. Promote or discard it" in why


def described_as(alias, settings):
    """The committed model under both names, the challenger with another version."""
    from core.models.description import describe_model_in_use

    model = describe_model_in_use(settings)
    return model if alias == file_names.CHAMPION else replace(model, version="m9")


# --- retraining ------------------------------------------------------------------------------------------------------


class Installation:
    """A retraining on labels of two raters, from an empty registry: made once for the tests that look at it."""

    def __init__(self, place, table):
        self.settings = Settings(data_dir=place / "data", models_dir=place / "models", mlflow_uri="", database_url="")
        self.table = table
        self.store = store.open_store(self.settings.database)
        self.music = fill(self.store, 6)
        self.told = []

    def retrain(self, tell=None, **given):
        with (
            patch.object(retraining, "load_table", lambda *_, **__: self.table),
            small_recipe(),
        ):
            return retraining.train_challenger(
                self.store, self.settings, progress=tell or (lambda *news: self.told.append(news)), repeats=1, **given
            )

    def standing(self):
        return status.training_status(self.store, self.settings, self.table, serve(self.settings))


@pytest.fixture(scope="module")
def life(tmp_path_factory, table):
    """First a cancelled training, then one that is promoted, then one on more labels that is the challenger."""
    made = Installation(tmp_path_factory.mktemp("life"), table)

    def cancelled(share, text):
        if share > 0.5:
            raise Stopped("Cancelled.")

    with pytest.raises(Stopped):
        made.retrain(cancelled)
    made.after_cancel = registry.history(settings=made.settings), sorted(made.settings.data_dir.glob("runs/*"))
    made.first = made.retrain(by="Cem")
    made.promoted = promotion.promote(made.settings, shown=made.first.version, by=Person.machine_owner("Cem"))
    made.before_second = made.standing()
    labelled.predict(made.store, made.music, np.tile([0.4, 0.3, 0.2, 0.1], (24, 1)), version="m0")
    made.rescored = retraining.rescore(made.store, made.settings, progress=lambda *_: None)
    made.more = fill(made.store, 5, seed=78)
    labelled.predict(made.store, made.more, np.tile([0.4, 0.3, 0.2, 0.1], (20, 1)), version="m0")
    made.between = made.standing()
    made.second = made.retrain(by="Cem")
    made.asked = retraining.rescore(made.store, made.settings, progress=lambda *_: None)
    yield made
    store.close_store(made.store)


@LIFE
def test_a_cancelled_training_leaves_nothing(life):
    history, folders = life.after_cancel
    assert history.empty
    assert folders == []


@LIFE
def test_progress_only_grows_and_ends_before_the_registration(life):
    shares = [share for share, _ in life.told]
    assert shares[0] == 0.0
    assert 0.9 <= max(shares) < 1


@LIFE
def test_a_retraining_makes_a_challenger_and_promotes_nobody(life):
    assert life.first.version == "1"
    assert "is the challenger, version 1" in life.first.summary
    assert life.promoted.passed
    history = registry.history(settings=life.settings).set_index("version")
    assert history["aliases"].to_dict() == {"2": "challenger", "1": "champion"}
    assert history.loc["1", "promoted_by"] == "Cem"


@LIFE
def test_the_model_keeps_what_it_learned_from(life):
    model = description.describe_alias("champion", settings=life.settings)
    assert labelled_data.seen_clips(model.folder) == life.music[LABEL].to_dict()
    newer = description.describe_alias("challenger", settings=life.settings)
    assert labelled_data.seen_clips(newer.folder) == (life.music[LABEL].to_dict() | life.more[LABEL].to_dict())
    labels = labelled_data.labels_csv(labelled_data.labels(life.store))
    assert newer.inputs["labels.csv"] == hashlib.md5(labels).hexdigest() != model.inputs["labels.csv"]
    assert f"`labels.csv`: `{newer.inputs['labels.csv']}`" in newer.card
    assert int(newer.metrics["protocol"]["development"]) == int(model.metrics["protocol"]["development"]) + 20


@LIFE
def test_a_model_of_labels_is_trained_again_from_the_store_and_older_labels_are_refused(life, monkeypatch):
    monkeypatch.setattr(loading, "load_table", lambda *_, **__: life.table)
    monkeypatch.setenv("TME_DATA_DIR", str(life.settings.data_dir))
    folders = {alias: registry.find(alias, settings=life.settings).folder for alias in ("champion", "challenger")}
    with small_recipe():
        older, same = [CliRunner().invoke(command.app, ["reproduce", str(folder)]) for folder in folders.values()]
    assert same.exit_code == 0, same.output
    assert "Everything is equal." in same.output
    assert isinstance(older.exception, TableError)
    assert "These labels have changed since" in str(older.exception)


@LIFE
def test_labels_that_were_learned_are_no_news(life):
    assert life.before_second.new_labels.new == 0
    assert life.before_second.already_trained
    assert not life.before_second.training_due
    assert life.between.new_labels == labelled_data.NewLabels(
        trained_on=life.between.new_labels.trained_on, known=24, new=20, changed=0, gone=0
    )
    assert life.between.triggers[0].due
    now = life.standing()
    assert now.pending_challenger == life.second.model_version
    assert now.new_labels.new == 20  # of the model in use
    assert not now.triggers[0].due  # but the challenger has learned them


@LIFE
def test_both_models_are_compared_on_clips_that_neither_was_fitted_on(life):
    model = description.describe_alias("challenger", settings=life.settings)
    table = pd.read_csv(model.folder / CHANGES)
    counts = table.groupby("part")["clips"].first().to_dict()
    held = int(held_out(life.table.frame).sum())
    assert counts == {"held_out": held, "development": 160 - held, "labelled": 24}  # 20 are new to the champion
    assert table.groupby("part")["protocol"].first().to_dict() == {
        "held_out": "held out", "development": "cross-validated", "labelled": "cross-validated",
    }  # fmt: skip
    champion = read_evaluation(description.describe_alias("champion", settings=life.settings), life.settings)
    for part in counts:
        line = table[(table["part"] == part) & (table["measure"] == "macro_f1")].iloc[0]
        one = champion.figure("macro_f1", row=part)
        assert (line["before"], line["before_low"]) == pytest.approx((one.value, one.low), abs=1e-5, nan_ok=True)
        assert line["clips"] == one.clips
    each = pd.read_csv(model.folder / EACH, dtype={"clip_id": str})
    assert len(each) == 44
    assert each["change"].isin(before_after.CHANGES).all()
    own = pd.read_csv(model.folder / "out_of_fold.csv")
    rows = labelled_data.trained_rows(model.folder)
    here = rows[rows["clip_id"].isin(each["clip_id"])].set_index("clip_id")["row"]
    proba = own.set_index("row").loc[here.loc[each["clip_id"]], list(PROBA)].to_numpy()
    truth = [EMOTIONS.index(y) for y in each["y"]]
    np.testing.assert_allclose(
        each["after_p"], proba[np.arange(len(each)), truth], atol=1e-5
    )  # out of fold, as it says


@LIFE
def test_stored_clips_are_judged_by_the_model_in_use_and_in_the_shadow(life):
    said = store.predictions_table(life.store)
    first, second = life.first.model_version, life.second.model_version
    assert life.rescored == 24
    assert life.asked == 44 + 20  # the challenger on all, the champion on the new ones
    assert said[said["model_version"] == first].groupby("role").size().to_dict() == {"champion": 44}
    assert said[said["model_version"] == second].groupby("role").size().to_dict() == {"challenger": 44}
    assert retraining.rescore(life.store, life.settings, progress=lambda *_: None) == 0


@LIFE
def test_answers_given_before_the_challenger_prove_nothing(life):
    """All labels so far were learned; of later ones only those count of which nobody was asked before."""
    both = [description.describe_alias(alias, settings=life.settings) for alias in ("champion", "challenger")]
    since = store.predictions_table(life.store, role="challenger")["created_at"].min()
    assert status.test_clips(life.store, life.standing().data, both, since=since).empty
    fresh = fill(life.store, 2, seed=79)
    found = status.test_clips(life.store, life.standing().data, both, since=since)
    assert sorted(found.index) == sorted(fresh.index)
    later = store.feedback_table(life.store)["created_at"].max() + pd.Timedelta(seconds=1)
    assert status.test_clips(life.store, life.standing().data, both, since=later).empty
    table = compare_guesses(
        store.predictions_table(life.store),
        stored_truth(life.store),
        champion=life.first.model_version,
        challenger=life.second.model_version,
    )
    assert sequential_verdict(table, found).labelled == 0  # nobody has judged the new clips yet


def test_the_made_up_table_trains_nobody(settings, kept):
    with (
        patch.object(retraining, "load_table", lambda *_, **__: replace(published(), synthetic=True)),
        pytest.raises(TableError, match="models are not trained on synthetic clips"),
    ):
        retraining.train_challenger(kept, settings, progress=lambda *_: None)


def test_there_is_nobody_to_promote(settings):
    with pytest.raises(ModelError, match="There is no challenger to promote"):
        promotion.promote(settings, by=OWNER)


# --- the command line ------------------------------------------------------------------------------------------------


def run(*words):
    return CliRunner().invoke(command.app, list(words))


def test_a_cancel_after_the_registration_comes_too_late_and_is_not_told(kept, settings, monkeypatch):
    def registered(db, *_, **__):
        store.cancel_job(db, store.latest_job(db, retraining.JOB).job_id)
        return retraining.Retrained("7", "blend-x", "It is the challenger.")

    monkeypatch.setattr(retraining, "train_challenger", registered)
    monkeypatch.setattr(retraining, "rescore", lambda *_, **__: 3)
    monkeypatch.setattr(jobs, "HEARTBEAT_S", 0.01)
    done = run("retrain")
    assert done.exit_code == 0, done.output
    job = store.latest_job(kept, retraining.JOB)
    assert (job.state, job.message, job.result["version"]) == ("done", "It is the challenger.", "7")
    assert store.latest_job(kept, retraining.RESCORE).message == "3 predictions of stored clips added."


def test_a_promotion_while_clips_are_being_scored_is_a_success(kept, settings, monkeypatch):
    passed = GateResult(Outcome.PASSED, (), (), ())
    monkeypatch.setattr(promotion, "promote", lambda *_, **__: passed)
    with jobs.hold_job(kept, retraining.RESCORE):
        done = run("promote", "3")
    assert done.exit_code == 0, done.output
    assert "Version 3 is the champion now" in done.output
    assert "An active run is already scoring" in done.output


def test_a_refused_promotion_has_exit_status_2(kept, settings, monkeypatch):
    refused = GateResult(Outcome.REFUSED, (), (), ("Macro-F1 lost 9 points.",))
    monkeypatch.setattr(promotion, "promote", lambda *_, **__: refused)
    done = run("promote", "3", "--by", "Cem", "--reason", "It is quieter than the other one.")
    assert done.exit_code == 2
    assert "Version 3 was not promoted. It is refused. Macro-F1 lost 9 points." in done.output
    assert "--reason" not in done.output


def test_an_undecided_promotion_asks_for_a_reason_and_takes_it(kept, settings, monkeypatch):
    undecided = GateResult(Outcome.UNDECIDED, (), (), ("F1 of sad lost 11 points.",))
    asked = []
    monkeypatch.setattr(promotion, "promote", lambda *_, **given: asked.append(given) or undecided)
    done = run("promote", "3")
    assert done.exit_code == 2
    assert "A person must decide, with a written reason. F1 of sad lost 11 points." in done.output
    assert "--reason" in done.output
    reason = "The level of the recording no longer matters."
    done = run("promote", "3", "--by", "Cem", "--reason", reason)
    assert done.exit_code == 0, done.output
    assert "Version 3 is the champion now." in done.output
    assert (asked[-1]["by"].name, asked[-1]["reason"]) == ("Cem", reason)


@LIFE
def test_models_that_change_while_clips_are_scored_are_asked_as_well(life, monkeypatch):
    """Somebody promotes while stored clips are scored: the new champion has its say before the work ends."""
    asked = []

    def scored(_store, settings, *, role, progress):
        asked.append((role, registry.find(role, settings=settings).version))
        if len(asked) == 1:
            monkeypatch.setattr(registry, "find", swapped)
        return 1

    found = registry.find

    def swapped(alias, *, settings):
        now = found(alias, settings=settings)
        return replace(now, version="9") if alias == "champion" else now

    monkeypatch.setattr(retraining, "score_stored", scored)
    assert retraining.rescore(life.store, life.settings, progress=lambda *_: None) == 4
    assert asked == [("champion", "1"), ("challenger", "2"), ("champion", "9"), ("challenger", "2")]
