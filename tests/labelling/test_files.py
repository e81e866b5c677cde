"""Labels as files and back: nothing is lost on the way, and an import says first what it would do."""

import csv
import io
import json
import xml.etree.ElementTree as ET

import pandas as pd
import pytest
from answers import stored_answers

from core import store
from core.errors import StoreError, TableError
from core.labelling import import_plan, label_studio_export
from core.labelling.files import audit_csv, read_labels, to_csv, to_json
from core.labelling.label_studio_export import as_json, tasks
from core.labelling.label_studio_interface import label_studio_config
from core.labelling.truth import stored_truth
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.schema import EMOTIONS
from core.source_note import SourceNote

NASTY = '=HYPERLINK("x"); "quoted", two\nlines, ığüşöçİ'


def to_label_studio(feedback):
    """The tasks as the ZIP for Label Studio holds them."""
    return as_json(tasks(feedback))


@pytest.fixture
def filled(tmp_path):
    """Three clips, one prediction, answers of two raters, one taken back, a skip and an adjudication."""
    db = store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}")
    for name in ("x", "y", "z"):
        store.add_clip(
            db, f"id-{name}", file_name=f"Şarkı {name}.wav", duration_s=30, sr=44100, content_hash=f"hash-{name}"
        )
    said = Prediction("id-x", "m1", "e1", {"angry": 0.1, "happy": 0.2, "relax": 0.3, "sad": 0.4})
    policy = Policy()
    number = store.save_predictions(db, [(said, decide(said, policy))], policy=policy)[0]

    def add(**given):
        store.add_feedback(db, token=store.new_token(), **given)

    add(rater="Ayşe", label="sad", prediction_id=number, display="shown", shown_label="sad", comment=NASTY)
    add(rater="+Ali", label="relax", prediction_id=number, display="hidden at random")
    add(rater="Ayşe", label="happy", clip_id="id-y")
    store.undo(db, token=store.new_token(), rater="Ayşe")
    add(rater="Ayşe", skip_reason="bad audio", clip_id="id-y")
    add(rater="Can", label="relax", clip_id="id-x", adjudication=True, verified=True)
    yield db
    store.close_store(db)


@pytest.fixture
def empty(tmp_path):
    """The same clips in a house where nobody has said anything."""
    db = store.open_store(f"sqlite:///{tmp_path / 'other.db'}")
    for name in ("x", "y", "z"):
        store.add_clip(
            db, f"id-{name}", file_name=f"Şarkı {name}.wav", duration_s=30, sr=44100, content_hash=f"hash-{name}"
        )
    yield db
    store.close_store(db)


def planned(db, data, importer="Deniz", *, verified=False):
    return import_plan.plan_import(
        read_labels(data),
        store.clips_table(db),
        store.feedback_table(db),
        store.raters_table(db),
        importer=store.Rater(importer, verified, "analyst"),
    )


def say(db, rater, label="sad", clip="id-x", **more):
    return store.add_feedback(db, token=store.new_token(), rater=rater, label=label, clip_id=clip, **more)


def actions(plan):
    return list(zip(plan["rater"], plan["verified"], plan["action"], strict=True))


def what_stands(db):
    table = stored_answers(db)
    table = table.astype(object).where(lambda t: t.notna(), None)
    columns = ["clip_id", "rater", "label", "skip_reason", "comment", "kind", "created_at"]
    return sorted(map(tuple, table[columns].to_numpy().tolist()), key=str)


# there and back


@pytest.mark.parametrize(
    "export",
    [to_csv, lambda f: to_json(f, about={"model": "m1"}), to_label_studio],
    ids=["csv", "json", "label studio"],
)
def test_what_is_exported_comes_back_the_same(filled, empty, export):
    plan = planned(empty, export(store.feedback_table(filled)))
    assert sorted(plan["action"]) == ["add", "add", "add", "add"]
    assert plan.loc[plan["kind"] == "adjudication", "why"].tolist() == ["Settles the clip."]
    assert len(import_plan.apply_import(empty, plan, token="a form of import").rows) == 4
    assert what_stands(empty) == what_stands(filled)
    again = planned(empty, export(store.feedback_table(filled)))
    assert sorted(again["action"]) == ["same", "same", "same", "same"]


