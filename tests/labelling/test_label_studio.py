"""Label Studio's files and ours for it. The fixtures were written by Label Studio 1.23.2 itself, see
``test_label_studio_program.py``."""

import base64
import io
import json
import random
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import label_studio_cases as cases
import pandas as pd
import pytest
from answers import stored_answers

from core import store
from core.errors import TableError
from core.labelling import files, import_plan, label_columns, label_studio_package
from core.labelling.label_clips import spellings
from core.labelling.label_studio_interface import sound_name
from core.labelling.truth import stored_truth
from core.settings import Settings

FORMATS = {"JSON": "json", "JSON_MIN": "min.json", "CSV": "csv", "TSV": "tsv"}
FOLDER = Path(__file__).parent.parent / "label_studio"


def written(project: str, form: str) -> bytes:
    """What Label Studio wrote."""
    return (FOLDER / f"{project}.{FORMATS[form]}").read_bytes()


@pytest.fixture
def empty(tmp_path):
    db = cases.empty(tmp_path)
    yield db
    store.close_store(db)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    db = store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}")
    cases.fill(db, Settings())
    yield db
    store.close_store(db)


# what Label Studio writes


@pytest.mark.parametrize("form", FORMATS)
def test_all_answers_of_all_people_come_back_from_every_format(empty, form):
    plan = cases.planned(empty, written("ours", form), accounts=cases.ACCOUNTS)
    import_plan.apply_import(empty, plan, token="a form of import")
    assert cases.answers(empty) == cases.expected(form)
    kept = stored_answers(empty).set_index(["clip_id", "rater", "kind"])["created_at"]
    assert kept.max() < pd.Timestamp.now("UTC") - pd.Timedelta(minutes=1)  # the times of the answers, not of the import
    assert kept.is_unique


@pytest.mark.parametrize("form", FORMATS)
def test_at_home_only_what_was_said_there_is_new(home, form):
    plan = cases.planned(home, written("ours", form), accounts=cases.ACCOUNTS)
    assert plan["action"].value_counts().to_dict() == cases.at_home(form)
    assert set(plan.loc[plan["action"].eq("add"), "rater"]) == {"Ece", "Naz"}


@pytest.mark.parametrize("form", FORMATS)
def test_a_project_of_others_asks_which_control_holds_the_emotions(empty, form):
    data = written("foreign", form)
    with pytest.raises(label_columns.ControlQuestion, match="More than one column holds emotions") as question:
        files.read_labels(data)
    assert set(question.value.columns) == {"perceived", "felt"}
    plan = cases.planned(empty, data, accounts=cases.ACCOUNTS, control="felt")
    assert cases.said(plan) == cases.FOREIGN_SAID
    assert set(files.read_label_file(data, control="felt").unread) == {"perceived", "sureness", "instruments"}


def test_a_control_that_the_file_does_not_have_is_named():
    with pytest.raises(TableError, match="no column 'mood'"):
        files.read_labels(written("foreign", "CSV"), control="mood")


def test_a_skip_without_a_reason_is_left_out_and_said_so(empty):
    plan = cases.planned(empty, written("ours", "JSON"), accounts=cases.ACCOUNTS)
    (row,) = plan[plan["action"].eq("left out")].to_dict("records")
    assert (row["account"], row["clip"]) == ("2", cases.IDS[4])
    assert "was skipped in Label Studio without a known reason" in row["why"]


def test_only_json_is_complete():
    assert {form: files.read_label_file(written("ours", form)).complete for form in FORMATS} == {
        "JSON": True,
        "JSON_MIN": False,
        "CSV": False,
        "TSV": False,
    }


# who an account is


def test_an_account_of_which_nobody_has_said_who_it_is_is_refused(empty):
    plan = cases.planned(empty, written("ours", "JSON"), accounts={"1": "Ece"})
    refused = plan[plan["action"].eq("refused")]
    assert refused["account"].tolist() == ["2"] * 3
    assert refused["why"].str.contains("The Label Studio account '2' has no rater yet").all()
    assert set(plan.loc[plan["action"].eq("add"), "rater"]) == {"Ayşe", "+Ali", "Can", "anonymous 1f3a9c", "Ece"}


