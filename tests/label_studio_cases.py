"""Clips, answers of four people here, and what two accounts say in Label Studio: for the program and its fixtures."""

import hashlib
import io
import re

import numpy as np
from answers import stored_answers

from core import store
from core.audio.decoding import Clip
from core.labelling import files, import_plan, label_studio_package
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.pipeline import kept_audio
from core.schema import EMOTIONS, SR

NAMES = ("Şarkı 1.wav", "Uşşak taksim (canlı), 2.wav", "tone 3.wav", "04.flac", "05.flac")
IDS = tuple(hashlib.sha256(name.encode()).hexdigest() for name in NAMES)
NASTY = '=HYPERLINK("x"); "quoted", two\nlines, \'ığüşöçİ'
ECE, CAN = "ece@example.org", "can@example.org"
ACCOUNTS = {"1": "Ece", "2": "Naz"}  # who the two accounts of Label Studio are here
FOREIGN = (
    '<View><Audio name="audio" value="$song"/>'
    '<Choices name="perceived" toName="audio"><Choice value="Mutlu"/><Choice value="Hüzünlü"/></Choices>'
    '<Choices name="felt" toName="audio"><Choice value="Feliz"/><Choice value="Relajado"/><Choice value="Kızgın"/>'
    '</Choices><Rating name="sureness" toName="audio"/>'
    '<Choices name="instruments" toName="audio" choice="multiple"><Choice value="ney"/><Choice value="kanun"/>'
    "</Choices></View>"
)
HOME = {  # what is exported from here
    (NAMES[0], "Ayşe", "sad", "", NASTY, "answer"),
    (NAMES[0], "+Ali", "relax", "", "", "answer"),
    (NAMES[1], "Ayşe", "", "bad audio", "", "answer"),
    (NAMES[0], "Can", "relax", "", "", "adjudication"),
    (NAMES[2], "anonymous 1f3a9c", "happy", "", "", "answer"),
    (NAMES[2], "Can", "happy", "", "[1]", "answer"),
}
THERE = {  # what the accounts say in our interface, and what every format tells of it
    (NAMES[2], "Ece", "happy", "", "güzel", "answer"),
    (NAMES[2], "Naz", "angry", "", "", "answer"),
    (NAMES[3], "Naz", "sad", "", "", "answer"),
    (NAMES[4], "Ece", "", "ambiguous", "", "answer"),
    (NAMES[1], "Naz", "angry", "", "", "answer"),
}
STARRED = {  # only JSON says that the second answer of the account is marked as ground truth
    True: {(NAMES[3], "Ece", "relax", "", "", "answer"), (NAMES[3], "Ece", "sad", "", "", "adjudication")},
    False: {(NAMES[3], "Ece", "sad", "", "", "answer")},
}
FOREIGN_SAID = {
    *(
        (name, "Ece", emotion)
        for name, emotion in zip(NAMES, ("happy", "relax", "angry", "happy", "relax"), strict=True)
    ),
    (NAMES[0], "Naz", "angry"),
}


def expected(form: str) -> set[tuple]:
    """What stands here after everything has come back in a format."""
    return HOME | THERE | STARRED[form == "JSON"]


def at_home(form: str) -> dict[str, int]:
    """What an import does at home. JSON also has a skip; in the others an account has two answers about one clip."""
    return {"same": 6, "add": 7 if form == "JSON" else 6, "left out": 1}


def empty(folder) -> store.Store:
    """A house with the clips, in which nobody has said anything."""
    db = store.open_store(f"sqlite:///{folder / 'other.db'}")
    for clip_id, name in zip(IDS, NAMES, strict=True):
        store.add_clip(db, clip_id, file_name=name, duration_s=0.5, sr=SR)
    return db


def fill(db: store.Store, settings) -> None:
    """The clips with sound and guesses, and what four people said of them."""
    numbers = {}
    for k, (clip_id, name) in enumerate(zip(IDS, NAMES, strict=True)):
        path = kept_audio.keep_audio(Clip(clip_id, tone(k), SR), kept_audio.folder(settings))
        store.add_clip(db, clip_id, file_name=name, duration_s=0.5, sr=SR, path=path)
        said = Prediction(clip_id, "m1", "x 1", {e: 0.7 if e == EMOTIONS[k % 4] else 0.1 for e in EMOTIONS})
        numbers[k] = store.save_predictions(db, [(said, decide(said, Policy()))], policy=Policy())[0]
    one, two, three = IDS[:3]

    def add(rater, clip_id, **given):
        store.add_feedback(db, token=store.new_token(), rater=rater, clip_id=clip_id, **given)

    add("Ayşe", one, label="sad", comment=NASTY, prediction_id=numbers[0], display="shown", shown_label="angry")
    add("+Ali", one, label="relax")
    add("Ayşe", two, skip_reason="bad audio")
    add("Can", one, label="relax", adjudication=True)
    add("anonymous 1f3a9c", three, label="happy")
    add("Can", three, label="happy", comment="[1]")


