"""What people say about the results of a library run: the moods that count, and one click to say another one."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.access import Action
from core.audio.decoding import file_of
from core.errors import CoreError
from core.labelling.hearing import Heard
from core.labelling.whose_word import winning_moods
from core.playlists.words import DIFFER, WORDS
from core.records import Word
from core.wording import clock, percent, with_sign
from pages.shared import cached, hearing, messages, who

MOST = 2_000  # names in the selection box; all are sent to the browser


def with_people(rows: pd.DataFrame, *, by_window: bool) -> pd.DataFrame:
    """Return the scored rows with the moods that count.

    New columns: emotion (the mood that counts), whose_word, people_differ, none_of_the_four (a person said so). All
    other columns stay as they were scored, so guess, confidence and decision are the model's. A person who may not see
    the library gets the model's moods.

    by_window : each row is a window with an answer of its own; otherwise a row is a piece.
    """
    store = cached.store()
    if store is None or not store.by.may(Action.SEE_LIBRARY):
        return rows.assign(
            emotion=rows["guess"], whose_word=Word.MODEL.value, people_differ=False, none_of_the_four=False
        )
    only = hearing.model_only()
    subjects = rows["clip_id"] if by_window else rows["clip_id"].map(file_of)
    try:
        won = winning_moods(pd.Series(rows["guess"].to_numpy(), subjects), *hearing.words(store), model_only=only)
    except CoreError as error:
        messages.problem(error)
        st.stop()
    won = won.set_axis(rows.index)
    return rows.assign(
        emotion=won["mood"],
        whose_word=won["word"],
        people_differ=won["differ"],
        none_of_the_four=won["skip"].ne(""),
        own=won["own"],
        own_id=won["own_id"],
    )


def named(rows: pd.DataFrame) -> pd.Series:
    """Whether a person named the mood of each row."""
    return rows["whose_word"].ne(Word.MODEL) & ~rows["none_of_the_four"]


def whose(rows: pd.DataFrame) -> pd.Series:
    """Whose word the mood of each row is, with the model's mood beside a person's, for people."""
    by_person = rows["whose_word"].ne(Word.MODEL)
    text = rows["whose_word"].map(WORDS)
    text = text.where(~by_person, text + "; the model: " + rows["guess"])
    text = text.where(~rows["none_of_the_four"], text + "; none of the four")
    return text.where(~rows["people_differ"], text + f"; {DIFFER}")


def ask_about(rows: pd.DataFrame, *, by_window: bool) -> None:
    """Let the person choose a file or a window of the rows, and say what they hear in it with one click."""
    store = cached.store()
    if store is None or "own" not in rows.columns:
        return
    offered = rows.head(MOST)
    names = {k: _name(row, by_window) for k, row in offered.to_dict("index").items()}
    with st.expander("Say what you hear", icon=":material/hearing:", key="say_result"):
        hearing.show_receipt()
        chosen = st.selectbox(
            "File",
            list(offered.index),
            index=None,
            format_func=names.__getitem__,
            key="library_heard",
            placeholder="Choose or type a file",
        )
        if chosen in offered.index:
            row = offered.loc[chosen]
            st.caption(f"The model: {with_sign(row['guess'])} {percent(row['confidence'])}.")
            clip = str(row["clip_id"])
            guess = str(row["guess"])
            heard = Heard(guess, clip_id=clip) if by_window else Heard(guess, content_hash=file_of(clip))
            hearing.ask_mood(heard, own=str(row["own"]), own_id=row["own_id"], name=names[chosen])
        who.optional_person(store)


def _name(row: Mapping[Any, Any], by_window: bool) -> str:
    return f"{row['file']}, {clock(row['start_s'])} to {clock(row['end_s'])}" if by_window else str(row["file"])