def test_an_account_whose_answers_are_not_wanted_is_left_out(empty):
    plan = cases.planned(empty, written("ours", "CSV"), accounts={"1": "Ece", "2": ""})
    left = plan[plan["account"].eq("2")]
    assert set(left["action"]) == {"left out"}
    assert left["why"].str.contains("not wanted").all()


def test_the_accounts_to_ask_about_are_told_with_their_answers():
    assert files.read_label_file(written("ours", "JSON")).accounts == {"1": 4, "2": 3}


def test_an_account_with_the_name_of_a_login_is_not_that_login(empty):
    store.sign_in(empty, "ece@example.org", verified=True)
    plan = cases.planned(empty, written("ours", "JSON"), accounts={"1": "ece@example.org", "2": "Naz"})
    refused = plan[plan["account"].eq("1")]
    assert set(refused["action"]) == {"refused"}
    assert refused["why"].str.contains("has a login here").all()


def test_a_copied_annotation_is_its_account_s_and_not_its_first_rater_s(empty):
    """Duplicated there, an annotation carries the hidden rater of the first one."""
    task = json.loads(written("ours", "JSON"))[1]
    raters = [[p["value"].get("text") for p in a["result"] if p["from_name"] == "rater"] for a in task["annotations"]]
    assert raters == [[["Ayşe"]], [["Ayşe"]]]
    rows = files.read_labels(json.dumps([task]).encode())
    assert rows[["rater", "account", "label", "skip_reason"]].to_numpy().tolist() == [
        ["Ayşe", "", "", "bad audio"],
        ["", "2", "angry", ""],
    ]


# settlements


def test_what_is_marked_as_ground_truth_is_no_plain_answer(empty):
    rows = files.read_labels(written("ours", "JSON"))
    settled = rows[rows["kind"].eq("adjudication")]
    assert settled[["rater", "account", "label"]].to_numpy().tolist() == [["Can", "", "relax"], ["", "1", "sad"]]


def test_an_answer_from_here_that_is_marked_there_stays_an_answer_and_says_so(empty):
    tasks = json.loads(written("ours", "JSON"))
    tasks[0]["annotations"][0]["ground_truth"] = True
    plan = cases.planned(empty, json.dumps(tasks).encode(), accounts=cases.ACCOUNTS)
    assert plan.loc[0, ["rater", "kind", "action"]].tolist() == ["Ayşe", "answer", "add"]
    assert "settle the clip under Disputes" in plan.loc[0, "why"]


def test_an_answer_from_here_that_was_changed_there_says_so(empty):
    tasks = json.loads(written("ours", "JSON"))
    tasks[0]["annotations"][0]["updated_at"] = "2999-01-01T00:00:00Z"
    plan = cases.planned(empty, json.dumps(tasks).encode(), accounts=cases.ACCOUNTS)
    changed = plan["why"].str.contains("It was changed in Label Studio after the export")
    assert plan.loc[changed, "row"].tolist() == [1]


def test_a_settlement_that_stands_is_never_replaced_by_a_file(empty):
    def settle(label):
        text = f"clip_id,label,rater,kind\n{cases.IDS[0]},{label},Can,adjudication\n"
        return cases.planned(empty, text.encode())

    plan = settle("relax")
    assert plan["why"].tolist() == ["Settles the clip."]
    assert len(import_plan.apply_import(empty, plan, token="a form of import").rows) == 1
    assert stored_truth(empty).loc[cases.IDS[0], ["label", "status"]].tolist() == ["relax", "adjudicated"]
    assert settle("relax")["action"].tolist() == ["same"]
    other = settle("sad")
    assert other["action"].tolist() == ["refused"]
    assert "is settled as 'relax' here" in other.loc[0, "why"]
    number = int(store.feedback_table(empty)["feedback_id"].iloc[0])
    store.undo(empty, token=store.new_token(), rater="Can", feedback_id=number)
    assert "was taken back here" in settle("relax").loc[0, "why"]