def test_the_csv_holds_what_stands_and_nothing_a_spreadsheet_would_run(filled):
    data = to_csv(store.feedback_table(filled))
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [(r["clip_id"], r["label"], r["kind"]) for r in rows] == [
        ("id-x", "sad", "answer"),
        ("id-x", "relax", "answer"),
        ("id-y", "", "answer"),
        ("id-x", "relax", "adjudication"),
    ]
    assert rows[0]["comment"] == "'" + NASTY
    assert rows[1]["rater"] == "'+Ali"
    assert rows[0]["model_version"] == "m1"
    assert rows[0]["created_at"].endswith("+00:00")
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_the_audit_trail_holds_every_row_also_what_was_taken_back(filled):
    rows = list(csv.DictReader(io.StringIO(audit_csv(store.feedback_table(filled)).decode("utf-8-sig"), newline="")))
    assert [r["kind"] for r in rows] == ["answer", "answer", "answer", "undo", "answer", "adjudication"]
    assert [r["undone"] for r in rows] == ["False", "False", "True", "False", "False", "False"]
    assert [r["counts"] for r in rows] == ["True", "True", "False", "False", "True", "True"]
    assert (rows[3]["target_id"], rows[0]["shown_label"], rows[1]["display"]) == ("3", "sad", "hidden at random")


def test_the_json_says_what_it_stands_on(filled):
    content = json.loads(to_json(store.feedback_table(filled), about={"data_hash": "abc"}))
    assert content["about"] == {"data_hash": "abc"}
    assert content["answers"][0]["comment"] == NASTY
    assert content["answers"][2]["label"] is None
    assert content["answers"][3]["verified"] is True


def test_label_studio_gets_one_task_a_clip_that_fits_its_configuration(filled):
    tasks = json.loads(to_label_studio(store.feedback_table(filled)))
    assert [t["data"]["clip_id"] for t in tasks] == ["id-x", "id-y"]
    root = ET.fromstring(label_studio_config())
    controls = {node.get("name"): [c.get("value") for c in node] for node in root.iter() if node.get("toName")}
    assert tasks[0]["data"].keys() >= {root.find("Audio").get("value").lstrip("$")}
    results = [part for t in tasks for a in t["annotations"] + t["predictions"] for part in a["result"]]
    assert [part["from_name"] for part in results] == [
        *("emotion", "comment", "rater", "answered_at", "kind"),
        *("emotion", "rater", "answered_at", "kind") * 2,
        "emotion",
        *("skip_reason", "rater", "answered_at", "kind"),
    ]
    for part in results:
        assert part["to_name"] == "audio"
        allowed = controls[part["from_name"]]
        assert part["type"] == ("choices" if allowed else "textarea")
        assert set(part["value"].get("choices", [])) <= set(allowed)
    (said,) = tasks[0]["predictions"]
    assert (said["model_version"], said["score"]) == ("m1", 0.4)
    assert said["result"][0]["value"] == {"choices": ["sad"]}
    assert [[a["ground_truth"] for a in t["annotations"]] for t in tasks] == [[False, False, True], [False]]
    assert not any(a["was_cancelled"] for t in tasks for a in t["annotations"])  # or CSV would not have them


