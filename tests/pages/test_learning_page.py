"""The Learning page: for analysts; triggers, a training begun and cancelled, champion and challenger, the shadow."""

import json
import shutil

import labelled
import numpy as np
import pandas as pd
import pytest
from bundles import reseal

from core import file_names, store
from core.errors import StoreError
from core.evaluation import before_after
from core.evaluation.criteria import check_criteria
from core.evaluation.evaluation_table import to_csv
from core.evaluation.gate import GateResult, Outcome
from core.evaluation.results import ModelRef, Protocol, make_result
from core.evaluation.stored_evaluation import read_evaluation
from core.file_names import CHANGES, LEARNED, ROWS
from core.models import registry
from core.models.description import describe_model_in_use, read_description
from core.pipeline import jobs
from core.schema import EMOTIONS, LABEL
from core.settings import Settings
from core.training import promotion, retraining, status
from pages.shared import cached


@pytest.fixture
def opened(data_dir):
    db = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    yield db
    store.close_store(db)


@pytest.fixture(autouse=True)
def table(table_path, monkeypatch):
    """The published table, without which nothing is trained."""
    monkeypatch.setenv("TME_TABLE", str(table_path))


@pytest.fixture
def launched(monkeypatch):
    """Commands that the page started, which are not run."""
    found = []

    def launch(db, name, command, **_):
        found.append((name, command))
        return store.start_job(db, name)

    monkeypatch.setattr(jobs, "launch", launch)
    return found


def press(page, label):
    return next(b for b in page.button if b.label.startswith(label)).click().run()


def shown(page):
    kinds = (page.error, page.warning, page.info, page.success, page.markdown, page.caption, page.header)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def as_analyst(open_page, view="Train", name="Cem"):
    """The page as an analyst sees it, who typed the name on another page and has the role."""
    store.set_role(cached.open_database(), name, "analyst")
    return open_page("learning", as_person=name, view=view)


def test_a_rater_sees_nothing_to_press(open_page, opened):
    page = open_page("learning", view="Train")
    page.text_input(key="who_name").input("Cem")
    page = press(page, "Start")
    assert "This page is for analysts" in shown(page)
    assert {b.label for b in page.button} == {"I am someone else", "Work as an analyst"}
    page = press(page, "Work as an analyst")
    assert [b for b in page.button if b.key == "train"]


def test_triggers_say_what_they_found_and_a_training_begins_with_its_name(open_page, opened, launched):
    music = labelled.music(3)
    labelled.keep_clips(opened, music)
    labelled.answer(opened, music)
    page = as_analyst(open_page)
    development = describe_model_in_use(Settings()).metrics["protocol"]["development"]
    assert f"12 new agreed labels since the training of the champion, which used {development} clips" in shown(page)
    assert "12 agreed labels of clips outside the model's training; at least 20 are needed." in shown(page)
    assert "**12 agreed labels** in addition to the published table" in shown(page)
    page = press(page, "Train")
    assert launched == [(retraining.JOB, ["retrain", "--by=Cem"])]
    assert next(b for b in page.button if b.key == "train").disabled
    page = press(page, "Cancel")
    assert store.latest_job(opened, retraining.JOB).cancel
    assert "It stops at its next step." in shown(page)


def test_a_training_that_runs_elsewhere_is_shown_after_a_reload(open_page, opened):
    job = store.start_job(opened, retraining.JOB)
    store.report_job(opened, job.job_id, 0.4, "Comparing the models on the folds")
    page = as_analyst(open_page)
    assert "Comparing the models on the folds" in str([p.proto.text for p in page.main.get("progress")])
    store.finish_job(opened, job.job_id, state="failed", message="The process was killed.")
    page = page.run()
    assert "The process was killed." in shown(page)
    assert not next(b for b in page.button if b.key == "train").disabled


def test_who_is_no_analyst_any_more_begins_nothing(open_page, opened, launched):
    page = as_analyst(open_page)
    store.set_role(opened, "Cem", "rater")
    page = press(page, "Train")
    assert launched == []
    assert "Cem is no longer an analyst" in shown(page)


def test_limits_are_kept_for_all(open_page, opened):
    page = as_analyst(open_page)
    page.number_input[0].set_value(25)
    page = press(page, "Save")
    assert status.limits_of(opened).new_labels == 0.25
    status.set_limits(opened, status.limits_of(opened).changed(new_labels=0.01, drifted=1.0))
    assert page.run().number_input[0].value == 1


# --- champion and challenger -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known():
    """The committed model as evidence for the gate."""
    return promotion.model_evidence(read_description(Settings().champion_dir, "models/champion"), Settings())


