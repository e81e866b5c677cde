"""What people say in the library of the Moods and Playlists pages: whose word counts, and what no playlist uses."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.access import Action
from core.errors import CoreError
from core.labelling.whose_word import winning_moods
from core.playlists.never import FOLDER, PIECE, entries_of, folder_of, mark_never
from core.playlists.words import DIFFER, count_words, with_words
from core.store import Store, never_play, never_table, play_again, words_cache_key
from core.wording import counted
from pages.shared import cached, hearing, messages, who

if TYPE_CHECKING:
    from pages.views.library.pieces import Library

MOST = 50  # entries of the list that are shown at once
SEEN = ["path", "there", "guess", "standing", "word", "differ", "own_id", "never"]  # what lists and files depend on


def with_people(library: "Library") -> "Library":
    """Return the library with the moods that count for this person, and say whose they are."""
    store = cached.store()
    if store is None:
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        only = hearing.model_only()
        with st.container(width=320):
            who.optional_person(store)
    try:
        found = library_with_words(store, library, model_only=only)
    except CoreError as error:
        messages.problem(error)
        st.stop()
    st.caption(count_words(found.every) if not only else "Only the model's moods are shown and used.")
    messages.show_pending_message()
    hearing.show_receipt()
    return found


def library_with_words(store: Store, library: "Library", *, model_only: bool) -> "Library":
    """Return the library with the moods that count for this person, and with what no playlist uses. Draws nothing."""
    never = never_table(store)
    words = hearing.words(store)
    # People who have said nothing about the library share one table.
    whose = hearing.words_key(store) if len(words[1]) else (store.url, len(words[0]), *words_cache_key(store))
    # The result holds the loaded library, so no other one gets its id meanwhile.
    key = (id(library.loaded), library.mark, model_only, *never["id"], *whose)
    return _with_people(key, library, words, never, model_only)


@st.cache_resource(show_spinner=False, max_entries=8, ttl=6 * 3600)
def _with_people(
    key: tuple[object, ...],
    _library: "Library",
    _words: tuple[pd.DataFrame, pd.DataFrame],
    _never: pd.DataFrame,
    _model_only: bool,
) -> "Library":
    won = winning_moods(_library.every["guess"], *_words, model_only=_model_only)
    every = mark_never(with_words(_library.every, won), _never, _library.loaded.places)
    mark = int(pd.util.hash_pandas_object(every[SEEN].astype(str)).sum())
    return replace(_library, every=every, mark=mark)


def describe_people(row: pd.Series) -> str:
    """What people say about a piece beside the mood that counts; empty when there is nothing."""
    texts = [f"people agree on {row['agreed']}"] if row["agreed"] and row["agreed"] != row["guess"] else []
    return "; ".join([*texts, *([DIFFER] if row["differ"] else [])])


# --- never in a playlist ----------------------------------------------------------------------------------------------


def show_never(row: pd.Series, name: str) -> None:
    """Show the buttons that keep a piece, or its folder, out of all playlists; or the one that allows it again."""
    store = cached.store()
    if store is None or not store.by.may(Action.SET_NEVER):
        return
    piece, path = str(row.name), str(row["path"])
    with st.container(horizontal=True, vertical_alignment="center"):
        if row["never"]:
            st.caption(":material/block: Never in a playlist.")
            found = tuple(entries_of(piece, path, never_table(store)))
            if found:
                st.button(
                    "Allow again", key=f"never_allow_{piece}", icon=":material/undo:", on_click=_allow, args=found
                )
            return
        args = (PIECE, piece, name)
        st.button(
            "Never play this piece", key=f"never_piece_{piece}", icon=":material/block:", on_click=_put, args=args
        )
        if folder := folder_of(path):
            last = messages.literal(folder.replace("\\", "/").rsplit("/", 1)[-1])
            st.button(
                f"Never play the folder {last}",
                key=f"never_folder_{piece}",
                icon=":material/folder_off:",
                on_click=_put,
                args=(FOLDER, folder, ""),
                help="For folders such as voice memos or ringtones.",
            )


def never_button(number: int, row: pd.Series, name: str) -> None:
    """Show the small button that keeps a piece of a playlist out of this and all other playlists."""
    st.button(
        f"Never {number}",
        icon=":material/block:",
        key=f"never_{number}",
        on_click=_put,
        args=(PIECE, str(row.name), name),
        help="Keeps this piece out of all playlists, until somebody allows it again in the list below.",
    )


def show_never_list(library: "Library") -> None:
    """Show the list of what no playlist uses, with a button to allow each entry again, and a field for a folder."""
    store = cached.store()
    if store is None or not store.by.may(Action.SET_NEVER):
        return
    never = never_table(store)
    out = int(library.every["never"].sum())
    with st.expander(f"Never in a playlist ({len(never)})", icon=":material/block:", key="never_list"):
        st.caption(
            "Nobody here gets these pieces and folders in a playlist. They hold "
            f"{counted(out, 'piece')} of this library. Put voice memos and ringtones here."
        )
        _folder_field(library)
        for row in never.head(MOST).to_dict("records"):
            with st.container(horizontal=True, vertical_alignment="center"):
                kind, what = row["kind"], row["name"] or row["value"]
                by = f", by {row['put_by']}" if row["put_by"] else ""
                st.markdown(messages.literal(f"{kind.capitalize()}: {what}{by}"), width="stretch")
                args = (str(row["id"]),)
                st.button(
                    "Allow again", key=f"never_off_{row['id']}", icon=":material/undo:", on_click=_allow, args=args
                )
        if len(never) > MOST:
            st.caption(f"The newest {MOST} of {len(never)} entries are shown. Allow some of them to see the others.")


@st.cache_resource(show_spinner=False, max_entries=4, ttl=600)
def _folders(mark: int, _library: "Library") -> list[str]:
    paths = _library.every.loc[~_library.every["never"], "path"]
    return sorted(set(map(folder_of, paths.tolist())) - {""})


def folders_in_use(library: "Library") -> list[str]:
    """Folders of the pieces that playlists use, in alphabetical order."""
    return _folders(library.mark, library)


def _folder_field(library: "Library") -> None:
    folders = folders_in_use(library)
    if not folders:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "A folder", folders, index=None, key="never_folder", placeholder="Choose or type a folder"
        )
        args = (FOLDER, chosen, "")
        st.button("Never play it", key="never_folder_put", disabled=chosen is None, on_click=_put, args=args)


def _put(kind: str, value: str, name: str) -> None:
    def work(store: Store) -> None:
        never_play(store, kind, value, name=name)

    _change(work, f"{name or value} is in no playlist now. The list at the end of this page allows it again.")


def _allow(*entries: str) -> None:
    def work(store: Store) -> None:
        for entry in entries:
            play_again(store, entry)

    _change(work, "Playlists may use it again.")


def _change(work: Callable[[Store], None], sentence: str) -> None:
    store = cached.store()
    if store is None:
        return
    try:
        work(store)
    except CoreError as error:
        messages.keep_message("error", str(error))
    else:
        messages.keep_message("success", sentence)