def test_an_export_of_label_studio_itself_is_read():
    task = {
        "id": 7,
        "data": {"audio": "/data/upload/3/Şarkı x.wav"},
        "annotations": [
            {
                "id": 1,
                "completed_by": {"id": 4, "email": "ayse@example.org"},
                "was_cancelled": False,
                "ground_truth": True,
                "result": [
                    {
                        "id": "a",
                        "from_name": "mood",
                        "to_name": "audio",
                        "type": "choices",
                        "value": {"choices": ["Sad"]},
                    }
                ],
            },
            {"id": 2, "completed_by": 5, "result": []},
        ],
    }
    table = read_labels(json.dumps([task]).encode())
    assert table["account"].tolist() == ["ayse@example.org", "5"]
    assert table["rater"].tolist() == ["", ""]
    assert table.loc[0, ["clip", "label", "kind"]].tolist() == ["/data/upload/3/Şarkı x.wav", "Sad", "adjudication"]
    assert table.loc[1, "label"] == ""


def annotated(*parts, **more):
    """A task of Label Studio about id-x with one annotation; parts : control and what was chosen in it."""
    result = [{"from_name": control, "value": {"choices": [choice]}} for control, choice in parts]
    return {"data": {"clip_id": "id-x", "audio": "?"}, "annotations": [{"result": result, "completed_by": 5, **more}]}


@pytest.mark.parametrize(
    ("parts", "cancelled", "action", "meaning"),
    [
        ([("emotion", "sad")], True, "left out", ("", "")),
        ([("mood", "sad")], True, "left out", ("", "")),
        ([], True, "left out", ("", "")),
        ([("emotion", "sad"), ("skip_reason", "ambiguous")], True, "add", ("", "ambiguous")),
        ([("skip_reason", "bad audio")], True, "add", ("", "bad audio")),
        ([("emotion", "sad")], False, "add", ("sad", "")),
    ],
    ids=["a draft", "a draft of another project", "nothing", "a draft and a reason", "a reason", "an answer"],
)
def test_the_draft_of_a_task_that_was_skipped_is_no_label(empty, parts, cancelled, action, meaning):
    data = json.dumps([annotated(*parts, was_cancelled=cancelled)]).encode()
    (row,) = planned(empty, data).to_dict("records")
    assert (row["action"], (row["label"], row["skip_reason"])) == (action, meaning)
    assert ("skipped" in row["why"]) == (action == "left out")


def test_the_tasks_are_made_of_one_reading_of_the_answers(filled, monkeypatch):
    """Clip by clip it took minutes."""
    read, records = [], label_studio_export.records
    monkeypatch.setattr(label_studio_export, "records", lambda table: read.append(len(table)) or records(table))
    tasks = json.loads(to_label_studio(store.feedback_table(filled)))
    assert [len(task["annotations"]) for task in tasks] == [3, 1]
    assert read == [4, 2]  # the answers, and the guesses that raters saw


def test_nothing_said_is_exported_as_nothing(empty):
    feedback = store.feedback_table(empty)
    assert to_csv(feedback).decode("utf-8-sig").splitlines()[0].startswith('"clip_id","file_name","label"')
    assert json.loads(to_label_studio(feedback)) == []
    with pytest.raises(TableError, match="holds no labels"):
        read_labels(to_csv(feedback))


# files from elsewhere