@pytest.fixture(scope="module")
def trained(tmp_path_factory, known):
    """The committed model once more, trained on labels as well: a folder that no test changes."""
    folder = tmp_path_factory.mktemp("trained") / "challenger"
    shutil.copytree(Settings().models_dir / "champion", folder)
    (folder / "evaluation.csv").write_bytes(to_csv(known.evaluation.lines))
    before, after = (_results(right) for right in (range(0, 64, 2), range(64)))
    before_after.compare_results(before, after).to_csv(folder / CHANGES, index=False)
    labelled_rows = pd.DataFrame({"row": range(400, 416), "y": EMOTIONS * 4, "group": range(400, 416)})
    labelled_rows = labelled_rows.assign(held_out=False, clip_id=[f"c{k}" for k in range(16)], extractor="x")
    labelled_rows.to_csv(folder / ROWS, index=False)
    told = {
        "by": "Cem",
        "labelled": 16,
        "published_hash": describe_model_in_use(Settings()).data_hash,
        "compared_with": describe_model_in_use(Settings()).version,
    }
    (folder / LEARNED).write_text(json.dumps(told))
    files = [path.name for path in folder.iterdir() if path.name != "manifest.json"]
    reseal(folder, version="blend-new", sha256=dict.fromkeys(files, ""))
    return folder


@pytest.fixture
def challenger(monkeypatch, known, trained):
    """The challenger: version 3 of a registry."""
    versions = {file_names.CHALLENGER: registry.RegisteredModel("3", trained)}
    monkeypatch.setattr(registry, "find", lambda alias, *, settings: versions.get(alias))
    criteria = tuple(check_criteria(known.evaluation))
    monkeypatch.setattr(promotion, "preview", lambda settings: GateResult(Outcome.PASSED, criteria, (), ()))
    return versions


def _results(right):
    """Results of a model that is right about some of 64 clips: 16 held out, 32 development, 16 labelled."""
    lines = [
        (row, EMOTIONS[row % 4], *(0.7 if e == EMOTIONS[(row + (row not in right)) % 4] else 0.1 for e in EMOTIONS))
        for row in range(64)
    ]
    table = pd.DataFrame(lines, columns=["row", "y", *(f"p_{e}" for e in EMOTIONS)])
    parts = {"held_out": range(16), "development": range(16, 48), "labelled": range(48, 64)}
    protocols = {"held_out": Protocol.HELD_OUT}
    return {
        part: make_result(
            table[table["row"].isin(rows)],
            model=ModelRef("m"),
            protocol=protocols.get(part, Protocol.CROSS_VALIDATED),
            published="table",
        )
        for part, rows in parts.items()
    }


def decided(monkeypatch, *, outcome=Outcome.PASSED):
    """What the page asks `promotion.promote`."""
    asked = []
    reasons = () if outcome == Outcome.PASSED else ("F1 of sad lost 11 points.",)
    result = GateResult(outcome, tuple(promotion.preview(Settings()).criteria), (), reasons)

    def promote(_settings, **given):
        asked.append(given)
        return result

    monkeypatch.setattr(promotion, "promote", promote)
    monkeypatch.setattr(promotion, "preview", lambda settings: result)
    return asked


def test_without_a_challenger_there_is_nothing_to_decide(open_page, opened):
    page = as_analyst(open_page, "Champion and challenger")
    assert "There is no challenger" in shown(page)
    assert not [b for b in page.button if b.key == "promote"]


def test_the_challenger_is_compared_and_what_was_shown_is_promoted(
    open_page, opened, challenger, launched, monkeypatch
):
    asked = decided(monkeypatch)
    page = as_analyst(open_page, "Champion and challenger")
    said = shown(page)
    assert "Held-out clips (16)" in said
    assert "the new model is better" in said
    assert "Labelled clips (16)" in said
    assert "the queue chose many of them because a model was unsure" in said
    assert "Changed: trained on" in said
    assert page.session_state["part"] == "development"
    challenger[file_names.CHALLENGER] = registry.RegisteredModel(
        "4", challenger[file_names.CHALLENGER].folder
    )  # another training
    page = press(page, "Promote the challenger")
    assert [(given["shown"], given["by"].name, given["reason"]) for given in asked] == [("3", "Cem", "")]
    assert "The challenger is the champion now." in shown(page)
    assert "nothing got worse. The stored clips are scored again" in shown(page)
    assert launched == [(retraining.RESCORE, ["rescore"])]


def test_the_gate_shows_each_check_and_a_refused_promotion_says_why_and_scores_nothing(
    open_page, opened, challenger, launched, monkeypatch
):
    decided(monkeypatch, outcome=Outcome.REFUSED)
    page = as_analyst(open_page, "Champion and challenger")
    checks = next(d.value for d in page.table if "verdict" in d.value.columns)
    assert checks["name"].tolist() == [check.name for check in check_criteria(read_evaluation_of(challenger))]
    assert any(b.label == "Sign-off report (HTML)" for b in page.get("download_button"))
    development = describe_model_in_use(Settings()).metrics["protocol"]["development"]
    assert f"{development - 16} published clips and 16 labelled clips" in shown(page)
    assert not page.text_area
    page = press(page, "Promote the challenger")
    assert "Not promoted. It is refused. F1 of sad lost 11 points." in shown(page)
    assert launched == []