def tone(k: int) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * 220 * (k + 1) * np.arange(SR // 2) / SR)


def package(db: store.Store, settings) -> bytes:
    file, feedback = io.BytesIO(), store.feedback_table(db)
    chosen = label_studio_package.choose_clips(db, feedback)
    label_studio_package.write_package(file, db, feedback, chosen, settings)
    return file.getvalue()


def choice(control: str, *values: str) -> dict:
    return {"from_name": control, "to_name": "audio", "type": "choices", "value": {"choices": list(values)}}


def text(control: str, value: str) -> dict:
    return {"from_name": control, "to_name": "audio", "type": "textarea", "value": {"text": [value]}}


def label_ours(running, project: int) -> None:
    """What two accounts say in a project with our interface."""
    task = {t["data"]["clip_id"]: t for t in running.tasks(project)}
    one, two, three, four, five = (task[clip_id]["id"] for clip_id in IDS)
    assert task[IDS[0]]["predictions"][0]["score"] == 0.7
    running.annotate(three, ECE, choice("emotion", "happy"), text("comment", "güzel"))
    running.annotate(three, CAN, choice("emotion", "angry"))
    running.annotate(four, ECE, choice("emotion", "relax"))
    running.annotate(four, CAN, choice("emotion", "sad"))
    running.annotate(four, ECE, choice("emotion", "sad"), ground_truth=True)
    running.annotate(five, ECE, choice("skip_reason", "ambiguous"))
    running.annotate(five, CAN, was_cancelled=True)
    (copied,) = task[IDS[1]]["annotations"]
    hidden = copied["result"][1:]  # who duplicates an annotation there duplicates the hidden fields too
    running.annotate(two, CAN, choice("emotion", "angry"), *hidden, parent_annotation=copied["id"])


def uploads() -> dict[str, bytes]:
    """Sound as people give it to Label Studio by its Import button, which renames it."""
    made = {}
    for k, name in enumerate(NAMES):
        file = io.BytesIO()
        kept_audio.soundfile.write(file, tone(k), SR, format="FLAC" if name.endswith("flac") else "WAV")
        made[name] = file.getvalue()
    return made


def label_foreign(running, project: int) -> None:
    """What the accounts say in a project with an interface of others: several controls, ratings, words of others."""
    tasks = running.tasks(project)
    assert len(tasks) == len(NAMES)
    rating = {"from_name": "sureness", "to_name": "audio", "type": "rating", "value": {"rating": 4}}
    for task in tasks:
        k = int(re.search(r"(\d)\.\w+$", task["data"]["song"]).group(1)) - 1  # Label Studio has renamed the file
        felt = ("Feliz", "Relajado", "Kızgın")[k % 3]
        parts = [choice("perceived", "Mutlu"), choice("felt", felt), rating]
        running.annotate(task["id"], ECE, *parts, choice("instruments", "ney", "kanun"))
        if k == 0:
            running.annotate(task["id"], CAN, choice("perceived", "Hüzünlü"), choice("felt", "Kızgın"))


def planned(db: store.Store, data: bytes, *, accounts=None, control=None):
    return import_plan.plan_import(
        files.read_labels(data, control=control),
        store.clips_table(db),
        store.feedback_table(db),
        store.raters_table(db),
        importer=store.Rater("Deniz", False, "analyst"),
        accounts=accounts,
    )


def said(plan) -> set[tuple]:
    new = plan[plan["action"].eq("add")]
    return {(NAMES[IDS.index(row.clip_id)], row.rater, row.label) for row in new.itertuples()}


def answers(db: store.Store) -> set[tuple]:
    """What stands in a store, with who said it."""
    table = stored_answers(db).fillna({"label": "", "skip_reason": ""})
    return set(zip(*(table[n] for n in ("file_name", "rater", "label", "skip_reason", "comment", "kind")), strict=True))


def times(db: store.Store) -> set[tuple]:
    """When what was exported from here was given."""
    table = stored_answers(db)
    raters = {row[1] for row in HOME}
    return {(row.file_name, row.rater, row.kind, row.created_at) for row in table.itertuples() if row.rater in raters}