@pytest.mark.parametrize(
    "data",
    [
        "file_name,label\nŞarkı x.wav,sad\n".encode(),
        "\ufeffFile;Emotion\r\nŞarkı x.wav;Sad\r\n".encode(),
        "file\tclass\nŞarkı x.wav\t SAD \n".encode("utf-16"),
        "Filename;Label;\nŞarkı x.wav;sad;\n".encode("cp1254"),
        "path,label\nC:\\müzik\\ŞARKI X.WAV,sad\n".encode(),
        "file,label\nS\u0327arkı x.wav,sad\n".encode(),
        b"hash,label\nhash-x,sad\n",
        b"\tclip_id\tlabel\n0\tid-x\tsad\n",
        b"\r\n \r\nclip_id,label\r\n\r\nid-x,sad\r\n",
        b"length,length,clip_id,label\n1,2,id-x,sad,3,4\n",
        b"clip_id,file_name,label\nid-x,Nobody.wav,sad\n",
        b'[{"data": {"clip_id": "id-x", "audio": "?"}, "annotations": [{"rater": "", "result": '
        b'[{"from_name": "emotion", "value": {"choices": ["sad"]}}]}]}]',
    ],
    ids=[
        "utf-8",
        "excel",
        "utf-16 tab",
        "windows-1254",
        "a path in capitals",
        "letters apart",
        "hash",
        "no first name",
        "blank lines",
        "twice something else",
        "both",
        "json",
    ],
)
def test_files_as_people_have_them_are_understood(empty, data):
    (row,) = planned(empty, data).to_dict("records")
    assert (row["action"], row["clip_id"], row["label"], row["rater"]) == ("add", "id-x", "sad", "Deniz"), row["why"]


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "needs a column"),
        (b"file,label\n", "holds no labels|needs a column"),
        (b"song,mark\na,b\n", "needs a column 'clip_id' or 'file_name' and a column 'label'.*'song,mark'"),
        (b"\x81\x8d\x8f\x90", "cannot be read as text"),
        (b"RIFF\x00\x01WAVE" + bytes(range(256)), "cannot be read as text|needs a column"),
        (b"[1, 2]", "not a JSON file of labels"),
        (b'{"answers": 5}', "not a JSON file of labels"),
        (b'{"labels": []}', "not a JSON file of labels"),
        (b"[" * 100_000, "not a JSON file of labels"),
        (b'file,label\n"' + b"x" * 200_000, "cannot be read as CSV"),
        (b"file,label\n" + b"a,sad\n" * 100_001, "more than 100000 labels"),
        (b"file,label\n" + b"a,sad\n" * 100_002 + b'"' + b"x" * 200_000, "more than 100000 labels"),  # not read on
        (b"file,label" + b",x" * 199 + b"\n", "201 columns; at most 200"),
        (b"[" + b"{}," * 1_000_001 + b"{}]", "more than 1000000 brackets"),
        (b'{"answers":[{"clip_id":"c","label":"sad","comment":"\\ud800"}]}', "Row 1 contains invalid characters"),
        (
            b'{"answers":[{"clip_id":"c","label":"sad"},{"clip_id":"\\udc00"}]}',
            "Row 2 contains invalid characters",
        ),
        (b"file,label,label\na,sad,happy\n", "Two columns of the file are called 'label'"),
        (b"file,label, LABEL \na,sad,happy\n", "Two columns of the file are called 'label'"),
        (bytes(21 << 20), "21 MB; at most 20 MB"),
    ],
)
def test_a_file_that_holds_no_labels_is_refused(data, match):
    with pytest.raises(TableError, match=match):
        read_labels(data)


# the dry run


def test_the_dry_run_says_row_by_row_what_would_happen_and_stores_nothing(filled):
    store.add_clip(filled, "id-x2", file_name="şarkı X.wav", duration_s=30, sr=44100)
    store.add_feedback(filled, token=store.new_token(), rater="Deniz", label="sad", clip_id="id-x")
    before = len(store.feedback_table(filled))
    rows = [
        ("id-z", "happy", "", "add", "A new answer"),
        ("id-x", "relax", "", "left out", "Row 4 says 'angry' of this clip later"),
        ("id-x", "relax", "DENİZ", "left out", "Row 4 says 'angry' of this clip later"),
        ("id-x", "angry", "", "change", "Replaces 'sad'"),
        ("id-x", "sad", "Ayşe", "same", "there already"),
        ("id-y", "sad", "Ayşe", "refused", "has answered 'bad audio', and only they"),
        ("ŞARKI X.wav", "sad", "", "refused", "2 stored clips are named"),
        ("Unknown.wav", "sad", "", "refused", "No stored clip is named 'Unknown.wav'"),
        ("id-z", "joy", "Ece", "refused", "'joy' is not a known emotion"),
        ("id-z", "", "Ece", "refused", "either an emotion or a reason"),
        ("id-z", "sad", "x" * 81, "refused", "1 to 80 characters"),
    ]
    text = "clip_id,label,rater\n" + "".join(f"{clip},{label},{rater}\n" for clip, label, rater, *_ in rows)
    plan = planned(filled, text.encode())
    assert plan["row"].tolist() == list(range(1, 12))
    assert plan["action"].tolist() == [row[3] for row in rows]
    for why, row in zip(plan["why"], rows, strict=True):
        assert row[4] in why
    assert len(store.feedback_table(filled)) == before
    assert set(plan["action"]) == set(import_plan.ACTIONS)