def test_of_several_settlements_of_a_clip_the_last_one_counts(empty):
    rows = "".join(f"{cases.IDS[0]},{label},{who},adjudication\n" for label, who in (("relax", "Can"), ("sad", "Ece")))
    plan = cases.planned(empty, f"clip_id,label,rater,kind\n{rows}".encode())
    assert plan["action"].tolist() == ["left out", "add"]
    assert "Row 2 says 'sad' of this clip later: the last one counts" in plan.loc[0, "why"]


# times


def test_the_newest_answer_of_a_rater_counts_in_whatever_order_the_file_has_them(empty):
    text = "clip_id,label,rater,created_at\n{0},sad,Ece,2026-03-02T10:00:00+03:00\n{0},happy,Ece,2026-03-01\n"
    plan = cases.planned(empty, text.format(cases.IDS[0]).encode())
    assert plan["action"].tolist() == ["add", "left out"]
    assert plan.loc[0, "given_at"] == pd.Timestamp("2026-03-02T07:00:00Z")
    import_plan.apply_import(empty, plan, token="a form of import")
    assert store.feedback_table(empty)["created_at"].tolist() == [pd.Timestamp("2026-03-02T07:00:00Z")]


def test_an_older_answer_of_the_importer_replaces_no_newer_one(empty):
    store.add_feedback(empty, token=store.new_token(), rater="Deniz", label="sad", clip_id=cases.IDS[0])
    old = cases.planned(empty, f"clip_id,label,created_at\n{cases.IDS[0]},happy,2026-01-01\n".encode())
    assert old[["action", "why"]].to_numpy().tolist() == [["left out", "You have answered 'sad' here since then."]]
    plain = cases.planned(empty, f"clip_id,label\n{cases.IDS[0]},happy\n".encode())
    assert plain["action"].tolist() == ["change"]


@pytest.mark.parametrize("time", ["yesterday", "2999-01-01T00:00:00Z", "31.12.2025 10:00"])
def test_a_time_that_is_not_understood_is_said_so(empty, time):
    plan = cases.planned(empty, f"clip_id,label,created_at\n{cases.IDS[0]},happy,{time}\n".encode())
    assert plan["action"].tolist() == ["add"]
    said = f"Its time {time!r} is not understood: the time of the import counts."
    assert plan["why"].tolist() == [f"A new answer. {said}"]
    assert plan["given_at"].isna().all()


# what Label Studio calls the sound


@pytest.mark.parametrize(
    "sound",
    [
        "/data/upload/3/1f2e3d4c-Şarkı_1.wav",
        "/data/upload/3/1f2e3d4c-%C5%9Eark%C4%B1_1.wav",
        "/data/upload/3/1f2e3d4c-Sarkı_1.wav",  # of a name whose cedilla stood apart
        "/data/local-files/?d=m%C3%BCzik/%C5%9Eark%C4%B1%201.wav",
        "/data/local-files/?d=müzik/Şarkı 1.wav",
        "s3://bucket/music/Şarkı 1.wav",
        "https://example.org/a/%C5%9Eark%C4%B1%201.wav?X-Amz-Expires=60&X-Amz-Signature=ab",
        "C:\\music\\ŞARKI 1.WAV",
        "gs://bucket/music/1f2e3d4c-Şarkı_1.wav",
        "/tasks/5/resolve/?fileuri=" + base64.urlsafe_b64encode("s3://bucket/music/Şarkı 1.wav".encode()).decode(),
        "http://host/projects/1/presign?fileuri=" + base64.b64encode("s3://b/Şarkı 1.wav".encode()).decode(),
        f"/data/upload/1/0a1b2c3d-{sound_name(cases.IDS[0], cases.NAMES[0])}",
    ],
)
def test_the_clip_is_found_whatever_label_studio_has_made_of_its_name(empty, sound):
    task = {"id": 1, "data": {"song": sound}, "annotations": [annotation("sad")]}
    (row,) = cases.planned(empty, json.dumps([task]).encode(), accounts=cases.ACCOUNTS).to_dict("records")
    assert (row["action"], row["clip_id"], row["label"]) == ("add", cases.IDS[0], "sad"), row["why"]


