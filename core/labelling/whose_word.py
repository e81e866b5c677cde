"""Whose word the mood of a piece is: the reader's own answer, else the agreed one, else the model's.

A *subject* is a whole piece (the hash of its content) or one window of it (the id of its clip), see
``core.store.words``. An answer about a window says nothing about the piece, and an answer about the piece says nothing
about its windows. An answer about a piece counts for all files of its recording (``core.same_recording``).

All answers are read in one query and compared as columns: 100,000 pieces with answers of two people take about two
seconds.
"""

import numpy as np
import pandas as pd

from core.access import Action, require
from core.labelling.agreement import current_answers, ground_truth
from core.labelling.truth import of_files, of_recordings, raters_needed
from core.records import Word
from core.store import (
    Store,
    answers_by_subject,
    own_answers_by_subject,
    remembered,
    same_key,
    same_recordings,
    subjects_key,
)

NONE = "none of the four"  # the one reason to skip (``core.store.SKIPS``) that is a word about the mood


def agreed_words(store: Store) -> pd.DataFrame:
    """Return what people agree on. Index: subject; only subjects with answers.

    Columns: agreed (an emotion, NaN without one), agreed_skip (why an analyst settled that it has none of the four
    emotions, else NaN), differ (people name different emotions and do not agree). Who said what is not in the table.

    Raises
    ------
    AccessError
        When the person may not see the library. Raters must not know the answers of others.
    """
    require(store.by, Action.SEE_LIBRARY)
    program, needed = store.for_program(), raters_needed(store)  # the person sees only what people agree on
    same, key = same_recordings(program), (subjects_key(program), same_key(program), needed)

    def make() -> pd.DataFrame:
        return of_files(_agreed(of_recordings(answers_by_subject(program), same), needed), same)

    return remembered(store, "agreed words", key, make)


def _agreed(answers: pd.DataFrame, needed: int) -> pd.DataFrame:
    truth, current = ground_truth(answers, raters_needed=needed), current_answers(answers)
    decided = current[current["kind"].eq("adjudication")]
    settled = pd.Series(decided["skip_reason"].astype(object).to_numpy(), index=decided["clip_id"].astype("str"))
    named = truth["label"].where(truth["status"].isin(["agreed", "adjudicated"]))
    return pd.DataFrame(
        {
            "agreed": named.astype(object),
            "agreed_skip": settled.reindex(truth.index).astype(object),
            "differ": truth["status"].eq("disputed"),
        }
    ).rename_axis("subject")


def own_words(store: Store) -> pd.DataFrame:
    """Return the newest answer of the person who asks about each subject. Index: subject.

    Columns: own (an emotion, NaN for a skip), own_skip ("none of the four", else NaN), own_id (feedback_id). Other
    reasons to skip say nothing about the mood.
    """
    same = same_recordings(store)
    said = of_recordings(own_answers_by_subject(store), same)
    newest = said.drop_duplicates("clip_id", keep="last").astype({"clip_id": "str"}).set_index("clip_id")
    words = pd.DataFrame(
        {
            "own": newest["label"].astype(object),
            "own_skip": newest["skip_reason"].where(newest["skip_reason"].eq(NONE)).astype(object),
            "own_id": newest["feedback_id"].astype("Int64"),
        }
    ).rename_axis("subject")
    return of_files(words, same)


def no_words() -> pd.DataFrame:
    """Return the table of agreed words without rows, for people who may not see it."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in ("agreed", "agreed_skip", "differ")}).rename_axis(
        "subject"
    )


def winning_moods(
    model: pd.Series, agreed: pd.DataFrame, own: pd.DataFrame, *, model_only: bool = False
) -> pd.DataFrame:
    """Return the mood of each subject and whose word it is. The one rule for all pages and files.

    A person who says "none of the four" names no mood: the mood stays the model's, ``skip`` has the reason, and the
    word is that person's.

    Parameters
    ----------
    model
        Mood by the model; index: subject.
    agreed, own
        As from ``agreed_words`` and ``own_words``.
    model_only
        Ignore what people say.

    Returns
    -------
    DataFrame
        Index of ``model``. Columns: mood, word (one of ``Word``), skip (why it is none of the four, or empty),
        agreed (emotion that people agree on, or empty), differ (people name different emotions), own (the reader's
        emotion, or empty), own_id (number of the reader's answer, NA without one).
    """
    theirs, mine = agreed.reindex(model.index), own.reindex(model.index)
    columns = {
        "agreed": theirs["agreed"].fillna(""),
        "differ": theirs["differ"].eq(True),
        "own": mine["own"].fillna(""),
        "own_id": mine["own_id"],
    }
    by_own = (mine["own"].notna() | mine["own_skip"].notna()).to_numpy() & (not model_only)
    by_others = (theirs["agreed"].notna() | theirs["agreed_skip"].notna()).to_numpy() & (not model_only) & ~by_own
    said = mine["own"].where(by_own, theirs["agreed"].where(by_others))
    skip = mine["own_skip"].where(by_own, theirs["agreed_skip"].where(by_others))
    word = np.select([by_own, by_others], [Word.OWN, Word.AGREED], default=Word.MODEL)
    return pd.DataFrame({"mood": said.fillna(model), "word": word, "skip": skip.fillna(""), **columns}, model.index)
