"""One click that says which mood a person hears, with undo; and the words of people, read once for all sessions.

Used by Moods, Playlists, Library and Whole tracks. The rules are in ``core.labelling.whose_word``.
"""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.access import Action
from core.errors import CoreError
from core.labelling.hearing import Heard, say, take_back
from core.labelling.whose_word import agreed_words, no_words, own_words
from core.playlists.circle import CIRCLE
from core.store import Store, new_token, words_cache_key
from core.wording import with_sign
from pages.shared import cached, messages, who

MODEL_ONLY = "model_only"  # session key, and parameter in the address
RECEIPT = "heard_receipt"  # session key: sentence about the last answer, and its number if it can be taken back
NAMELESS = "Without your name, it counts for you until you reload the page. With your name, it counts at every visit."
FAILURES = "heard_failures"  # session key: number of answers that could not be stored
FRESH = "heard_fresh"  # session key: the sentence is new


@st.cache_resource(show_spinner=False, max_entries=4, ttl=600)
def _agreed(key: tuple[object, ...], url: str, _store: Store) -> pd.DataFrame:
    return agreed_words(_store)


@st.cache_resource(show_spinner=False, max_entries=32, ttl=600)
def _own(key: tuple[object, ...], url: str, person: tuple[object, ...], _store: Store) -> pd.DataFrame:
    return own_words(_store)


def words_key(store: Store) -> tuple[object, ...]:
    """Return a cache key for the words of people, as this person sees them."""
    by = store.by
    return (store.url, by.name, by.verified, by.session, by.may(Action.SEE_LIBRARY), *words_cache_key(store))


def words(store: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the agreed and the own words, see ``core.labelling.whose_word``."""
    key, by = words_cache_key(store), store.by
    agreed = _agreed(key, store.url, store) if by.may(Action.SEE_LIBRARY) else no_words()
    return agreed, _own(key, store.url, (by.name, by.verified, by.session), store)


def model_only() -> bool:
    """Show the switch that ignores what people say, and return its state."""
    return st.toggle(
        "Model only",
        key=MODEL_ONLY,
        bind="query-params",
        help="Off: your own answer comes first, then the mood that people agree on, then the model's. On: only the "
        "model's moods, also in playlists and downloads.",
    )


def ask_mood(
    heard: Heard, *, own: str, own_id: object, name: str, keep: Callable[[Store], Heard] | None = None
) -> None:
    """Ask for the mood that the person hears; one click stores it, another click on it takes it back.

    Parameters
    ----------
    own, own_id
        The person's mood that counts now, and its number.
    name
        Of the piece or window.
    keep
        Function that stores a window that is not stored yet, and returns what the person is asked about.
    """
    number = None if pd.isna(own_id) else int(own_id)  # type: ignore[call-overload]
    # A new field after each answer, and after each failure, shows what counts now.
    failures = st.session_state.get(FAILURES, 0)
    key = f"say_{heard.subject}_{number or 0}" + (f"_{failures}" if failures else "")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            "I hear",
            width="content",
            help="One click stores your answer. It counts for you at once. Click it again to take it back.",
        )
        st.pills(
            f"I hear in {messages.literal(name)}",
            CIRCLE,
            default=own or None,
            format_func=with_sign,
            key=key,
            on_change=_answer,
            args=(key, heard, number, name, keep),
            label_visibility="collapsed",
            width="content",
        )


def ask_about_piece(row: pd.Series, name: str) -> None:
    """Ask for the mood of a piece. row : a piece, as from ``core.playlists.words.with_words``."""
    heard = Heard(str(row["model_mood"]), content_hash=str(row.name))
    ask_mood(heard, own=str(row["own"]), own_id=row["own_id"], name=name)


def _answer(key: str, heard: Heard, own_id: int | None, name: str, keep: Callable[[Store], Heard] | None) -> None:
    store, label = cached.store(), st.session_state.get(key)
    if store is None:
        return
    if who.name_unconfirmed():
        _note("Not stored yet. First confirm your name, then answer again.", None, failed=True)
        return
    if label is None:
        if own_id is not None:
            _take_back(own_id, name)
        return
    try:
        receipt = say(store, keep(store) if keep else heard, label, form=new_token())
    except CoreError as error:
        _note(str(error), None, failed=True)
        return
    stored = f"Stored: {with_sign(label)} for {name}, by {store.by.name}."
    if not store.by.name:
        stored = f"Stored: {with_sign(label)} for {name}. {NAMELESS}"
    _note(f"{stored} {receipt.remark}", (receipt.feedback_id, name))


def _take_back(feedback_id: int, name: str) -> None:
    store = cached.store()
    if store is None:
        return
    try:
        done = take_back(store, feedback_id)
    except CoreError as error:
        _note(str(error), None, failed=True)
        return
    _note(f"Taken back: your answer for {name}." if done else "This answer was taken back before.", None)


def _note(sentence: str, undo: tuple[int, str] | None, *, failed: bool = False) -> None:
    st.session_state[RECEIPT], st.session_state[FRESH] = (sentence.strip(), undo, failed), True
    st.session_state[FAILURES] = st.session_state.get(FAILURES, 0) + failed


def show_receipt() -> None:
    """Show the last answer with a button to undo it. The sentence also appears briefly at the edge of the screen."""
    sentence, undo, failed = st.session_state.get(RECEIPT, ("", None, False))
    if not sentence:
        return
    if st.session_state.pop(FRESH, False):
        st.toast(messages.literal(sentence), icon=":material/error:" if failed else ":material/hearing:")
    elif undo is None:
        st.session_state.pop(RECEIPT)
        return
    if failed:
        st.error(messages.literal(sentence), icon=":material/error:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/check: {messages.literal(sentence)}", width="stretch")
        if undo is not None:
            st.button("Undo", icon=":material/undo:", key="undo_answer_heard", on_click=_take_back, args=undo)