def annotation(*labels, **more):
    return {"id": 1, "completed_by": 1, "result": [cases.choice("emotion", label) for label in labels], **more}


def test_a_name_that_begins_like_an_upload_is_first_taken_as_it_is(empty):
    store.add_clip(empty, "whole", file_name="1f2e3d4c-04.flac", duration_s=30, sr=44100)
    plan = cases.planned(empty, b"file_name,label\n1f2e3d4c-04.flac,sad\n9a8b7c6d-04.flac,happy\n04.flac,relax\n")
    assert plan["clip_id"].tolist() == ["whole", "", cases.IDS[3]]
    assert "2 stored clips are named '9a8b7c6d-04.flac'" in plan.loc[1, "why"]


def test_a_name_that_only_looks_like_an_address_is_a_name():
    assert spellings("100%.wav") == ("100%.wav",)
    assert spellings("//[a.wav") == ("//[a.wav",)
    assert spellings("Why?.mp3")[0] == "Why?.mp3"


# what people answer with


@pytest.mark.parametrize(
    ("result", "label"),
    [
        ([cases.choice("mood", "Hüzünlü"), {"from_name": "sure", "type": "rating", "value": {"rating": 4}}], "sad"),
        ([{"from_name": "sure", "type": "rating", "value": {"rating": 4}}, cases.choice("mood", "TRISTE")], "sad"),
        ([cases.choice("genre", "fasıl"), cases.choice("mood", "relaxed")], "relax"),
        ([cases.text("words", "calm")], "relax"),
        ([{"from_name": "part", "type": "labels", "value": {"start": 0, "end": 3, "labels": ["Happy"]}}] * 2, "happy"),
        ([{"from_id": "a", "to_id": "b", "type": "relation"}, cases.choice("mood", "angry")], "angry"),
    ],
    ids=["rating after", "rating before", "two controls", "typed", "regions", "relation"],
)
def test_the_control_that_holds_emotions_is_found(empty, result, label):
    task = {"id": 1, "data": {"audio": "04.flac"}, "annotations": [{"id": 1, "completed_by": 1, "result": result}]}
    plan = cases.planned(empty, json.dumps([task]).encode(), accounts=cases.ACCOUNTS)
    assert plan[["action", "label"]].to_numpy().tolist() == [["add", label]]


def test_several_emotions_at_once_are_refused_with_their_names(empty):
    result = [cases.choice("emotion", "happy", "sad")]
    task = {"id": 1, "data": {"audio": "04.flac"}, "annotations": [{"id": 1, "completed_by": 1, "result": result}]}
    plan = cases.planned(empty, json.dumps([task]).encode(), accounts=cases.ACCOUNTS)
    assert plan["why"].tolist() == ["Several emotions are chosen (happy; sad), and an answer is one."]


def test_a_task_alone_and_an_annotation_with_its_task_are_read(empty):
    """As Label Studio's API gives a task, and as a storage that it exports to gets an annotation."""
    task = {"id": 1, "data": {"clip_id": 7, "audio": "04.flac"}}
    for content in ({**task, "annotations": [annotation("sad")]}, {**annotation("sad"), "task": task}):
        plan = cases.planned(empty, json.dumps(content).encode(), accounts=cases.ACCOUNTS)
        assert plan[["clip_id", "rater", "label"]].to_numpy().tolist() == [[cases.IDS[3], "Ece", "sad"]]


def test_predictions_and_drafts_are_no_answers():
    task = {
        "id": 1,
        "data": {"audio": "04.flac"},
        "predictions": [{"result": [cases.choice("emotion", "happy")], "score": 0.9}],
        "drafts": [{"result": [cases.choice("emotion", "sad")]}],
        "annotations": [],
    }
    with pytest.raises(TableError, match="nobody has answered its tasks"):
        files.read_labels(json.dumps([task]).encode())
    answered = {**task, "annotations": [annotation("relax")]}
    assert files.read_labels(json.dumps([task, answered]).encode())["label"].tolist() == ["relax"]


