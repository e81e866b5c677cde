"""Which action each page and each button needs. A page or button that is missing here fails the tests."""

from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from core.access import Action, Person, Setting, may
from core.access.rights import Role
from pages.shared import cached, login

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage

_SHOWN, _OPENED = "page_shown", "page_opened"  # session keys: the name of the page, and whether this run opened it
_PERSON = "page_person"  # session key: who opens pages in this run, where a login decides about it

PAGES = {
    "home": Action.SEE_RESULTS,
    "predict": Action.SCORE_CLIP,
    "tracks": Action.SCORE_CLIP,
    "makam": Action.SCORE_CLIP,
    "library": Action.SCORE_LIBRARY,
    "copies": Action.SEE_LIBRARY,
    "moods": Action.SEE_LIBRARY,
    "playlists": Action.MAKE_PLAYLIST,
    "sessions": Action.RUN_SESSIONS,
    "label": Action.LABEL,
    "agreement": Action.SEE_ANSWERS,
    "compare": Action.SEE_RESULTS,
    "confusion": Action.SEE_RESULTS,
    "explain": Action.SEE_RESULTS,
    "decisions": Action.SEE_RESULTS,
    "impact": Action.SEE_RESULTS,
    "learning": Action.TRAIN,
    "use": Action.SEE_MONITORING,
    "explore": Action.SEE_RESULTS,
    "monitoring": Action.SEE_MONITORING,
}

# Start of the key of each button. None: the button changes only what this session shows, or who the person is.
BUTTONS: dict[str, Action | None] = {
    "who_analyst": Action.TAKE_ROLE,
    "who_rater": Action.TAKE_ROLE,
    "who_": None,
    "log_in_": None,
    "retry_download": Action.SEE_RESULTS,
    "download_": None,
    "card_download": Action.SEE_RESULTS,
    "sign_off_": Action.SEE_RESULTS,
    "clean_": Action.BRING_TABLE,
    "close": None,
    "how_firm": None,
    "line_leave_": None,
    "try_again": None,
    "rows_instead": None,
    "share_clip": Action.KEEP_AUDIO,
    "erase_clip": Action.ERASE_OWN_CLIP,
    "undo_answer": Action.ANSWER,
    "say_": Action.ANSWER,
    "skip": Action.LABEL,
    "undo": Action.LABEL,
    "leave": Action.LABEL,
    "look_again": Action.LABEL,
    "beside": Action.LABEL,
    "task_make": Action.MAKE_TASK,
    "task_check": Action.MAKE_TASK,
    "task_end": Action.MAKE_TASK,
    "hear_again": Action.LABEL,
    "put_demo": Action.ADD_PRACTICE,
    "go_on": None,
    "stop": None,
    "section_download": None,
    "library_go_on": Action.SCORE_LIBRARY,
    "library_start": Action.SCORE_LIBRARY,
    "library_cancel": Action.SCORE_LIBRARY,
    "library_remove": Action.REMOVE_UPLOAD,
    "library_": Action.SEE_LIBRARY,
    "library_again": Action.SCORE_LIBRARY,
    "copies_search": Action.SCORE_LIBRARY,
    "copies_cancel": Action.SCORE_LIBRARY,
    "copies_say": Action.JOIN_RECORDINGS,
    "copies_undo": Action.JOIN_RECORDINGS,
    "copies_turn": None,
    "clear_filters": None,
    "all_pieces": None,
    "close_track": None,
    "make_demo": Action.SCORE_LIBRARY,
    "save_track": Action.CORRECT_TRACK,
    "makam_": None,
    "karar_store": Action.CORRECT_KARAR,
    "karar_undo": Action.CORRECT_KARAR,
    "tag_": Action.TAG_FILES,
    "play_": Action.SEE_LIBRARY,
    "never_": Action.SET_NEVER,
    "veto_": Action.MAKE_PLAYLIST,
    "hand_": Action.MAKE_PLAYLIST,
    "render": Action.MAKE_PLAYLIST,
    "get_": Action.MAKE_PLAYLIST,
    "client_": Action.RUN_SESSIONS,
    "client_hand_over": Action.HAND_OVER_CLIENTS,
    "session_": Action.RUN_SESSIONS,
    "session_close": None,
    "settle_": Action.SETTLE,
    "change_role": Action.GIVE_ROLE,
    "change_rule": Action.SET_RULES,
    "delete_": Action.DELETE_CLIP,
    "export_": Action.EXCHANGE_LABELS,
    "import_apply": Action.EXCHANGE_LABELS,
    "policy_": None,
    "train": Action.TRAIN,
    "cancel": Action.TRAIN,
    "limits_save": Action.SET_RULES,
    "promote": Action.CHOOSE_MODEL,
    "discard": Action.CHOOSE_MODEL,
    "rollback": Action.CHOOSE_MODEL,
    "forget_tables": None,
}


def action_of_button(key: str) -> Action | None:
    """The action of a button. The longest known start of the key decides. Raises KeyError for an unknown button."""
    known = [start for start in BUTTONS if key.startswith(start)]
    if not known:
        raise KeyError(f"The button {key!r} is missing in pages/shared/doors.py.")
    return BUTTONS[max(known, key=len)]


def only_through_app() -> None:
    """Let the server run each page through app.py, which asks for the right.

    By default, the first visit after the start of a server runs a script of the folder ``pages`` alone.
    """
    PagesManager.uses_pages_directory = False


def note_person() -> None:
    """Look up once in a run who opens pages, before the menu asks for each page."""
    decides = login.current_setting() is Setting.LOGIN and not login.is_visitor()
    store = cached.store() if decides else None
    st.session_state[_PERSON] = None if store is None else store.by


def page(name: str, *, title: str, icon: str, default: bool = False) -> "StreamlitPage":
    """A page of the navigation; hidden in the menu from a person who may not open it."""
    script = f"pages/{name}.py"
    if may_open(name):
        return st.Page(script, title=title, icon=icon, default=default)
    return st.Page(script, title=title, icon=icon, visibility="hidden")


def may_open(name: str) -> bool:
    """Whether the person of this session may open a page."""
    action, setting = PAGES[name], login.current_setting()
    if setting is not Setting.LOGIN or may(Role.VISITOR, action, setting):
        return True  # without a login everybody may take the role of an analyst: the page asks for it
    person: Person | None = st.session_state.get(_PERSON)  # None: not logged in, or the database cannot be opened
    return person is not None and person.may(action)


def just_opened() -> bool:
    """Whether the person came to this page from another one, or opened it first in this session."""
    return bool(st.session_state.get(_OPENED))


def open_page(chosen: "StreamlitPage") -> None:
    """Run the chosen page, or say why the person may not open it."""
    name = chosen.url_path or "home"
    st.session_state[_OPENED] = st.session_state.get(_SHOWN) != name
    st.session_state[_SHOWN] = name
    if may_open(name):
        chosen.run()
        return
    from pages.shared import who  # it needs the database, which Home must not load

    st.title(chosen.title)
    if (store := cached.store()) is not None:
        who.refuse(store, PAGES[name])
