"""Select the answers that count and the clips that are settled, from feedback tables (``store.feedback_table``)."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from core.access import Action, require
from core.errors import StoreError
from core.labelling import agreement
from core.same_recording import SameRecordings
from core.store import (
    VERIFIED_ONLY,
    Store,
    answers_key,
    answers_table,
    feedback_table,
    get_setting,
    remembered,
    same_key,
    same_recordings,
    set_setting,
)
from core.store.answer_log import category

SETTLED = ("agreed", "adjudicated")  # statuses (of ``agreement.STATUSES``) of clips that leave the queue


def stored_truth(store: Store, *, raters_needed: int = agreement.RATERS_NEEDED) -> pd.DataFrame:
    """Ground truth of every clip with an answer; see ``agreement.ground_truth``. Do not change it: all share it.

    An answer about a file counts for its recording: files of one recording have the same ground truth.
    """
    require(store.by, Action.SEE_ANSWERS)

    def make() -> pd.DataFrame:
        return truth_of(answers_table(store), same_recordings(store), raters_needed=raters_needed)

    return remembered(store, "truth", (answers_key(store), same_key(store), raters_needed), make)


def truth_of(answers: pd.DataFrame, same: SameRecordings, *, raters_needed: int) -> pd.DataFrame:
    """Ground truth of every clip with an answer; files of one recording have the same one."""
    truth = agreement.ground_truth(of_recordings(answers, same), raters_needed=raters_needed)
    return of_files(truth, same, {str(clip) for clip in answers["clip_id"].unique()}) if same else truth


def of_recordings(answers: pd.DataFrame, same: SameRecordings) -> pd.DataFrame:
    """The answers, with the name of the recording in the place of the clip_id where several files are one recording.

    A clip that is a whole file has the hash of its content as its id. Other clips are windows, which stay as they are.
    """
    if not same:
        return answers
    names = answers["clip_id"].astype("category")
    numbers, values = pd.factorize(np.array([same.name(str(clip)) for clip in names.cat.categories], dtype=object))
    return answers.assign(clip_id=category(numbers[names.cat.codes.to_numpy()], pd.Index(values)))


def of_files(table: pd.DataFrame, same: SameRecordings, clips: Collection[str] | None = None) -> pd.DataFrame:
    """The rows of recordings (index: name) for each of their files; the other rows stay.

    clips : the files that get a row; None gives a row to all files of a recording.
    """
    if not same:
        return table
    members = [(file, name) for file, name in same.named.items() if clips is None or file in clips]
    shared = set(same.named.values())
    copies = pd.DataFrame(members, columns=["file", "name"])
    copies = copies[copies["name"].isin(table.index)]
    rows = table.loc[copies["name"]].set_axis(copies["file"].to_numpy(), axis=0)
    every = pd.concat([table[~table.index.isin(shared)], rows])
    every.index.name = table.index.name
    return every


def is_settled(truth: pd.DataFrame) -> pd.Series:
    """Boolean column: the clip needs no further answer. truth : from ``agreement.ground_truth``."""
    return truth["status"].isin(SETTLED)


def settled_clips(truth: pd.DataFrame) -> set[str]:
    """Ids of the clips that need no further answer. truth : from ``agreement.ground_truth``."""
    return set(truth.index[is_settled(truth)])


def latest_answer(feedback: pd.DataFrame) -> str | None:
    """The answer that counts now, an emotion or a reason to skip; None when no answer counts.

    feedback : all rows of one person about one clip. Settlements by analysts are left out.
    """
    own = feedback[feedback["kind"].ne("adjudication")].assign(counts=True)  # a person's own answer, rater or not
    answers = agreement.current_answers(own)
    return None if answers.empty else str(answers["label"].fillna(answers["skip_reason"]).iloc[-1])


def rater_answers(feedback: pd.DataFrame) -> pd.DataFrame:
    """All answers that were not taken back, oldest first, without settlements."""
    return feedback[feedback["kind"].eq("answer") & ~feedback["undone"]]


def latest_answers(feedback: pd.DataFrame) -> pd.DataFrame:
    """The latest answer for each clip, newest first, including deleted clips.

    feedback : all rows of one person.
    """
    answers = rater_answers(feedback).drop_duplicates("clip_id", keep="last")
    return answers.sort_values("feedback_id", ascending=False).reset_index(drop=True)


def own_latest(store: Store, *, rater: str, verified: bool, limit: int) -> pd.DataFrame:
    """The latest answers of one person, as ``latest_answers`` gives them from ``store.feedback_table``."""
    newest = latest_answers(answers_table(store, rater=rater, verified=verified)).head(limit)
    clips = newest["clip_id"].astype(str).tolist()
    return latest_answers(feedback_table(store, rater=rater, verified=verified, clip_ids=clips))


def newest_settlement(feedback: pd.DataFrame) -> int | None:
    """feedback_id of the newest settlement, including settlements that were taken back; None if there is none."""
    numbers = feedback.loc[feedback["kind"].eq("adjudication"), "feedback_id"]
    return None if numbers.empty else int(numbers.max())


def standing_settlement(feedback: pd.DataFrame) -> pd.Series | None:
    """The newest settlement that was not taken back; None if there is none."""
    rows = feedback[feedback["kind"].eq("adjudication") & ~feedback["undone"]]
    return None if rows.empty else rows.iloc[-1]


SETTING = "raters_needed"  # key in the store
MOST_RATERS = 9


def raters_needed(store: Store) -> int:
    """Number of agreeing raters that this installation requires for a label."""
    return int(get_setting(store, SETTING, agreement.RATERS_NEEDED))


def counts_only_verified(store: Store) -> bool:
    """Whether only answers of people who logged in count."""
    return bool(get_setting(store, VERIFIED_ONLY, False))


def count_only_verified(store: Store, only: bool) -> None:
    """Set whether only answers of people who logged in count. Stored answers do not change."""
    set_setting(store, VERIFIED_ONLY, only)


def set_raters_needed(store: Store, number: int) -> None:
    """Set the number of agreeing raters for a label (1 for a single rater). Raises StoreError if out of range."""
    if not 1 <= number <= MOST_RATERS:
        raise StoreError(f"The number of agreeing raters must be between 1 and {MOST_RATERS}, not {number}.")
    set_setting(store, SETTING, int(number))
