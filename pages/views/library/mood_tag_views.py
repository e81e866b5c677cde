"""Moods page, tab Tags: list what would be written into the tags of files, write it, and take it back."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from core.access import Action
from core.allowed_places import allowed_places
from core.errors import CoreError
from core.library.mood_tags import TagChange, plan_tags, plan_undo, undo_tags, write_tags
from core.playlists.files import file_name
from core.playlists.selection import accepted_moods
from core.playlists.words import WORDS
from core.settings import Settings
from core.store import Store
from core.wording import counted
from pages.shared import cached, messages
from pages.views.library.pieces import Library, reload_library

PLAN = "tag_plan"  # session key: planned changes, and the pieces and moods that they are for
FAILED = "tag_failed"  # session key: changes of the last writing or undo that were not possible


def show_tags(library: Library, shown: pd.DataFrame, chosen: str | None) -> None:
    """Show the dry run, the writing and the undo of mood tags for the pieces of the filter."""
    store = cached.store()
    if store is None:
        return
    st.caption(
        "The program never writes into your music files by itself. For each piece that the filter shows, you can write "
        "its accepted mood into the tag of its file. Other players can then use it: MOOD in FLAC, Ogg, Opus and M4A, "
        "TMOO in MP3. It is the mood that the list shows: your own word, else the mood that people agree on, else the "
        "model's. The sound stays the same, and you can take it back at any time."
    )
    if not store.by.may(Action.TAG_FILES):
        st.info(
            "Only therapists and analysts may write into files. Without a login, take the role of an analyst on the "
            "Agreement page first.",
            icon=":material/admin_panel_settings:",
        )
        return
    messages.show_pending_message()
    _show_failed()
    wanted = accepted_moods(shown)
    if not wanted:
        st.info("No piece of the filter has an accepted mood and a file here.", icon=":material/filter_alt_off:")
    elif st.button(f"List the changes of {counted(len(wanted), 'file')}", icon=":material/preview:", key="tag_list"):
        try:
            plan = _with_progress(len(wanted), lambda each: _plan(store, wanted, each))
        except CoreError as error:
            messages.problem(error)
            return
        st.session_state[PLAN] = (wanted, plan)
    planned_for, plan = st.session_state.get(PLAN, (None, []))
    if wanted and planned_for == wanted:
        _show_plan(store, plan, dict(zip(shown.index, shown["word"].map(WORDS), strict=True)))
    _show_undo(store, shown)


def _plan(store: Store, wanted: list[tuple[str, str, str]], each: Callable[[int], None]) -> list[TagChange]:
    return plan_tags(store, wanted, allowed_places(Settings()), each=each)


def _with_progress(count: int, work: Callable[[Callable[[int], None]], list[TagChange]]) -> list[TagChange]:
    """Do work on so many files under a progress bar."""
    bar = st.progress(0.0, text="Reading the files …")

    def each(done: int) -> None:
        bar.progress(done / count, text=f"{done} of {counted(count, 'file')}")

    try:
        return work(each)
    finally:
        bar.empty()


def _show_plan(store: Store, plan: Sequence[TagChange], whose: Mapping[str, str]) -> None:
    """Show the planned changes, and the button that writes them. whose : whose word the mood of each piece is."""
    needed, failed = [change for change in plan if change.needed], sum(bool(change.problem) for change in plan)
    st.markdown(
        f"{counted(len(needed), 'file')} would be written. {len(plan) - len(needed) - failed} have this mood already, "
        f"and {failed} cannot be written."
    )
    _table(plan, "Mood now", "New mood", whose)
    write = f"Write the mood into {counted(len(needed), 'file')}"
    if st.button(write, icon=":material/edit:", key="tag_write", disabled=not needed):
        del st.session_state[PLAN]
        places = allowed_places(Settings())
        _do(len(needed), lambda each: write_tags(store, needed, places, each=each), "The mood was written into")


def _show_undo(store: Store, shown: pd.DataFrame) -> None:
    """List the written tags of the pieces of the filter, with a button that takes them back after a confirmation."""
    try:
        every = plan_undo(store)
    except CoreError as error:
        messages.problem(error)
        return
    written = [change for change in every if change.piece_id in shown.index]
    others = len(every) - len(written)
    if others:
        st.caption(f"{counted(others, 'tag')} of pieces that the filter does not show can be taken back too: widen it.")
    if not written:
        return
    st.markdown(f"**Written by this program: {counted(len(written), 'tag')}**")
    _table(written, "Mood now", "Mood before")
    sure = st.checkbox(
        f"Take back {counted(len(written), 'tag')}, also those that other people wrote",
        key=f"tag_undo_sure_{written[0].note}_{len(written)}",  # other tags need a new confirmation
    )
    if st.button("Take them back", icon=":material/undo:", key="tag_undo", disabled=not sure):
        places = allowed_places(Settings())
        _do(len(written), lambda each: undo_tags(store, written, places, each=each), "The tag was taken back in")


def _do(count: int, work: Callable[[Callable[[int], None]], list[TagChange]], sentence: str) -> None:
    """Do the work, and draw the page again with its result."""
    try:
        done = _with_progress(count, work)
    except CoreError as error:
        messages.problem(error)
        return
    reload_library()
    failed = [change for change in done if change.problem]
    st.session_state[FAILED] = failed
    text = f"{sentence} {counted(count - len(failed), 'file')}."
    if failed:
        text += f" {counted(len(failed), 'file')} could not be changed; the table names the reasons."
    messages.keep_message("warning" if failed else "success", text)
    st.rerun()


def _show_failed() -> None:
    if failed := st.session_state.pop(FAILED, []):
        _table(failed, "Mood now", "Mood asked for")


def _table(changes: Sequence[TagChange], now: str, new: str, whose: Mapping[str, str] | None = None) -> None:
    rows = [
        {
            "File": file_name(change.path),
            now: ", ".join(change.old) or "none",
            new: ", ".join(change.new) or "none",
            **({} if whose is None else {"Whose word": whose.get(change.piece_id, "")}),
            **({"Note": change.problem} if any(change.problem for change in changes) else {}),
        }
        for change in changes
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=f"{len(rows)} files with the mood in their tag")
