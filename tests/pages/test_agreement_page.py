"""The Agreement page: for analysts, its figures, disputes settled, the pull of the guess, roles, deletion, files."""

import csv
import io
import json
import zipfile
from pathlib import Path

import label_studio_cases as cases
import numpy as np
import pytest
from answers import stored_answers

from core import store
from core.audio.decoding import Clip, content_hash
from core.errors import CoreError
from core.labelling import agreement, desk, import_plan, truth
from core.labelling.truth import stored_truth
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.pipeline import kept_audio
from core.schema import EMOTIONS, SR
from core.settings import Settings
from core.source_note import without_header
from core.wording import whole_percent
from pages.shared import cached, who
from pages.views.label import files, label_studio


@pytest.fixture(autouse=True)
def no_wait(monkeypatch):
    """A test settles faster than anybody listens."""
    monkeypatch.setattr(desk, "TOO_FAST_S", 0.0)


@pytest.fixture
def opened(data_dir):
    db = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    yield db
    store.close_store(db)


def put(db, number=1, *, origin="upload", best="sad", audio=False):
    y = 0.5 * np.sin(2 * np.pi * 110 * number * np.arange(SR // 2) / SR)
    clip = Clip(content_hash(y.tobytes()), y, SR)
    path = kept_audio.keep_audio(clip, kept_audio.folder(Settings())) if audio else "clips/not/there"
    name = f"tone {number}.wav"
    store.add_clip(db, clip.clip_id, file_name=name, duration_s=0.5, sr=SR, origin=origin, path=path)
    said = Prediction(clip.clip_id, "m1", "x 1", {e: 0.7 if e == best else 0.1 for e in EMOTIONS})
    return clip.clip_id, store.save_predictions(db, [(said, decide(said, Policy()))], policy=Policy())[0]


def answer(db, clip, rater, label, **more):
    clip_id, number = clip
    given = {"prediction_id": number, "clip_id": clip_id, "label": label, **more}
    return store.add_feedback(db, token=store.new_token(), rater=rater, **given)


def as_analyst(open_page, view="Overview", name="Boss"):
    """The page as an analyst sees it, who typed the name on another page and has the role."""
    store.set_role(cached.open_database(), name, "analyst")
    return open_page("agreement", as_person=name, view=view)


def press(page, label):
    return next(b for b in page.button if b.label.startswith(label)).click().run()


def shown(page):
    kinds = (page.error, page.warning, page.info, page.success, page.markdown, page.caption, page.header)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def metrics(page):
    return {m.label: m.value for m in page.metric}


def test_a_rater_sees_nothing_of_it_before_taking_the_role(open_page, opened):
    answer(opened, put(opened), "Ece", "sad")
    page = open_page("agreement")
    page.text_input(key="who_name").input("Can")
    page = press(page, "Start")
    assert "This page is for analysts" in shown(page)
    assert not page.metric
    assert not page.dataframe
    page = press(page, "Work as an analyst")
    assert page.metric
    assert store.raters_table(opened).set_index("rater")["role"].to_dict() == {"Can": "analyst", "Ece": "rater"}
    assert not page.exception


def test_an_empty_store_says_what_to_do(open_page, opened):
    for view in ("Overview", "Disputes", "Pull of the guess", "Raters", "Clips", "Files"):
        page = as_analyst(open_page, view)
        assert not page.exception
        assert shown(page)
    assert "There are no answers yet" in shown(page)


def test_the_figures_are_those_of_core(open_page, opened):
    rng = np.random.default_rng(0)
    for number in range(1, 9):
        clip = put(opened, number)
        for rater in ("Ece", "Can", "Naz"):
            answer(opened, clip, rater, str(rng.choice(EMOTIONS[:2])))
    page = as_analyst(open_page)
    table = agreement.votes(store.feedback_table(opened))
    found = metrics(page)
    assert found["Alpha"] == f"{agreement.summary(table).loc[0, 'alpha']:.2f}"
    assert found["Raw agreement"] == whole_percent(agreement.summary(table).loc[0, "raw"])
    assert found["With a ground truth"] == "8 of 8"
    assert found["Two answers or more"] == "8"
    pairs = next(d.value for d in page.dataframe if "kappa" in d.value.columns)
    assert pairs[["rater_a", "rater_b"]].to_numpy().tolist() == [["Can", "Ece"], ["Can", "Naz"], ["Ece", "Naz"]]
    assert "95 % interval" in shown(page)


def test_synthetic_clips_count_only_when_asked_for(open_page, opened):
    clip = put(opened, origin="demo")
    for rater in ("Ece", "Can"):
        answer(opened, clip, rater, "sad")
    page = as_analyst(open_page)
    assert "There are no clips to label yet" in shown(page)
    page = page.toggle(key="synthetic").set_value(True).run()
    assert metrics(page)["With a ground truth"] == "1 of 1"


def test_a_dispute_is_settled_by_a_marked_answer_and_taken_back(open_page, opened):
    first, second = put(opened, 1, audio=True), put(opened, 2)
    for clip in (first, second):
        answer(opened, clip, "Ece", "sad")
        answer(opened, clip, "Can", "relax")
    page = as_analyst(open_page, "Disputes")
    assert "relax: Can; sad: Ece" in page.dataframe[0].value["said"].tolist()
    assert len(page.main.get("audio")) == 1
    page.text_input[0].input("the tempo decides")
    page = page.button(key="settle_relax").click().run()
    assert "Settled as relax" in shown(page)
    row = store.feedback_table(opened).iloc[-1]
    assert row[["clip_id", "kind", "label", "rater", "comment"]].tolist() == [
        first[0],
        "adjudication",
        "relax",
        "Boss",
        "the tempo decides",
    ]
    assert stored_truth(opened).loc[first[0], ["label", "status"]].tolist() == ["relax", "adjudicated"]
    assert len(page.dataframe[0].value) == 1
    assert "The audio of this clip is no longer there" in shown(page)
    page = page.button(key="settle_none of the four").click().run()
    assert "No clip is disputed" in shown(page)
    assert stored_truth(opened)["status"].tolist() == ["adjudicated"] * 2
    answer(opened, put(opened, 3), "Boss", "happy")
    page = page.button(key="settle_undo").click().run()  # the newest settlement, not the newest answer
    assert stored_truth(opened)["status"].value_counts().to_dict() == {
        "adjudicated": 1,
        "disputed": 1,
        "open": 1,
    }
    assert "Taken back: tone 2.wav" in shown(page)
    assert not page.exception


def test_a_press_too_soon_after_a_clip_came_or_after_another_press_settles_nothing(open_page, opened, monkeypatch):
    for number in (1, 2):
        clip = put(opened, number)
        answer(opened, clip, "Ece", "sad")
        answer(opened, clip, "Can", "relax")
    page = as_analyst(open_page, "Disputes")
    page = page.button(key="settle_sad").click().run()
    assert stored_truth(opened)["status"].tolist().count("adjudicated") == 1
    monkeypatch.setattr(desk, "TOO_FAST_S", 3600.0)
    for key in ("settle_sad", "settle_undo"):  # the second clip has just come, and a key was pressed before
        page = page.button(key=key).click().run()
        assert "pressed too soon" in shown(page)
    assert store.feedback_table(opened)["kind"].tolist() == [*["answer"] * 4, "adjudication"]
    monkeypatch.setattr(desk, "TOO_FAST_S", 0.0)
    page.button(key="settle_sad").click().run()
    assert stored_truth(opened)["status"].tolist() == ["adjudicated"] * 2


def test_who_rated_a_clip_is_told_that_a_third_person_settles_it_better(open_page, opened):
    clip = put(opened)
    answer(opened, clip, "Boss", "sad")
    answer(opened, clip, "Can", "relax")
    assert "You are one of the raters of this clip" in shown(as_analyst(open_page, "Disputes"))


@pytest.mark.parametrize(
    ("shown_same", "verdict"),
    [
        (1.0, "The guess influences people"),
        (0.5, "No influence is established"),
        (0.0, "People disagree with the guess"),
    ],
)
def test_the_pull_of_the_guess_is_told_with_its_interval(open_page, opened, shown_same, verdict):
    """Twenty answers with the guess shown, twenty with it hidden, of which half are the same as the guess."""
    clips = [f"{number:064d}" for number in range(40)]
    for clip in clips:
        store.add_clip(opened, clip, file_name="tone.wav", duration_s=0.5, sr=SR)
    said = [Prediction(clip, "m1", "x 1", {e: 0.7 if e == "sad" else 0.1 for e in EMOTIONS}) for clip in clips]
    numbers = store.save_predictions(opened, [(one, decide(one, Policy())) for one in said], policy=Policy())
    answers = []
    for k, (clip, number) in enumerate(zip(clips, numbers, strict=True)):
        label = "sad" if k % 20 < 20 * (shown_same if k < 20 else 0.5) else "happy"
        seen = {"display": "shown", "shown_label": "sad"} if k < 20 else {"display": "hidden at random"}
        given = {"label": label, "clip_id": clip, "prediction_id": number}
        answers.append(store.Answer(store.new_token(), "Ece", **given, **seen))
    store.add_answers(opened, answers)
    page = as_analyst(open_page, "Pull of the guess")
    assert verdict in shown(page)
    assert f"difference of **{100 * (shown_same - 0.5):+.0f} points**" in shown(page)
    assert len(page.main.get("plotly_chart")) == 1


def test_too_few_answers_show_no_pull(open_page, opened):
    answer(opened, put(opened), "Ece", "sad", display="shown", shown_label="sad")
    assert "Not enough answers yet: 1 with the guess shown, 0 with the guess hidden" in shown(
        as_analyst(open_page, "Pull of the guess")
    )


def test_one_rater_can_be_enough(open_page, opened):
    answer(opened, put(opened), "Ece", "sad")
    page = as_analyst(open_page, "Raters")
    page.number_input(key="raters_needed_2").set_value(1)
    page = press(page, "Change the rule")
    assert "From now on, the number of agreeing raters that make a label is 1" in shown(page)
    assert truth.raters_needed(opened) == 1
    page = as_analyst(open_page)
    assert metrics(page)["With a ground truth"] == "1 of 1"
    assert "one rater is enough" in shown(page)


def test_a_page_that_is_only_shown_changes_no_rule(open_page, opened):
    """Another analyst changes the number meanwhile; this session draws its page again."""
    answer(opened, put(opened), "Ece", "sad")
    page = as_analyst(open_page, "Raters")
    truth.set_raters_needed(opened, 3)
    page = page.run()
    assert truth.raters_needed(opened) == 3
    assert page.number_input[0].value == 3


def choose(page, key, row):
    """A row of a table, as a click chooses it."""
    page.session_state[key] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    return page.run()


def test_a_role_is_given_and_taken(open_page, opened):
    store.sign_in(opened, "Ece")
    page = choose(as_analyst(open_page, "Raters"), "raters", 1)
    page = press(page, "Make Ece an analyst")
    assert store.sign_in(opened, "Ece").role == "analyst"
    assert page.dataframe[0].value.set_index("rater")["role"].to_dict() == {"Boss": "analyst", "Ece": "analyst"}
    page = press(page, "Make Ece a rater")
    assert store.sign_in(opened, "Ece").role == "rater"
    assert page.dataframe[0].value.set_index("rater")["role"].to_dict() == {"Boss": "analyst", "Ece": "rater"}
    assert not page.exception


def test_a_role_that_comes_from_the_list_is_shown_and_not_changed_here(open_page, opened, monkeypatch):
    store.sign_in(opened, "ece@example.org", verified=True)
    store.sign_in(opened, "naz@example.org")  # the same list says nothing of a name that proves nothing
    monkeypatch.setattr(who, "listed_analysts", lambda: {"ece@example.org", "naz@example.org"})
    page = choose(as_analyst(open_page, "Raters"), "raters", 1)
    roles = page.dataframe[0].value.set_index("rater")["role"].to_dict()
    assert roles == {"Boss": "analyst", "ece@example.org": "analyst (listed)", "naz@example.org": "rater"}
    assert "is listed in secrets.toml" in shown(page)
    assert not [b for b in page.button if b.label.startswith("Make ")]


def test_a_role_that_was_taken_while_the_page_was_open_opens_no_button(open_page, opened):
    """Each button of an analyst, pressed on a page that was drawn before the role went."""
    clip = put(opened, audio=True)
    answer(opened, clip, "Ece", "sad")
    answer(opened, clip, "Can", "relax")
    before = len(store.feedback_table(opened))

    def stale(view, key=None):
        store.set_role(opened, "Boss", "analyst")
        page = as_analyst(open_page, view)
        page = page if key is None else choose(page, *key)
        store.set_role(opened, "Boss", "rater")
        return page

    stale("Disputes").button(key="settle_sad").click().run()
    stale("Disputes").button(key="settle_undo").click().run()
    press(stale("Raters", ("raters", 2)), "Make Ece an analyst")
    store.set_role(opened, "Boss", "analyst")
    page = upload(as_analyst(open_page, "Files"), "file_name,label,rater\ntone 1.wav,happy,Naz\n")
    store.set_role(opened, "Boss", "rater")
    page = page.button(key="import_apply").click().run()
    assert "Boss is no longer an analyst, so nothing was changed" in shown(page)
    assert "This page is for analysts" in shown(page)
    store.set_role(opened, "Boss", "analyst")
    page = choose(as_analyst(open_page, "Clips"), "clips_0", 0)
    page = page.button(key=f"delete_{clip[0]}").click().run()
    store.set_role(opened, "Boss", "rater")
    page = page.button(key="delete_now").click().run()
    assert "Boss is no longer an analyst, so nothing was changed" in shown(page)
    assert len(store.feedback_table(opened)) == before
    assert store.raters_table(opened)["role"].eq("rater").all()
    assert len(store.clips_table(opened)) == 1


def test_whoever_lost_the_role_is_told_so(open_page, opened, monkeypatch):
    store.set_role(opened, "Boss", "rater")
    monkeypatch.setattr(who, "_cookie", lambda: "Boss")
    with pytest.raises(CoreError, match="Boss is no longer an analyst"):
        who.still_analyst(opened)
    monkeypatch.setattr(who, "_cookie", lambda: "")
    with pytest.raises(CoreError, match="You are no longer signed in"):
        who.still_analyst(opened)
    store.set_role(opened, "Boss", "analyst")
    monkeypatch.setattr(who, "_cookie", lambda: "Boss")
    assert who.still_analyst(opened) == store.Rater("Boss", False, "analyst")


def test_a_choice_older_than_a_list_that_became_shorter_is_no_choice(open_page, opened):
    first, second = put(opened, 1), put(opened, 2)
    for clip in (first, second):
        answer(opened, clip, "Ece", "sad")
        answer(opened, clip, "Can", "relax")
    for view, key in (("Disputes", "disputes_disputed"), ("Raters", "raters"), ("Clips", "clips_0")):
        page = choose(as_analyst(open_page, view), key, 7)
        assert not page.exception
        assert "hoose a" in shown(page), view
        page = choose(page, key, 1)
        assert "hoose a" not in shown(page), view


def test_after_a_deletion_no_other_clip_is_chosen(open_page, opened):
    first, second = put(opened, 1), put(opened, 2)
    page = choose(as_analyst(open_page, "Clips"), "clips_0", 0)
    key = next(b.key for b in page.button if b.label.startswith("Delete this clip"))
    page.button(key=key).click().run()
    page = page.button(key="delete_not").click().run()
    assert len(store.clips_table(opened)) == 2
    page.button(key=key).click().run()
    page = page.button(key="delete_now").click().run()
    assert {first[0], second[0]} - set(store.clips_table(opened)["clip_id"]) == {key.removeprefix("delete_")}
    assert "Choose a clip" in shown(page)


def test_an_analyst_becomes_a_rater_again(open_page, opened):
    page = as_analyst(open_page, "Overview")
    page = page.button(key="who_rater").click().run()
    assert "This page is for analysts" in shown(page)
    assert not page.exception
    assert store.sign_in(opened, "Boss").role == "rater"


def test_every_stored_clip_is_listed_with_its_status(open_page, opened):
    one = put(opened, 1, audio=True)
    put(opened, 2)
    for rater in ("Ece", "Can"):
        answer(opened, one, rater, "sad")
    table = as_analyst(open_page, "Clips").dataframe[0].value.set_index("file_name")
    assert table["status"].to_dict() == {"tone 1.wav": "agreed", "tone 2.wav": "untouched"}
    assert table.loc["tone 1.wav", "label"] == "● sad"


# files


def upload(page, text, name="labels.csv"):
    return page.file_uploader[0].set_value((name, text.encode(), "text/csv")).run()


def test_a_file_is_imported_after_a_dry_run_that_says_what_would_happen(open_page, opened):
    one, two = put(opened, 1), put(opened, 2)
    answer(opened, one, "Ece", "sad")
    page = as_analyst(open_page, "Files")
    text = f"file_name,label,rater\ntone 1.wav,happy,Can\ntone 2.wav,angry,\n{one[0]},relax,Ece\nnowhere.wav,sad,Can\n"
    page = upload(page, text)
    plan = page.dataframe[0].value
    assert plan["action"].tolist() == ["add", "add", "refused", "refused"]
    assert plan.loc[1, "rater"] == "Boss"
    assert "only they can change that" in plan.loc[2, "why"]
    assert len(store.feedback_table(opened)) == 1  # nothing is stored by looking
    page = page.button(key="import_apply").click().run()
    report = "2 answers were stored, of Can (1), Boss (1). Refused: 2 rows: "
    assert report in shown(page)
    assert "An import has no undo." in shown(page)
    said = store.feedback_table(opened).iloc[1:]
    assert said[["clip_id", "rater", "label", "source", "verified"]].to_numpy().tolist() == [
        [one[0], "Can", "happy", "import", False],
        [two[0], "Boss", "angry", "import", False],
    ]
    assert page.dataframe[0].value["action"].tolist() == ["same", "same", "refused", "refused"]
    assert page.button(key="import_apply").disabled
    assert report in shown(page.run())  # it stays until another file is chosen
    assert report not in shown(upload(page, "file_name,label\ntone 1.wav,sad\n"))
    assert not page.exception


def test_an_import_waits_when_somebody_answers_between_dry_run_and_storing(open_page, opened):
    clip = put(opened)
    page = upload(as_analyst(open_page, "Files"), "file_name,label,rater\ntone 1.wav,happy,Can\n")
    answer(opened, clip, "Can", "sad")
    page = page.button(key="import_apply").click().run()
    assert "Someone answered meanwhile" in shown(page)
    assert store.feedback_table(opened)["label"].tolist() == ["sad"]
    assert page.dataframe[0].value["action"].tolist() == ["refused"]


def test_the_dry_run_is_made_anew_only_where_something_has_changed(open_page, opened, monkeypatch):
    clip, planned, plan = put(opened), [], import_plan.plan_import
    put(opened, 2)
    monkeypatch.setattr(import_plan, "plan_import", lambda *a, **more: planned.append(1) or plan(*a, **more))
    page = upload(as_analyst(open_page, "Files"), "file_name,label,rater\ntone 1.wav,happy,Can\ntone 2.wav,sad,Can\n")
    page = page.run()
    assert len(planned) == 1
    answer(opened, clip, "Can", "sad")
    page = page.run()
    assert len(planned) == 2
    assert page.dataframe[0].value["action"].tolist() == ["refused", "add"]
    store.delete_clip(opened, clip[0])
    page = page.run()
    assert "No stored clip is named" in page.dataframe[0].value.loc[0, "why"]
    store.sign_in(opened, "Can", verified=True)  # the name has a login now
    page = page.run()
    assert page.dataframe[0].value["action"].tolist() == ["refused", "refused"]
    page = upload(page, "file_name,label,rater\ntone 2.wav,sad,Ece\n")
    assert page.dataframe[0].value["action"].tolist() == ["add"]
    assert len(planned) == 5
    page = page.button(key="import_apply").click().run()
    assert "1 answer was stored, of Ece (1)." in shown(page)
    assert len(planned) == 6  # not again before it was stored, but after


def test_an_import_that_is_cut_off_says_how_far_it_came(open_page, opened, monkeypatch):
    put(opened)
    monkeypatch.setattr(import_plan, "AT_ONCE", 2)
    page = as_analyst(open_page, "Files")
    page = upload(page, "file_name,label,rater\n" + "".join(f"tone 1.wav,sad,R{k}\n" for k in range(5)))
    add = store.add_planned_answers

    def full(db, answers, before):
        if len(store.feedback_table(db)) == 4:
            raise CoreError("The disk is full.")
        return add(db, answers, before)

    monkeypatch.setattr(import_plan, "add_planned_answers", full)
    page = page.button(key="import_apply").click().run()
    assert "The disk is full. 4 answers were stored before the error" in shown(page)
    monkeypatch.setattr(import_plan, "add_planned_answers", add)
    page = page.button(key="import_apply").click().run()
    assert "1 answer was stored, of R4 (1)." in shown(page)
    assert store.feedback_table(opened)["rater"].tolist() == [f"R{k}" for k in range(5)]


def test_the_dry_run_names_the_raters_who_are_new_here(open_page, opened):
    answer(opened, put(opened), "Ece", "sad")
    page = as_analyst(open_page, "Files")
    page = upload(page, "file_name,label,rater\ntone 1.wav,sad,ECE\ntone 1.wav,sad,\n")
    assert "New raters" not in shown(page)
    rows = "".join(f"tone 1.wav,sad,R{k}\n" for k in range(7))
    page = upload(page, f"file_name,label,rater\ntone 1.wav,sad,ECE\n{rows}")
    assert "New raters: 7 (R0, R1, R2, R3, R4 and 2 more)" in shown(page)


def put_clips_of_the_fixtures(opened):
    for clip_id, name in zip(cases.IDS, cases.NAMES, strict=True):
        store.add_clip(opened, clip_id, file_name=name, duration_s=0.5, sr=SR)


def written(name):
    """What Label Studio itself wrote, see ``test_label_studio_program.py``."""
    return (Path(cases.__file__).parent / "label_studio" / name).read_text(encoding="utf-8")


def test_an_account_becomes_a_rater_after_one_question(open_page, opened):
    put_clips_of_the_fixtures(opened)
    for name in ("Ece", "Naz"):
        store.sign_in(opened, name)
    page = upload(as_analyst(open_page, "Files"), written("ours.json"), "ours.json")
    asked = [box for box in page.selectbox if box.label.startswith("Who is this?")]
    assert [box.label for box in asked] == [
        "Who is this? Account 1 of Label Studio, 4 answers",
        "Who is this? Account 2 of Label Studio, 3 answers",
    ]
    assert page.dataframe[0].value["action"].tolist().count("refused") == 7
    assert page.button(key="import_apply").disabled  # nothing is stored before all are known
    asked[0].set_value("Ece").run()
    assert page.button(key="import_apply").disabled
    page.selectbox(key=asked[1].key).set_value("Naz").run()
    assert "New raters: 4" in shown(page)
    assert "Settlements in the file: 2" in shown(page)
    page = page.button(key="import_apply").click().run()
    assert "11 answers were stored, of " in shown(page)
    assert "2 settlements were stored, of " in shown(page)
    assert cases.answers(opened) == cases.expected("JSON")
    assert not page.exception


def test_answers_of_an_account_can_be_left_out_and_two_accounts_be_one_person(open_page, opened):
    put_clips_of_the_fixtures(opened)
    page = upload(as_analyst(open_page, "Files"), written("ours.csv"), "ours.csv")
    assert "does not say which tasks were skipped" in shown(page)
    one, two = (box.key for box in page.selectbox if box.label.startswith("Who is this?"))
    page.selectbox(key=one).set_value("Boss").run()
    page.selectbox(key=two).set_value("Boss").run()
    assert "Several accounts belong to Boss" in shown(page)
    page.selectbox(key=two).set_value(label_studio.LEAVE_OUT).run()
    plan = page.dataframe[0].value
    assert set(plan.loc[plan["account"].eq("2"), "action"]) == {"left out"}
    assert set(plan.loc[plan["account"].eq("1") & plan["action"].eq("add"), "rater"]) == {"Boss"}
    assert not page.button(key="import_apply").disabled


def test_which_control_holds_the_emotions_is_asked(open_page, opened):
    put_clips_of_the_fixtures(opened)
    page = upload(as_analyst(open_page, "Files"), written("foreign.csv"), "foreign.csv")
    assert "More than one column holds emotions" in shown(page)
    assert not page.dataframe
    (box,) = (box for box in page.selectbox if box.label == "Which column holds the emotions?")
    assert box.options == ["felt", "perceived"]
    box.set_value("felt").run()
    assert "These columns are not imported: instruments, perceived, sureness." in shown(page)
    assert "happy" in page.dataframe[0].value["label"].tolist()
    assert not page.exception


def test_the_page_says_how_its_export_plays_in_label_studio(open_page, opened):
    put(opened, audio=True)
    page = as_analyst(open_page, "Files")
    text = shown(page)
    assert "1. Unpack the ZIP" in text
    assert "3. Under Settings > Cloud Storage" in text
    page.segmented_control(key="studio_which").set_value("answered").run()
    assert "No clip matches this choice" in shown(page)
    assert not page.exception


def test_the_caption_counts_the_people_whose_answers_are_exported(open_page, opened):
    one, practice = put(opened, 1), put(opened, 2, origin="demo")
    answer(opened, one, "Ece", "sad")
    answer(opened, one, "anonymous 1f3a9c", "sad")
    answer(opened, one, "anonymous 77aa00", "happy")
    answer(opened, one, "Gone", "sad")
    store.undo(opened, token=store.new_token(), rater="Gone")
    answer(opened, practice, "Learner", "sad")
    assert "2 answers of 2 raters count now." in shown(as_analyst(open_page, "Files"))


def test_what_was_imported_and_taken_back_is_imported_again_from_the_same_upload(open_page, opened):
    put(opened)
    page = upload(as_analyst(open_page, "Files"), "file_name,label\ntone 1.wav,happy\n")
    page = page.button(key="import_apply").click().run()
    assert page.button(key="import_apply").disabled
    store.undo(opened, token=store.new_token(), rater="Boss")
    page = page.run()
    assert "taken back just this answer before" in page.dataframe[0].value.loc[0, "why"]
    page = page.button(key="import_apply").click().run()
    assert "1 answer was stored, of Boss (1)." in shown(page)
    assert stored_answers(opened)["label"].tolist() == ["happy"]


def test_no_download_of_the_page_begins_a_formula(open_page, opened, monkeypatch):
    clip, hostile = put(opened), '=HYPERLINK("http://example.org")'
    for rater in (hostile, "Can"):
        answer(opened, clip, rater, "sad")
    made = {}
    monkeypatch.setattr(files.st, "download_button", lambda label, data, **more: made.update({label: data}))
    as_analyst(open_page, "Overview")
    upload(as_analyst(open_page, "Files"), "file_name,label,rater,comment\ntone 1.wav,sad,@x,+1\n")
    for label, columns in (("Download CSV", ["rater_a"]), ("Download the dry run", ["rater", "comment"])):
        (row,) = csv.DictReader(io.StringIO(without_header(made[label].decode("utf-8-sig"))))
        assert all(row[column].startswith("'") for column in columns), label


def test_a_file_without_labels_is_a_sentence(open_page, opened):
    page = as_analyst(open_page, "Files")
    for text, sentence in (
        ("a,b\n1,2\n", "needs a column"),
        ("{not json", "not a JSON file of labels"),
        ("file_name,label\n", "holds no labels"),
        ('{"answers":[{"clip_id":"c","label":"sad","comment":"\\ud800"}]}', "Row 1 contains invalid characters"),
    ):
        page = upload(page, text)
        (error,) = page.error
        assert sentence in error.value.replace("\\", "")
        assert not page.exception


def test_exports_hold_what_stands_and_the_trail_holds_everything(open_page, opened, monkeypatch):
    one, practice = put(opened, 1), put(opened, 2, origin="demo")
    answer(opened, one, "Ece", "sad")
    answer(opened, one, "Ece", "happy")
    answer(opened, practice, "Ece", "angry")
    made = {}
    monkeypatch.setattr(
        files.st, "download_button", lambda label, data, **more: made.update({label: (data, more["file_name"])})
    )
    page = as_analyst(open_page, "Files")
    assert not page.exception
    content = {name: data() for name, (data, _) in made.items() if callable(data)}
    assert set(content) == {"CSV", "JSON", "Label Studio", "Audit trail"}
    rows = list(csv.DictReader(io.StringIO(without_header(content["CSV"].decode("utf-8-sig")), newline="")))
    assert [(row["rater"], row["label"]) for row in rows] == [("Ece", "happy")]
    told = json.loads(content["JSON"])
    assert told["about"]["raters_needed"] == 2
    assert [row["label"] for row in told["answers"]] == ["happy"]
    packed = zipfile.ZipFile(io.BytesIO(content["Label Studio"]))
    (task,) = json.loads(packed.read("label-studio-data/turkish-music-emotion/tasks.json"))
    assert [part["value"] for part in task["annotations"][0]["result"][:1]] == [{"choices": ["happy"]}]
    trail = list(csv.DictReader(io.StringIO(without_header(content["Audit trail"].decode("utf-8-sig")), newline="")))
    assert [row["label"] for row in trail] == ["sad", "happy", "angry"]
    assert [row["origin"] for row in trail] == ["upload", "upload", "demo"]
    answer(opened, one, "Can", "happy")  # after the page was drawn: a file names the state that it has
    state, before = json.loads(made["JSON"][0]())["about"]["state"], told["about"]["state"]
    for name in ("CSV", "Audit trail"):
        later = made[name][0]().decode("utf-8-sig")
        assert state[:8] in later
        assert before[:8] not in later
        assert before[:8] in content[name].decode("utf-8-sig")
    assert not any(before[:8] in name for _, name in made.values())


def test_who_settles_a_clip_has_seen_what_others_settled(open_page, opened):
    clip = put(opened, audio=True)
    answer(opened, clip, "Ece", "sad")
    answer(opened, clip, "Can", "relax")
    page = as_analyst(open_page, "Disputes")
    store.add_feedback(
        opened, token=store.new_token(), rater="Chief", label="relax", clip_id=clip[0], adjudication=True
    )
    page = page.button(key="settle_sad").click().run()
    assert "Someone else settled this clip after you opened it" in shown(page)
    assert stored_truth(opened).loc[clip[0], "label"] == "relax"


def test_a_task_is_made_followed_and_ended(open_page, opened):
    clips = [put(opened, number) for number in (1, 2, 3)]
    store.sign_in(opened, "Ece")
    page = as_analyst(open_page, "Tasks")
    assert "There are no tasks yet" in shown(page)
    page = press(page, "Make the task")
    assert "Choose at least one rater" in shown(page)
    page.text_input(key="task_name").input("Part 1")
    page.multiselect(key="task_raters").set_value(["Ece"])
    page.number_input(key="task_count").set_value(2)
    page = press(page, "Make the task")
    assert "The Label page shows it to 1 rater now." in shown(page)
    assert (page.text_input(key="task_name").value, page.multiselect(key="task_raters").value) == ("", [])
    assert page.number_input(key="task_count").value == 40
    assert next(d for d in page.dataframe if "task" in d.value).proto.placeholder == "–"
    page.text_input(key="task_name").input("Part 1")
    page.multiselect(key="task_raters").set_value(["Ece"])
    page.session_state["tasks_made"] = 2  # as for a second click on a form that has made its task
    page = press(page, "Make the task")
    (row,) = store.tasks_table(opened).to_dict("records")
    asked = store.task_items(opened, row["task_id"], rater="Ece")["clip_id"].tolist()
    assert set(asked) < {clip_id for clip_id, _ in clips}
    task = {"task_id": int(row["task_id"]), "turn": 1}
    store.add_feedback(opened, token=store.new_token(), rater="Ece", label="sad", clip_id=asked[0], heard_s=0.1, **task)
    page = choose(page.run(), "tasks", 0)
    table = next(d.value for d in page.dataframe if "task" in d.value)
    assert table[["rater", "state", "answered", "of"]].to_numpy().tolist() == [["Ece", "open", 1, 2]]
    page = press(page, "End the task")
    assert "has ended. All answers stay" in shown(page)
    assert store.tasks_table(opened)["ended_at"].notna().all()
    page = as_analyst(open_page, "Raters")
    table = next(d.value for d in page.dataframe if "with own earlier answers" in d.value)
    ece = table.set_index("rater").loc["Ece"]
    assert ece[["with own earlier answers", "hasty", "of"]].tolist() == ["not yet", 1, 1]