def test_an_import_changes_only_what_the_plan_says_and_once(filled):
    store.add_feedback(filled, token=store.new_token(), rater="Deniz", label="sad", clip_id="id-x")
    plan = planned(filled, b"clip_id,label,comment\nid-x,relax,new\nid-z,angry,\nid-y,joy,\n")
    assert len(import_plan.apply_import(filled, plan, token="one form").rows) == 2
    assert len(import_plan.apply_import(filled, plan, token="one form").rows) == 0
    mine = store.feedback_table(filled, rater="Deniz")
    assert mine[["clip_id", "label", "source", "verified"]].to_numpy().tolist() == [
        ["id-x", "sad", "label", False],
        ["id-x", "relax", "import", False],
        ["id-z", "angry", "import", False],
    ]


def test_what_was_imported_and_taken_back_can_be_imported_again(empty):
    data = b"clip_id,label\nid-x,relax\n"
    assert len(import_plan.apply_import(empty, planned(empty, data), token="one upload").rows) == 1
    store.undo(empty, token=store.new_token(), rater="Deniz")
    plan = planned(empty, data)
    assert plan["action"].tolist() == ["add"]
    assert "taken back just this answer before" in plan.loc[0, "why"]
    assert len(import_plan.apply_import(empty, plan, token="one upload").rows) == 1
    assert len(import_plan.apply_import(empty, plan, token="one upload").rows) == 0
    assert stored_answers(empty)["label"].tolist() == ["relax"]


# who is meant by a name


@pytest.mark.parametrize(
    "export",
    [to_csv, lambda f: to_json(f, about={}), to_label_studio, audit_csv],
    ids=["csv", "json", "label studio", "audit trail"],
)
def test_the_own_export_adds_no_voter(empty, export):
    """A rater with a login, one without, two people without a name, and the importer: all are known already."""
    say(empty, "ece@x.org", verified=True)
    say(empty, "boss@x.org", verified=True)
    say(empty, "Can", clip="id-y")
    say(empty, "anonymous 1f3a9c", clip="id-z")
    say(empty, "anonymous 77aa00", "happy", clip="id-z")
    before = stored_truth(empty)
    plan = planned(empty, export(store.feedback_table(empty)), "boss@x.org", verified=True)
    assert set(plan["action"]) <= {"same", "left out"}
    assert plan["action"].tolist().count("same") == 4
    assert len(import_plan.apply_import(empty, plan, token="a form of import").rows) == 0
    assert stored_truth(empty).equals(before)


def test_a_name_with_a_login_is_not_borrowed_by_a_file(empty):
    say(empty, "ece@x.org", verified=True)
    store.sign_in(empty, "new@x.org", verified=True)  # has not answered yet
    text = "clip_id,label,rater\nid-x,sad,ECE@x.org\nid-y,sad,ece@x.org\nid-z,sad,new@x.org\n"
    plan = planned(empty, text.encode())
    assert actions(plan) == [
        ("ece@x.org", True, "same"),
        ("ece@x.org", True, "refused"),
        ("new@x.org", True, "refused"),
    ]
    assert "ece@x.org has a login here, and only they can answer" in plan.loc[1, "why"]
    assert len(import_plan.apply_import(empty, plan, token="another form").rows) == 0


