"""Whether a login is configured, and whether the person of this session has logged in. Loads no database."""

import os
import uuid

import streamlit as st

from core.access import Person, Role, Setting

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_noted: dict[str, bool] = {"login": False}  # set by `login_configured`; all sessions share it


def login_configured() -> bool:
    """Whether secrets.toml configures a login provider.

    Once it did, the answer stays True until the server ends. A file that cannot be read counts as a login that nobody
    can use. Otherwise a mistake in this file would open everything to everybody.
    """
    _noted["login"] = _noted["login"] or _named_in_secrets()
    return _noted["login"]


def _named_in_secrets() -> bool:
    if st.secrets.load_if_toml_exists():
        return "auth" in st.secrets
    return any(os.path.exists(file) for file in st.get_option("secrets.files"))


def is_logged_in() -> bool:
    """Whether the person of this session has logged in."""
    return bool(getattr(st.user, "is_logged_in", False))


def is_visitor() -> bool:
    """Whether a login is configured and this person has not logged in."""
    return login_configured() and not is_logged_in()


def current_setting() -> Setting:
    """How people reach this server."""
    if login_configured():
        return Setting.LOGIN
    address = str(st.get_option("server.address") or "")
    return Setting.OWN_MACHINE if address in LOOPBACK else Setting.OPEN


def session() -> str:
    """Random identifier of this session."""
    token: str = st.session_state.setdefault("session", uuid.uuid4().hex)
    return token


def visitor() -> Person:
    """The person of this session without a look into the database, for what everybody may do."""
    return Person(Role.VISITOR, session=session(), setting=current_setting())
