"""What people say about pieces, in the table of pieces: the mood that counts, and whose word it is.

The rule is ``core.labelling.whose_word.winning_moods``; this module only applies its result. Filters, counts,
playlists and files read the same columns as before, so they all use the mood that counts.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.playlists.pieces import ACCEPTED, REVIEW
from core.records import Word
from core.schema import EMOTIONS, PROBA
from core.wording import counted, percent

WORDS = {Word.OWN: "your word", Word.AGREED: "people agree", Word.MODEL: "the model", Word.PERSON: "a person's word"}
DIFFER = "people differ"


def with_words(pieces: pd.DataFrame, won: pd.DataFrame) -> pd.DataFrame:
    """Return the pieces with the moods that count.

    Where a person's word counts, guess is the mood that they named, its probability and the confidence are 1, and the
    standing is "accepted". Where they said that it is none of the four, the standing is "needs review".

    Parameters
    ----------
    pieces
        From ``pieces_table``: the moods are the model's.
    won
        From ``winning_moods`` of the column guess, with the index of the pieces.

    Returns
    -------
    DataFrame
        The pieces; word (one of ``Word``), differ (people differ), own (the reader's own mood, or empty), own_id
        (number of this answer) and agreed (the mood that people agree on, or empty) come from ``won``. model_mood,
        model_confidence and model_standing are the model's.
    """
    by_person = won["word"].ne(Word.MODEL)
    named, none = by_person & won["skip"].eq(""), by_person & won["skip"].ne("")
    said = pd.DataFrame(won["mood"].to_numpy()[:, None] == np.array(EMOTIONS), pieces.index, list(PROBA)).astype(float)
    text = won["word"].map(WORDS).str.capitalize() + ": " + won["skip"] + "."
    return pieces.assign(
        **{name: pieces[name].where(~named, said[name]) for name in PROBA},
        guess=won["mood"],
        confidence=pieces["confidence"].where(~named, 1.0),
        standing=pieces["standing"].mask(named, ACCEPTED).mask(none, REVIEW),
        reason=pieces["reason"].mask(named, "").mask(none, text),
        why=pieces["why"].mask(named, "").mask(none, won["skip"]),
        **{name: won[name] for name in ("word", "differ", "own", "own_id", "agreed")},
    )


def word_text(row: Mapping[str, Any] | pd.Series) -> str:
    """Whose word the mood of a piece is, and what the model says beside it.

    Such as ``"your word; the model: angry 90.0 %, accepted"``. Empty when it is the model's.
    """
    if row["word"] == Word.MODEL:
        return ""
    return f"{WORDS[Word(row['word'])]}; {model_text(row)}"


def model_text(row: Mapping[str, Any] | pd.Series) -> str:
    """What the model says about a piece: ``"the model: angry 90.0 %, accepted"``."""
    return f"the model: {row['model_mood']} {percent(row['model_confidence'])}, {row['model_standing']}"


def count_words(pieces: pd.DataFrame) -> str:
    """Say how many moods are whose word, and about how many pieces people differ."""
    number = pieces["word"].value_counts()
    own, agreed, model = (int(number.get(word, 0)) for word in (Word.OWN, Word.AGREED, Word.MODEL))
    text = f"Whose word: {counted(own, 'piece')} yours, {agreed:,} agreed by people, {model:,} the model's."
    if not own and not agreed:
        text = "All moods are the model's. Say what you hear in a piece, and your word counts."
    differ = int(pieces["differ"].sum())
    return f"{text} People differ about {counted(differ, 'piece')}." if differ else text