def test_rows_of_an_importer_with_a_login_are_those_of_that_login(empty):
    say(empty, "boss@x.org", verified=True)
    plan = planned(
        empty, b"clip_id,label,rater\nid-x,sad,\nid-y,happy,\nid-z,relax,Boss@x.org\n", "boss@x.org", verified=True
    )
    assert actions(plan) == [("boss@x.org", True, a) for a in ("same", "add", "add")]
    assert len(import_plan.apply_import(empty, plan, token="another form").rows) == 2
    assert store.raters_table(empty)[["rater", "verified", "answers"]].to_numpy().tolist() == [["boss@x.org", True, 3]]


@pytest.mark.parametrize(
    ("text", "raters"),
    [
        ("file_name,name,label\nŞarkı x.wav,Sarı Gelin,sad\n", ["Deniz"]),  # the name of a song
        ("file_name,user,label\nŞarkı x.wav,Ece,sad\n", ["Ece"]),
        ("file_name,user,annotator,label\nŞarkı x.wav,Ece,Can,sad\nŞarkı y.wav,Ece,,sad\n", ["Can", "Deniz"]),
    ],
    ids=["name", "user alone", "user beside the rater"],
)
def test_who_answered_is_not_guessed_from_any_name(empty, text, raters):
    assert planned(empty, text.encode())["rater"].tolist() == raters


def test_another_spelling_of_a_known_name_is_that_rater(empty):
    say(empty, "Işıl")
    text = "clip_id,label,rater\nid-x,sad,IŞIL\nid-y,sad,isil\nid-x,sad,ÖZGÜR\nid-y,sad,Özgür\nid-x,happy,özgür\n"
    plan = planned(empty, text.encode())
    assert actions(plan) == [
        ("Işıl", False, "same"),
        ("Işıl", False, "add"),
        ("ÖZGÜR", False, "left out"),
        ("ÖZGÜR", False, "add"),
        ("ÖZGÜR", False, "add"),
    ]
    assert len(import_plan.apply_import(empty, plan, token="another form").rows) == 3
    assert store.raters_table(empty)["rater"].tolist() == ["Işıl", "ÖZGÜR"]


def test_the_dry_run_tells_who_is_new_here(empty):
    say(empty, "Işıl")
    say(empty, "ece@x.org", verified=True)
    rows = [
        ("IŞIL", "id-y"),
        ("Can", "id-x"),
        ("can", "id-y"),
        ("ece@x.org", "id-y"),
        ("", "id-x"),
        ("anonymous", "id-z"),
    ]
    text = "rater,clip_id,label\n" + "".join(f"{rater},{clip},sad\n" for rater, clip in [*rows, ("Ali", "id-0")])
    plan = planned(empty, text.encode())
    assert plan.loc[plan["new_rater"], ["rater", "clip_id"]].to_numpy().tolist() == [
        ["Can", "id-x"],
        ["Can", "id-y"],
        ["anonymous", "id-z"],
    ]
    say(empty, "anonymous 1f3a9c")
    assert planned(empty, text.encode())["new_rater"].sum() == 2  # all people without a name are one


def test_names_and_forms_of_a_long_file_are_looked_at_once_each(empty, monkeypatch):
    known, looked = store.Answer, []
    monkeypatch.setattr(import_plan, "Answer", lambda *a, **more: looked.append(a[1:]) or known(*a, **more))
    names = [f"Rater of a long file {k}" for k in range(3)]
    text = "clip_id,label,rater\n" + "".join(f"id-{'xyz'[k % 3]},sad,{names[k // 3]}\n" for k in range(9))
    plan = planned(empty, text.encode())
    assert plan["action"].tolist() == ["add"] * 9
    assert looked == [(name, "sad", None) for name in names]