def test_controls_that_hold_no_known_emotion_are_asked_about(empty):
    result = [cases.choice("mood", "joy"), cases.choice("genre", "fasıl")]
    task = {"id": 1, "data": {"audio": "04.flac"}, "annotations": [{"id": 1, "completed_by": 1, "result": result}]}
    data = json.dumps([task]).encode()
    with pytest.raises(label_columns.ControlQuestion, match="Choose one of: mood, genre|No column holds") as question:
        files.read_labels(data.replace(b'"mood"', b'"feeling"'))
    assert question.value.columns == ("feeling", "genre")
    plan = cases.planned(empty, data, accounts=cases.ACCOUNTS)  # a control of a usual name is taken, its words refused
    assert plan["action"].tolist() == ["refused"]
    assert "'joy' is not a known emotion" in plan.loc[0, "why"]


# tables of spreadsheets


@pytest.mark.parametrize(
    "data",
    [
        b"sep=;\nfile_name;label\n04.flac;Mutlu\n",
        "\ufeffsep=;\r\nfile_name;label\r\n04.flac;Mutlu\r\n".encode(),
        '\ufeff"sep=\t"\r\nfile_name\tlabel\r\n04.flac\tMUTLU\r\n'.encode("utf-16"),
        b"sep=|\nfile_name|label\n04.flac|feliz\n",
        "file_name;label\n04.flac;mutlu\n".encode("utf-16-le"),
        "file_name;label\n04.flac;mutlu\n".encode("utf-16-be"),
        b'"file_name,label"\n"04.flac,happy"\n',
        b'"file_name;label;comment"\n"04.flac;happy;""a; b"""\n',
        b"file_name;label;sureness\n04.flac;Mutlu;3,5\n",
        b"dosya;duygu\n04.flac;Mutlu\n",
        "Dosya Adı;Duygu;Etiketleyen\n04.flac;MUTLU;DENİZ\n".encode("cp1254"),
        "archivo|emoción|anotador\n04.flac|Feliz|Deniz\n".encode(),
        b"file_name;angry;happy;relax;sad\n04.flac;1,5;4,5;2;0,5\n",
        b"file_name;label;happy;sad\n04.flac;first;5;1\n",
        "file_name,kızgın,mutlu\n04.flac,1,4\n".encode(),
        json.dumps([{"file_name": "04.flac", "label": "Feliz"}]).encode(),
        json.dumps([{"file_name": "04.flac", "label": "Feliz"}]).encode("utf-8-sig"),
    ],
    ids=[
        *("sep", "sep with a mark", "sep in utf-16", "sep of another sign", "no mark, little", "no mark, big"),
        *("rows as one cell", "quotes in a cell", "decimal comma", "other names"),
        *("Turkish names", "Spanish names and bars", "ratings"),
        *("ratings beside a label that is none", "ratings in Turkish"),
        *("json", "json with a mark"),
    ],
)
def test_what_spreadsheets_make_of_a_table_is_read(empty, data):
    (row,) = cases.planned(empty, data).to_dict("records")
    assert (row["action"], row["clip_id"], row["label"], row["rater"]) == ("add", cases.IDS[3], "happy", "Deniz")


@pytest.mark.parametrize(
    ("who", "account"),
    [
        (7, "7"),
        ("a@example.org", "a@example.org"),
        ({"id": 7, "email": "a@example.org"}, "a@example.org"),
        ({"id": 7, "email": ""}, "7"),
        ({"username": "ayse"}, "ayse"),
        (None, "(none)"),
    ],
)
def test_an_annotator_is_a_number_an_address_or_an_object(who, account):
    task = {"id": 1, "data": {"song": "04.flac"}, "annotations": [annotation("sad") | {"completed_by": who}]}
    flat = {"id": 1, "song": "04.flac", "felt": {"choices": ["Sad"]}, "annotator": who, "annotation_id": 3}
    for item in (task, flat):
        rows = files.read_labels(json.dumps([item]).encode())
        assert rows[["account", "label"]].to_numpy().tolist() == [[account, rows["label"][0]]]
        assert rows["label"][0].lower() == "sad"


