"""Make tasks for Label Studio from clips, answers and guesses of the model, and explain how to use them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from core.labelling.agreement import current_answers
from core.labelling.label_studio_interface import COMMENT, EMOTION, FOLDER, KIND, RATER, ROOT, SKIP, TIME, sound_name

HOW_TO = (
    f"Unpack the ZIP into an empty folder and start Label Studio in this folder (`label-studio start`). It finds the "
    f"folder `{ROOT}` and plays the audio in it.",
    "Create a project and paste the content of `interface.xml` under Settings > Labeling Interface > Code.",
    f"Under Settings > Cloud Storage, add a source storage of the type Local Files with the full path of "
    f"`{ROOT}/{FOLDER}`, choose the import method Tasks, and press Save & Sync.",
)
TITLE = "Clips for Label Studio, with answers and guesses of the model"
BACK = (
    "To bring the answers back, export the project as JSON and import the file under Agreement > Files. Answers that "
    "were exported from here still have their rater, time, comment and settlement. For each account that answered in "
    "Label Studio, you are asked who it is. Only JSON contains which tasks were skipped and which answers are marked "
    "as ground truth."
)


def tasks(
    feedback: pd.DataFrame,
    clips: pd.DataFrame | None = None,
    guesses: pd.DataFrame | None = None,
    *,
    addresses: Mapping[str, str] = {},
) -> list[dict[str, Any]]:
    """Return one task of Label Studio for each clip, with the current answers as annotations.

    Parameters
    ----------
    feedback
        All rows of the feedback table.
    clips
        clip_id and file_name of the clips to export, in this order; None exports the clips with answers.
    guesses
        From ``store.predictions_table``: further guesses to show as predictions, besides those that raters saw.
    addresses
        Public addresses of clips, by clip_id. The audio of all other clips is in the ZIP, see ``label_studio_package``.
    """
    standing = current_answers(feedback)
    if clips is None:
        clips = standing.drop_duplicates("clip_id")[["clip_id", "file_name"]]
    answers = _by_clip(standing)
    said = _by_clip(pd.concat([standing[standing["guess"].notna()], *([] if guesses is None else [guesses])]))
    return [
        {
            "data": {
                "audio": addresses.get(clip_id) or _place(clip_id, file_name),
                "clip_id": clip_id,
                "file_name": file_name,
            },
            "annotations": [_annotation(row) for row in answers.get(clip_id, [])],
            "predictions": _predictions(said.get(clip_id, [])),
        }
        for clip_id, file_name in zip(clips["clip_id"], clips["file_name"], strict=True)
    ]


def readme() -> str:
    """Return instructions as plain text: how to open the ZIP in Label Studio, and how to bring answers back."""
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(HOW_TO, 1))
    return f"{TITLE}\n\n{steps}\n\n{BACK}\n".replace("`", "")


def as_json(content: Any) -> bytes:
    """Return the content as indented JSON."""
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows for JSON: missing values are None, times are ISO 8601."""
    times = table["created_at"].map(lambda moment: moment.isoformat())
    rows = table.assign(created_at=times).astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _by_clip(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in records(table):
        found.setdefault(row["clip_id"], []).append(row)
    return found


def _place(clip_id: str, file_name: str) -> str:
    return f"/data/local-files/?d={FOLDER}/audio/{sound_name(clip_id, file_name)}"


def _annotation(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer as an annotation, also a skip: Label Studio leaves skipped tasks out of CSV and JSON-MIN."""
    result = [_choice(EMOTION, row["label"])] if row["label"] is not None else [_choice(SKIP, row["skip_reason"])]
    if row["comment"]:
        result.append(_text(COMMENT, row["comment"]))
    result += [_text(RATER, row["rater"]), _text(TIME, row["created_at"]), _text(KIND, row["kind"])]
    return {"ground_truth": row["kind"] == "adjudication", "was_cancelled": False, "result": result}


def _predictions(said: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the newest prediction of each model. score : probability of the guess, in [0, 1]."""
    newest = {row["model_version"]: row for row in said}
    return [
        {
            "model_version": version,
            "score": round(float(row[f"p_{row['guess']}"]), 4),
            "result": [_choice(EMOTION, row["guess"])],
        }
        for version, row in newest.items()
    ]


def _choice(name: str, value: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "audio", "type": "choices", "value": {"choices": [value]}}


def _text(name: str, value: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "audio", "type": "textarea", "value": {"text": [value]}}