def test_two_spellings_that_are_both_here_stay_two(empty):
    """From before spellings were compared, or from another door."""
    say(empty, "Ece")
    say(empty, "ece", "happy")
    plan = planned(empty, b"clip_id,label,rater\nid-x,sad,Ece\nid-x,happy,ece\nid-x,angry,ECE\n")
    assert plan["rater"].tolist()[:2] == ["Ece", "ece"]
    assert plan["action"].tolist() == ["left out" if plan.loc[2, "rater"] == "Ece" else "same",
                                       "left out" if plan.loc[2, "rater"] == "ece" else "same", "refused"]  # fmt: skip


# what was taken back stays taken back


def test_an_audit_trail_brings_back_nothing_that_was_taken_back_or_changed(filled, empty):
    say(filled, "Ece", "sad", "id-z")
    say(filled, "Ece", "happy", "id-z")
    plan = planned(empty, audit_csv(store.feedback_table(filled)))
    assert plan["action"].tolist() == ["add", "add", "left out", "left out", "add", "add", "left out", "add"]
    assert plan.loc[2, "why"] == "This answer was taken back later."
    assert plan.loc[3, "why"] == "This row takes back an answer."
    assert "Row 8 says 'happy' of this clip later" in plan.loc[6, "why"]
    import_plan.apply_import(empty, plan, token="a form of import")
    assert what_stands(empty) == what_stands(filled)


def test_an_old_export_does_not_give_back_what_its_rater_took_back(empty):
    say(empty, "Ece")
    say(empty, "Can")
    old = to_csv(store.feedback_table(empty))
    store.undo(empty, token=store.new_token(), rater="Ece")
    plan = planned(empty, old)
    assert actions(plan) == [("Ece", False, "refused"), ("Can", False, "same")]
    assert "has taken back just this answer" in plan.loc[0, "why"]
    other = planned(empty, b"clip_id,label,rater\nid-x,happy,Ece\n")
    assert other["action"].tolist() == ["add"]  # another answer was never taken back


# which clip is meant


def test_the_exact_id_of_a_clip_wins_over_the_content_of_several(empty):
    store.add_clip(empty, "hash-x", file_name="whole.wav", duration_s=30, sr=44100)  # its id is id-x's content
    plan = planned(empty, b"clip_id,label\nhash-x,sad\nhash-y,sad\nid-y,happy\n")
    assert plan["clip_id"].tolist() == ["hash-x", "id-y", "id-y"]
    store.add_clip(empty, "id-y2", file_name="part.wav", duration_s=30, sr=44100, content_hash="hash-y")
    plan = planned(empty, b"clip_id,label\nhash-y,sad\n")
    assert "2 stored clips are named 'hash-y'" in plan.loc[0, "why"]


def test_names_of_files_are_told_apart_by_their_marks(empty):
    store.add_clip(empty, "id-gul", file_name="Gul.wav", duration_s=30, sr=44100)
    store.add_clip(empty, "id-gül", file_name="Gül.wav", duration_s=30, sr=44100)
    plan = planned(empty, "file,label\nGUL.WAV,sad\nGÜL.WAV,happy\n".encode())
    assert plan["clip_id"].tolist() == ["id-gul", "id-gül"]


def test_the_exact_name_of_a_file_wins_over_one_that_only_looks_like_it(empty):
    for number, name in enumerate(("kır.mp3", "kir.mp3", "Gül.mp3")):
        store.add_clip(empty, f"id-{number}", file_name=name, duration_s=30, sr=44100)
    names = ["kır.mp3", "C:\\müzik\\kir.mp3", "KIR.mp3", "Gu\u0308l.mp3", "GÜL.MP3"]
    plan = planned(empty, b"file,label,rater\n" + "".join(f"{n},sad,{k}\n" for k, n in enumerate(names)).encode())
    assert plan["clip_id"].tolist() == ["id-0", "id-1", "", "id-2", "id-2"]
    assert "2 stored clips are named 'KIR.mp3'" in plan.loc[2, "why"]