def test_of_a_taxonomy_the_last_word_is_the_answer(empty):
    path = {"from_name": "felt", "type": "taxonomy", "value": {"taxonomy": [["Mood", "Sad"]]}}
    rating = {"from_name": "arousal", "type": "rating", "value": {"rating": 4}}
    words = {"from_name": "why", "type": "textarea", "value": {"text": ["slow", "low"]}}
    task = {"id": 1, "data": {"song": "04.flac"}, "annotations": [{"id": 1, "result": [rating, path, words]}]}
    file = files.read_label_file(json.dumps([task]).encode())
    assert (file.emotions, file.unread, file.rows["label"].tolist()) == (("felt",), ("arousal", "why"), ["Sad"])


def test_an_excel_file_is_refused_with_what_to_do():
    with pytest.raises(TableError, match="Excel file or a zip archive. Save the table as CSV in UTF-8"):
        files.read_labels(b"PK\x03\x04" + bytes(100))


def test_emotions_that_are_rated_alike_are_no_answer(empty):
    plan = cases.planned(empty, b"file_name;happy;sad\n04.flac;3,5;3,5\n05.flac;0;0\n")
    assert plan["action"].tolist() == ["refused", "refused"]
    assert "Several emotions have the same rating (happy and sad); an answer is one." in plan.loc[0, "why"]


def test_columns_without_a_place_are_named():
    file = files.read_label_file(b"file_name;label;sureness;empty\n04.flac;Mutlu;3,5;\n")
    assert (file.emotions, file.unread) == (("label",), ("sureness",))


def test_a_plain_table_goes_by_the_usual_name_and_two_such_columns_are_asked_about(empty):
    data = "file_name,label,predicted\n04.flac,sad,happy\n"
    assert files.read_labels(data.encode())["label"].tolist() == ["sad"]
    assert files.read_labels(data.replace("predicted", "mood").replace("happy", "Üzgün").encode())["label"].tolist()
    with pytest.raises(label_columns.ControlQuestion, match="Choose one of: label, mood"):
        files.read_labels(data.replace("predicted", "mood").encode())


def test_a_label_column_that_holds_something_else_gives_way_to_the_one_with_emotions(empty):
    assert files.read_labels(b"file_name,label,feeling\n04.flac,clip four,sad\n")["label"].tolist() == ["sad"]


def test_a_reason_to_skip_may_stand_in_the_place_of_an_emotion(empty):
    plan = cases.planned(empty, b"file_name,label\n04.flac,happy\n05.flac,Bad audio\n")
    assert plan[["action", "label", "skip_reason"]].to_numpy().tolist() == [
        ["add", "happy", ""],
        ["add", "", "bad audio"],
    ]


DAMAGE = (
    *(b'"', b"{", b"]", b"null", b"1e400", b";", b"\n", b"\x00", b"sep=;"),
    *(b"\\ud800", b"[[[", b"9" * 5000, b"//[", b"%zz"),
)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("ours.*")), ids=lambda path: path.name)
def test_a_damaged_file_is_read_or_refused_with_a_sentence(empty, path):
    chance, read = random.Random(path.name), 0
    for _ in range(25):
        data = bytearray(path.read_bytes())
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 20)] = chance.choice((b"", *DAMAGE))
        try:
            plan = cases.planned(empty, bytes(data), accounts=cases.ACCOUNTS)
        except TableError as error:
            assert str(error).endswith(".")  # noqa: PT017 - either outcome is right
            continue
        read += 1
        assert plan["why"].str.len().gt(0).all()
    assert read > 0


# what is exported for Label Studio


