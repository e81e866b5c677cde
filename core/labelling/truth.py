"""Which answer of a person counts, and which clips are settled. Feedback tables in (``store.feedback_table``)."""

import pandas as pd

from core import store as db
from core.errors import StoreError
from core.labelling import agreement
from core.store import Store, feedback_table, get_setting, set_setting

SETTLED = ("agreed", "adjudicated")  # statuses (of ``agreement.STATUSES``) after which nobody is asked any more


def stored_answers(store: Store) -> pd.DataFrame:
    """Rows of feedback that count now, of all raters and clips; see ``agreement.current_answers``."""
    return agreement.current_answers(feedback_table(store))


def stored_truth(store: Store, *, raters_needed: int = agreement.RATERS_NEEDED) -> pd.DataFrame:
    """Ground truth of every clip that was answered; see ``agreement.ground_truth``."""
    return agreement.ground_truth(feedback_table(store), raters_needed=raters_needed)


def is_settled(truth: pd.DataFrame) -> pd.Series:
    """Boolean column: the clip needs no further answer. truth : from ``agreement.ground_truth``."""
    return truth["status"].isin(SETTLED)


def settled_clips(truth: pd.DataFrame) -> set[str]:
    """Ids of the clips that need no further answer. truth : from ``agreement.ground_truth``."""
    return set(truth.index[is_settled(truth)])


def latest_answer(feedback: pd.DataFrame) -> str | None:
    """The answer that counts now, an emotion or a reason to skip; None when no answer counts.

    feedback : all rows of one person about one clip. Settlements are left out: they are no answer of a rater.
    """
    answers = agreement.current_answers(feedback[feedback["kind"].ne("adjudication")])
    return None if answers.empty else str(answers["label"].fillna(answers["skip_reason"]).iloc[-1])


def rater_answers(feedback: pd.DataFrame) -> pd.DataFrame:
    """The answers that were not taken back, oldest first; settlements are left out. Earlier answers are included."""
    return feedback[feedback["kind"].eq("answer") & ~feedback["undone"]]


def latest_answers(feedback: pd.DataFrame) -> pd.DataFrame:
    """The answer that counts of each clip, newest first, also of clips that were deleted.

    feedback : all rows of one person.
    """
    answers = rater_answers(feedback).drop_duplicates("clip_id", keep="last")
    return answers.sort_values("feedback_id", ascending=False).reset_index(drop=True)


def newest_settlement(feedback: pd.DataFrame) -> int | None:
    """Number of the newest settlement among these rows, also of one that was taken back; None when there is none."""
    numbers = feedback.loc[feedback["kind"].eq("adjudication"), "feedback_id"]
    return None if numbers.empty else int(numbers.max())


def standing_settlement(feedback: pd.DataFrame) -> pd.Series | None:
    """The newest settlement among these rows that was not taken back; None when there is none."""
    rows = feedback[feedback["kind"].eq("adjudication") & ~feedback["undone"]]
    return None if rows.empty else rows.iloc[-1]


SETTING = "raters_needed"  # in the store
MOST_RATERS = 9


def raters_needed(store: db.Store) -> int:
    """Agreeing raters that make a label in this installation."""
    return int(get_setting(store, SETTING, agreement.RATERS_NEEDED))


def set_raters_needed(store: db.Store, number: int) -> None:
    """Two is the rule; one is for a person who labels alone. Raises StoreError for what is no number of raters."""
    if not 1 <= number <= MOST_RATERS:
        raise StoreError(f"Between 1 and {MOST_RATERS} raters can be asked to agree, not {number}.")
    set_setting(store, SETTING, int(number))