@pytest.mark.parametrize("text", ["'=1+1", "''-x", "=1", "'quoted'", "＝1"])
def test_text_that_begins_like_a_formula_or_like_its_mark_comes_back(filled, empty, text):
    say(filled, text, "angry", "id-z", comment=text)
    plan = planned(empty, to_csv(store.feedback_table(filled)))
    import_plan.apply_import(empty, plan, token="a form of import")
    assert what_stands(empty) == what_stands(filled)


def test_a_part_of_an_import_is_stored_whole_or_not_at_all(filled):
    plan = planned(filled, b"clip_id,label\nid-x,relax\nid-z,angry\n")
    plan.loc[1, "clip_id"] = "gone"
    before = len(store.feedback_table(filled))
    with pytest.raises(StoreError, match="no clip gone"):
        import_plan.apply_import(filled, plan, token="a third form")
    assert len(store.feedback_table(filled)) == before


@pytest.mark.parametrize("again", ["the same form", "a new plan"])
def test_an_import_that_was_cut_off_is_finished_by_the_same_one(empty, monkeypatch, again):
    monkeypatch.setattr(import_plan, "AT_ONCE", 2)
    data = b"clip_id,label,rater\n" + b"".join(b"id-%c,sad,R%d\n" % ("xyz"[k % 3].encode(), k) for k in range(7))
    add, calls, told = store.add_planned_answers, [], []

    def cut_off(opened, answers, before):
        calls.append(len(answers))
        if len(calls) == 3:
            raise StoreError("The disk is full.")
        return add(opened, answers, before)

    monkeypatch.setattr(import_plan, "add_planned_answers", cut_off)
    plan = planned(empty, data)
    with pytest.raises(StoreError, match="disk is full"):
        import_plan.apply_import(empty, plan, token="one form", progress=lambda *n: told.append(n))
    assert told == [(2, 7), (4, 7)]
    assert len(store.feedback_table(empty)) == 4
    if again == "a new plan":
        plan = planned(empty, data)
        assert plan["action"].tolist() == ["same"] * 4 + ["add"] * 3
    assert (
        len(import_plan.apply_import(empty, plan, token="one form" if again == "the same form" else "another").rows)
        == 3
    )
    said = store.feedback_table(empty)
    assert said["rater"].tolist() == [f"R{k}" for k in range(7)]
    assert calls == ([2, 2, 2] + ([2, 2, 2, 1] if again == "the same form" else [2, 1]))


def test_every_emotion_can_be_imported(empty):
    text = "clip_id,label,rater\n" + "".join(f"id-x,{emotion},rater {emotion}\n" for emotion in EMOTIONS)
    assert planned(empty, text.encode())["action"].tolist() == ["add"] * 4


def test_comments_before_the_labels_change_nothing(filled, empty):
    """Also after a spreadsheet has put cells behind the comments, or the comments in quotes."""
    feedback = store.feedback_table(filled)
    comments = SourceNote(rows="the answers that count now", data="abc", model="m1 and m2").header("labels")
    data = to_csv(feedback, comments=comments)
    assert data.decode("utf-8-sig").startswith("# Turkish Music Emotion")
    plain = read_labels(to_csv(feedback))
    pd.testing.assert_frame_equal(read_labels(data), plain)
    lines = data.decode("utf-8-sig").splitlines(keepends=True)
    n = comments.count("\n")
    padded = "".join([*(f"{line.rstrip()},,,,\n" for line in lines[:n]), *lines[n:]])
    quoted = "".join([*(f'"{line.rstrip()}"\n' for line in lines[:n]), *lines[n:]])
    for text in (padded, quoted):
        pd.testing.assert_frame_equal(read_labels(text.encode()), plain)
    pd.testing.assert_frame_equal(read_labels(audit_csv(feedback, comments=comments)), read_labels(audit_csv(feedback)))
    import_plan.apply_import(empty, planned(empty, data), token="a form of import")
    assert what_stands(empty) == what_stands(filled)
