"""Coverage of the ground truth, and the list of disputed clips."""

import pandas as pd

from core.labelling.agreement import STATUSES, current_answers, people
from core.schema import EMOTIONS

MOST = 200  # listed disputes
UNTOUCHED = "untouched"  # no answers yet
MEANINGS = {
    "agreed": "enough raters agree",
    "adjudicated": "an analyst has decided",
    "disputed": "raters disagree",
    "open": "more answers are needed",
    "skipped": "no rater chose an emotion",
    UNTOUCHED: "nobody has listened yet",
}


def status_word(status: str) -> str:
    """The word for a status on a page: "settled" for *adjudicated*, as the button *Settle* says it."""
    return "settled" if status == "adjudicated" else status


def coverage(truth: pd.DataFrame, pool: pd.DataFrame) -> pd.DataFrame:
    """Number of clips per status: status (``STATUSES``, then ``UNTOUCHED``), meaning, clips, share.

    Parameters
    ----------
    truth : from ``agreement.ground_truth``; clips with answers count even if their audio was not kept.
    pool : clip_id of all clips that can be labelled.
    """
    counts = truth["status"].value_counts().reindex(STATUSES, fill_value=0)
    counts[UNTOUCHED] = int((~pool["clip_id"].isin(truth.index)).sum())
    table = counts.rename_axis("status").reset_index(name="clips")
    table.insert(1, "meaning", table["status"].map(MEANINGS))
    return table.assign(share=table["clips"] / max(int(table["clips"].sum()), 1))


def labels(truth: pd.DataFrame) -> pd.DataFrame:
    """Number of ground truth labels per emotion: emotion, clips."""
    counts = truth["label"].value_counts().reindex(EMOTIONS, fill_value=0)
    return counts.rename_axis("emotion").reset_index(name="clips")


def most_answered(truth: pd.DataFrame, *, status: str, limit: int = MOST) -> list[str]:
    """Ids of the clips with a status that ``list_disputes`` may list: those with the most answers, with all ties."""
    clips = truth[truth["status"].eq(status)]
    if len(clips) > limit:
        clips = clips[clips["votes"] >= clips["votes"].nlargest(limit).iloc[-1]]
    return list(clips.index)


def list_disputes(
    feedback: pd.DataFrame, truth: pd.DataFrame, *, status: str = "disputed", limit: int = MOST
) -> pd.DataFrame:
    """Clips with a status, those with the most answers first: clip_id, file_name, votes, said, guess, last_at.

    Column ``said`` lists the answers and their raters: ``"happy: Ayşe, Can; sad: Ece"``. Column ``guess`` is the
    model's guess, empty if there was none.
    """
    answers = current_answers(feedback)
    answers = answers[answers["clip_id"].isin(truth.index[truth["status"].eq(status)])]
    voted = answers["label"].notna() & answers["kind"].eq("answer")
    clips = answers.assign(votes=voted).groupby("clip_id").agg(votes=("votes", "sum"), last_at=("created_at", "max"))
    first = clips.sort_values(["votes", "last_at"], ascending=[False, True], kind="stable").head(limit)
    listed = answers[answers["clip_id"].isin(first.index)]
    parts = {str(clip_id): part for clip_id, part in listed.groupby("clip_id")}
    rows = [
        {
            "clip_id": clip_id,
            "file_name": parts[clip_id]["file_name"].iloc[-1],
            "votes": int(row["votes"]),
            "said": answers_in_words(parts[clip_id]),
            "guess": next(iter(parts[clip_id]["guess"].dropna()[::-1]), ""),
            "last_at": row["last_at"],
        }
        for clip_id, row in zip(map(str, first.index), first.to_dict("records"), strict=True)
    ]
    return pd.DataFrame(rows, columns=["clip_id", "file_name", "votes", "said", "guess", "last_at"])


def answers_in_words(answers: pd.DataFrame) -> str:
    """Answers for one clip with their raters, most frequent answer first."""
    words = answers["label"].fillna(answers["skip_reason"])
    words = words.where(answers["kind"].ne("adjudication"), words + " (settled)")
    groups = sorted(people(answers).groupby(words), key=lambda group: (-len(group[1]), group[0]))
    return "; ".join(f"{word}: {', '.join(sorted(names))}" for word, names in groups)