def test_the_zip_holds_sound_tasks_interface_and_three_sentences(home):
    packed = zipfile.ZipFile(io.BytesIO(cases.package(home, Settings())))
    folder = "label-studio-data/turkish-music-emotion"
    tasks = json.loads(packed.read(f"{folder}/tasks.json"))
    assert {task["data"]["clip_id"] for task in tasks} == set(cases.IDS)
    for task in tasks:
        place = task["data"]["audio"].removeprefix("/data/local-files/?d=turkish-music-emotion/")
        assert packed.read(f"{folder}/{place}").startswith(b"fLaC")
        assert task["predictions"] == [
            {"model_version": "m1", "score": 0.7, "result": [cases.choice("emotion", guess_of(task))]}
        ]
    ET.fromstring(packed.read("interface.xml").decode())
    steps = packed.read("README.txt").decode()
    assert all(f"\n{n}. " in steps for n in (1, 2, 3))
    assert "Local Files" in steps


def guess_of(task) -> str:
    return ("angry", "happy", "relax", "sad")[cases.IDS.index(task["data"]["clip_id"]) % 4]


@pytest.mark.parametrize(
    ("which", "clips"), [("all", {0, 1, 2, 3, 4}), ("answered", {0, 1, 2}), ("waiting", {1, 3, 4})]
)
def test_which_clips_are_exported_is_chosen(home, which, clips):
    chosen = label_studio_package.choose_clips(home, store.feedback_table(home), which=which)
    assert set(chosen["clip_id"]) == {cases.IDS[k] for k in clips}


def test_a_clip_without_sound_goes_out_only_with_its_answers(home):
    for number, answered in (("8", True), ("9", False)):
        store.add_clip(home, number * 64, file_name=f"{number}.wav", duration_s=1, sr=44100, path="clips/gone")
        if answered:
            store.add_feedback(home, token=store.new_token(), rater="Ece", label="sad", clip_id=number * 64)
    feedback, file = store.feedback_table(home), io.BytesIO()
    chosen = label_studio_package.choose_clips(home, feedback)
    made = label_studio_package.write_package(file, home, feedback, chosen, Settings(), guesses=False)
    assert (made.clips, made.silent, made.left) == (6, 1, 0)
    tasks = json.loads(zipfile.ZipFile(file).read("label-studio-data/turkish-music-emotion/tasks.json"))
    assert "8" * 64 in {task["data"]["clip_id"] for task in tasks}
    assert not any(task["predictions"] for task in tasks)


def test_clips_for_which_there_is_no_room_are_counted(home):
    feedback = store.feedback_table(home)
    chosen = label_studio_package.choose_clips(home, feedback)
    made = label_studio_package.write_package(io.BytesIO(), home, feedback, chosen, Settings(), most_bytes=1)
    assert (made.clips, made.left) == (1, 4)


def test_a_file_at_an_address_plays_from_there_and_no_password_is_exported(home):
    places = {
        "a" * 64: "https://example.org/music/a.mp3",
        "b" * 64 + "@60.000+30": "https://example.org/music/b.mp3",
        "c" * 64: "https://ece:secret@example.org/c.mp3",
    }
    for clip_id, path in places.items():
        store.add_clip(
            home, clip_id, file_name="far.mp3", duration_s=30, sr=44100, path=path, origin="library", start_s=60.0
        )
    feedback, file = store.feedback_table(home), io.BytesIO()
    chosen = label_studio_package.choose_clips(home, feedback)
    label_studio_package.write_package(file, home, feedback, chosen, Settings())
    text = zipfile.ZipFile(file).read("label-studio-data/turkish-music-emotion/tasks.json").decode()
    sounds = {task["data"]["clip_id"]: task["data"]["audio"] for task in json.loads(text)}
    assert sounds["a" * 64] == "https://example.org/music/a.mp3"
    assert sounds["b" * 64 + "@60.000+30"] == "https://example.org/music/b.mp3#t=60,90"
    assert "secret" not in text


def test_names_of_sound_are_plain_short_and_never_the_same():
    assert sound_name("a", "Şarkı (canlı) 1.wav").startswith("sarki-canli-1--")
    assert sound_name("a", "x.wav") != sound_name("b", "x.wav")
    long = sound_name(cases.IDS[0], "ğ" * 300 + ".wav")
    assert len(f"upload/12345/1f2e3d4c-{long}") < 100  # Label Studio cuts what is longer
    assert sound_name("a", "?.wav").startswith("clip--")