def test_an_undecided_gate_asks_for_a_reason_and_promotes_with_it(open_page, opened, challenger, launched, monkeypatch):
    asked = decided(monkeypatch, outcome=Outcome.UNDECIDED)
    page = as_analyst(open_page, "Champion and challenger")
    assert "A person must decide, with a written reason. F1 of sad lost 11 points." in shown(page)
    page = press(page, "Promote the challenger")
    assert "Not promoted." in shown(page)
    assert "Write your reason below" in shown(page)
    assert launched == []
    reason = "The level of the recording no longer matters."
    page.text_area(key="promotion_reason").input(reason)
    page = press(page, "Promote the challenger")
    assert (asked[-1]["shown"], asked[-1]["by"].name, asked[-1]["reason"]) == ("3", "Cem", reason)
    assert "The challenger is the champion now." in shown(page)
    assert launched == [(retraining.RESCORE, ["rescore"])]


def test_a_comparison_of_version_0_2_is_not_shown(open_page, opened, challenger, trained, data_dir):
    """It set the champion's cross-validated figures against held-out figures of the challenger."""
    folder = shutil.copytree(trained, data_dir / "challenger")
    challenger[file_names.CHALLENGER] = registry.RegisteredModel("3", folder)
    path = folder / CHANGES
    pd.read_csv(path).drop(columns="protocol").to_csv(path, index=False)
    assert "Held-out clips (16)" not in shown(as_analyst(open_page, "Champion and challenger"))


def read_evaluation_of(challenger):
    folder = challenger[file_names.CHALLENGER].folder
    return read_evaluation(read_description(folder, "challenger"), Settings())


def test_a_promotion_is_told_also_where_clips_are_scored_just_now_or_cannot_be(
    open_page, opened, challenger, launched, monkeypatch
):
    decided(monkeypatch)
    page = as_analyst(open_page, "Champion and challenger")
    with jobs.hold_job(opened, retraining.RESCORE):
        page = press(page, "Promote the challenger")
    assert "The challenger is the champion now." in shown(page)
    assert not page.error
    assert launched == []

    def refused(*_, **__):
        raise StoreError("The process could not be started.")

    monkeypatch.setattr(jobs, "launch", refused)
    page = press(page, "Promote the challenger")
    assert "The challenger is the champion now." in shown(page)
    assert "But the stored clips could not be scored again: The process could not be started." in shown(page)


def test_who_is_no_analyst_any_more_decides_nothing(open_page, opened, challenger, monkeypatch):
    asked = decided(monkeypatch)
    monkeypatch.setattr(registry, "discard", lambda **given: asked.append(given))
    for button in ("Promote the challenger", "Discard it"):
        page = as_analyst(open_page, "Champion and challenger")
        store.set_role(opened, "Cem", "rater")
        page = press(page, button)
        assert asked == []
        assert "Cem is no longer an analyst" in shown(page)


def test_a_rollback_is_bound_to_the_champion_that_was_shown(open_page, opened, challenger, launched, monkeypatch):
    asked = []
    monkeypatch.setattr(registry, "rollback", lambda **given: asked.append(given) or "1")
    page = as_analyst(open_page, "History")
    assert next(b for b in page.button if b.key == "rollback").disabled  # the committed model replaced nobody
    champion = Settings().models_dir / "champion"
    challenger[file_names.CHAMPION] = registry.RegisteredModel("2", champion)
    page = press(page.run(), "Go back")
    assert [(given["shown"], given["by"].name) for given in asked] == [("2", "Cem")]
    assert "In use again: 1." in shown(page)
    assert "The stored clips are scored again" in shown(page)


def test_the_history_shows_the_figures_of_the_only_version(open_page, opened, known):
    page = as_analyst(open_page, "History")
    assert not page.exception
    numbers = next(d.value for d in page.dataframe if "protocol" in d.value.columns)
    assert numbers["value"].tolist() == [known.evaluation.figure("macro_f1").value]
    assert numbers["role"].tolist() == ["champion"]
    assert "There is only one version." in shown(page)
    page = page.selectbox(key="history_figure").set_value("f1 sad").run()
    numbers = next(d.value for d in page.dataframe if "protocol" in d.value.columns)
    assert numbers["value"].tolist() == [known.evaluation.figure("f1", emotion="sad").value]


# --- the shadow ------------------------------------------------------------------------------------------------------


def test_the_shadow_counts_music_that_proves_something(open_page, opened, challenger):
    champion = describe_model_in_use(Settings()).version
    music, practice = labelled.music(4), labelled.music(2, seed=5)
    labelled.keep_clips(opened, music)
    labelled.keep_clips(opened, practice, origin="demo")
    for frame in (music, practice):
        right = np.array([[0.7 if e == y else 0.1 for e in EMOTIONS] for y in frame[LABEL]])
        labelled.predict(opened, frame, np.roll(right, 1, axis=1), version=champion)
        labelled.predict(opened, frame, right, version="blend-new", role="challenger")
        labelled.answer(opened, frame)
    page = as_analyst(open_page, "Shadow")
    said = shown(page)
    assert "### 0 % agreement" in said
    assert "Both models have scored 16 clips" in said
    assert "**Verdict: the challenger is better**" in said
    assert "16 labelled clips of 16 recordings are evidence" in said
    assert "The champion has more clips right in 0 recordings, the challenger in 16" in said
    table = page.dataframe[0].value
    assert table["evidence"].all()
    assert len(table) == 16
