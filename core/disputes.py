"""How far the ground truth reaches, and the clips on which people differ. Tables in, tables out."""

import pandas as pd

from core.agreement import STATUSES, current_answers
from core.schema import EMOTIONS

UNTOUCHED = "untouched"  # nobody has said anything
MEANINGS = {
    "agreed": "enough raters say the same",
    "adjudicated": "an analyst has settled it",
    "disputed": "raters differ",
    "open": "more answers are needed",
    "skipped": "nobody named an emotion",
    UNTOUCHED: "nobody has listened yet",
}


def coverage(truth: pd.DataFrame, pool: pd.DataFrame) -> pd.DataFrame:
    """How many clips there are of each status.

    truth : from ``agreement.ground_truth``.  pool : clip_id of what can be labelled. Clips with answers count also
    where their audio was not kept. Columns: status (of ``STATUSES``, then ``UNTOUCHED``), meaning, clips, share.
    """
    counts = truth["status"].value_counts().reindex(STATUSES, fill_value=0)
    counts[UNTOUCHED] = int((~pool["clip_id"].isin(truth.index)).sum())
    table = counts.rename_axis("status").reset_index(name="clips")
    table.insert(1, "meaning", table["status"].map(MEANINGS))
    return table.assign(share=table["clips"] / max(int(table["clips"].sum()), 1))


def labels(truth: pd.DataFrame) -> pd.DataFrame:
    """Ground truth labels an emotion: emotion, clips."""
    counts = truth["label"].value_counts().reindex(EMOTIONS, fill_value=0)
    return counts.rename_axis("emotion").reset_index(name="clips")


def disputes(feedback: pd.DataFrame, truth: pd.DataFrame, *, status: str = "disputed") -> pd.DataFrame:
    """The clips of a status, those with most answers first: clip_id, file_name, votes, said, guess, last_at.

    said : who said what, in words, ``"happy: Ayşe, Can; sad: Ece"``.  guess : of the model, empty when there was none.
    """
    wanted = truth.index[truth["status"].eq(status)]
    answers = current_answers(feedback)
    answers = answers[answers["clip_id"].isin(wanted)]
    rows = [
        {
            "clip_id": str(clip_id),
            "file_name": part["file_name"].iloc[-1],
            "votes": int(part.loc[part["kind"].eq("answer"), "label"].notna().sum()),
            "said": said(part),
            "guess": next(iter(part["guess"].dropna()[::-1]), ""),
            "last_at": part["created_at"].max(),
        }
        for clip_id, part in answers.groupby("clip_id", sort=False)
    ]
    columns = ["clip_id", "file_name", "votes", "said", "guess", "last_at"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["votes", "last_at"], ascending=[False, True], ignore_index=True)


def said(answers: pd.DataFrame) -> str:
    """Who said what of one clip, the most frequent first."""
    people = answers["rater"].where(~answers["verified"].astype(bool), answers["rater"] + " (login)")
    words = answers["label"].fillna(answers["skip_reason"])
    words = words.where(answers["kind"].ne("adjudication"), words + " (adjudicated)")
    groups = sorted(people.groupby(words), key=lambda group: (-len(group[1]), group[0]))
    return "; ".join(f"{word}: {', '.join(sorted(names))}" for word, names in groups)
